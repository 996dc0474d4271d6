"""Coders by the variance that they explain at equal density, sorted, with intervals over repetitions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vscbench.reporting import needs
from vscbench.reporting.leaderboard.board import KINDS, boards
from vscbench.reporting.leaderboard.columns import AT
from vscbench.reporting.leaderboard.ranking import WORSE
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import REFERENCE, SMALL_PT, Look, legend, mark, note, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from vscbench.reporting.leaderboard.board import Board, Coder
    from vscbench.reporting.study import Study

ROW_IN, AROUND_IN, OUTSIDE_IN = 0.17, 0.5, 0.75
"""Heights of a coder, of the axis of a panel, and of the legend and the note of the figure."""
LOOKS = dict(
    zip(KINDS, (Look("#0072B2", "o"), Look("#D55E00", "s"), Look("#000000", "X"), Look("#8C6BB1", "D")), strict=True)
)
"""Of each kind of coder."""
ELSEWHERE: dict[str, Any] = {"color": "0.35", "marker": "o", "mfc": "white", "lw": 0, "label": "another density"}
"""In the legend: a coder that has no codes of the density of the comparison."""
FLOOR = -0.1
"""The lowest FVE that is drawn: a code that is worse than none may be so by any amount."""


def show(axes: Axes, board: Board) -> None:
    """A row for each coder: FVE with its interval, hollow at another density, and what became of its runs."""
    for y, coder in enumerate(board.coders):
        cell, look, said = coder.explained, LOOKS[coder.kind], remark(coder)
        at, within = 0.0, axes.get_yaxis_transform()  # at the left edge, where there is no mark
        if cell:
            low, high, at = (max(v, FLOOR) for v in (cell.standing.low, cell.standing.high, cell.standing.mean))
            axes.plot([low, high], [y, y], color=look.colour, lw=1.4, solid_capstyle="butt")
            fill = look.colour if coder.compared else "white"
            axes.plot(at, y, look.marker, color=look.colour, mfc=fill, ms=4.5, mew=0.9, clip_on=False)
            at, within = at if math.isnan(high) else high, axes.transData
        # On white, for the line of the components runs below it.
        box = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"} if said else None
        axes.annotate(
            said,
            (at, y),
            (6, 0),
            xycoords=within,
            textcoords="offset points",
            va="center",
            fontsize=SMALL_PT,
            color="0.3",
            bbox=box,
        )
    if not math.isnan(board.pca):
        axes.axvline(board.pca, **REFERENCE)
    labels = [wrapped(coder.label, 40) for coder in board.coders]
    axes.set_yticks(range(len(labels)), labels)
    bold = [coder.compared is not None and coder.compared.place != WORSE for coder in board.coders]
    for tick, best in zip(axes.get_yticklabels(), bold, strict=True):
        tick.set_fontweight("bold" if best else "normal")
    where = f" at {100 * AT:g} % density" if any(coder.compared for coder in board.coders) else ""
    axes.set(ylim=(len(labels) - 0.4, -0.6), xlabel=f"variance explained by one draw{where}, test data")
    left, right = axes.get_xlim()
    left = min(max(left, 1.3 * FLOOR), 0)  # from what the all-zero code explains: else near equals look far apart
    axes.set_xlim(left, right + 0.12 * (right - left))
    axes.grid(visible=True, axis="y", lw=0.3)


def remark(coder: Coder) -> str:
    """What stands beside a mark: rank, or the density that it is at, and what became of runs."""
    said, cell = [], coder.explained
    if cell and cell.density is not None:
        said.append(f"at {100 * cell.density:.3g} % density")
    if cell and cell.standing.mean < FLOOR:
        said.append(f"FVE {cell.standing.mean:.2g}")
    if coder.diverged:
        said.append(f"{coder.diverged} of {coder.runs} runs diverged")
    if coder.nothing:
        said.append(f"{coder.nothing} of {coder.runs} learnt nothing")
    return ", ".join(said)


def key(found: list[Board]) -> list[Line2D]:
    """What colours and marks mean."""
    present = {coder.kind for board in found for coder in board.coders}
    handles = [
        mark(color=look.colour, marker=look.marker, lw=1.4, label=kind)
        for kind, look in LOOKS.items()
        if kind in present
    ]
    if any(coder.explained and not coder.compared for board in found for coder in board.coders):
        handles.append(mark(**ELSEWHERE))
    if any(not math.isnan(board.pca) for board in found):
        handles.append(mark(label="as many principal components", **REFERENCE))
    return handles


def draw(study: Study) -> Figure:
    """A panel for each experiment, or setting of one: coders by falling FVE."""
    found = {board.name: board for board in boards(study)}
    around = AROUND_IN + OUTSIDE_IN / max(len(found), 1)
    heights = {name: around + ROW_IN * len(board.coders) for name, board in found.items()}
    figure, parts = rows(heights, "no experiment has several coders, one of them sparse")
    for name, part in parts.items():
        show(part.subplots(), found[name])
    if parts:
        legend(figure, key(list(found.values())), 5)
        note(
            figure,
            "Mean over repetitions with Student's 95 % interval, linear in log density between the operating points of "
            "a coder. Bold: not significantly different from the best (Welch's test, of folds that of pairs; Holm).",
        )
    return figure


FIGURE = Output(
    name="leaderboard",
    title="Leaderboard",
    caption="Variance explained by one draw where 10 % of the latents are active, by coder, with 95 % intervals over "
    "repetitions. Hollow: the coder has no codes that dense, and stands at its own density.",
    needs=needs.several_coders,
    draw=draw,
)
