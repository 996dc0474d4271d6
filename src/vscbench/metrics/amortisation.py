"""How much of the bound is lost because an encoder answers for all data points at once?"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vscbench.coders.amortised import Amortised
from vscbench.coders.refinement import descend
from vscbench.metrics.bounds import draws
from vscbench.metrics.fitted_noise import bound_at
from vscbench.metrics.gradients import LATE
from vscbench.metrics.standard_errors import over_data
from vscbench.objectives.average import Average
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from vscbench.coders.posterior import Params
    from vscbench.metrics.evaluation import Evaluation, Measures


class Bound(Average):
    """The mean over draws of what an evidence bound is a mean of, log q(z|x) - log p(z) of each draw included."""

    of_each_draw = True


@contextmanager
def bound_as_objective(coder: Amortised, samples: int) -> Iterator[None]:
    """Make the evidence bound what a coder minimises, whatever it was trained by, a relaxed gate still relaxed."""
    objective, distance = coder.objective, coder.distance
    coder.objective, coder.distance = replace(objective, rule=Bound(), samples=samples), None
    coder.set_step(LATE - 1, LATE)
    try:
        yield
    finally:
        coder.objective, coder.distance = objective, distance
        coder.set_step(1, 1)


def refined(e: Evaluation, coder: Amortised, steps: int, rate: float, samples: int, x: Tensor) -> Params:
    """The parameters (B, K) of the posteriors of data (B, P...) behind so many steps, at rates that fall to 0."""
    outputs = coder.outputs(x)
    if coder.refinement is not None:
        outputs = coder.refinement(coder, x, outputs)
    if steps:
        rates = [rate * (1 - step / steps) for step in range(steps)]
        source = e.rng("amortisation")
        with bound_as_objective(coder, samples):
            outputs = descend(coder, x, outputs, rates, lambda _: source)
    return coder.family.clamp(outputs)


def measure(
    e: Evaluation,
    *,
    points: Count = 200,
    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 5, 20, 100),
    rate: Positive = 0.1,
    samples: Count = 10,
) -> Measures:
    """Error and bound behind R gradient steps on the parameters of each data point's posterior: the amortisation gap.

    `amortisation_bound_rR`, nats a data point, and `amortisation_error_rR`, the squared error per pixel of one draw,
    for each R, from the encoder's answer (or a refined one's); `amortisation_gap` is the bound at the last R less that
    of the encoder (Cremer, Li and Duvenaud 2018, "Inference Suboptimality in Variational Autoencoders", arXiv
    1801.03558), `amortisation_gap_se` its standard error over data, paired. Adam ascends the bound by fresh draws and
    the family's own gradient; all bounds are by the same 100 draws. Left out: what `bounds` leaves out.

    Args:
        e: the coder and the data.
        points: test points, evenly spaced.
        steps: each R.
        rate: of Adam at the first step, in units of the heads' outputs.
        samples: draws of each step.
    """
    coder = e.coder
    if not isinstance(coder, Amortised) or not coder.bounded:
        return {}
    rows, size = e.spread(points), math.prod(e.shape)
    x, clusters = e.x[rows], None if e.clusters is None else e.clusters[rows.numpy()]
    variance, bounds = float(coder.kl_weight) * size / 2, {}
    measures: Measures = {}
    for count in sorted({0, *steps}):
        squares, log_ratio = draws(e, coder, x, partial(refined, e, coder, count, rate, samples))
        bounds[count] = bound_at(variance, squares, log_ratio, size, 1)
        if count in steps:
            measures[f"amortisation_bound_r{count}"] = float(bounds[count].mean())
            measures[f"amortisation_error_r{count}"] = float(squares.mean()) / size
    gap = over_data((bounds[max(bounds)] - bounds[0]).cpu().numpy(), clusters)
    return measures | {"amortisation_gap": gap.mean, "amortisation_gap_se": gap.error}
