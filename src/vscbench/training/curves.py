"""What is followed while a run learns: errors, lasso objective and density on validation data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from vscbench.coders import Coder

VALIDATION_POINTS = 1000
"""Data points that the curves are measured on after each epoch."""


def validate(coder: Coder, x: Tensor, epoch: int, samples: int, penalty: float | None) -> dict[str, float]:
    """Squared error, lasso objective at λ = `penalty` and density of x (N, P...), of one draw (J = 1) and best of J.

    Args:
        coder: as at evaluation: its schedules are set to their end, its networks to their running statistics.
        x: validation data.
        epoch: what the noise is seeded by.
        samples: J.
        penalty: λ; None: no lasso objective, as of a generator that is a network.
    """
    return validate_each(coder, x, epoch, samples, penalty, 1)[0]


@torch.no_grad()
def validate_each(
    coder: Coder, x: Tensor, epoch: int, samples: int, penalty: float | None, runs: int
) -> list[dict[str, float]]:
    """`validate` of each run of a stacked coder, whose row b·R + r is data point b of run r."""
    x = x.repeat_interleave(runs, 0) if runs > 1 else x
    rng = Generator(x.device).manual_seed(epoch)
    coder.set_step(1, 1)
    coder.eval()
    draws = {"draw": coder.sample(x, 1, rng)[0]}
    draws["best"] = coder.best(x, samples, rng) if coder.stochastic else draws["draw"]
    rows: list[dict[str, float]] = [{} for _ in range(runs)]
    for name, codes in draws.items():
        x_hat = coder.decode(codes)
        for run, row in enumerate(rows):
            of = slice(run, None, runs)
            row[f"validation_mse_{name}"] = float((x_hat[of] - x[of]).square().mean())
            if penalty is not None:
                row[f"validation_lasso_{name}"] = float(lasso_objective(x[of], x_hat[of], codes[of], penalty).mean())
    for run, row in enumerate(rows):
        row["validation_density"] = float(draws["draw"][run::runs].ne(0).float().mean())
    coder.train()
    return rows
