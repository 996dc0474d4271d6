"""The leaderboard from studies whose numbers are known."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from reporting.planted import plant
from vscbench import reference
from vscbench.files import read_json, write_json
from vscbench.reporting import available_outputs, write
from vscbench.reporting.figures.leaderboard import draw
from vscbench.reporting.leaderboard.advice import advice, listed
from vscbench.reporting.leaderboard.board import boards, kind_of
from vscbench.reporting.leaderboard.columns import SCORES
from vscbench.reporting.leaderboard.page import write_leaderboard
from vscbench.reporting.leaderboard.ranking import BEST, TIED, WORSE
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vscbench import config as configs
    from vscbench.reporting.leaderboard.board import Board, Coder

METHODS: dict[str, Any] = {
    "fista": {"label": "FISTA <lasso>"},
    "topk": {},
    "batch_topk": {},
    "spike_slab": {"label": "Spikes"},
    "gaussian": {},
}
LEVEL = {"fista": 0.7, "topk": 0.69, "batch_topk": 0.5, "spike_slab": 0.3}
"""FVE at a density of 10 %; at others it is higher by a fifth of log₁₀(density/0.1)."""
NOISE = (-0.02, 0.01, 0.0, -0.01, 0.02)
"""Of FVE, by repetition: five numbers with a standard deviation of √2.5/100."""
BOUND = {"spike_slab": -110.0, "gaussian": -108.0}
SECONDS = {"fista": 1e-3, "topk": 2e-6, "batch_topk": 3e-6, "spike_slab": 4e-6, "gaussian": 1e-6}


def fve(method: str, density: float, repetition: int) -> float:
    if method == "gaussian":
        return 0.9 + NOISE[repetition]
    return LEVEL[method] + 0.2 * math.log10(density / 0.1) + NOISE[repetition]


def make(folder: Path, lost: Callable[[configs.Run], bool] | None = None, **changes: Any) -> Study:
    """Five coders of five repetitions.

    Args:
        folder: where the results go.
        lost: which runs diverged.
        changes: of the experiment.
    """

    def metrics(run: configs.Run, spec: dict[str, Any]) -> dict[str, float] | int:
        if lost and lost(run):
            return 42
        coder = spec["coder"]
        density = (
            1.0 if run.method == "gaussian" else 0.4 / coder["penalty"] if run.method == "fista" else coder["density"]
        )
        found = fve(run.method, density, run.repetition)
        numbers = dict.fromkeys(("fve_draw", "fve_best"), found) | {"mse_draw": 1 - found, "mse_best": 1 - found}
        numbers |= {
            "zero_code/mse_draw": 1.0,
            "density": density,
            "density_best": density,
            "cost_seconds_1000": SECONDS[run.method],
        }
        if run.method in BOUND:
            numbers |= {"elbo_fitted": BOUND[run.method] + NOISE[run.repetition], "rate": 10 * density}
        return numbers

    experiment = {
        "dataset": "photographs",
        "methods": list(METHODS),
        "generator": {"latents": 12},
        "evaluation": {"cost": True},
        "density": [0.04, 0.08, 0.25],
        "overrides": {"fista": {"penalty": [1, 2, 5, 10]}},
    }
    content = {
        "study": "made",
        "repetitions": 5,
        "datasets": {
            "photographs": {
                "kind": "synthetic",
                "train": 210,
                "validation": 30,
                "test": 30,
                "pixels": 16,
                "latents": 16,
            }
        },
        "methods": METHODS,
        "experiments": {"photographs": experiment | changes},
    }
    row = {"density": 0.1, "fve_draw": 0.6, "mse_draw": 0.4, "fve_best": 0.6, "mse_best": 0.4}
    rows = [{"method": "pca", "point": {"components": 1}, "metrics": row}]
    return plant(folder, content, metrics, {"photographs": rows})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make(tmp_path_factory.mktemp("leaderboard"))


@pytest.fixture(scope="module")
def board(made: Study) -> Board:
    (only,) = boards(made)
    return only


def by_name(board: Board) -> dict[str, Coder]:
    return {coder.method: coder for coder in board.coders}


# -------------------------------------------------------------------------- numbers


def test_numbers_are_read_at_equal_density(board: Board) -> None:
    """FVE is linear in log density here, and so is what stands between the operating points."""
    for method in ("topk", "batch_topk", "spike_slab"):
        for density in (0.05, 0.1, 0.2):
            cell = by_name(board)[method].cells[f"fve_{100 * density:g}"]
            assert cell.standing.mean == pytest.approx(fve(method, density, 2))
            assert cell.density is None
    half = 2.7764451 * math.sqrt(2.5) / 100 / math.sqrt(5)  # Student's quantile of 4 degrees of freedom
    standing = by_name(board)["topk"].compared
    assert standing is not None
    assert (standing.low, standing.high) == pytest.approx((0.69 - half, 0.69 + half))


def test_nothing_is_read_beyond_the_operating_points(board: Board) -> None:
    """A dense code has no FVE at 10 %: its own stands there, unranked; bound and times are ranked all the same."""
    dense = by_name(board)["gaussian"]
    assert dense.compared is None
    assert dense.cells["fve_10"].density == 1
    assert dense.cells["fve_10"].standing.mean == pytest.approx(0.9)
    assert dense.cells["fve_10"].standing.rank == 0
    assert "fve_5" not in dense.cells
    assert dense.cells["bound"].standing.place == BEST
    assert dense.cells["cost_1000"].standing.rank == 1
    assert "fve_5" in by_name(board)["fista"].cells


def test_coders_are_sorted_and_ranked(board: Board) -> None:
    assert [coder.method for coder in board.coders] == ["fista", "topk", "batch_topk", "spike_slab", "gaussian"]
    compared = [coder.compared for coder in board.coders if coder.compared]
    assert [(each.rank, each.first, each.last) for each in compared] == [(1, 1, 2), (2, 1, 2), (3, 3, 3), (4, 4, 4)]
    assert [each.place for each in compared] == [BEST, TIED, WORSE, WORSE]
    assert board.pca == pytest.approx(0.6)


def test_columns_that_nothing_measured_are_left_out(board: Board) -> None:
    assert [score.name for score in board.scores] == ["fve_5", "fve_10", "fve_20", "bound", "rate", "cost_1000"]
    assert by_name(board)["spike_slab"].cells["rate"].standing.rank == 0
    assert len({score.name for score in SCORES}) == len({score.header for score in SCORES}) == len(SCORES)


def test_a_time_is_not_below_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Student's interval of numbers that differ a lot may start there; it ends where the quantity does."""
    monkeypatch.setattr("reporting.test_leaderboard.SECONDS", Jumping())
    (found,) = boards(make(tmp_path))
    assert by_name(found)["topk"].cells["cost_1000"].standing.low == 0


