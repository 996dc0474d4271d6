"""Trials: as many of every method, at the same values of what all share; what is wrong with them is told."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import qmc

from vscbench import config as configs
from vscbench.config import tuning
from vscbench.errors import UserError

RATE = "training.optimizer.encoder_rate.peak"
TRIALS: dict[str, Any] = {
    "count": 6,
    "axes": {RATE: {"low": 0.001, "high": 0.1}},
    "own": {"spike_slab": {"prior_active": {"low": 0.01, "high": 0.2}}},
}


@pytest.fixture
def tuned(content: dict[str, Any]) -> dict[str, Any]:
    """The small study with trials."""
    content["experiments"]["recovery"] |= {"trials": TRIALS, "repetitions": 1}
    return content


def specs(content: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The specifications of the trials of each method."""
    study = configs.check(content)
    found: dict[str, list[dict[str, Any]]] = {}
    for run in configs.runs(study):
        found.setdefault(run.method, []).append(configs.run_spec(study, run))
    return found


def rates(of: list[dict[str, Any]]) -> list[float]:
    return [spec["training"]["optimizer"]["encoder_rate"]["peak"] for spec in of]


@pytest.mark.parametrize("dimension", range(len(tuning.PRIMES)))
def test_points_are_a_halton_sequence(dimension: int) -> None:
    """Of scipy, but for the shift round the circle."""
    theirs = qmc.Halton(dimension + 1, scramble=False).random(40)[:, dimension]
    assert [tuning.radical_inverse(k, tuning.PRIMES[dimension]) for k in range(40)] == pytest.approx(theirs, abs=1e-12)
    shift = tuning.places(1, dimension, 3)[0]
    assert tuning.places(40, dimension, 3) == pytest.approx((theirs + shift) % 1, abs=1e-12)


def test_every_method_has_as_many_trials_at_the_same_budget(tuned: dict[str, Any]) -> None:
    """What they share has the same values in the same order; all else of a training is the same in all trials."""
    found = specs(tuned)
    assert {method: len(of) for method, of in found.items()} == dict.fromkeys(found, 6)
    assert len(found) == 3
    shared = rates(found["fista"])
    assert len(set(shared)) == 6
    assert all(0.001 <= rate <= 0.1 for rate in shared)
    for method, of in found.items():
        assert rates(of) == shared, method
        rest = [{**spec["training"], "optimizer": None} for spec in of]
        assert rest == rest[:1] * 6
        assert len({spec["seed"] for spec in of}) == 1  # trials of a method differ by their constants alone
    assert rest[0]["epochs"] == 2
    own = [spec["coder"]["prior_active"] for spec in found["spike_slab"]]
    assert len(set(own)) == 6
    assert all(0.01 <= value <= 0.2 for value in own)


def test_own_constants_move_no_shared_one(tuned: dict[str, Any]) -> None:
    before = rates(specs(tuned)["spike_slab"])
    tuned["experiments"]["recovery"]["trials"] = TRIALS | {"own": {}}
    assert rates(specs(tuned)["spike_slab"]) == before


def test_more_trials_keep_those_that_were_there_and_a_seed_moves_them(tuned: dict[str, Any]) -> None:
    few = rates(specs(tuned)["fista"])
    tuned["experiments"]["recovery"]["trials"] = TRIALS | {"count": 9}
    assert rates(specs(tuned)["fista"])[:6] == few
    tuned["experiments"]["recovery"]["trials"] = TRIALS | {"seed": 1}
    assert not {*rates(specs(tuned)["fista"])} & {*few}


def test_trials_cross_the_operating_points(tuned: dict[str, Any]) -> None:
    """A grid: every trial at each of them; names and resolution of its runs as of any sweep."""
    tuned["experiments"]["recovery"] |= {"density": [0.05, 0.2], "methods": ["laplacian_thresh_gamma"]}
    tuned["experiments"]["recovery"]["trials"] = {"count": 3, "axes": TRIALS["axes"]}
    study = configs.check(tuned)
    runs = list(configs.runs(study))
    points = {(dict(run.point)["density"], dict(run.point)["trial"]) for run in runs}
    assert points == {(density, trial) for density in (0.05, 0.2) for trial in range(3)}
    assert [configs.resolve(study, run.name) for run in runs] == runs


def test_trials_are_measured_on_validation_data_by_what_scores_them(tuned: dict[str, Any]) -> None:
    measured = configs.evaluation(configs.check(tuned), "recovery")
    assert measured["split"] == "validation"
    assert {name for name in configs.parts.names("metric") if measured.get(name, True)} <= {*tuning.METRICS}


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ({"count": 1}, "trials.count: 1 is not allowed; it must be a whole number, at least 2, at most 1000"),
        ({"axes": {}}, "trials.axes: "),
        ({"axes": {RATE: {"low": 1, "high": 0.1}}}, f"trials.axes.{RATE}: low (1) must be less than high (0.1)"),
        (
            {"axes": {RATE: {"low": 0, "high": 0.1}}},
            f"trials.axes.{RATE}: low (0) must be above 0, or the scale linear",
        ),
        ({"own": {"fistaa": {}}}, "trials.own: there is no method fistaa; did you mean fista?; there are fista, "),
        ({"own": {"fista": {"penalti": {"low": 1, "high": 2}}}}, "trials (fista): unknown key penalti; did you mean "),
        (
            {"own": {"spike_slab": {"prior_active": {"low": 0.5, "high": 3}}}},
            "trials (spike_slab).prior_active: 1",
        ),
        (
            {"axes": {f"training.{key}": {"low": 1, "high": 2} for key in ("a", "b", "c", "d", "e")}},
            "trials.axes: ",
        ),
        ({"trials": 8}, "trials: unknown key trials; "),
    ],
)
def test_what_is_wrong_is_told(tuned: dict[str, Any], trials: dict[str, Any], said: str) -> None:
    tuned["experiments"]["recovery"]["trials"] = TRIALS | trials
    with pytest.raises(UserError) as refused:
        configs.check(tuned)
    lines = [line.strip() for line in str(refused.value).splitlines()[1:]]
    assert any(line.startswith(f"experiments.recovery.{said}") for line in lines), lines
