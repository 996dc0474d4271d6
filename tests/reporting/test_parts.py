"""What a part of a protocol gains: differences of runs that share seed and data, by table and figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reporting.planted import plant
from vscbench import config as configs
from vscbench.errors import UserError
from vscbench.reporting import available_outputs, write
from vscbench.reporting.figures import effects
from vscbench.reporting.tables.parts import changes

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.study import Study

EXPERIMENT = {"dataset": "patches", "methods": ["gaussian", "laplacian"], "generator": {"latents": 8}}
STUDY: dict[str, Any] = {
    "study": "parts",
    "repetitions": 3,
    "datasets": {
        "patches": {"kind": "synthetic", "train": 60, "validation": 30, "test": 30, "pixels": 16, "latents": 16}
    },
    "experiments": {
        "strong": EXPERIMENT,
        "no_clipping": EXPERIMENT | {"differs_from": "strong", "methods": ["gaussian"]},
        "other": EXPERIMENT,
        "short": EXPERIMENT | {"differs_from": "strong"},
    },
}
LEVEL = {"strong": 0.5, "no_clipping": 0.2, "other": 0.9, "short": 0.4}
MOVED = (0.0, 0.03, 0.06)
"""Of the repetitions where a part is changed; what repetitions have in common is ten times as much."""


def numbers(run: configs.Run, _: dict[str, Any]) -> dict[str, float] | int:
    if (run.experiment, run.method, run.repetition) == ("short", "laplacian", 0):
        return 7
    part = run.experiment != "strong"
    return {"fve_draw": LEVEL[run.experiment] + part * MOVED[run.repetition] + 0.3 * run.repetition, "density": 0.1}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return plant(tmp_path_factory.mktemp("parts"), STUDY, numbers, {name: [] for name in LEVEL})


def test_only_what_says_so_is_compared(made: Study) -> None:
    assert {of: [(each.group, each.method) for each in found] for of, found in changes(made).items()} == {
        "strong": [
            ("strong", "gaussian"),
            ("no_clipping", "gaussian"),
            ("short", "gaussian"),
            ("strong", "laplacian"),
            ("short", "laplacian"),
        ]
    }
    assert {"parts", "effects"} <= set(available_outputs(made.index))
    alone = configs.index(configs.check(STUDY | {"experiments": {"strong": EXPERIMENT}}))
    assert not {"parts", "effects"} & set(available_outputs(alone))


def test_changes_are_of_runs_that_share_their_seed(made: Study, tmp_path: Path) -> None:
    """What repetitions have in common falls out of mean and interval, and a lost run out of its pair alone."""
    write("parts", made.results, tmp_path)
    long = pd.read_csv(tmp_path / "parts.csv").set_index(["experiment", "method", "metric"])
    row = long.loc[("no_clipping", "gaussian", "fve_draw_change")]
    reach = stats.t.ppf(0.975, 2) * 0.03 / np.sqrt(3)
    assert row["mean"] == pytest.approx(-0.27)
    assert (row["low"], row["high"]) == pytest.approx((-0.27 - reach, -0.27 + reach))
    assert long.loc[("strong", "gaussian", "fve_draw_change"), "n"] == 0
    lost = long.loc[("short", "laplacian", "fve_draw_change")]
    assert (lost["n"], lost["diverged"], lost["mean"]) == (2, 1, pytest.approx(-0.1 + 0.045))
    page = (tmp_path / "parts.md").read_text()
    assert "| Laplacian (1 diverged) |       short |" in page
    assert "other" not in page.partition("|")[2]


def test_figure_has_a_mark_for_each_change(made: Study) -> None:
    figure = effects.draw(made)
    axes = next(each for each in figure.axes if each.get_title() == effects.PANELS["fve_draw"])
    marks = [np.asarray(line.get_xdata())[0] for line in axes.lines if line.get_marker() not in ("None", "")]
    assert marks == pytest.approx([-0.27, -0.07, -0.055])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no clipping", "short"]


def test_another_experiment_is_wanted() -> None:
    for name in ("strnog", "short"):
        content = STUDY | {"experiments": STUDY["experiments"] | {"short": EXPERIMENT | {"differs_from": name}}}
        with pytest.raises(UserError, match=rf"experiments\.short\.differs_from: there is no other experiment {name}"):
            configs.check(content)
