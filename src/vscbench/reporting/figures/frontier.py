"""Reconstruction against density at the operating points of every method, with their frontiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.lines import Line2D

from vscbench.reporting import needs
from vscbench.reporting.frontier import CODES, REFERENCE_CURVE, curve, efficient, frontiers
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import handle, logarithmic, looks, note, rows, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.frontier import Code, Frontier
    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

REFERENCE: dict[str, Any] = {"color": "0.35", "marker": "+", "ls": (0, (1, 1)), "lw": 0.9, "mew": 1.2}
ZERO: dict[str, Any] = {"color": "0.35", "ls": "--", "lw": 0.9}
FLOOR = -0.1
"""The lowest FVE that is drawn: a code that is worse than none may be so by any amount."""


class Points(NamedTuple):
    """The operating points of a method: means over seeds, by rising density, and their range."""

    density: pd.Series[float]
    fve: pd.Series[float]
    low: pd.DataFrame
    high: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, method: str, code: Code) -> Points:
        """Those of a table of operating points."""
        seeds = table[table["method"] == method].groupby("group", sort=False)[[code.density, code.fve]]
        mean = seeds.mean().sort_values(code.density)
        low, high = (each.loc[mean.index] for each in (seeds.min(), seeds.max()))
        return cls(mean[code.density], mean[code.fve], low, high)

    def spread(self, mean: pd.Series[float]) -> list[pd.Series[float]]:
        """How far the range lies from the mean, as error bars are given."""
        # Of equal values the mean may be off by a rounding error.
        return [(mean - self.low[mean.name]).clip(lower=0), (self.high[mean.name] - mean).clip(lower=0)]


def show_method(axes: Axes, points: Points, look: Look) -> None:
    """Draw the operating points of a method, hollow where a sparser one is as good, and the frontier."""
    frontier = curve(points.density, points.fve)
    axes.plot(frontier.density, frontier.value, color=look.colour, ls=look.dash, lw=1.1)
    best = efficient(points.density, points.fve)
    across, along = points.spread(points.density), points.spread(points.fve)
    for mask, fill in ((best, look.colour), (~best, "white")):
        axes.errorbar(
            points.density[mask],
            points.fve[mask],
            xerr=[each[mask] for each in across],
            yerr=[each[mask] for each in along],
            fmt=look.marker,
            color=look.colour,
            ms=4.5,
            mew=0.9,
            elinewidth=0.8,
            mfc=fill,
        )


def show(axes: Axes, place: Frontier, code: str, look: dict[str, Look]) -> list[str]:
    """Draw the methods and reference codes of a panel; the methods with points below it."""
    below = []
    for method in place.methods():
        points = Points.of(place.points, method, CODES[code])
        if method == REFERENCE_CURVE:
            axes.plot(points.density, points.fve, **REFERENCE)
            continue
        show_method(axes, points, look[method])
        if (points.fve < FLOOR).any():
            below.append(method)
    axes.axhline(0, **ZERO)
    logarithmic(axes, "x")
    axes.set_xlabel("density of the code (non-zeros / latents)")
    return below


def key(study: Study, place: Frontier, look: dict[str, Look]) -> list[Line2D]:
    """What colours and lines mean."""
    coders = [method for method in place.methods() if method != REFERENCE_CURVE]
    handles = [handle(look[method], wrapped(study.labels[method], 22), ms=4.5, lw=1.1) for method in coders]
    if REFERENCE_CURVE in place.methods():
        handles.append(Line2D([], [], label="PCA, fewer components", **REFERENCE))
    handles.append(Line2D([], [], label="All-zero code", **ZERO))
    points = [Points.of(place.points, method, code) for method in coders for code in CODES.values()]
    if not all(efficient(each.density, each.fve).all() for each in points):
        label = "a code no denser\nis better"
        handles.append(Line2D([], [], color="0.25", marker="o", mfc="white", ms=4.5, mew=0.9, lw=0, label=label))
    return handles


def draw(study: Study) -> Figure:
    """FVE of one draw and of the best of J against their density, a row for each frontier."""
    look, found = looks(study.coders), frontiers(study)
    figure, parts = rows(dict.fromkeys(found, 3.7), "no method has several operating points")
    for name, part in parts.items():
        place, below = found[name], dict[str, None]()
        panels = part.subplots(1, 2, sharey=True)
        titles = {"draw": "One draw", "best": f"Best of {study.samples(place.groups[0])} draws, an oracle"}
        for axes, (code, title) in zip(panels, titles.items(), strict=True):
            below |= dict.fromkeys(show(axes, place, code, look))
            axes.set_title(title)
        panels[0].set_ylabel("variance explained, test data")
        bottom, top = panels[0].get_ylim()
        panels[0].set_ylim(max(bottom, 1.5 * FLOOR), min(top, 1.05))
        part.legend(handles=key(study, place, look), loc="outside upper center", ncols=4)
        note(
            part,
            "Mean over seeds with their range, at each value of a method's knob: density of the prior, KL weight or "
            "penalty. Lines: the best at no more than a density, between measured ones. Left the density is that of "
            "one draw, right that of the best of J, which is chosen with the data that it reconstructs.",
            *(f"{study.labels[method]}: points worse than FVE = {FLOOR:g} lie below the axis." for method in below),
            *(f"{group}: {line}" for group in place.groups for line in study.divergences(group)),
        )
    return figure


FIGURE = Output(
    "frontier",
    "Frontiers",
    "Variance explained against density, each method at several operating points: of one draw, and of the best of "
    "J draws, an oracle. Higher left is better; compare methods at equal density, and with the PCA that keeps as "
    "many components.",
    needs.operating_points,
    draw,
)
