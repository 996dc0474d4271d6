"""10: sparse codes reconstruct as well as a dense variational autoencoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import SPARSE, Quantity, largest, measured, side_by_side

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

WORSE = 0.05
RIVAL = "gaussian"


def as_well(metric: str, methods: tuple[str, ...], study: Study) -> list[Comparison]:
    """Not worse than the dense Gaussian by more than 5 % of its error, with the largest code."""
    quantity = Quantity(metric, margin=-WORSE)
    found = []
    for group in largest(study):
        if not measured(study, [group], metric, (*methods, RIVAL)):
            continue
        found += [side_by_side(study, quantity, group, method, "as good as", RIVAL) for method in methods]
    return found


MARGIN = f"{100 * WORSE:g} % of the dense method's error, which it may be above"
CLAIM = Claim(
    number=10,
    statement="Sparse codes reconstruct as well as a dense VAE.",
    published="CelebA, 2,048 latents: 0.0152 (thresholded Gaussian), 0.0220 (thresholded Laplacian), 0.0205 (dense)",
    figure="sweeps",
    stated=Reading(
        "thresholded Gaussian, best of J",
        "With the largest code the squared error of the best of J draws of the thresholded Gaussian is not above that "
        "of the dense Gaussian",
        MARGIN,
        partial(as_well, "mse_best", ("gaussian_thresh",)),
    ),
    beside=(
        Reading("every sparse method", "The same of every sparse method", MARGIN, partial(as_well, "mse_best", SPARSE)),
        Reading(
            "thresholded Gaussian, one draw",
            "The thresholded Gaussian, by the error of one draw",
            MARGIN,
            partial(as_well, "mse_draw", ("gaussian_thresh",)),
        ),
    ),
)
