"""9: with growing latent size the Gaussian gets worse and the thresholded Gaussian better."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import Quantity, at, ends, measured, versus

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

DENSE, SPARSE = "gaussian", "gaussian_thresh"


def error(metric: str) -> Quantity:
    """A squared error, with that of the all-zero code as its floor."""
    return Quantity(metric, margin=0.01, floor=f"zero_code/{metric}")


def slopes(metric: str, study: Study) -> list[Comparison]:
    """From the smallest to the largest code the dense error rises, and the thresholded one falls."""
    found = []
    for small, large in ends(study, "latents"):
        if study.linear(small) or not measured(study, (small, large), metric, (DENSE, SPARSE)):
            continue
        sizes = [at(study, group, "latents") for group in (small, large)]
        for method, better, worse, word in ((DENSE, small, large, "up"), (SPARSE, large, small, "down")):
            what = f"{study.labels.get(method, method)}: error {word} from {sizes[0]} to {sizes[1]} latents"
            found.append(versus(study, error(metric), what, (better, method), (worse, method)))
    return found


def crossing(metric: str, study: Study) -> list[Comparison]:
    """The dense method is better with the smallest code, the thresholded one with the largest."""
    found = []
    for small, large in ends(study, "latents"):
        if study.linear(small) or not measured(study, (small, large), metric, (DENSE, SPARSE)):
            continue
        for group, better, worse in ((small, DENSE, SPARSE), (large, SPARSE, DENSE)):
            labels = [study.labels.get(name, name) for name in (better, worse)]
            what = f"{labels[0]} below {labels[1]} at {at(study, group, 'latents')} latents"
            found.append(versus(study, error(metric), what, (group, better), (group, worse)))
    return found


MARGIN = "1 % of the rival's error"
CLAIM = Claim(
    number=9,
    statement="With growing latent size the Gaussian gets worse and the thresholded Gaussian better.",
    published="Fashion-MNIST, 20 to 256 latents: 0.0279 to 0.0295, and 0.0291 to 0.0230",
    figure="sweeps",
    stated=Reading(
        "slopes, best of J",
        "From the smallest to the largest code the squared error of the best of J draws rises for the one and falls "
        "for the other",
        MARGIN,
        partial(slopes, "mse_best"),
    ),
    beside=(
        Reading(
            "crossing, best of J",
            "The two cross: the Gaussian's error is lower at the smallest size, the other's at the largest",
            MARGIN,
            partial(crossing, "mse_best"),
        ),
        Reading("slopes, one draw", "The slopes by the error of one draw", MARGIN, partial(slopes, "mse_draw")),
        Reading("crossing, one draw", "The crossing by the error of one draw", MARGIN, partial(crossing, "mse_draw")),
    ),
)
