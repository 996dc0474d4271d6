"""The leaderboard as a page of HTML and as a CSV."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vscbench.files import write_text
from vscbench.reporting.formats import NOTHING, webpage
from vscbench.reporting.inference import ALPHA
from vscbench.reporting.leaderboard.advice import advice
from vscbench.reporting.leaderboard.board import KINDS, Board, Cell, Coder, boards
from vscbench.reporting.leaderboard.columns import AT, SCORES
from vscbench.reporting.leaderboard.ranking import BEST, TIED
from vscbench.reporting.numbers import MISSING, figures_of
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path

TITLE = "Which sparse coder should I use?"
COLUMNS = (
    "experiment",
    "data",
    "method",
    "label",
    "kind",
    "column",
    "metric",
    "density",
    "mean",
    "low",
    "high",
    "n",
    "rank",
    "rank_low",
    "rank_high",
    "place",
    "p",
    "runs",
    "diverged",
    "learnt_nothing",
)
HOW = (
    f"Coders are compared where their codes are equally dense: every number is read at {100 * AT:g} % of the latents "
    "active, or at the density that the column names, linear in log density between the operating points of a coder, "
    "never beyond them. A coder without codes that dense shows the number at the density of its nearest operating "
    "point, in grey and unranked (bound and times are ranked whatever the density). Below a mean stands its 95 % "
    "interval over repetitions, Student's, and its rank with a 95 % interval: one below the number of coders that are "
    "significantly better to one above those that are worse. Bold is the best, ≈ what is not significantly different "
    f"from it: Welch's test, paired where repetitions are folds of the data, Holm's correction at {100 * ALPHA:g} %. "
    "A coder that diverged is ranked by the runs that ended, and is not recommended. Coders marked (shipped) were not "
    "run here: their runs come with the package, trained on the same data by a generator of the same size for the "
    "leaderboard of docs/leaderboard.md, without times, which are those of a machine."
)


def mean(cell: Cell) -> str:
    """The mean, to the second digit of the half width of its interval."""
    standing, factor = cell.standing, cell.score.factor
    return f"{factor * standing.mean:{_form(cell)}}"


def between(cell: Cell) -> str:
    """'0.50 to 0.52', or nothing of a single repetition."""
    standing, factor = cell.standing, cell.score.factor
    if math.isnan(standing.low):
        return ""
    return f"{factor * standing.low:{_form(cell)}} to {factor * standing.high:{_form(cell)}}"


def _form(cell: Cell) -> str:
    standing, factor = cell.standing, cell.score.factor
    return figures_of(factor * standing.mean, factor * (standing.high - standing.low) / 2)


def rank(cell: Cell) -> str:
    """'2 (1 to 4)', '1' where its interval has no other rank, or nothing where nothing is ranked."""
    at = cell.standing
    if not at.rank:
        return ""
    return f"{at.rank} ({at.first} to {at.last})" if at.last > at.first else f"{at.rank}"


def fewer(cell: Cell, board: Board) -> str:
    """'n = 2' of a coder that has fewer repetitions in a column than another."""
    most = max(
        coder.cells[cell.score.name].standing.repetitions for coder in board.coders if cell.score.name in coder.cells
    )
    return f"n = {cell.standing.repetitions}" if cell.standing.repetitions < most else ""


def sign(cell: Cell) -> str:
    """What marks the best and those that cannot be told from it, as a class of the page."""
    return {BEST: "best", TIED: "tied"}.get(cell.standing.place, "")


def outcomes(coder: Coder) -> list[str]:
    """What became of runs that did not do what they were to."""
    said = []
    if coder.diverged:
        said.append(f"{coder.diverged} of {coder.runs} runs diverged")
    if coder.nothing:
        said.append(f"{coder.nothing} of {coder.runs} learnt nothing")
    return said


def long_rows(board: Board, kind: str) -> list[dict[str, Any]]:
    """A row for each number of a board on data of a kind; one without a number for a coder whose runs all diverged."""
    rows = []
    for coder in board.coders:
        common = {
            "experiment": board.name,
            "data": kind,
            "method": coder.method,
            "label": coder.label,
            "kind": coder.kind,
            "runs": coder.runs,
            "diverged": coder.diverged,
            "learnt_nothing": coder.nothing,
        }
        for cell in coder.cells.values():
            at, score = cell.standing, cell.score
            ranks = {"rank": at.rank, "rank_low": at.first, "rank_high": at.last} if at.rank else {}
            numbers = {"mean": at.mean, "low": at.low, "high": at.high, "n": at.repetitions, "p": at.p}
            about = {"column": score.name, "metric": score.metric, "place": at.place}
            density = score.density if cell.density is None else cell.density
            rows.append(common | about | numbers | ranks | {"density": density})
        if not coder.cells:
            rows.append(common | {"n": 0})
    return rows


def write_leaderboard(results: Path, out: Path) -> None:
    """Compare the coders of the study in `results`; write leaderboard.csv and leaderboard.html to `out`."""
    import pandas as pd

    from vscbench.reference.beside import places
    from vscbench.reporting.tables.frame import setting

    study = Study(results)
    found = boards(study)
    kinds = {board.name: study.setup(board.groups[0])["kind"] for board in found}
    rows = [row for board in found for row in long_rows(board, kinds[board.name])]
    shipped = places()
    references = {
        board.name: {
            coder.method: "" if coder.shipped else shipped.get((kinds[board.name], coder.method), "")
            for coder in board.coders
        }
        for board in found
    }
    table = pd.DataFrame(rows, columns=COLUMNS).astype({name: "Int64" for name in COLUMNS if name.startswith("rank")})
    write_text(out / "leaderboard.csv", table.to_csv(index=False, lineterminator="\n"))
    tools = {
        "mean": mean,
        "between": between,
        "rank": rank,
        "sign": sign,
        "fewer": fewer,
        "outcomes": outcomes,
        "advice": advice,
    }
    content = {
        "how": HOW,
        "nothing": NOTHING,
        "boards": [(each, setting(study, each.groups, each.name)) for each in found],
        "kinds": KINDS,
        "references": references,
        "scores": [score for score in SCORES if any(score in board.scores for board in found)],
        "missing": MISSING,
    }
    write_text(out / "leaderboard.html", webpage("leaderboard.html", TITLE, **content, **tools))
