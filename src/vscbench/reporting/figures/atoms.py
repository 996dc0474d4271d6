"""The atoms of every method, best Gabor fit first, and the shapes of those that are like Gabors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vscbench.metrics.gabor import BROAD, GABOR_LIKE, Gabors
from vscbench.reporting import needs
from vscbench.reporting.agreement import dictionary
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import Shown, about_grey, leave_blank, show, shown, tiles
from vscbench.reporting.style import REFERENCE, looks, note, panels, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from vscbench.reporting.study import Study

SIDE = 12
"""Atoms along each side of a panel, at most."""
ACROSS = 2
"""Methods beside one another."""
PANEL_IN = 2.05
WORDS = (
    "First completed repetition. Atoms by falling share of their variance that a Gabor function explains, each scaled "
    "to its own extremes about grey, which is 0{some}; in the title those, called Gabors, with "
    f"{100 * GABOR_LIKE:.0f} % or more. Beside them the widths of these across the stripes (n_x) and along them (n_y), "
    "in cycles; left of the dashed line are blobs and edges without a frequency of their own. Ringach (2002) found "
    "macaque cells with fewer subfields, a smaller n_x, than sparse coding predicts, and many of them low-pass."
)


def tiled(axes: Axes, each: Shown, explained: np.ndarray) -> None:
    """Draw the atoms by falling fit, evenly spaced ones where there are too many."""
    atoms = dictionary(each.run) if each.run else None
    assert atoms is not None  # noqa: S101  (its fits are there)
    order = np.argsort(-explained, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(len(order), SIDE**2)).round().astype(int)]
    show(axes, about_grey(tiles(atoms)[chosen]), math.ceil(math.sqrt(len(chosen))))


def scatter(axes: Axes, gabors: Gabors, like: np.ndarray, colour: str) -> float:
    """Draw n_x and n_y of the atoms that are like Gabors; the largest of them."""
    across, along = (width[like] * gabors.frequency[like] for width in (gabors.sigma_x, gabors.sigma_y))
    axes.axvline(BROAD, **REFERENCE)
    axes.scatter(across, along, s=7, color=colour, alpha=0.7, linewidths=0, zorder=3)
    axes.set(xlabel="$n_x = σ_x f$", ylabel="$n_y = σ_y f$")
    return float(max(across.max(initial=0), along.max(initial=0)))


def block(part: SubFigure, study: Study, methods: list[Shown]) -> None:
    """Draw the methods of an experiment, all scatter plots on one scale."""
    look = looks(study.coders)
    grid = panels(part, 2 * len(methods), 2 * ACROSS, width_ratios=(1.35, 1) * ACROSS)
    drawn, most, some = [], 0.5, ""
    for k, each in enumerate(methods):
        left, right = grid[2 * k : 2 * k + 2]
        explained = study.array(each.run, "gabor_fits") if each.run else None
        parameters = study.array(each.run, "gabor_parameters") if each.run else None
        if explained is None or parameters is None:
            left.set_title(wrapped(each.label, 34), loc="left")
            leave_blank(left, 1, each.why_not(study))
            right.set_axis_off()
            continue
        like = explained >= GABOR_LIKE
        left.set_title(
            wrapped(f"{each.label}: {100 * like.mean():.3g}\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}Gabors", 50), loc="left"
        )
        tiled(left, each, explained)
        most = max(most, scatter(right, Gabors(*parameters), like, look[each.method].colour))
        drawn.append(right)
        some = f"; {SIDE**2} of {len(like)}, evenly spaced" if len(like) > SIDE**2 else some
    for axes in drawn:
        axes.set(xlim=(0, 1.05 * most), ylim=(0, 1.05 * most))
        axes.set_box_aspect(1)
        axes.set_anchor("N")
        axes.locator_params(nbins=4)
    note(part, WORDS.format(some=some), study.divergences(methods[0].group))


def draw(study: Study) -> Figure:
    """Atoms and their shapes for every method, a block for each experiment on patches."""
    found = shown(study, "gabor_fits")
    heights = {name: 0.75 + PANEL_IN * math.ceil(len(methods) / ACROSS) for name, methods in found.items()}
    figure, parts = rows(heights, "no atoms that are pictures")
    for name, part in parts.items():
        block(part, study, found[name])
    return figure


FIGURE = Output(
    name="atoms",
    title="Atoms and Gabor functions",
    caption="The atoms of each method by how much of them a Gabor function explains, with the share of those like one, "
    "and the shapes of these: widths across and along the stripes in cycles, as Ringach (J. Neurophysiol. 88:455, "
    "2002) compares macaque simple cells by. White noise has no such atom, principal components of photographs few.",
    needs=needs.atoms,
    draw=draw,
)
