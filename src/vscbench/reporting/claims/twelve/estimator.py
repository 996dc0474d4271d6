"""6: the straight-through estimator is more stable than the sub-gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import (
    DENSE,
    Quantity,
    Runs,
    measured,
    obstacle,
    pairs,
    runs_of,
    settle,
    versus,
    where,
)
from vscbench.reporting.claims.counts import compare_counts, compare_rates
from vscbench.reporting.inference import ENOUGH, INCONCLUSIVE, Verdict, either, with_divergence
from vscbench.reporting.ratio import relative

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.reporting.ratio import Ratio
    from vscbench.reporting.study import Study

LOSS = "lasso20_best"
SHARE = 0.1
SNR = Quantity("gradient_snr_unbiased_inference_j20", margin=0.01, higher=True)
BOUND = Quantity("elbo", margin=0.01, higher=True, floor="elbo_above_empty")


def settings(study: Study) -> list[tuple[str, str]]:
    """Pairs of groups, straight-through and sub-gradient, all else the same."""
    return list(pairs(study, "estimator", "straight_through", "subgradient"))


def steadier(study: Study) -> list[Comparison]:
    """Fewer runs diverge, or as few do and the losses of those that end spread less over the seeds."""
    found = []
    for group, other in settings(study):
        lost = len(study.diverged(group)) + len(study.diverged(other))
        for method in DENSE if lost or measured(study, (group, other), LOSS, DENSE) else ():
            through, sub = (runs_of(study, g, LOSS, method) for g in (group, other))
            what = f"{through.label}: rate of divergence, then spread over seeds{where(study, group)}"
            made = settle(what, (through, sub), _spread, SHARE, "% of the rival's spread")
            if made.effect is not None and through.found >= ENOUGH:
                verdict = compare_counts(_distances(sub) * (1 - SHARE), _distances(through), 0)
                made = made._replace(verdict=with_divergence(verdict, through.outcomes, sub.outcomes))
            if through.folded and made.effect is not None:
                verdict = Verdict(INCONCLUSIVE, 1.0, "repetitions are folds, whose spread is not that of seeds")
                made = made._replace(verdict=with_divergence(verdict, through.outcomes, sub.outcomes))
            if obstacle(through, sub) is None and through.diverged < sub.diverged:
                made = made._replace(verdict=either([made.verdict, compare_rates(through.outcomes, sub.outcomes)]))
            found.append(made)
    return found


def _distances(runs: Runs) -> NDArray[np.float64]:
    """From the median (Brown and Forsythe, 1974), without the median itself, whose distance is zero in any case."""
    numbers = np.asarray(runs.numbers, dtype=float)
    distances: NDArray[np.float64] = np.sort(np.abs(numbers - np.median(numbers)))
    return distances[len(distances) % 2 :]


def _spread(through: Runs, sub: Runs) -> Ratio:
    return relative(_distances(through), _distances(sub))


def better(study: Study) -> list[Comparison]:
    """The bound that training ends at is higher, and the ratio of its gradients."""
    found = []
    for group, other in settings(study):
        for quantity, word in ((BOUND, "bound"), (SNR, "gradient SNR")):
            for method in DENSE if measured(study, (group, other), quantity.metric, DENSE) else ():
                what = f"{study.labels.get(method, method)}: {word}"
                found.append(versus(study, quantity, what, (group, method), (other, method)))
    return found


CLAIM = Claim(
    number=6,
    statement="The straight-through estimator is more stable than the sub-gradient.",
    published="no number found",
    figure="ablation",
    stated=Reading(
        "divergence, spread over seeds",
        "Fewer of its trainings diverge, and the lasso objectives (λ = 20) of those that end spread less over seeds",
        f"{100 * SHARE:g} % of the rival's mean distance from the median (permutation test)",
        steadier,
    ),
    beside=(
        Reading(
            "bound, gradient SNR",
            "Training by it ends at a higher bound, and its gradients have a higher SNR (J = 20)",
            "1 % of the rival's; no verdict where both bounds are below the empty model's",
            better,
        ),
    ),
)
