"""Schedules: what moves during training is a function of the step alone."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import pytest

from vscbench.ramps import OneCycle, Ramp

STEPS = 1000


@pytest.mark.parametrize(
    ("shape", "quarter", "middle"),
    [("linear", 1.75, 2.5), ("geometric", sqrt(2), 2.0), ("cosine", 2.5 - 1.5 / sqrt(2), 2.5)],
)
def test_shape_of_a_ramp(shape: str, quarter: float, middle: float) -> None:
    """From 1 to 4 between steps 200 and 600."""
    ramp = Ramp(1, 4, start=0.2, end=0.6, shape=shape)  # type: ignore[arg-type]
    expected = {0: 1, 200: 1, 300: quarter, 400: middle, 600: 4, 999: 4, STEPS: 4}
    assert {step: ramp(step, STEPS) for step in expected} == pytest.approx(expected)


@pytest.mark.parametrize("shape", ["linear", "geometric", "cosine"])
@pytest.mark.parametrize(("initial", "final"), [(0.1, 1.0), (1.0, 0.005)])
def test_ramp_is_monotone_and_continuous(shape: str, initial: float, final: float) -> None:
    ramp = Ramp(initial, final, start=0.1, end=0.9, shape=shape)  # type: ignore[arg-type]
    values = [ramp(step, STEPS) for step in range(STEPS + 1)]
    changes = [b - a for a, b in pairwise(values)]
    assert all(change * (final - initial) >= 0 for change in changes)
    assert max(map(abs, changes)) < 0.01 * abs(final - initial)
    assert (values[0], values[-1]) == (initial, final)


def test_fractions_keep_their_shape_in_a_longer_training() -> None:
    ramp = Ramp(0.1, 1, start=0.25, end=0.75)
    assert [ramp(step, 8) for step in range(9)] == [ramp(100 * step, 800) for step in range(9)]


def test_steps_do_not_depend_on_the_length_of_training() -> None:
    """The authors' warm-up: 0.1 until step 1500, then +2e-4 a step until 1."""
    ramp = Ramp(0.1, 1, start=1500, end=6000, unit="steps")
    for steps in (10_000, 240_000):
        for step, value in ((0, 0.1), (1500, 0.1), (1501, 0.1002), (4000, 0.6), (6000, 1.0), (9000, 1.0)):
            assert ramp(step, steps) == pytest.approx(value)


def test_geometric_ramp_is_the_authors_decay() -> None:
    """The temperature 1 × 0.9995^step until 0.5, at step 1386."""
    ramp = Ramp(1, 0.5, end=1386, shape="geometric", unit="steps")
    for step in (1, 100, 1000):
        assert ramp(step, 240_000) == pytest.approx(0.9995**step, rel=1e-3)


@pytest.mark.parametrize("unit", ["fraction", "steps"])
@pytest.mark.parametrize("steps", [1, 37, 240_000])
def test_end_of_training_is_the_final_value(unit: str, steps: int) -> None:
    """At evaluation nothing is still warming up, however short the training was and whatever the unit."""
    ramp = Ramp(0.1, 1, start=0.5, end=6000 if unit == "steps" else 1, unit=unit)  # type: ignore[arg-type]
    assert ramp(steps, steps) == 1


def test_ramp_without_a_way() -> None:
    """A jump, and a constant."""
    jump = Ramp(1, 2, start=0.5, end=0.5)
    assert [jump(step, 10) for step in (0, 4, 5, 10)] == [1, 1, 2, 2]
    assert {Ramp(3, 3)(step, 10) for step in range(11)} == {3}


# -------------------------------------------------------------------- one-cycle


def test_one_cycle() -> None:
    """5 % of linear warm-up from peak/25, then a cosine to peak/25e4 (spec 2.1)."""
    rate = OneCycle(peak=0.01)
    expected = {0: 4e-4, 25: (4e-4 + 0.01) / 2, 50: 0.01, 525: (0.01 + 4e-8) / 2, STEPS: 4e-8}
    assert {step: rate(step, STEPS) for step in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rate", "turn"),
    [
        (OneCycle(1, warmup=0.3), 300),
        (OneCycle(1, warmup=0.05, warmup_at_least=400), 400),
        (OneCycle(1, warmup=0.3, warmup_at_least=10), 300),
        (OneCycle(1, warmup=0.3, warmup_at_least=9000), 500),
        (OneCycle(1, warmup=0.0), 0),
    ],
    ids=["fraction", "floor", "floor_below", "floor_above_half", "none"],
)
def test_one_cycle_turns_where_the_warmup_ends(rate: OneCycle, turn: int) -> None:
    values = [rate(step, STEPS) for step in range(STEPS + 1)]
    assert values.index(max(values)) == turn
    assert max(values) == pytest.approx(1)
    assert values[:turn] == sorted(values[:turn])
    assert values[turn:] == sorted(values[turn:], reverse=True)
    assert values[-1] == pytest.approx(1 / 25e4)
    assert min(values) > 0


def test_one_cycle_of_a_single_step() -> None:
    assert 0 < OneCycle(1)(0, 1) <= 1