class Jumping(dict[str, float]):
    """A number that is a hundred times as high every fifth time."""

    def __missing__(self, method: str) -> float:
        self.count = getattr(self, "count", 0) + 1
        return 1e-4 if self.count % 5 == 0 else 1e-6


def test_one_point_whose_density_is_that_of_the_column_counts(tmp_path: Path) -> None:
    """k of K latents, as the mean of a batch in single precision, is that share of them."""
    (found,) = boards(make(tmp_path, density=0.1, methods=["fista", "topk"]))
    assert by_name(found)["topk"].compared is not None
    (off,) = boards(make(tmp_path / "off", density=0.12, methods=["fista", "topk"]))
    assert by_name(off)["topk"].compared is None
    assert by_name(off)["topk"].cells["fve_10"].density == pytest.approx(0.12)


def test_repetitions_that_are_folds_are_paired(tmp_path: Path) -> None:
    """The noise is that of the fold, the same of all: a coder that is worse by little is so on each."""

    def p(study: Study) -> float:
        (found,) = boards(study)
        second = by_name(found)["topk"].compared
        assert second
        return second.p

    study = make(tmp_path, density=[0.04, 0.09, 0.25])
    assert p(study) > 0.1
    # As large a difference, but one that varies a little between folds.
    table = pd.read_csv(tmp_path / "metrics.csv")
    mine = (table["method"] == "topk") & (table["metric"] == "fve_draw")
    table.loc[mine, "value"] += 1e-3 * (table.loc[mine, "repetition"] % 2)
    table.to_csv(tmp_path / "metrics.csv", index=False)
    assert p(Study(tmp_path)) > 0.1
    index = read_json(tmp_path / "study.json")
    index["experiments"]["photographs"]["folds"] = 5
    write_json(tmp_path / "study.json", index)
    assert p(Study(tmp_path)) < 1e-3


