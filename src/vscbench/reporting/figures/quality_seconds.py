"""Variance explained at equal density against the time that a code takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.figures.leaderboard import FLOOR, LOOKS, key
from vscbench.reporting.frontier import efficient
from vscbench.reporting.leaderboard.board import boards
from vscbench.reporting.leaderboard.columns import AT
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import SMALL_PT, legend, logarithmic, note, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.leaderboard.board import Board, Coder
    from vscbench.reporting.study import Study

COST, MICRO = "cost_1000", 1e6
"""The column that is the cost of a code, and the unit that it is drawn in."""
HEIGHT_IN = 3.6


def priced(board: Board) -> list[Coder]:
    """The coders whose codes were timed."""
    return [coder for coder in board.coders if coder.explained and COST in coder.cells]


def show(axes: Axes, coders: list[Coder]) -> None:
    """A mark for each coder with both intervals, and the line of those that none beats in both."""
    import numpy as np

    cost = MICRO * np.array([coder.cells[COST].standing.mean for coder in coders])
    explained = np.array([coder.explained.standing.mean for coder in coders if coder.explained])
    best = efficient(cost, -explained)
    order = np.argsort(cost[best])
    axes.step(cost[best][order], explained[best][order], where="post", color="0.6", lw=0.8, zorder=1)
    for coder, x, y in zip(coders, cost, explained, strict=True):
        look, cell = LOOKS[coder.kind], coder.explained
        assert cell  # noqa: S101
        across = coder.cells[COST].standing
        axes.plot([max(MICRO * across.low, x / 3), MICRO * across.high], [y, y], color=look.colour, lw=0.8)
        axes.plot([x, x], [cell.standing.low, cell.standing.high], color=look.colour, lw=0.8)
        fill = look.colour if coder.compared else "white"
        axes.plot(x, max(y, FLOOR), look.marker, color=look.colour, mfc=fill, ms=4.5, mew=0.9)
        place = (x, max(y, FLOOR))
        axes.annotate(coder.label, place, (5, 3), textcoords="offset points", fontsize=SMALL_PT, color=look.colour)
    bottom, top = axes.get_ylim()
    logarithmic(axes, "x")
    left, right = axes.get_xlim()
    axes.set(xlim=(left, right * (right / left) ** 0.25), ylim=(max(bottom, 1.5 * FLOOR), top))
    axes.set(
        xlabel="microseconds a code, 1,000 at once", ylabel=f"variance explained by\none draw at {100 * AT:g} % density"
    )


def draw(study: Study) -> Figure:
    """A panel for each experiment, or setting of one, whose codes were timed."""
    found = {board.name: board for board in boards(study) if priced(board)}
    figure, parts = rows(dict.fromkeys(found, HEIGHT_IN), "no coder was timed")
    for name, part in parts.items():
        show(part.subplots(), priced(found[name]))
    if parts:
        shown = [board._replace(coders=priced(board), pca=float("nan")) for board in found.values()]
        legend(figure, key(shown), 5)
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
