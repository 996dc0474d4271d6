"""Frontiers, their table and their figure, of a study whose operating points are known."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reporting.planted import plant
from vscbench.reporting import write
from vscbench.reporting.frontier import (
    DENSITIES,
    frontiers,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vscbench import config as configs
    from vscbench.reporting.study import Study

    Array = NDArray[np.float64]


# -------------------------------------------------------------------- a study

METHODS: dict[str, Any] = {
    "fista": {"label": "FISTA"},
    "gaussian": {"label": "Gaussian"},
    "gaussian_thresh": {"label": "Fixed"},
    "gaussian_thresh_gamma": {"label": "Learned"},
}
EXPERIMENT: dict[str, Any] = {
    "dataset": "synthetic",
    "methods": list(METHODS),
    "generator": {"latents": 12},
    "density": [0.1, 0.4],
    "overrides": {"fista": {"penalty": [2, 8]}, "gaussian": {"objective": {"kl_weight": [0.1, 0.01]}}},
}
DATASET = {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16}
PLACES = {
    "fista penalty 8": (0.05, 0.5),
    "fista penalty 2": (0.4, 0.8),
    "gaussian kl_weight 0.1": (1.0, 0.3),
    "gaussian kl_weight 0.01": (1.0, 0.45),
    "gaussian_thresh density 0.1": (0.1, 0.2),
    "gaussian_thresh density 0.4": (0.4, 0.4),
    "gaussian_thresh_gamma density 0.1": (0.1, 0.3),
    "gaussian_thresh_gamma density 0.4": (0.4, 0.5),
}
"""Density and FVE of one draw at each operating point, of repetition 0; of repetition k FVE is higher by k/100, or by
2k/100 with a learned threshold."""
PCA = {1: (0.05, 0.1), 2: (0.1, 0.2), 10: (0.5, 0.6)}
NAMES = ("density", "fve_draw", "mse_draw", "density_best", "fve_best", "mse_best", "mse_mean")


def numbers(density: float, fve: float) -> dict[str, float]:
    """The metrics of a code, with a variance of 2; the best of J explains 0.1 more by the same non-zeros."""
    values = (density, fve, 2 * (1 - fve), density, fve + 0.1, 2 * (0.9 - fve), 2 * (1 - fve))
    return dict(zip(NAMES, values, strict=True))


def place_of(run: configs.Run) -> tuple[float, float]:
    """Density and FVE of a run, of a method without operating points those of its first place."""
    said = {f"{run.method} {axis} {value:g}" for axis, value in run.point}
    mine = [place for place in PLACES if place.split()[0] == run.method]
    return PLACES[next((place for place in mine if place in said), mine[0])]


def make(
    folder: Path,
    repetitions: int = 3,
    diverged: tuple[tuple[str, int], ...] = (),
    pca: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> Study:
    """A study that left the numbers of PLACES behind."""
    content = {
        "study": "made",
        "repetitions": repetitions,
        "datasets": {"synthetic": DATASET},
        "methods": METHODS,
        "experiments": {"recovery": EXPERIMENT | changes},
    }

    def metrics(run: configs.Run, _: Any) -> dict[str, float] | int:
        density, fve = place_of(run)
        gain = (2 if "gamma" in run.method else 1) * run.repetition / 100
        return 42 if (run.variant, run.repetition) in diverged else numbers(density, fve + gain)

    rows = [("pca", {"components": count}, numbers(*place)) for count, place in PCA.items()]
    rows = [("zero_code", {}, numbers(0, 0)), *rows]
    for _, _, measures in rows:
        del measures["density_best"]
    baselines = [{"method": method, "point": point, "metrics": measures} for method, point, measures in rows]
    return plant(folder, content, metrics, {"recovery": baselines if pca is None else pca})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make(tmp_path_factory.mktemp("frontier"))


def test_a_frontier_gathers_methods_with_knobs_of_their_own(made: Study) -> None:
    (name,) = found = frontiers(made)
    place = found[name]
    assert name == "recovery"
    assert place.methods() == [*METHODS, "pca"]
    assert len(place.groups) == 6
    assert len(place.points) == 3 * len(PLACES) + len(PCA)
    assert place.common() == (0.1, 0.4)  # PCA and the dense code, which has one density, aside
    assert made.side_by_side == []  # no two methods share a point


def test_methods_with_one_knob_still_stand_side_by_side(tmp_path: Path) -> None:
    study = make(tmp_path, 1, overrides={})
    assert study.side_by_side == study.groups == ["recovery", "recovery, density = 0.1", "recovery, density = 0.4"]


def matched_difference(study: Study, name: str, *pair: str, **at: float | None) -> pd.Series[float]:
    return frontiers(study)[name].difference(*pair, **at)


def test_difference_at_equal_density_by_hand(made: Study) -> None:
    """Learned less fixed is 0.1 everywhere, and 0.01 more in each later repetition."""
    expected = [0.1, 0.11, 0.12]
    for at in (None, 0.1, 0.2, 0.4):
        for code in ("draw", "best"):
            pair = ("gaussian_thresh_gamma", "gaussian_thresh")
            found = matched_difference(made, "recovery", *pair, code, at=at)
            assert found.index.tolist() == [0, 1, 2]
            assert found.tolist() == pytest.approx(expected)
            back = matched_difference(made, "recovery", *reversed(pair), code, at=at)
            assert back.tolist() == pytest.approx([-value for value in expected])


def test_difference_where_slopes_differ(made: Study) -> None:
    """FISTA's frontier is linear in log density from (0.05, 0.5) to (0.4, 0.8): at the middle of the overlap."""
    middle = math.sqrt(0.1 * 0.4)
    fista = 0.5 + 0.3 * math.log(middle / 0.05) / math.log(8)
    for at in (None, middle):
        found = matched_difference(made, "recovery", "gaussian_thresh", "fista", at=at)
        assert found.tolist() == pytest.approx([0.3 - fista] * 3)