def test_what_diverged_stays_and_is_not_recommended(tmp_path: Path) -> None:
    (some,) = boards(
        make(
            tmp_path / "some",
            lambda run: run.method == "fista" and run.repetition < 2 and dict(run.point)["penalty"] == 10,
        )
    )
    coder = by_name(some)["fista"]
    assert (coder.diverged, coder.runs) == (2, 20)
    said = advice(some)
    assert said.startswith("Use TopK: ")
    assert "FISTA <lasso> explains 0.700 [" in said
    assert "but 2 of its 20 runs diverged; every other coder with codes that dense is significantly worse" in said
    (all_lost,) = boards(make(tmp_path / "all", lambda run: run.method == "topk"))
    assert all_lost.coders[-1].method == "topk"
    lost = by_name(all_lost)["topk"]
    assert (lost.diverged, lost.runs, lost.cells) == (15, 15, {})


def test_who_learnt_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVEL, "spike_slab", 0.06)
    (found,) = boards(make(tmp_path))
    learnt = [fve("spike_slab", density, k) > 0 for density in (0.04, 0.08, 0.25) for k in range(5)]
    assert by_name(found)["spike_slab"].nothing == learnt.count(False) > 0


def test_a_study_without_sparse_coders_has_no_board(tmp_path: Path) -> None:
    study = make(tmp_path, methods=["gaussian"])
    assert boards(study) == []
    write_leaderboard(study.results, tmp_path)
    assert "No experiment has these numbers." in (tmp_path / "leaderboard.html").read_text()
    assert pd.read_csv(tmp_path / "leaderboard.csv").empty


def test_kinds_are_those_of_the_classes() -> None:
    expected = {"omp": "solver", "lista": "solver", "gated": "autoencoder", "entropy_bound": "variational"}
    assert {family: kind_of(family) for family in expected} == expected
    assert kind_of("nowhere_at_all:Coder") == "other"


# --------------------------------------------------------------------------- advice


def test_the_sentence_answers_the_question(board: Board) -> None:
    assert advice(board) == (
        "Use FISTA <lasso>: at 10 % density one draw explains 0.700 [0.680, 0.720] of the variance; not significantly "
        "different is TopK, and the cheapest of these is TopK, 2 µs a code of 1,000; the best variational coder is "
        "Spikes, 0.300 [0.280, 0.320]; by the evidence bound the best is Gaussian, -108.000 [-108.020, -107.980] nats."
    )


def test_the_sentence_where_there_is_nothing_to_recommend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (dense,) = boards(make(tmp_path / "dense", density=0.3, methods=["topk", "gaussian"]))
    assert advice(dense).startswith("No coder has operating points on both sides of 10 % density")
    assert "`density: [0.03, 0.1, 0.3]`" in advice(dense)
    for method in LEVEL:
        monkeypatch.setitem(LEVEL, method, -0.5)
    (bad,) = boards(make(tmp_path / "bad"))
    assert advice(bad).startswith("At 10 % density no coder explains more than the all-zero code")


def test_the_sentence_tells_what_was_not_compared(tmp_path: Path) -> None:
    (found,) = boards(make(tmp_path, overrides={"fista": {"penalty": [6, 8]}, "spike_slab": {"density": [0.2, 0.3]}}))
    said = advice(found)
    assert "no variational coder has such codes" in said
    assert said.endswith("not compared for want of such codes: FISTA <lasso> and Spikes.")


def test_lists_are_read_as_english() -> None:
    assert [listed(words) for words in (["A"], ["A", "B"], ["A", "B", "C"])] == ["A", "A and B", "A, B and C"]


# ----------------------------------------------------------------------------- page


@pytest.fixture(scope="module")
def page(made: Study) -> str:
    write_leaderboard(made.results, made.results)
    return (made.results / "leaderboard.html").read_text()


