"""The table and figure of rate, distortion and density, of a study that sweeps a knob for sparsity and a weight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from reporting.pages import blocks
from reporting.planted import plant
from vscbench import config as configs
from vscbench.reporting import write
from vscbench.reporting.figures.rates import draw
from vscbench.reporting.frontier import efficient, frontiers
from vscbench.reporting.tables.rate_distortion import places

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.study import Study

METHODS = ["fista", "gaussian", "gaussian_thresh", "laplacian_thresh"]
STUDY: dict[str, Any] = {
    "study": "made",
    "repetitions": 2,
    "datasets": {
        "synthetic": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16}
    },
    "experiments": {
        "both": {
            "dataset": "synthetic",
            "methods": METHODS,
            "density": [0.05, 0.2],
            "generator": {"latents": 12},
            "objective": {"kl_weight": [0.01, 0.1]},
            "overrides": {"fista": {"penalty": [2, 8], "objective": {"kl_weight": 0.01}}},
        },
        "plain": {"dataset": "synthetic", "methods": METHODS, "generator": {"latents": 12}},
    },
}
LOST = ("laplacian_thresh__density-0.2__kl_weight-0.1", 1)


def numbers(run: configs.Run, _: Any = None) -> dict[str, float] | int:
    """A lower weight costs rate and density and buys variance; the Laplacian is worse in everything; FISTA rateless."""
    if (run.variant, run.repetition) == LOST:
        return 7
    point = dict(run.point)
    density = float(point.get("density", 1.0)) * (1.5 if point.get("kl_weight") == 0.01 else 1)
    fve = 0.1 + 0.2 * density + (0.1 if point.get("kl_weight") == 0.01 else 0) + 0.01 * run.repetition
    rate = 40 * fve
    if run.method == "laplacian_thresh":
        density, fve, rate = density * 1.01, fve - 0.05, rate + 1
    if run.method == "fista":
        density, fve = 1 / float(point.get("penalty", 2)), 0.6
    found = {"density": density, "fve_draw": fve, "mse_draw": 2 * (1 - fve)}
    found |= {"density_best": density, "fve_best": fve, "mse_best": 2 * (1 - fve)}
    return found if run.method == "fista" else {**found, "rate": rate, "rate_se": 0.1}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return plant(tmp_path_factory.mktemp("rates"), STUDY, numbers, {"both": [], "plain": []})


def test_every_run_has_a_row(made: Study, tmp_path: Path) -> None:
    """Of the experiment with knobs: with its place on both, its repetition, and what was measured of it."""
    write("rate_distortion", made.results, tmp_path)
    (table,) = blocks(tmp_path / "rate_distortion.md")
    axes, measured = ("penalty", "KL weight", "Prior density"), ("Rate (nats)", "MSE J=1", "FVE J=1", "Density")
    assert set(table.columns) == {"Method", "Repetition", "Unbeaten", *axes, *measured}
    assert len(table) == 2 * (2 + 2 + 4 + 4)
    long = pd.read_csv(tmp_path / "rate_distortion.csv").set_index(["method", "point", "metric"]).sort_index()
    runs = [run for run in configs.runs(configs.check(STUDY)) if run.experiment == "both"]
    assert len(long) == len(table) * 5
    for run in runs:
        point = {axis: str(value) for axis, value in run.point} | {"repetition": str(run.repetition)}
        found, expected = long.loc[run.method, json.dumps(point)], numbers(run)
        lost = isinstance(expected, int)
        assert (found["diverged"] == lost).all()
        for metric in ("rate", "mse_draw", "fve_draw", "density"):
            value = np.nan if isinstance(expected, int) else expected.get(metric, np.nan)
            assert found.loc[metric, "mean"] == pytest.approx(value, nan_ok=True)
    (row,) = (row for row in table.to_dict("records") if "diverged" in row["Method"])
    assert [row[name] for name in (*axes, "Repetition", *measured)] == ["–", "0.1", "0.2", "1", "–", "–", "–", "–"]
    assert table.loc[table["Method"] == "Thresholded Gaussian", "Unbeaten"].unique().tolist() == ["yes"]
    assert set(table.loc[table["Method"] == "FISTA", "Unbeaten"]) == {"–"}


def test_unbeaten_runs_by_the_definition(made: Study) -> None:
    """Within a repetition, over all methods with a rate: here the Laplacian is beaten and nothing else."""
    (place,) = places(made)
    runs = place.runs.reset_index()
    assert runs.loc[runs["method"] == "fista", "best"].isna().all()
    assert (runs.loc[runs["method"] == "laplacian_thresh", "best"].dropna() == 0).all()
    for _, same in runs.dropna(subset="best").groupby("repetition"):
        assert same["best"].astype(bool).tolist() == efficient(same["rate"], same["mse_draw"], same["density"]).tolist()
    assert (runs.loc[runs["method"] == "gaussian_thresh", "best"] == 1).all()


def test_a_frontier_at_each_weight(made: Study) -> None:
    """Points of two weights are no one curve; FISTA, which has none, and the dense method stand at each."""
    found = frontiers(made)
    assert list(found) == ["both, kl_weight = 0.01", "both, kl_weight = 0.1"]
    for weight, place in zip((0.01, 0.1), found.values(), strict=True):
        assert place.methods() == METHODS
        scale = 1.5 if weight == 0.01 else 1
        assert place.curves("gaussian_thresh")[0].density == pytest.approx([0.05 * scale, 0.2 * scale])
        assert len(place.curves("gaussian")[0].density) == 1
        assert place.curves("fista")[1].density == pytest.approx([1 / 8, 1 / 2])


def test_a_noise_variance_is_a_weight(tmp_path: Path) -> None:
    """A sweep of s² has the frontiers that one of the weights 2 s²/P has."""
    of_variance = {0.08: 0.01, 0.8: 0.1}
    change = {
        "objective": {"noise_variance": [*of_variance]},
        "overrides": {"fista": {"objective": {"kl_weight": 0.01}}},
    }

    def measured(run: configs.Run, _: Any) -> dict[str, float] | int:
        point = [("kl_weight", of_variance[v]) if k == "noise_variance" else (k, v) for k, v in run.point]
        return numbers(configs.Run(run.experiment, run.method, tuple(point), run.repetition))

    study = configs.merge(STUDY, {"experiments": {"both": change, "plain": None}})
    found = frontiers(plant(tmp_path, study, measured, {"both": []}))
    assert list(found) == ["both, noise_variance = 0.08", "both, noise_variance = 0.8"]
    for scale, place in zip((1.5, 1), found.values(), strict=True):
        assert place.curves("gaussian_thresh")[0].density == pytest.approx([0.05 * scale, 0.2 * scale])


def test_figure_shows_every_point(made: Study, tmp_path: Path) -> None:
    write("rates", made.results, tmp_path)
    words = (tmp_path / "rates.svg").read_text()
    for label in ("Gaussian", "Thresholded Gaussian", "Thresholded Laplacian", "density of the code"):
        assert label in words, label
    with mpl.rc_context():
        figure = draw(made)
        (part,) = figure.subfigs
        panels = {axes.get_title(): axes for axes in part.axes if axes.get_title()}
    assert len(panels) == 3  # FISTA has no rate
    # Rates of 5 to 20 nats: on a logarithmic axis a narrow range once had the single tick 10.
    assert {axes.get_xscale() for axes in panels.values()} == {"linear"}
    drawn = np.asarray(panels["Thresholded Gaussian"].collections[0].get_offsets())
    expected = []
    for weight, density in ((w, d) for d in (0.05, 0.2) for w in (0.01, 0.1)):
        point = (("density", density), ("kl_weight", weight))
        runs = [numbers(configs.Run("both", "gaussian_thresh", point, k)) for k in (0, 1)]
        expected.append([np.mean([run[name] for run in runs]) for name in ("rate", "fve_draw")])  # type: ignore[index]
    np.testing.assert_allclose(sorted(drawn.tolist()), sorted(expected))
    said = " ".join(part.get_supxlabel().split())
    assert "Thresholded Laplacian: 1 of 8 runs diverged." in said
    assert "lie below" not in said


def test_figure_keeps_its_scale_where_a_code_is_worse_than_none(tmp_path: Path) -> None:
    def worse(run: configs.Run, spec: Any) -> dict[str, float] | int:
        found = numbers(run, spec)
        return found | {"fve_draw": -5000.0} if run.method == "laplacian_thresh" and isinstance(found, dict) else found

    figure = draw(plant(tmp_path, STUDY, worse, {"both": [], "plain": []}))
    (part,) = figure.subfigs
    assert -0.2 < part.axes[0].get_ylim()[0] < 0.2
    assert "Thresholded Laplacian: points worse than FVE = -0.1 lie below the axis." in part.get_supxlabel()
