"""The shipped metrics of the paper's Table 1 at its full budget, and the page that quotes them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vscbench import config, reference
from vscbench.reference.figure import PANELS, draw
from vscbench.reference.protocol import beside_solver, long_runs, parts
from vscbench.reporting.study import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

ROOT = Path(__file__).parents[2]
PAGES = {"docs/published.md": "0.8655 ±", "docs/reproduction.md": "-8.15 [", "docs/protocol.md": "0.87 [0.79"} | {
    "docs/leaderboard.md": "0.662 [0.594"
}
"""Pages with tables of reference runs, and a number of each."""


def check(page: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "vscbench.reference", page]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "number"), PAGES.items())
def test_page_says_what_was_measured(tmp_path: Path, name: str, number: str) -> None:
    assert check(ROOT / name).returncode == 0
    page = (ROOT / name).read_text(encoding="utf-8")
    assert number in page
    (wrong := tmp_path / "page.md").write_text(page.replace(number, f"9{number}"), encoding="utf-8")
    found = check(wrong)
    assert found.returncode == 1
    assert "differ" in found.stdout


def test_every_run_of_the_study_at_every_budget() -> None:
    """All repetitions of all methods that config/published.yaml trains at J = 20, to its last step."""
    study = config.load([ROOT / reference.provenance()["study"]])
    runs = [run for run in config.runs(study) if run.experiment == reference.provenance()["experiment"]]
    training = config.run_spec(study, runs[0])["training"]
    steps = training["epochs"] * study.datasets["olshausen_leaky"]["train"] // training["batch_size"]
    expected = {(r.method, r.repetition, round(steps * s)) for r in runs for s in (0.01, 0.03, 0.1, 0.3, 1)}
    table = reference.published()
    assert set(table[["method", "repetition", "step"]].itertuples(index=False, name=None)) == expected
    assert len(table) == len(expected)


@pytest.mark.parametrize(("name", "table"), [("matched_density", long_runs), ("ablation_protocol", parts)])
def test_every_run_of_the_protocols_studies(name: str, table: Callable[[], pd.DataFrame]) -> None:
    """Every run that came to its end, and as many missing as are said to have diverged."""
    study = config.load([ROOT / reference.provenance(name)["study"]])
    planned = {(run.experiment, run.method, text_of(dict(run.point)), run.repetition) for run in config.runs(study)}
    shipped = table()[["experiment", "method", "point", "repetition"]].itertuples(index=False, name=None)
    missing = planned - {
        (experiment, method, text_of(json.loads(point)), k) for experiment, method, point, k in shipped
    }
    assert len(missing) == reference.provenance(name)["diverged"]
    assert len(planned) == len(table()) + len(missing)


def test_every_coder_of_the_leaderboard() -> None:
    """Of each experiment that is said to be shipped: with as many runs as the study has, in every column once."""
    said = reference.provenance("leaderboard")
    study = config.load([ROOT / said["study"]])
    table = reference.leaderboard()
    assert table is not None
    planned = Counter((run.experiment, run.method) for run in config.runs(study) if run.experiment in said["setups"])
    shipped = table.groupby(["experiment", "method"])["runs"].agg(["min", "max"])
    assert {key: (n, n) for key, n in planned.items()} == dict(
        zip(shipped.index, shipped.itertuples(index=False, name=None), strict=True)
    )
    assert not table.duplicated(["experiment", "method", "column"]).any()


def test_share_is_read_on_the_curve_of_the_solver() -> None:
    """By hand: FISTA's points of fold 0 at densities 0.0843 and 0.150, the nearest to the run of the spike-and-slab."""
    runs = beside_solver().set_index(["method", "repetition"])
    table = long_runs().set_index(["method", "repetition"])
    low, high = table.loc[("fista", 0)].sort_values("density").iloc[[1, 2]].itertuples()
    run = runs.loc[("spike_slab", 0)]
    weight = math.log(run["density"] / low.density) / math.log(high.density / low.density)
    assert run["share"] == pytest.approx(run["fve_draw"] / (low.fve_draw + weight * (high.fve_draw - low.fve_draw)))
    assert runs.loc["fista", "share"].to_numpy() == pytest.approx(1)


def test_measures_agree_with_each_other() -> None:
    """Identities that no rounding or shuffled row would leave standing."""
    table = reference.published()
    for code in ("draw", "mean", "best"):
        variance = table[f"mse_{code}"] / (1 - table[f"fve_{code}"])  # that of the test patches, whatever the run
        assert variance.max() - variance.min() < 1e-4
    posteriors = table[table["method"] != "fista"]
    above = posteriors["elbo"] - posteriors["empty_model/elbo"]
    assert above.tolist() == pytest.approx(posteriors["elbo_above_empty"].tolist(), abs=2e-3)
    zero = 0.5 * 256 * table["zero_code/mse_draw"]
    assert (table["lasso20_fista"] <= zero + 1e-2).all()
    assert table.loc[table["method"] == "fista", "support_decided"].eq(100).all()


def test_figure_has_a_line_for_each_method() -> None:
    panels = draw().axes
    assert [panel.get_title() for panel in panels] == list(PANELS.values())
    table = reference.published()
    for panel, metric in zip(panels, PANELS, strict=True):
        shown = table[table[metric] > 0] if panel.get_yscale() == "log" else table.dropna(subset=metric)
        assert sum(len(line.get_xdata()) == 5 for line in panel.lines) == shown["method"].nunique()


def test_verdicts_are_those_of_the_study() -> None:
    """Twelve claims as stated, each with the number of repetitions that its study announces, or less what diverged."""
    table = reference.claims()
    stated = table[table["reading"] == "stated"]
    assert sorted(stated["claim"].unique()) == list(range(1, 13))
    assert stated.groupby("claim")["verdict"].nunique().eq(1).all()
    study = config.load([ROOT / reference.provenance("claims")["study"]])
    announced = {experiment.repetitions or study.repetitions for experiment in study.experiments.values()}
    measured = stated.loc[stated["effect"].notna(), "repetitions"]
    assert measured.between(5, max(announced)).all()
    shown = reference.verdicts(table)
    assert shown["Verdict"].tolist() == [f"**{word}**" for word in stated.groupby("claim")["verdict"].first()]
