"""The learned dictionaries of all methods (paper, figure 3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from vscbench.reporting.agreement import dictionary
from vscbench.reporting.style import SMALL_PT, note, panels, rows, say, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study

GAP = 1
SIDE = 8
"""Atoms shown along each side of a dictionary in the figure of all methods."""
COLUMNS = 4
PANEL_IN = 2.1


def tile_shape(pixels: int) -> tuple[int, int]:
    """Height and width of an atom: square where it can be, else as near to it as its size divides."""
    height = next(n for n in range(math.isqrt(pixels), 0, -1) if pixels % n == 0)
    return height, pixels // height


def mosaic(atoms: NDArray[np.float32], columns: int, rows: int) -> NDArray[np.float32]:
    """The atoms (P, K) of largest norm as tiles, each scaled to [-1, 1] by itself, nan in the gaps."""
    height, width = tile_shape(atoms.shape[0])
    order = np.argsort(-np.linalg.norm(atoms, axis=0))[: columns * rows]
    grid = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan, dtype=np.float32)
    for place, k in enumerate(order):
        row, column = divmod(place, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        atom = atoms[:, k].reshape(height, width)
        grid[top : top + height, left : left + width] = atom / max(float(np.abs(atom).max()), 1e-12)
    return grid


def show(axes: Axes, atoms: NDArray[np.float32], columns: int, rows: int) -> None:
    """Draw a mosaic of atoms."""
    axes.imshow(mosaic(atoms, columns, rows), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_axis_off()


def picture(atoms: NDArray[np.float32]) -> Figure:
    """All atoms of one dictionary, by falling norm."""
    columns = math.ceil(math.sqrt(atoms.shape[1]))
    figure = Figure(figsize=(6, 6), layout="constrained")
    show(figure.add_subplot(), atoms, columns, math.ceil(atoms.shape[1] / columns))
    return figure


def panel(axes: Axes, study: Study, group: str, method: str) -> None:
    """Draw the dictionary of a method's first completed repetition, with the norms that the tiles hide."""
    axes.set_title(wrapped(study.labels[method], 24))
    finished = study.finished(group, method)
    if not finished:
        axes.set_box_aspect(1)
        say(axes, wrapped(study.divergence(group, method), 24))
        return
    atoms = dictionary(finished[0])
    columns = min(SIDE, math.ceil(math.sqrt(atoms.shape[1])))
    shown = min(SIDE, math.ceil(atoms.shape[1] / columns))
    show(axes, atoms, columns, shown)
    norms = -np.sort(-np.linalg.norm(atoms, axis=0))
    last = norms[: columns * shown][-1]
    text = f"norms {norms[0]:.2g} to {last:.2g}"
    text += f", least {norms[-1]:.2g}" if len(norms) > columns * shown else ""
    axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=SMALL_PT, color="0.3")


def draw(study: Study) -> Figure:
    """The atoms of largest norm of every method, a row of panels for each experiment."""
    methods = {group: study.methods(group) for group in study.side_by_side if study.linear(group)}
    lines = {name: math.ceil(len(found) / COLUMNS) for name, found in methods.items()}
    figure, parts = rows({name: 0.5 + PANEL_IN * count for name, count in lines.items()}, "no dictionaries")
    for group, part in parts.items():
        for axes, method in zip(panels(part, len(methods[group]), COLUMNS), methods[group], strict=True):
            panel(axes, study, group, method)
        note(
            part,
            f"First completed repetition; the {SIDE * SIDE} atoms of largest norm (all where there are fewer), by "
            "falling norm from the upper left, each scaled to its own extremes; below, the norms shown and the least "
            "of all.",
            *study.divergences(group),
        )
    return figure
