"""`snakemake tune`: what it plans, what a changed axis runs again, and what it says where there is nothing to tune."""

from __future__ import annotations

from typing import Any

import pytest

from vscbench.merging import merge

from .conftest import STUDY, Project

RATE = "training.optimizer.encoder_rate.peak"
TRIALS = {
    "count": 2,
    "axes": {RATE: {"low": 0.001, "high": 0.1}},
    "own": {"gaussian": {"prior_scale": {"low": 0.1, "high": 1}}},
}
METHODS = ["fista", "gaussian"]
TUNED: dict[str, Any] = {
    **STUDY,
    "experiments": {
        "recovery": STUDY["experiments"]["recovery"] | {"methods": METHODS, "trials": TRIALS, "repetitions": 1}
    },
}
"""Two methods of two trials."""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the methods were tuned."""
    project = Project(tmp_path_factory.mktemp("tuned"))
    project.write("config.yaml", TUNED)
    project.snakemake("tune")
    return project


def test_every_method_has_as_many_runs(tuned: Project) -> None:
    results = tuned.folder / "results"
    runs = [path.parent.parent.name for path in results.glob("runs/recovery/*/*/weights.safetensors")]
    assert sorted(runs) == [f"{method}__trial-{k}" for method in METHODS for k in range(2)]
    made = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    assert {"chosen.yaml", "tables/trials.csv", "tables/trials.html", "figures/tuning.png"} <= made
    assert not any(name.startswith(("tables/table1", "tracking", "mlflow")) for name in made)  # not the whole study


def test_what_is_tuned_plans_nothing(tuned: Project) -> None:
    assert tuned.plan("tune") == {}


def test_a_changed_axis_runs_again_what_it_touches(tuned: Project) -> None:
    """That of one method its runs; another trial the new runs alone; the density of the score none."""
    for trials, planned in (
        ({"own": {"gaussian": {"prior_scale": {"high": 2}}}}, {"train_run": 2, "evaluate_run": 2}),
        ({"axes": {RATE: {"high": 0.2}}}, {"train_run": 4, "evaluate_run": 4}),
        ({"count": 3}, {"train_run": 2, "evaluate_run": 2}),
        ({"density": 0.2}, {}),
    ):
        tuned.write("other.yaml", merge(TUNED, {"experiments": {"recovery": {"trials": trials}}}))
        plan = tuned.plan("tune", "--configfile", "other.yaml")
        assert {rule: n for rule, n in plan.items() if rule in ("train_run", "evaluate_run")} == planned, trials
        assert plan["choose_constants"] == 1


def test_a_study_without_trials_says_how_to_tune(tuned: Project) -> None:
    tuned.write("plain.yaml", STUDY)
    done = tuned.run("tune", "-n", "--configfile", "plain.yaml")
    assert done.returncode != 0
    assert "no experiment of this study has trials; `make tune`" in done.stdout + done.stderr
