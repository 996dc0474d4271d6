"""8: a Gamma-learned threshold adapts, and improves over a fixed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import LEARNED, Quantity, linear, measured, side_by_side
from vscbench.reporting.claims.equal_density import MARGIN, at_equal_density

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

LASSO = Quantity("lasso20_best", margin=0.01)


def lower(study: Study) -> list[Comparison]:
    """Learned below fixed by the lasso objective, whatever the density."""
    return [
        side_by_side(study, LASSO, group, learned, "below", fixed)
        for group in measured(study, linear(study), LASSO.metric, LEARNED)
        for learned, fixed in LEARNED.items()
    ]


CLAIM = Claim(
    number=8,
    statement="A Gamma-learned threshold adapts and improves over a fixed one.",
    published="λ = 8: 172.1 against 135.8 (Laplacian), 256.0 against 150.9 (Gaussian): worse",
    figure="frontier",
    stated=Reading(
        "one draw at equal density",
        "At equal density of one draw it explains more of the variance, for both families",
        MARGIN,
        lambda study: at_equal_density(study, LEARNED),
    ),
    beside=(
        Reading(
            "objective at any density",
            "By the paper's metric, whatever the density: the lasso objective at λ = 20 of the best of J is lower",
            "1 % of the rival's objective",
            lower,
        ),
    ),
)
