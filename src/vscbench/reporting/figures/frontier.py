"""Reconstruction against density at the operating points of every method, with their frontiers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vscbench.reporting import needs
from vscbench.reporting.frontier import CODES, REFERENCE_CURVE, curve, efficient, envelope, frontiers
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import (
    CHARACTERS,
    REFERENCE,
    crossed,
    handle,
    legend,
    lines,
    logarithmic,
    looks,
    mark,
    note,
    rows,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from vscbench.reporting.frontier import Code, Frontier
    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

PCA: dict[str, Any] = {"color": "0.35", "marker": "+", "ls": (0, (1, 1)), "lw": 0.9, "mew": 1.2}
FLOOR = -0.1
"""The lowest FVE that is drawn: a code that is worse than none may be so by any amount."""
PANEL_IN, LINE_IN = 2.7, 0.13
"""Heights of the panels, and of a line of the legend or the notes around them."""
COLUMNS = 4
"""Of the legend."""
CROWD = 10
"""Coders from which on ranges would hide the points."""


def operating_points(place: Frontier, code: Code) -> pd.DataFrame:
    """Density and FVE of every run, the `point` of its method and whether a sparser one is as good there."""
    import pandas as pd

    table = place.points.rename(columns={"group": "point"})
    means = table.groupby(["method", "point"], sort=False)[[code.density, code.fve]].mean().reset_index()
    best = [
        part.assign(efficient=efficient(part[code.density], -part[code.fve])) for _, part in means.groupby("method")
    ]
    return table.merge(pd.concat(best)[["method", "point", "efficient"]], on=["method", "point"])


def show(axes: Axes, place: Frontier, code: Code, look: dict[str, Look]) -> None:
    """Draw the methods and reference codes of a panel."""
    import pandas as pd

    table = operating_points(place, code)
    means = table.groupby(["method", "point"], sort=False)[[code.density, code.fve]].mean().reset_index()
    frontier = []
    for method, part in means.groupby("method", sort=False):
        if method == REFERENCE_CURVE:
            pca = part.sort_values(code.density)
            axes.plot(pca[code.density], pca[code.fve], **PCA)
        else:
            nodes = envelope(curve(part[code.density], part[code.fve]))
            frontier.append(pd.DataFrame({"method": method, "density": nodes.density, "fve": nodes.value}))
    lines(axes, pd.concat(frontier), "density", "fve", look, estimator=None, errorbar=None, markers=False)
    coders = table[table["method"] != REFERENCE_CURVE]
    spread: dict[str, Any] = {"errorbar": None} if crowded(place) else {}
    for best, fill in ((True, {}), (False, {"markerfacecolor": "white"})):
        here = coders[coders["efficient"] == best]
        if len(here):
            crossed(axes, here, code.density, code.fve, look, markeredgewidth=0.9, **spread, **fill)
    axes.axhline(0, **REFERENCE)
    logarithmic(axes, "x")
    axes.set(xlabel="density of the code (non-zeros / latents)", ylabel="variance explained, test data")


def key(study: Study, place: Frontier, look: dict[str, Look]) -> list[Line2D]:
    """What colours and lines mean."""
    coders = [method for method in place.methods() if method != REFERENCE_CURVE]
    handles = [handle(look[method], wrapped(study.labels[method], 22)) for method in coders]
    if REFERENCE_CURVE in place.methods():
        handles.append(mark(label="PCA, fewer components", **PCA))
    handles.append(mark(label="All-zero code", **REFERENCE))
    tables = [operating_points(place, code) for code in CODES.values()]
    if not all(table.loc[table["method"] != REFERENCE_CURVE, "efficient"].all() for table in tables):
        label = "a code no denser\nis better"
        handles.append(mark(color="0.25", marker="o", mfc="white", mew=0.9, lw=0, label=label))
    return handles


def crowded(place: Frontier) -> bool:
    """Whether there are too many coders to show the range of each."""
    return len(place.methods()) >= CROWD


def notes(study: Study, place: Frontier) -> list[str]:
    """What stands below a row."""
    spread = "" if crowded(place) else " with their range"
    words = (
        f"Mean over seeds{spread}, at each operating point: density of the prior, KL weight or penalty. Lines, for the "
        "eye alone, are the rising curve nearest to the points. The best of J, chosen with the data, has its own "
        "density."
    )
    means = place.points.groupby(["method", "group"], sort=False)[[code.fve for code in CODES.values()]].mean()
    lowest = means.min(axis=1).groupby(level="method", sort=False).min().drop(REFERENCE_CURVE, errors="ignore")
    below = ", ".join(study.labels[method] for method in lowest.index[lowest < FLOOR])
    outside = [f"Points worse than FVE = {FLOOR:g} lie below the axis: {below}."] if below else []
    return [words, *outside, study.outcomes(place.groups)]


def draw(study: Study) -> Figure:
    """FVE of one draw and of the best of J against their density, a row for each frontier."""
    look, found = looks(study.coders), frontiers(study)
    keys = {name: key(study, place, look) for name, place in found.items()}
    below = {name: notes(study, place) for name, place in found.items()}
    lines_of = {
        name: math.ceil(len(keys[name]) / COLUMNS) + sum(math.ceil(len(text) / CHARACTERS) for text in below[name])
        for name in found
    }
    figure, parts = rows(
        {name: PANEL_IN + LINE_IN * count for name, count in lines_of.items()}, "no method has several operating points"
    )
    for name, part in parts.items():
        place = found[name]
        panels = part.subplots(1, 2, sharey=True)
        titles = {"draw": "One draw", "best": f"Best of {study.samples(place.groups[0])} draws, an oracle"}
        for axes, (code, title) in zip(panels, titles.items(), strict=True):
            show(axes, place, CODES[code], look)
            axes.set_title(title)
        bottom, top = panels[0].get_ylim()
        panels[0].set_ylim(max(bottom, 1.5 * FLOOR), min(top, 1.05))
        panels[1].set_ylabel("")
        legend(part, keys[name], COLUMNS)
        note(part, *below[name])
    return figure


FIGURE = Output(
    name="frontier",
    title="Frontier",
    caption="Variance explained against density, each method at several operating points: of one draw, and of the best "
    "of J draws, an oracle. Higher left is better; compare methods at equal density, and with the PCA that keeps as "
    "many components.",
    needs=needs.operating_points,
    draw=draw,
)
