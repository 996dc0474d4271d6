"""11: there is a best density for each method."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import Quantity, along, at, deep, measured, versus
from vscbench.reporting.inference import SUPPORTED, either

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

BEST = {
    "gaussian_thresh": (0.2,),
    "spike_slab": (0.1, 0.2),
    "laplacian_thresh": (0.5,),
    "gaussian_thresh_gamma": (0.5,),
}
"""Where the paper finds the least error of each method."""


def best(metric: str, study: Study) -> list[Comparison]:
    """The error at the paper's best density, or at one of two, is lower than at each other density."""
    quantity = Quantity(metric, margin=0.01, floor=f"zero_code/{metric}")
    found = []
    for group in measured(study, deep(study), metric, BEST):
        here = at(study, group, "density")
        if here is None:
            continue
        by_density = {float(value): g for value, g in along(study, group, "density").items()}
        for method, densities in BEST.items():
            chosen = [by_density[density] for density in densities if density in by_density]
            if float(here) in densities or not chosen or method not in study.methods(group):
                continue
            wanted = " or ".join(f"{100 * density:g}" for density in densities if density in by_density)
            what = f"{study.labels[method]}: {wanted} below {100 * float(here):g} % non-zeros"
            parts = [versus(study, quantity, what, (g, method), (group, method)) for g in chosen]
            shown = min(parts, key=lambda part: (part.verdict.word != SUPPORTED, part.verdict.p))
            found.append(shown._replace(verdict=either([part.verdict for part in parts])))
    return found


MARGIN = "1 % of the error at the other density"
CLAIM = Claim(
    number=11,
    statement="There is a best density: 20 % thresholded Gaussian, 10-20 % spike-and-slab, 50 % Laplacian and Gamma.",
    published="Fashion-MNIST, 64 latents: 0.0235 at 20 % (thresholded Gaussian), 0.0290 at 10 % (spike-and-slab)",
    figure="sweeps",
    stated=Reading(
        "best of J",
        "The squared error of the best of J draws is lower there than at every other density",
        MARGIN,
        partial(best, "mse_best"),
    ),
    beside=(
        Reading("one draw", "The same by one draw, which favours sparse codes", MARGIN, partial(best, "mse_draw")),
    ),
)
