"""Tuning as a user runs it: real trials of a tiny study, the choice, and that no test data have a say in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from vscbench import config as configs
from vscbench.cli import main
from vscbench.data import Data
from vscbench.reporting.study import Study
from vscbench.reporting.trials import tried

if TYPE_CHECKING:
    from pathlib import Path

RATE = "training.optimizer.rate.peak"
METHODS = ["online_dictionary", "topk", "gaussian"]
STUDY: dict[str, Any] = {
    "study": "tiny",
    "device": "cpu",
    "datasets": {"patches": {"kind": "synthetic", "train": 300, "validation": 60, "test": 60, "pixels": 16}},
    "experiments": {
        "patches": {
            "dataset": "patches",
            "methods": METHODS,
            "generator": {"latents": 20},
            "encoder": {"kind": "linear_plus", "widths": []},
            "objective": {"samples": 2, "variance": "learned"},
            "training": {"steps": 30, "batch_size": 50, "optimizer": {"kind": "adam", "unit_atoms": True}},
            "overrides": {"topk": {"density": [0.05, 0.3]}, "online_dictionary": {"penalty": [1.0, 8.0]}},
            "trials": {
                "count": 3,
                "axes": {RATE: {"low": 0.001, "high": 0.1}},
                "own": {"gaussian": {"prior_scale": {"low": 0.1, "high": 2}}},
            },
        }
    },
}


def run(folder: Path, *, poison: bool = False) -> str:
    """What was chosen, after all steps that `snakemake tune` takes; with noise in place of the test data, on demand."""
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"results": str(folder / "results")}))
    study = configs.load([config])
    names = [each.name for each in configs.runs(study)]
    steps = [["data", "patches"], *(["train", name] for name in names), ["evaluate", *names], ["baselines", "patches"]]
    for step in [*steps, ["assemble"], ["choose"]]:
        assert main(["--quiet", *step, "--config", str(config)]) == 0
        if poison and step[0] == "data":
            path = folder / "results/data/patches.safetensors"
            with safe_open(path, "numpy") as file:
                about = file.metadata()
            arrays = load_file(path)
            for name in ("test", "codes.test"):
                key = next(key for key in arrays if key.endswith(name))
                arrays[key] = 100 * np.random.default_rng(0).normal(size=arrays[key].shape).astype(arrays[key].dtype)
            save_file(arrays, path, about)
    return (folder / "results/chosen.yaml").read_text()


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was tuned."""
    folder = tmp_path_factory.mktemp("tuned")
    run(folder)
    return folder


def test_the_choice_is_the_best_on_validation_data(tuned: Path) -> None:
    """By hand from the files of the runs: at equal density, halfway between two operating points or so."""
    results = tuned / "results"
    scores: dict[str, dict[int, float]] = {}
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for entry in json.loads((results / "study.json").read_text())["runs"]:
        found = json.loads((results / entry["folder"] / "metrics.json").read_text())
        assert found["settings"]["split"] == "validation"
        measured = found["metrics"]
        points.setdefault((entry["method"], entry["point"]["trial"]), []).append(
            (measured["density"], measured["fve_draw"])
        )
    for (method, trial), its in points.items():
        (low, first), (high, second) = sorted(its) if len(its) > 1 else its * 2
        share = np.log(0.1 / low) / np.log(high / low) if low < high else 0
        scores.setdefault(method, {})[trial] = first + share * (second - first)
    chosen = {each.method: each for each in tried(Study(results))}
    for method in METHODS:
        best = chosen[method].best
        assert best
        assert best.number == max(scores[method], key=scores[method].__getitem__)
        assert best.score == pytest.approx(scores[method][best.number])
    assert {len(its) for its in points.values()} == {1, 2}  # the dense code has one


def test_test_data_have_no_say(tuned: Path, tmp_path: Path) -> None:
    """The same choice, to the last digit, where they hold nothing but nan; and again from nothing: it is a function."""
    assert run(tmp_path, poison=True) == (tuned / "results/chosen.yaml").read_text()


def test_a_study_takes_what_was_chosen(tuned: Path) -> None:
    chosen = yaml.safe_load((tuned / "results/chosen.yaml").read_text())["experiments"]["patches"]["overrides"]
    plain = {key: value for key, value in STUDY["experiments"]["patches"].items() if key != "trials"}
    content = {**STUDY, "experiments": {"patches": plain}, "extends": "results/chosen.yaml"}
    (tuned / "using.yaml").write_text(yaml.safe_dump(content))
    study = configs.load([tuned / "using.yaml"])
    for each in configs.runs(study):
        rate = configs.run_spec(study, each)["training"]["optimizer"]["rate"]["peak"]
        assert rate == chosen[each.method]["training"]["optimizer"]["rate"]["peak"]


def test_data_on_another_split() -> None:
    """Points, labels and groups move together; truth of their codes, too."""
    x = np.arange(20.0).reshape(10, 2)
    data = Data.from_array(x, validation=3, test=2, labels=np.arange(10) % 2, groups=np.arange(10))
    moved = data.measured_on("validation")
    assert moved.test is data.validation
    assert moved.train is data.train
    assert moved.labels["test"] is data.labels["validation"]
    assert moved.groups["test"] is data.groups["validation"]
    assert data.measured_on("test") is data
