"""Dictionaries of deep generators, recovered by regression of images on codes (paper, figures 6 and 8)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from vscbench.reporting.pictures import about_grey, leave_blank, show, shown
from vscbench.reporting.style import SMALL_PT, note, panels, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS = 4
SIDE = 8
"""Atoms along each side of a panel."""
PANEL_IN = 2.1


def picture(atoms: NDArray[np.float32]) -> Figure:
    """The atoms (N, C, H, W) recovered from one run."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    show(axes, about_grey(atoms), math.ceil(math.sqrt(len(atoms))))
    return figure


def panel(axes: Axes, study: Study, each: Shown) -> None:
    """Draw the atoms of a method, with the norms that the tiles hide."""
    axes.set_title(wrapped(each.label, 24))
    atoms = study.array(each.run, "recovered_atoms") if each.run else None
    if atoms is None:
        leave_blank(axes, 1, each.why_not(study))
        return
    atoms = atoms[: SIDE * SIDE]
    show(axes, about_grey(atoms), min(SIDE, math.ceil(math.sqrt(len(atoms)))))
    norms = np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1)
    text = f"norms {norms.max():.2g} to {norms.min():.2g}"
    axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=SMALL_PT, color="0.3")


def draw(study: Study) -> Figure:
    """The recovered atoms of largest norm of every method, a block for each experiment."""
    found = shown(study, "recovered_atoms")
    lines = {name: math.ceil(len(methods) / PANELS) for name, methods in found.items()}
    figure, parts = rows({name: 0.5 + PANEL_IN * count for name, count in lines.items()}, "no dictionaries recovered")
    for name, part in parts.items():
        for axes, each in zip(panels(part, len(found[name]), PANELS), found[name], strict=True):
            panel(axes, study, each)
        note(
            part,
            f"Regression of test images on their codes; first completed repetition; the {SIDE * SIDE} atoms of largest "
            "norm (all where there are fewer), each scaled to its own extremes about grey, which is 0; below, their "
            "norms.",
            *study.divergences(name),
        )
    return figure
