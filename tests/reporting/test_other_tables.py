"""The tables of sweeps, attributes and recovery from known numbers; and every column has a metric that is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from metrics.runs import SAMPLES, SETTINGS, spec_of
from reporting.pages import TABLES, blocks
from reporting.planted import plant
from vscbench import model as models
from vscbench.data.synthetic import Synthetic
from vscbench.metrics import METRICS
from vscbench.metrics.evaluation import Evaluation
from vscbench.metrics.measuring import RESOURCES
from vscbench.registry import find, load
from vscbench.reporting import OUTPUTS, available_outputs, write

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench import config as configs
    from vscbench.reporting.study import Study

METHODS = ("gaussian", "gaussian_thresh")
DATA = {
    "digits": {"kind": "digits", "train": 300, "validation": 50, "test": 50},
    "patches": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16},
}


def study_of(folder: Path, metrics: Any, **experiments: dict[str, Any]) -> Study:
    """Two repetitions of two methods in each experiment."""
    setups = {name: {"methods": list(METHODS), **setup} for name, setup in experiments.items()}
    content = {"study": "made", "repetitions": 2, "datasets": DATA, "experiments": setups}
    return plant(
        folder, content, metrics, {name: [] for name, setup in setups.items() if setup["dataset"] == "patches"}
    )


def error(run: configs.Run, _: dict[str, Any]) -> dict[str, float] | int:
    """0.5 of the dense method and 0.25 of the sparse one, 0.02 more in repetition 1, which may have diverged."""
    if run.method == "gaussian" and run.point == (("latents", 64),) and run.repetition == 1:
        return 9
    return {"mse_best": (0.5 if run.method == "gaussian" else 0.25) + 0.02 * run.repetition}


def test_table_of_sweeps(tmp_path: Path) -> None:
    """Every point by method, rising; a network without a sweep too, a dictionary without one not."""
    study_of(
        tmp_path,
        error,
        swept={"dataset": "digits", "generator": {"latents": [64, 16]}},
        plain={"dataset": "digits"},
        linear={"dataset": "patches"},
    )
    write("sweep_points", tmp_path, tmp_path)
    swept, plain = blocks(tmp_path / "sweep_points.md")
    assert swept.to_numpy().tolist() == [
        ["Gaussian", "16", "0.510 ± 0.014"],
        ["Gaussian (1 diverged)", "64", "0.500"],
        ["Thresholded Gaussian", "16", "0.260 ± 0.014"],
        ["Thresholded Gaussian", "64", "0.260 ± 0.014"],
    ]
    assert list(swept.columns) == ["Method", "Latents", "MSE best of J"]
    assert list(plain.columns) == ["Method", "MSE best of J"]
    long = pd.read_csv(tmp_path / "sweep_points.csv").dropna(subset="mean")
    assert set(long["experiment"]) == {"swept", "plain"}
    assert long["point"].dropna().unique().tolist() == ['{"latents": "16"}', '{"latents": "64"}']
    assert (tmp_path / "sweep_points.tex").read_text().count(r"\begin{tabular}") == 2


def test_sweep_over_words(tmp_path: Path) -> None:
    own = {"gaussian_thresh": {"threshold": {"estimator": ["straight_through", "published"]}}}
    study_of(tmp_path, error, words={"dataset": "digits", "overrides": own})
    write("sweep_points", tmp_path, tmp_path)
    (shown,) = blocks(tmp_path / "sweep_points.md")
    assert shown["threshold.estimator"].tolist() == ["–", "published", "straight_through"]


CORRELATIONS = {
    "gaussian": {"hat": (0.5, -0.3), "beard": (-0.2, -0.4), "glasses": (0.6, 0.8)},
    "gaussian_thresh": {"hat": (0.1, 0.1), "beard": (0.9, 0.7), "glasses": (-0.5, 0.5)},
}


def correlated(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
    """The correlation of each label in a repetition, and what chance gives."""
    by_label = CORRELATIONS[run.method]
    found = {f"attribute_r_{label}": both[run.repetition] for label, both in by_label.items()}
    null = {f"attribute_null_{label}": 0.04 + 0.02 * run.repetition for label in by_label}
    return {**found, **null, "attributes_found": 2.0 + run.repetition}


def test_table_of_attributes(tmp_path: Path) -> None:
    """Labels are rows. A sign that repetitions agree on is shown; where they do not, |r| stands without."""
    study_of(tmp_path, correlated, faces={"dataset": "digits"})
    write("attribute_scores", tmp_path, tmp_path)
    (shown,) = blocks(tmp_path / "attribute_scores.md")
    shown = shown.set_index("Label")
    assert list(shown.index) == ["hat", "beard", "glasses", "Labels found"]
    assert shown["Gaussian"].tolist() == [
        "0.40 ± 0.14 (0.05)",
        "-0.30 ± 0.14 (0.05)",
        "+0.70 ± 0.14 (0.05)",
        "2.50 ± 0.71",
    ]
    assert shown.loc["glasses", "Thresholded Gaussian"] == "0.500 ± 0.000 (0.05)"
    long = pd.read_csv(tmp_path / "attribute_scores.csv").set_index(["method", "metric"])
    rows = [long.loc[("gaussian", f"attribute_r_{label}")] for label in ("hat", "beard", "glasses")]
    assert [row["sign"] for row in rows] == ["mixed", "-", "+"]
    assert [row["mean"] for row in rows] == pytest.approx([0.4, -0.3, 0.7])
    assert [row["null"] for row in rows] == pytest.approx([0.05] * 3)


def recovered(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
    """What only data from a known dictionary have."""
    if run.experiment == "unknown":
        return {"mse_best": 0.1}
    found = {"recovery_cosine": 0.8 + 0.1 * run.repetition, "recovery_f1": 0.5}
    return found if run.method == "gaussian" else {**found, "recovery_calibration": 0.05}


def test_table_of_recovery(tmp_path: Path) -> None:
    study = study_of(tmp_path, recovered, known={"dataset": "patches"}, unknown={"dataset": "digits"})
    assert "recovery_scores" in available_outputs(study.index)
    write("recovery_scores", tmp_path, tmp_path)
    (shown,) = blocks(tmp_path / "recovery_scores.md")
    assert shown.set_index("Method").T.to_dict() == {
        "Gaussian": {"Matched absolute cos": "0.850 ± 0.071", "F1": "0.500 ± 0.000", "Calibration": "–"},
        "Thresholded Gaussian": {
            "Matched absolute cos": "0.850 ± 0.071",
            "F1": "0.500 ± 0.000",
            "Calibration": "0.0500 ± 0.0000",
        },
    }


def test_a_study_without_made_up_data_has_no_table_of_recovery(tmp_path: Path) -> None:
    study = study_of(tmp_path, recovered, unknown={"dataset": "digits"})
    assert "recovery_scores" not in available_outputs(study.index)


def test_every_metric_of_the_tables_is_measured() -> None:
    """By the settings that metrics have themselves; a column whose metric nobody measures would be empty."""
    data = Synthetic(train=210, validation=30, test=40, pixels=16, latents=16).load()
    model = models.build(spec_of({"family": "spike_slab"}), data.shape).eval()
    model.coder.set_step(1, 1)
    e = Evaluation(model.coder, data, samples=SAMPLES, penalties=(20.0, 8.0))
    few = {"gradients": {"passes": 2}, "stability": SETTINGS["stability"]}
    measured = {value for name in METRICS for value in find(METRICS, name, "metric")(e, **few.get(name, {}))}
    across = {f"dictionary_agreement{name}" for name in ("", "_null", "_moved")}  # repetitions
    of_patches = {f"gabor_{name}" for name in ("like", "broad", "frequency", "n_x", "n_y")}
    measured |= {*RESOURCES, *across, *of_patches}
    of_images = {"sweep_points", "attribute_scores"}
    modules = {
        name: OUTPUTS[name].partition(":")[0]
        for name in TABLES
        if name not in {*of_images, "matched_density", "trials"}
    }
    shown = {column.metric for module in modules.values() for column in load(f"{module}:COLUMNS")}
    assert len(shown) > 30
    assert shown <= measured
    assert "prior_density" in measured  # by which published numbers are found
