"""The table and the figure of recovery, from tiny runs on data sets along two properties."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import STUDY
from test_figures import Made, drawn, figure_of
from vscbench import config as configs
from vscbench.data import synthetic
from vscbench.metrics import evaluate
from vscbench.reporting.assemble import assemble
from vscbench.reporting.figures import recovery
from vscbench.reporting.study import Study
from vscbench.reporting.tables import NOTHING, write_table
from vscbench.training.loop import train

if TYPE_CHECKING:
    from pathlib import Path

METHODS = {"fista": "FISTA", "lista": "LISTA", "spike_slab": "Spike-and-slab"}
DATA = {"centre": (0.1, 0.1), "dense": (0.3, 0.1), "noisy": (0.1, 0.4)}
"""Density and noise; the centre leaves both at what they are by default."""
FEW = {"samples": 2, "gradient_passes": None, "stability_draws": 2, "stability_patches": 5, "penalties": [0.2]}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three experiments of three methods, two repetitions each."""
    folder, study = tmp_path_factory.mktemp("results"), deepcopy(STUDY)
    study["methods"] = {
        "fista": {"family": "fista", "penalty": 0.2},
        "lista": {"family": "lista", "penalty": 0.2, "layers": 3},
        "spike_slab": {"family": "spike_slab"},
    }
    setup = study["experiments"].pop("recovery") | {"methods": list(METHODS), "evaluation": FEW}
    base = study["datasets"].pop("synthetic")
    for name, (density, noise) in DATA.items():
        study["experiments"][name] = setup | {"dataset": name}
        study["datasets"][name] = base | ({} if name == "centre" else {"density": density, "noise": noise})
    runs, device = [], torch.device("cpu")
    for experiment, method, repetition in configs.runs(configs.check(study)):
        spec = configs.run_spec(study, experiment, method, repetition)
        constants = {key: value for key, value in spec["dataset"].items() if key not in ("name", "kind")}
        splits, run = synthetic.load(**constants), folder / "runs" / configs.run_name(spec)
        train(spec, splits, run, run / "checkpoint.pt", device)
        evaluate(run, splits, configs.EVALUATION_DEFAULTS | FEW, device)
        runs.append(run)
    assemble(runs, [], METHODS, folder / "metrics.csv")
    return folder


def test_table_has_the_means_of_the_runs(results: Path, tmp_path: Path) -> None:
    write_table("recovery", results, tmp_path)
    long = pd.read_csv(tmp_path / "recovery.csv").set_index(["experiment", "method", "metric"])
    for experiment in DATA:
        for method in METHODS:
            found = [
                json.loads((results / f"runs/{experiment}/{method}/{k}/metrics.json").read_text())["metrics"]
                for k in (0, 1)
            ]
            for metric in ("recovery_cosine", "recovery_f1", "recovery_f1_oracle"):
                mean = np.mean([each[metric] for each in found])
                assert long.loc[(experiment, method, metric), "mean"] == pytest.approx(mean)
    stated = long.xs("recovery_calibration", level="metric")["n"]
    assert stated.groupby("method").sum().to_dict() == {"fista": 0, "lista": 0, "spike_slab": 6}
    assert (tmp_path / "recovery.md").read_text().count("| Method") == 3


def test_lines_along_density_and_noise(results: Path) -> None:
    study = Study(results)
    along = recovery.lines(recovery.data_of(study))
    assert [(line.axis, line.fixed, line.places) for line in along] == [
        ("density", "noise 0.1", {"centre": 0.1, "dense": 0.3}),
        ("noise", "density 0.1", {"centre": 0.1, "noisy": 0.4}),
    ]


def test_figure_draws_every_method_and_the_reliability_of_the_runs(results: Path) -> None:
    words = drawn("recovery", results)
    for text in (*METHODS.values(), *DATA, "against density (noise 0.1)", "against noise (density 0.1)", "calibration"):
        assert text in words, text
    figure = figure_of("recovery", results)
    atoms = next(axes for axes in figure.axes if axes.get_title() == recovery.METRICS["recovery_cosine"])
    assert len(atoms.containers) == len(METHODS)
    line = atoms.containers[0].lines[0]  # of FISTA, the first
    study = Study(results)
    expected = [study.of(group, "recovery_cosine", "fista").mean() for group in ("centre", "dense")]
    assert np.asarray(line.get_ydata()) == pytest.approx(expected)
    (diagram,) = [axes for axes in figure.axes if axes.get_title() == "noisy"]
    _, curve = diagram.lines
    total = np.zeros((3, 10))
    for k in (0, 1):
        bins = np.load(results / f"runs/noisy/spike_slab/{k}/arrays.npz")["recovery_reliability"]
        total += bins * np.array([bins[2], bins[2], np.ones(10)])
    kept = total[2] >= recovery.FEWEST
    assert kept.any()
    np.testing.assert_allclose(curve.get_xdata(), total[0, kept] / total[2, kept], rtol=1e-5)
    np.testing.assert_allclose(curve.get_ydata(), total[1, kept] / total[2, kept], rtol=1e-5)


def test_a_study_without_made_up_data_says_so(tmp_path: Path) -> None:
    Made(tmp_path, repetitions=1, methods=("fista",))
    assert drawn("recovery", tmp_path) == recovery.EMPTY
    write_table("recovery", tmp_path, tmp_path)
    assert NOTHING in (tmp_path / "recovery.md").read_text()