def test_pca_stands_beside_every_repetition(made: Study) -> None:
    found = matched_difference(made, "recovery", "gaussian_thresh_gamma", "pca", at=0.1)
    assert found.tolist() == pytest.approx([0.1, 0.12, 0.14])


def test_pca_of_its_own_where_each_repetition_has_data_of_its_own(tmp_path: Path) -> None:
    """Folds: each repetition is compared with the PCA of its own images."""
    rows = [
        {"method": "pca", "point": {"components": count}, "repetition": k, "metrics": numbers(density, fve + 0.05 * k)}
        for k in (0, 1)
        for count, (density, fve) in PCA.items()
    ]
    found = matched_difference(make(tmp_path, 2, pca=rows), "recovery", "gaussian_thresh_gamma", "pca", at=0.1)
    assert found.to_dict() == pytest.approx({0: 0.1, 1: 0.12 - 0.05})


def test_densities_that_never_meet_are_not_compared(made: Study) -> None:
    assert matched_difference(made, "recovery", "gaussian", "gaussian_thresh").empty
    assert matched_difference(made, "recovery", "gaussian", "gaussian_thresh", at=0.2).empty
    assert matched_difference(made, "recovery", "fista", "gaussian_thresh", at=0.05).empty
    assert matched_difference(made, "recovery", "no_such_method", "fista").empty


def test_a_run_that_diverged_narrows_its_repetition_alone(tmp_path: Path) -> None:
    study = make(tmp_path, diverged=(("gaussian_thresh__density-0.4", 1),))
    found = matched_difference(study, "recovery", "gaussian_thresh_gamma", "gaussian_thresh")
    assert found.to_dict() == pytest.approx({0: 0.1, 2: 0.12})
    write("matched_density", tmp_path, tmp_path)
    assert "| Fixed (1 diverged) " in (tmp_path / "matched_density.md").read_text()


def test_each_setting_has_its_frontier(tmp_path: Path) -> None:
    """Reference codes are of the largest number of latents."""
    study = make(tmp_path, 1, generator={"latents": [8, 20]})
    found = frontiers(study)
    assert list(found) == ["recovery, latents = 8", "recovery, latents = 20"]
    assert [place.methods()[-1] for place in found.values()] == ["gaussian_thresh_gamma", "pca"]
    pair = ("gaussian_thresh_gamma", "gaussian_thresh")
    for name in found:
        assert matched_difference(study, name, *pair).tolist() == pytest.approx([0.1])


# -------------------------------------------------------------------- table and figure


