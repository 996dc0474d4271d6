"""The learned dictionaries of all methods (paper, figure 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.agreement import dictionary
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import Shown, gallery, leave_blank, show_atoms, tiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study

SIDE = 8
"""Atoms along each side of a panel."""
COLUMNS = 4
PANEL_IN = 2.1
WORDS = (
    f"First completed repetition; the {SIDE * SIDE} atoms of largest norm (all where there are fewer), by falling norm "
    "from the upper left, each scaled to its own extremes about grey, which is 0; below, the norms shown and the least "
    "of all."
)


def draw(study: Study) -> Figure:
    """The atoms of largest norm of every method, a block for each linear experiment."""

    def panel(axes: Axes, each: Shown) -> None:
        atoms = dictionary(each.run) if each.run else None
        if atoms is None:
            leave_blank(axes, 1, each.why_not(study, "no dictionary"))
        else:
            show_atoms(axes, tiles(atoms), SIDE)

    found = {
        group: [
            Shown(method, group, study.labels[method], next(iter(study.finished(group, method)), None))
            for method in study.methods(group)
        ]
        for group in study.side_by_side
        if study.linear(group)
    }
    return gallery(study, found, panel, WORDS, across=COLUMNS, heights=PANEL_IN, empty="no dictionaries")


FIGURE = Output(
    name="dictionaries",
    title="Dictionaries",
    caption="The atoms of largest norm that each method learned in its first completed repetition, each scaled to its "
    "own extremes. Oriented, localised edges are what sparse coding finds in natural images; noise shows atoms that "
    "the codes hardly use, and the norms stand below since the scaling hides them.",
    needs=needs.dictionary,
    draw=draw,
)
