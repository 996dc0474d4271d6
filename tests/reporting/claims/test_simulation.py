"""What docs/verdicts.md prints of false verdicts and power is what a simulation of the suite's rule gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reporting.claims.simulation import CLAIMS, KINDS, MARGIN, p_values, peeking, table
from vscbench.reporting.inference import INCONCLUSIVE, compare, decide, one_sample, welch

DOCS = Path(__file__).parents[3] / "docs" / "verdicts.md"


def test_docs_print_what_the_simulation_gives() -> None:
    text = DOCS.read_text()
    assert table().to_markdown(index=False, disable_numparse=True) in text
    assert peeking() in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("design", ["two methods", "differences"])
def test_the_simulation_tests_as_the_suite_does(kind: str, design: str) -> None:
    rng = np.random.default_rng(1)
    first, second = KINDS[kind](rng, (2, 20, 5))
    above, below = p_values(first, second if design == "two methods" else None)
    for a, b, up, down in zip(first, second, above, below, strict=True):
        found = compare(welch(a, b) if design == "two methods" else one_sample(a), MARGIN)
        assert found.p == pytest.approx(min(1.0, 2 * min(up, down)))


def test_of_normal_numbers_a_study_of_twelve_claims_at_the_margin_errs_in_one_of_twenty() -> None:
    rng, studies = np.random.default_rng(0), 100
    wrong = 0
    for _ in range(studies):
        first, second = rng.standard_normal((2, CLAIMS, 5))
        words = decide([compare(welch(a + MARGIN, b), MARGIN) for a, b in zip(first, second, strict=True)], CLAIMS)
        wrong += any(each.word != INCONCLUSIVE for each in words)
    assert wrong / studies < 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)


def test_two_methods_err_no_more_than_allowed_and_are_told_apart() -> None:
    found = table().query("`effect of` == 'two methods'").astype({"n": int, "false": float, "+4 sd": float})
    assert (found["false"] < 5 + 2).all()
    assert (found.query("n == 5")["+4 sd"] > 80).all()
    assert (found.query("n == 3")["+4 sd"] < 40).all()  # three repetitions see little