def test_the_csv_has_every_number(made: Study, board: Board, page: str) -> None:
    assert page
    rows = pd.read_csv(made.results / "leaderboard.csv").to_dict("records")
    table = {(row["method"], row["column"]): row for row in rows}
    assert len(table) == len(rows) == sum(len(coder.cells) for coder in board.coders)
    row = table["topk", "fve_10"]
    assert (row["rank"], row["rank_low"], row["rank_high"], row["place"]) == (2, 1, 2, TIED)
    assert (row["mean"], row["density"], row["n"], row["kind"]) == (pytest.approx(0.69), 0.1, 5, "autoencoder")
    assert table["gaussian", "fve_10"]["density"] == 1
    assert math.isnan(table["gaussian", "fve_10"]["rank"])


def test_the_page_needs_nothing_beside_it(page: str) -> None:
    assert not re.findall(r"""(?:src|href)=|@import|url\(""", page)
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page


def test_the_page_shows_numbers_ranks_and_marks(page: str, board: Board) -> None:
    assert "FISTA &lt;lasso&gt;" in page
    assert "<lasso>" not in page
    cells = re.findall(r'<td class="number ([\w ]*)" data-value="([^"]+)">', page)
    assert len(cells) == sum(len(coder.cells) for coder in board.coders)
    assert ("best", "0.7") in [(kind.strip(), value[:3]) for kind, value in cells]
    assert "rank 2 (1 to 2)" in page
    assert "at 100 %" in page


def test_every_column_says_what_it_cannot_see(page: str, board: Board) -> None:
    for score in board.scores:
        blind = score.blind.replace("'", "&#39;")
        assert page.count(f"Cannot see: {blind}.") >= 2  # in the title of its head, and beneath the table


def test_reference_runs_stand_beside_the_coders(made: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a leaderboard is shipped, by the kind of the data: here that of the same study, which says the same."""
    monkeypatch.setattr(reference, "HERE", tmp_path)
    write_leaderboard(made.results, tmp_path)
    assert "Reference" not in (tmp_path / "leaderboard.html").read_text()
    write_leaderboard(made.results, tmp_path / "again")
    page = (tmp_path / "again/leaderboard.html").read_text()
    (second,) = re.findall(
        r'rank 2 \(1 to 2\)</span></td>.*?<td class="number own">([^<]*, rank [^<]*)</td>',
        page[: page.index("</tbody>")],
        re.DOTALL,
    )[:1]
    assert second.startswith("0.69")
    other = pd.read_csv(tmp_path / "leaderboard.csv").assign(data="faces")
    other.to_csv(tmp_path / "leaderboard.csv", index=False)
    write_leaderboard(made.results, tmp_path / "again")
    assert "Reference" not in (tmp_path / "again/leaderboard.html").read_text()


# --------------------------------------------------------------------------- figures


def test_quality_is_set_against_time_where_codes_are_timed(made: Study, tmp_path: Path) -> None:
    assert {"leaderboard", "quality_seconds"} <= set(available_outputs(made.index))
    untimed = available_outputs(make(tmp_path, evaluation={}).index)
    assert "leaderboard" in untimed
    assert "quality_seconds" not in untimed


@pytest.mark.parametrize("name", ["leaderboard", "quality_seconds"])
def test_figures_name_every_coder(made: Study, tmp_path: Path, name: str) -> None:
    write(name, made.results, tmp_path)
    drawn = (tmp_path / f"{name}.svg").read_text()
    for label in ("TopK", "BatchTopK", "Spikes", "Gaussian", "FISTA"):
        assert label in drawn
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_names_of_few_coders_stand_apart(tmp_path: Path) -> None:
    figure = draw(make(tmp_path, methods=["topk", "gaussian", "fista"]))
    figure.canvas.draw()
    (axes,) = figure.get_axes()
    boxes = sorted((label.get_window_extent() for label in axes.get_yticklabels()), key=lambda box: box.y0)
    assert len(boxes) == 3
    for below, above in itertools.pairwise(boxes):
        assert below.y1 < above.y0


def test_a_coder_without_a_mark_says_why(tmp_path: Path) -> None:
    figure = draw(make(tmp_path, lambda run: run.method == "topk"))
    figure.canvas.draw()
    (axes,) = figure.get_axes()
    (said,) = [text for text in axes.texts if text.get_text() == "15 of 15 runs diverged"]
    box, inside = said.get_window_extent(), axes.get_window_extent()
    assert inside.x0 <= box.x0 < box.x1 <= inside.x1
    assert inside.y0 <= box.y0 < box.y1 <= inside.y1
