"""Which trial is chosen, from scores that are known; and what table, figure and file say of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml

from reporting.figures.made import drawn
from reporting.planted import plant
from vscbench import config as configs
from vscbench import registry
from vscbench.merging import merge
from vscbench.reporting import OUTPUTS, write
from vscbench.reporting.trials import chosen, score_at, tried

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.study import Study

RATE = "training.optimizer.rate.peak"
DENSITIES = (0.05, 0.2)
STUDY: dict[str, Any] = {
    "study": "made",
    "protocol": "paper",
    "datasets": {"patches": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16}},
    "experiments": {
        "patches": {
            "dataset": "patches",
            "methods": ["gaussian_thresh", "spike_slab", "laplacian_thresh", "gaussian"],
            "density": list(DENSITIES),
            "repetitions": 2,
            "generator": {"latents": 12},
            "training": {"steps": 60, "optimizer": {"kind": "adam"}},
            "trials": {
                "count": 4,
                "axes": {RATE: {"low": 0.001, "high": 0.1}},
                "own": {"gaussian": {"prior_scale": {"low": 0.1, "high": 1}}},
            },
        }
    },
}
SCORES = {"gaussian_thresh": (0.1, 0.4, 0.3, 0.2), "spike_slab": (0.1, 0.3, 0.2, 0.3), "gaussian": (0.7, 0.8, 0.9, 0.6)}
"""At 10 % density, by trial; of repetition 1 a hundredth more."""
LOST = ("gaussian_thresh", 1, 0.2, 1)
"""The best trial of a method: one of its four runs diverged."""


def metrics(run: configs.Run, _: dict[str, Any]) -> dict[str, float] | int:
    """At the density of the prior the score, less and more by as much; of one method denser codes than that."""
    point = dict(run.point)
    if run.method == "laplacian_thresh":
        return {"density": 4 * point["density"], "fve_draw": 0.99, "train_seconds": 1.0}
    score = SCORES[run.method][point["trial"]] + 0.01 * run.repetition
    if run.method == "gaussian":
        return {"density": 1.0, "fve_draw": score, "train_seconds": 1.0}
    if (run.method, point["trial"], point["density"], run.repetition) == LOST:
        return 17
    away = 0.05 if point["density"] > 0.1 else -0.05
    return {"density": point["density"], "fve_draw": score + away, "train_seconds": 1.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return plant(tmp_path_factory.mktemp("trials"), STUDY, metrics, {"patches": []})


def test_the_best_of_each_method_is_chosen(study: Study) -> None:
    """A trial of which a run diverged loses, of equals the first wins, denser codes win nothing, nothing is guessed."""
    found = {each.method: each for each in tried(study)}
    assert {method: each.best and each.best.number for method, each in found.items()} == {
        "gaussian_thresh": 2,
        "spike_slab": 1,
        "laplacian_thresh": None,
        "gaussian": 2,
    }
    best = found["gaussian_thresh"].best
    assert best
    # Half way between the densities on a logarithmic axis; the mean of two repetitions.
    assert best.score == pytest.approx(0.305)
    assert best.densities == DENSITIES
    lost = found["gaussian_thresh"].trials[1]
    assert (lost.score, lost.diverged, lost.said) == (-math.inf, 1, "1 diverged")
    assert found["laplacian_thresh"].trials[0].said == "densities 0.200 to 0.800"


def test_every_method_was_given_the_same(study: Study) -> None:
    found = tried(study)
    assert {len(each.trials) for each in found} == {4}
    assert {steps for each in found for trial in each.trials for steps in trial.steps} == {60}
    shared = [[trial.constants[RATE] for trial in each.trials] for each in found]
    assert shared == shared[:1] * 4


def test_an_edge_is_told(study: Study) -> None:
    for each in tried(study):
        for key, value in each.best.constants.items() if each.best else ():
            values = sorted(trial.constants[key] for trial in each.trials)
            assert each.edges.get(key) == {0: "lowest", 3: "highest"}.get(values.index(value))
    assert {bool(each.edges) for each in tried(study) if each.best} == {True, False}


def test_score_at_a_density() -> None:
    densities, values = pd.Series([0.05, 0.2]), pd.Series([0.2, 0.6])
    assert score_at(densities, values, 0.1) == pytest.approx(0.4)
    assert math.isnan(score_at(densities, values, 0.3))
    assert math.isnan(score_at(densities[:1], values[:1], 0.1))
    assert score_at(pd.Series([1.0, 1.0]), values, 0.1) == 0.6


def test_what_is_chosen_is_laid_beneath_a_study(study: Study, tmp_path: Path) -> None:
    """By `extends`; what the study says itself goes over it; a method without a score is left as it is."""
    text = chosen(study)
    assert text == chosen(study)
    found = {each.method: each.best for each in tried(study)}
    content = yaml.safe_load(text)
    overrides = content["experiments"]["patches"]["overrides"]
    assert {*overrides} == {"gaussian_thresh", "spike_slab", "gaussian"}
    (tmp_path / "tuned.yaml").write_text(text)
    own = {key: value for key, value in STUDY["experiments"]["patches"].items() if key != "trials"}
    own["overrides"] = {"spike_slab": {"training": {"optimizer": {"rate": {"peak": 0.5}}}}}
    using = {**STUDY, "extends": "tuned.yaml", "experiments": {"patches": own}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(using))
    loaded = configs.load([tmp_path / "study.yaml"])
    specs = {run.method: configs.run_spec(loaded, run) for run in configs.runs(loaded)}
    rates = {method: spec["training"]["optimizer"]["rate"]["peak"] for method, spec in specs.items()}
    assert rates["gaussian"] == found["gaussian"].constants[RATE]  # type: ignore[union-attr]
    assert rates["gaussian_thresh"] == found["gaussian_thresh"].constants[RATE]  # type: ignore[union-attr]
    assert rates["spike_slab"] == 0.5
    assert specs["gaussian"]["coder"]["prior_scale"] == found["gaussian"].constants["prior_scale"]  # type: ignore[union-attr]
    assert rates["laplacian_thresh"] == 1e-3  # the default


def test_the_file_says_how_it_was_chosen(study: Study) -> None:
    head = [line[2:] for line in chosen(study).splitlines() if line.startswith("# ")]
    text = " ".join(head)
    for said in (
        "by validation data alone",
        "study: made, seed 0",
        "4 methods on patches (synthetic",
        "Every method: 4 trials; 60 steps and 2 seeds at each operating point of a trial.",
        "at 10 % density; of dense codes (gaussian) at their own.",
        "patches, laplacian_thresh: no trial has a score; nothing was chosen (densities 0.200 to 0.800)",
        "patches, gaussian_thresh: trial 2, 0.3050",
    ):
        assert said in text, (said, text)


def test_unequal_budgets_are_told(tmp_path: Path) -> None:
    """They can be had, by an override; a reader sees it."""
    override = {"overrides": {"spike_slab": {"training": {"steps": 90}}}}
    content = merge(STUDY, {"experiments": {"patches": override}})
    found = chosen(plant(tmp_path, content, metrics, {"patches": []}))
    assert "# spike_slab: 4 trials; 90 steps" in found
    assert "# gaussian_thresh, laplacian_thresh, gaussian: 4 trials; 60 steps" in found


def test_table_of_all_trials(study: Study, tmp_path: Path) -> None:
    write("trials", study.results, tmp_path)
    table = pd.read_csv(tmp_path / "trials.csv")
    assert table.groupby("method", sort=False).size().to_dict() == dict.fromkeys(
        STUDY["experiments"]["patches"]["methods"], 4
    )
    assert table.loc[table["chosen"], ["method", "trial"]].to_numpy().tolist() == [
        ["gaussian_thresh", 2],
        ["spike_slab", 1],
        ["gaussian", 2],
    ]
    assert table.loc[table["method"] == "laplacian_thresh", "score"].isna().all()
    page = (tmp_path / "trials.md").read_text()
    assert "1 diverged" in page
    assert "Thresholded Laplacian: no trial has a score; nothing was chosen." in page


def test_figure_shows_all_trials(study: Study) -> None:
    """A panel for each constant of each method, with a dot or a cross for each trial, and a ring."""
    figure = registry.load(OUTPUTS["tuning"]).draw(study)
    panels = [axes for axes in figure.axes if axes.lines]
    assert len(panels) == 5
    for axes in panels:
        ring = [line for line in axes.lines if line.get_markersize() == 8]
        points = [line for line in axes.lines if line not in ring]
        assert sum(len(line.get_xdata()) for line in points) == 4
        assert len(ring) == (0 if "Laplacian" in axes.get_title() else 1)
    assert "Variance of validation data" in drawn("tuning", study)


def test_a_study_without_trials_has_neither(study: Study) -> None:
    without = {**study.index, "experiments": {"patches": {**study.setup(study.groups[0])}}}
    del without["experiments"]["patches"]["trials"]
    for name in ("trials", "tuning"):
        needs = registry.load(OUTPUTS[name]).needs
        assert needs(study.index)
        assert not needs(without)
