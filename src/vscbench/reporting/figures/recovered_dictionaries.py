"""Dictionaries of deep generators, recovered by regression of images on codes (paper, figures 6 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import gallery, leave_blank, show_atoms, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

COLUMNS = 4
SIDE = 8
"""Atoms along each side of a panel."""
PANEL_IN = 2.1
WORDS = (
    f"Regression of test images on their codes; first completed repetition; the {SIDE * SIDE} atoms of largest norm "
    "(all where there are fewer), each scaled to its own extremes about grey, which is 0; below, their norms."
)


def draw(study: Study) -> Figure:
    """The recovered atoms of largest norm of every method, a block for each experiment."""

    def panel(axes: Axes, each: Shown) -> None:
        atoms = study.array(each.run, "recovered_atoms") if each.run else None
        if atoms is None:
            leave_blank(axes, 1, each.why_not(study))
        else:
            show_atoms(axes, atoms, SIDE)

    found = shown(study, "recovered_atoms")
    return gallery(study, found, panel, WORDS, across=COLUMNS, heights=PANEL_IN, empty="no dictionaries recovered")


FIGURE = Output(
    name="recovered_dictionaries",
    title="Recovered dictionaries",
    caption="Images regressed on their codes: the dictionary that each network acts like, as the authors draw it.",
    needs=needs.network,
    draw=draw,
)