def test_table_by_hand(made: Study, tmp_path: Path) -> None:
    write("matched_density", made.results, tmp_path)
    long = pd.read_csv(tmp_path / "matched_density.csv").set_index(["method", "metric"])
    assert "Areas over densities 0.1 to 0.4 (one draw)" in (tmp_path / "matched_density.md").read_text()
    fixed = long.loc["gaussian_thresh"]
    for metric, mean, deviation in (
        ("frontier_area_draw", 0.3, 0.01),
        ("frontier_area_best", 0.4, 0.01),
        ("frontier_fve_at_0.1", 0.2, 0.01),
        ("frontier_fve_at_0.2", 0.3, 0.01),
        ("frontier_mse_at_0.1", 1.6, -0.02),
        ("frontier_fve_highest", 0.4, 0.01),
        ("frontier_density_highest", 0.4, 0),
    ):
        assert fixed.loc[metric, "mean"] == pytest.approx(mean + deviation), metric  # of repetition 1
        assert fixed.loc[metric, "sd"] == pytest.approx(abs(deviation)), metric
        assert fixed.loc[metric, "n"] == 3
    assert fixed.loc["frontier_fve_at_0.05", "n"] == 0
    learned = long.loc[("gaussian_thresh_gamma", "frontier_difference_draw")]
    differences = matched_difference(made, "recovery", "gaussian_thresh_gamma", "fista")
    assert (learned["mean"], learned["low"], learned["high"]) == pytest.approx(
        (differences.mean(), *(interval := stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))))
    )
    assert interval[0] < differences.min() < differences.max() < interval[1]  # of three their range covers 75 %
    dense = long.loc["gaussian"]
    assert dense.loc["frontier_fve_highest", "mean"] == pytest.approx(0.46)
    assert (dense.loc[[f"frontier_fve_at_{d:g}" for d in DENSITIES], "n"] == 0).all()
    pca = long.loc["pca"]
    assert pca.loc["frontier_fve_at_0.1", "mean"] == pytest.approx(0.2)
    alone = [metric for metric in pca.index if "difference" not in metric]
    assert pca.loc[alone, "sd"].isna().all()
    shown = (tmp_path / "matched_density.md").read_text().splitlines()
    (line,) = (line for line in shown if line.startswith("| Learned "))
    assert f" [{interval[0]:.4f}, {interval[1]:.4f}] |" in line


def test_one_repetition_has_no_interval(tmp_path: Path) -> None:
    make(tmp_path, 1)
    write("matched_density", tmp_path, tmp_path)
    long = pd.read_csv(tmp_path / "matched_density.csv")
    assert long["low"].isna().all()
    assert "[" not in (tmp_path / "matched_density.md").read_text().split("|:", maxsplit=1)[1]


def test_figure_shows_points_frontiers_and_references(made: Study, tmp_path: Path) -> None:
    write("frontier", made.results, tmp_path)
    words = (tmp_path / "frontier.svg").read_text()
    for label in ("FISTA", "Gaussian", "Fixed", "Learned", "All-zero code", "PCA, fewer components"):
        assert f">{label}<" in words, label
    figure = import_module("vscbench.reporting.figures.frontier").draw(made)
    left, right = figure.subfigs[0].axes if figure.subfigs else figure.axes
    assert left.get_title() == "One draw"
    assert right.get_title() == "Best of 20 draws, an oracle"
    lines = [np.asarray(line.get_data(), dtype=float) for line in left.lines]
    drawn = {tuple(np.round(x, 6)): y for x, y in lines}
    assert drawn[0.05, 0.4] == pytest.approx([0.51, 0.81])  # FISTA, mean over three seeds
    assert drawn[0.05, 0.1, 0.5] == pytest.approx([0.1, 0.2, 0.6])  # PCA


def test_figure_says_which_points_lie_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLACES, "gaussian_thresh density 0.1", (0.1, -8.0))
    study = make(tmp_path, 1)
    figure = import_module("vscbench.reporting.figures.frontier").draw(study)
    (part,) = figure.subfigs
    assert "Points worse than FVE = -0.1 lie below the axis: Fixed." in " ".join(part.get_supxlabel().split())
    assert -0.2 < part.axes[0].get_ylim()[0] < 0


def test_study_without_operating_points_says_so(tmp_path: Path) -> None:
    study = make(tmp_path, 1, density=0.1, overrides={})
    figure = import_module("vscbench.reporting.figures.frontier").draw(study)
    assert [text.get_text() for text in figure.texts] == ["no method has several operating points"]
    write("matched_density", tmp_path, tmp_path)
    assert "No experiment has these numbers." in (tmp_path / "matched_density.md").read_text()
    assert pd.read_csv(tmp_path / "matched_density.csv").empty
