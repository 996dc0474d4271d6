"""What is followed while a run learns: errors, lasso objective and density on validation data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from vscbench.coders import Coder


@torch.no_grad()
def validate(coder: Coder, x: Tensor, epoch: int, samples: int, penalty: float | None) -> dict[str, float]:
    """Squared error, lasso objective at λ = `penalty` and density of x (N, P...), of one draw (J = 1) and best of J.

    Args:
        coder: as at evaluation: its schedules are set to their end, its networks to their running statistics.
        x: validation data.
        epoch: what the noise is seeded by.
        samples: J.
        penalty: λ; None: no lasso objective, as of a generator that is a network.
    """
    rng = Generator(x.device).manual_seed(epoch)
    coder.set_step(1, 1)
    coder.eval()
    draws = {"draw": coder.sample(x, 1, rng)[0]}
    draws["best"] = coder.best(x, samples, rng) if coder.stochastic else draws["draw"]
    row: dict[str, float] = {}
    for name, codes in draws.items():
        x_hat = coder.decode(codes)
        row[f"validation_mse_{name}"] = float((x_hat - x).square().mean())
        if penalty is not None:
            row[f"validation_lasso_{name}"] = float(lasso_objective(x, x_hat, codes, penalty).mean())
    row["validation_density"] = float(draws["draw"].ne(0).float().mean())
    coder.train()
    return row
