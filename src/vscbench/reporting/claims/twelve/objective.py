"""2: thresholded posteriors reach a lower lasso objective than dense ones and than the spike-and-slab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import DENSE, LEARNED, SPIKE_SLAB, Quantity, linear, measured, side_by_side
from vscbench.reporting.claims.equal_density import MARGIN, at_equal_density

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

LASSO = Quantity("lasso20_best", margin=0.01)


def lower(study: Study, methods: dict[str, str]) -> list[Comparison]:
    """Each method below its dense base and below the spike-and-slab, with a word where all lose to the zero code."""
    wanted = (*methods, *methods.values(), SPIKE_SLAB)
    found = []
    for group in measured(study, linear(study), LASSO.metric, wanted):
        zero = study.of(group, LASSO.metric, "zero_code")
        for method, dense in methods.items():
            for rival in (dense, SPIKE_SLAB):
                made = side_by_side(study, LASSO, group, method, "below", rival)
                ours = study.of(group, LASSO.metric, method)
                if len(zero) and len(ours) and ours.mean() > zero.mean():
                    note = f"the all-zero code is lower: {zero.mean():.4g} against {ours.mean():.4g}"
                    made = made._replace(note="; ".join(filter(None, (made.note, note))))
                found.append(made)
    return found


ALL = DENSE | {learned: DENSE[fixed] for learned, fixed in LEARNED.items()}
CLAIM = Claim(
    number=2,
    statement="Thresholded posteriors reach a lower objective than dense ones and than the concrete spike-and-slab.",
    published="λ = 8: 135.8 and 150.9 against 161.9 (spike-and-slab), 281.4 and 584.0 (dense); Gamma 172.1 and 256.0",
    figure="reconstruction_density",
    stated=Reading(
        "objective, fixed thresholds",
        "The lasso objective at λ = 20 of the best of J draws is lower with a fixed threshold than of the dense "
        "posterior and of the spike-and-slab",
        "1 % of the rival's objective",
        lambda study: lower(study, DENSE),
    ),
    beside=(
        Reading(
            "learned thresholds too",
            "The same, learned thresholds too",
            "1 % of the rival's objective",
            lambda study: lower(study, ALL),
        ),
        Reading(
            "one draw at equal density",
            "At equal density one draw explains more of the variance than one of the spike-and-slab (a dense code has "
            "no density to match)",
            MARGIN,
            lambda study: at_equal_density(study, dict.fromkeys(DENSE, SPIKE_SLAB)),
        ),
    ),
)
