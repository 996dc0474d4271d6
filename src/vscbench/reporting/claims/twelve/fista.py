"""3: FISTA still reaches the lowest objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import DENSE, LEARNED, SPIKE_SLAB, Quantity, linear, measured, versus, where

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

LASSO = Quantity("lasso20_best", margin=0.01)
RIVALS = ("gaussian", "laplacian", SPIKE_SLAB, *DENSE, *LEARNED)


def lowest(study: Study) -> list[Comparison]:
    """FISTA below each of the paper's posteriors, and below any other method that the study has."""
    found = []
    for group in measured(study, linear(study), LASSO.metric, ("fista", *RIVALS)):
        rivals = dict.fromkeys((*RIVALS, *study.methods(group)))
        for rival in rivals:
            if rival != "fista":
                what = f"FISTA below {study.labels.get(rival, rival)}{where(study, group)}"
                found.append(versus(study, LASSO, what, (group, "fista"), (group, rival)))
    return found


CLAIM = Claim(
    number=3,
    statement="FISTA reaches the lowest objective.",
    published="λ = 8: 64.86 against 135.8 at best",
    figure="reconstruction_density",
    stated=Reading(
        "objective",
        "Its lasso objective at λ = 20 is below that of the best of J draws of every posterior, none of which is "
        "trained to lower it, as FISTA is",
        "1 % of the rival's objective",
        lowest,
    ),
)
