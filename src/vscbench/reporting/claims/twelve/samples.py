"""1: thresholded Laplacian samples are spike-and-slab distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting.claims.claim import Claim, Comparison, Reading
from vscbench.reporting.claims.compare import Runs, linear, measured, obstacle, runs_of, where
from vscbench.reporting.inference import (
    ALPHA,
    ENOUGH,
    FAMILY,
    FEW,
    INCONCLUSIVE,
    NOT_SUPPORTED,
    SUPPORTED,
    Verdict,
    compare,
    one_sample,
)

if TYPE_CHECKING:
    from vscbench.reporting.inference import Effect
    from vscbench.reporting.study import Study

FIXED, LEARNED = ("laplacian_thresh",), ("laplacian_thresh_gamma",)
DISTANCE = 0.02
"""Kolmogorov's distance, which is at most 1: about twice what chance gives for the 12,800 active codes measured."""
MASS = 0.05
"""Of the expected share of active codes: six times what chance gives for 128,000 codes of which a tenth is active."""


def within(what: str, runs: Runs, size: Effect, margin: float, unit: str) -> Comparison:
    """The comparison "minus the size is above minus the margin" of one method's runs."""
    verdict = obstacle(runs) or compare(size, -margin, runs.found)
    return Comparison(what, verdict, -margin, unit, (runs.group,), size)


def not_refuted(what: str, runs: Runs, tests: int) -> Comparison:
    """A test whose null hypothesis is the claim: it refutes or says nothing; p-values by Fisher's method."""
    from scipy import stats

    verdict = obstacle(runs)
    if verdict is None and runs.found < ENOUGH:
        verdict = Verdict(INCONCLUSIVE, 1.0, f"{runs.found} repetitions, {FEW}")
    p = float(stats.combine_pvalues(runs.numbers.clip(lower=1e-300).tolist()).pvalue) if len(runs.numbers) else 1.0
    if verdict is None:  # one of many such tests has a small p-value by chance: as small as decides counts
        verdict = Verdict(NOT_SUPPORTED, p) if p < ALPHA / FAMILY / tests else Verdict(SUPPORTED, 0.0)
    return Comparison(what, verdict, 0, "", (runs.group,), note=f"p = {p:.2g} against the claim")


def exact(study: Study, methods: tuple[str, ...]) -> list[Comparison]:
    """The distribution given z ≠ 0, and the mass at z ≠ 0: equivalence, and tests that may refute it."""
    found = []
    groups = measured(study, linear(study) or study.groups, "spike_slab_active_distance", methods)
    tests = 5 * len(groups) * len(methods)
    for group in groups:
        for method in methods:
            distance, p, mass, mass_p, density = (
                runs_of(study, group, metric, method)
                for metric in (
                    "spike_slab_active_distance",
                    "spike_slab_active_p",
                    "spike_slab_mass",
                    "spike_slab_mass_p",
                    "density",
                )
            )
            name = f"{distance.label}{where(study, group)}"
            share = (mass.numbers / density.numbers).dropna()
            if len(distance.numbers):
                size = one_sample(-distance.numbers)
                found.append(within(f"{name}: distance given z ≠ 0", distance, size, DISTANCE, "distance"))
            for side, word in ((1, "too large"), (-1, "too small")):
                if len(share):
                    size = one_sample(-side * share)
                    found.append(
                        within(f"{name}: mass at z ≠ 0 not {word}", mass, size, MASS, "% of the expected share")
                    )
            found.append(not_refuted(f"{name}: test of the distribution given z ≠ 0", p, tests))
            found.append(not_refuted(f"{name}: test of the mass at z ≠ 0", mass_p, tests))
    return found


MARGIN = (
    f"a distance of {DISTANCE:g} on a scale from 0 to 1, about twice what chance gives; {100 * MASS:g} % of the "
    "expected share of active codes"
)
CLAIM = Claim(
    number=1,
    statement="Thresholded Laplacian samples are spike-and-slab distributed.",
    published="a proof",
    figure="threshold",
    stated=Reading(
        "fixed threshold",
        "Given z ≠ 0 the distribution of the draws is the slab's (Kolmogorov and Smirnov), and as many are non-zero as "
        "should be (binomial test); fixed threshold",
        MARGIN,
        lambda study: exact(study, FIXED),
    ),
    beside=(
        Reading(
            "learned threshold",
            "The same with a learned threshold, given the threshold",
            MARGIN,
            lambda study: exact(study, LEARNED),
        ),
    ),
)
