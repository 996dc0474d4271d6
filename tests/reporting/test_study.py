"""A study's folder as tables and figures read it: groups, folders and what is said of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from reporting.planted import plant
from vscbench.errors import UserError
from vscbench.files import read_json, write_json
from vscbench.reporting.study import Study, point_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench import config as configs

CONTENT: dict[str, Any] = {
    "study": "known",
    "repetitions": 2,
    "datasets": {
        "patches": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16},
        "pictures": {"kind": "digits", "train": 300, "validation": 50, "test": 50},
    },
    "methods": {"gaussian": {"label": "Dense"}},
    "experiments": {
        "swept": {
            "dataset": "patches",
            "methods": ["gaussian", "gaussian_thresh"],
            "generator": {"latents": [64, 8]},
            "overrides": {"gaussian_thresh": {"threshold": {"estimator": ["straight_through", "published"]}}},
        },
        "deep": {"dataset": "pictures", "methods": ["gaussian"], "generator": {"latents": 20}},
    },
}
AXIS = "threshold.estimator"


def number(run: configs.Run, _: dict[str, Any]) -> dict[str, float] | int:
    """What identifies a run; the dense method's second repetition at 64 latents diverged at step 7."""
    if run.experiment == "swept" and run.point == (("latents", 64),) and run.repetition == 1:
        return 7
    return {"mse_best": float(sum(map(ord, run.name)))}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Study:
    rows = [{"method": "zero_code", "point": {}, "metrics": {"mse_best": 1.0}}]
    return plant(tmp_path_factory.mktemp("known"), CONTENT, number, {"swept": rows})


def test_groups_are_the_points_of_each_experiment(known: Study) -> None:
    assert {group: known.points[group] for group in known.groups_of("swept")} == {
        "swept, latents = 8": {"latents": "8"},
        "swept, latents = 64": {"latents": "64"},
        **{
            f"swept, latents = {k}, {AXIS} = {name}": {"latents": str(k), AXIS: name}
            for k in (8, 64)
            for name in ("published", "straight_through")
        },
    }
    assert known.groups[-1] == "deep"
    assert known.methods("swept, latents = 8") == ["gaussian"]
    assert known.methods("deep", baselines=True) == ["gaussian"]
    assert known.methods("swept", baselines=True) == ["zero_code"]
    assert known.coders == ["gaussian", "gaussian_thresh"]
    assert known.labels == {
        "gaussian": "Dense",
        "gaussian_thresh": "Thresholded Gaussian",
        "zero_code": "All-zero code",
    }


def test_folders_are_those_of_the_index(known: Study) -> None:
    """Every run is found, under its group and method, in the order of the repetitions; its numbers are its own."""
    seen = []
    for group in known.groups:
        for method in known.methods(group):
            for repetition, folder in enumerate(known.runs(group, method)):
                spec = known.spec(folder)
                assert (spec["experiment"], spec["method"]) == (known.experiment[group], method)
                assert spec["repetition"] == repetition
                assert {axis: str(value) for axis, value in spec["point"].items()} == known.points[group]
                if known.completed(folder):
                    name = str(folder.relative_to(known.results / "runs"))
                    assert known.of(group, "mse_best", method)[repetition] == sum(map(ord, name))
                seen.append(folder)
    assert sorted(seen) == sorted(known.results / run["folder"] for run in known.index["runs"])
    assert known.runs("swept", "gaussian") == []


def test_what_the_index_says_of_an_experiment(known: Study) -> None:
    assert [known.linear(group) for group in ("swept, latents = 8", "deep")] == [True, False]
    assert known.setup("deep")["kind"] == "digits"
    assert known.setup("deep")["latents"] == 20
    assert known.samples("deep") == 20


def test_runs_that_diverged_in_words(known: Study) -> None:
    group = "swept, latents = 64"
    assert known.divergences(group) == "Dense: 1 of 2 runs diverged at step 7."
    assert len(known.finished(group, "gaussian")) == 1
    assert known.name(group, "gaussian") == "Dense"
    assert known.divergences("deep") == ""


def test_outcomes_of_several_groups_are_one_line(known: Study) -> None:
    groups = known.groups_of("swept")
    runs = sum(len(known.runs(group, "gaussian")) for group in groups)
    said = known.outcomes(groups)
    assert f"Dense: 1 of {runs} runs diverged." in said
    assert known.outcomes(["deep"]) == ""


def test_experiments_without_methods_of_a_knob_each_stand_side_by_side(known: Study) -> None:
    assert known.side_by_side == known.groups


@pytest.mark.parametrize("point", [{}, {"latents": 64}, {"a=b;c, d": 'x"y', "rate": 1e-05}])
def test_point_as_text_and_back(point: dict[str, Any]) -> None:
    """Whatever an axis is called: nothing is cut at a character."""
    assert point_of(text_of(point)) == {axis: str(value) for axis, value in point.items()}


# ------------------------------------------------------------- folders that are not read


def copied(known: Study, folder: Path) -> Study:
    """The index and the table of a study in another folder."""
    for name in ("study.json", "metrics.csv"):
        (folder / name).write_bytes((known.results / name).read_bytes())
    return Study(folder)


def test_a_folder_without_an_index_is_refused_in_a_line(known: Study, tmp_path: Path) -> None:
    study = copied(known, tmp_path)
    (tmp_path / "study.json").unlink()
    with pytest.raises(UserError, match=r"study\.json is missing: run") as error:
        study.linear("deep")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("version", [None, 1, 99])
def test_an_index_of_another_version_is_refused_in_a_line(known: Study, tmp_path: Path, version: int | None) -> None:
    study = copied(known, tmp_path)
    content = read_json(tmp_path / "study.json")
    write_json(tmp_path / "study.json", {**content, "version": version})
    with pytest.raises(UserError, match="is not of this version of vscbench") as error:
        study.linear("deep")
    assert "\n" not in str(error.value)


def test_a_table_of_another_version_is_refused_in_a_line(known: Study, tmp_path: Path) -> None:
    """It had the columns axis and value_on_axis instead of point."""
    study = copied(known, tmp_path)
    table = pd.read_csv(tmp_path / "metrics.csv").rename(columns={"point": "axis"})
    table.to_csv(tmp_path / "metrics.csv", index=False)
    with pytest.raises(UserError, match="is damaged or of another version") as error:
        _ = study.groups
    assert "\n" not in str(error.value)
