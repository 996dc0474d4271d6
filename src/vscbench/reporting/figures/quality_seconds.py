"""Variance explained at equal density against the time that a code takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.figures.leaderboard import ELSEWHERE, FLOOR
from vscbench.reporting.frontier import efficient
from vscbench.reporting.leaderboard.board import boards
from vscbench.reporting.leaderboard.columns import AT
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import handle, legend, logarithmic, looks, mark, note, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.leaderboard.board import Board, Coder
    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

COST, MICRO = "cost_1000", 1e6
"""The column that is the cost of a code, and the unit that it is drawn in."""
HEIGHT_IN = 3.0
COLUMNS = 4
"""Of the legend."""


def priced(board: Board) -> list[Coder]:
    """The coders whose codes were timed."""
    return [coder for coder in board.coders if coder.explained and COST in coder.cells]


def show(axes: Axes, coders: list[Coder], look: dict[str, Look]) -> None:
    """A mark for each coder with both intervals, and the line of those that none beats in both."""
    import numpy as np

    cost = MICRO * np.array([coder.cells[COST].standing.mean for coder in coders])
    explained = np.array([coder.explained.standing.mean for coder in coders if coder.explained])
    best = efficient(cost, -explained)
    order = np.argsort(cost[best])
    axes.step(cost[best][order], explained[best][order], where="post", color="0.6", lw=0.8, zorder=1)
    for coder, x, y in zip(coders, cost, explained, strict=True):
        (colour, marker, _), cell = look[coder.method], coder.explained
        assert cell  # noqa: S101
        across = coder.cells[COST].standing
        axes.plot([max(MICRO * across.low, x / 3), MICRO * across.high], [y, y], color=colour, lw=0.8)
        axes.plot([x, x], [cell.standing.low, cell.standing.high], color=colour, lw=0.8)
        fill = colour if coder.compared else "white"
        axes.plot(x, max(y, FLOOR), marker, color=colour, mfc=fill, ms=4.5, mew=0.9)
    bottom, top = axes.get_ylim()
    logarithmic(axes, "x")
    axes.set(
        ylim=(max(bottom, 1.5 * FLOOR), top),
        xlabel="microseconds a code, 1,000 at once",
        ylabel=f"variance explained by\none draw at {100 * AT:g} % density",
    )


def draw(study: Study) -> Figure:
    """A panel for each experiment, or setting of one, whose codes were timed."""
    found = {board.name: priced(board) for board in boards(study) if priced(board)}
    look = looks(study.coders)
    figure, parts = rows(dict.fromkeys(found, HEIGHT_IN), "no coder was timed")
    for name, part in parts.items():
        show(part.subplots(), found[name], look)
    if parts:
        shown = {coder.method: coder.label for coders in found.values() for coder in coders}
        handles = [handle(look[m], wrapped(label, 22), ls="none") for m, label in shown.items()]
        if any(not coder.compared for coders in found.values() for coder in coders):
            handles.append(mark(**ELSEWHERE))
        legend(figure, handles, COLUMNS)
        note(
            figure,
            "Means over repetitions with 95 % intervals of both. Upper left is better; no coder is both faster and "
            "better than those on the line. Times are of one core of the machine that measured them.",
        )
    return figure


FIGURE = Output(
    name="quality_seconds",
    title="Quality against time",
    caption="Variance explained by one draw where 10 % of the latents are active, against the time that a code takes, "
    "1,000 at once. Upper left is better. Hollow: the coder has no codes that dense, and stands at its own density.",
    needs=needs.timed,
    draw=draw,
)
