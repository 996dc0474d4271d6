"""How figures look: sizes, readable type, and one look (colour, marker, dash) for each method everywhere."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from numpy.typing import ArrayLike

PAGE_IN = 7.0
"""Width of both columns."""
NAME_IN = 0.25
"""Height of the name of a row."""
LINEAR_UP_TO = 5
"""Ratio of largest to smallest value above which an axis is logarithmic."""
MINUS = "\N{MINUS SIGN}"
GAP_IN = 0.1
"""Space between panels below one another."""
SMALL_PT = 6.5
"""The smallest type: notes and annotations."""
CHARACTERS = int(PAGE_IN * 72 / (0.52 * SMALL_PT))
"""Of it on a line of the page's width."""

STYLE: dict[str, Any] = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "savefig.dpi": 200,  # of a PNG, for pages; PDF and SVG are for print
    "font.size": 8,
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "0.2",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "vscbench",  # the same picture gives the same file
}
REFERENCE: dict[str, Any] = {"color": "0.35", "ls": "--", "lw": 0.9}
"""The line of what is compared with: a null, an oracle, a code that learns nothing."""


def set_theme() -> None:
    """Make seaborn's theme, in sizes for print, that of all figures to come."""
    import seaborn as sns

    sns.set_theme(context="paper", style="whitegrid", rc=STYLE)


# ------------------------------------------------------------------------- methods


class Look(NamedTuple):
    """How a method is drawn."""

    colour: str
    marker: str
    dash: tuple[float, ...] = ()
    """On and off, in line widths; solid without."""


DASHED, DOTTED, MIXED = (4.0, 1.5), (1.0, 1.0), (4.0, 1.2, 1.0, 1.2)
# Hue is the base distribution, blue Gaussian and orange Laplacian, apart for all common forms of colour blindness
# (Okabe and Ito, Tol); darkness is the threshold: none, fixed, learned. Dashes and markers say the same again.
LOOKS = {
    "fista": Look("#000000", "X"),
    "admm": Look("#000000", "d", DOTTED),
    "lista": Look("#666666", "p", DASHED),
    "lista_unrolled": Look("#999999", "h", MIXED),
    "gaussian": Look("#56B4E9", "o", DOTTED),
    "gaussian_thresh": Look("#0072B2", "D"),
    "gaussian_thresh_gamma": Look("#332288", "P", DASHED),
    "laplacian": Look("#E69F00", "s", DOTTED),
    "laplacian_thresh": Look("#D55E00", "v"),
    "laplacian_thresh_gamma": Look("#882255", "*", DASHED),
    "spike_slab": Look("#009E73", "^"),
}
SPARE_COLOURS = ("#CC79A7", "#8C8C00", "#808080", "#44AA99", "#661100", "#DDCC77", "#AA4499")
SPARE_MARKERS = ("<", "p", ">", "h", "d", "8")  # as many more as make 42 pairs with the colours


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """A look for each method: the paper's keep theirs in every study, others take spare ones in order."""
    extra = [method for method in methods if method not in LOOKS]
    return LOOKS | {
        method: Look(SPARE_COLOURS[i % len(SPARE_COLOURS)], SPARE_MARKERS[i % len(SPARE_MARKERS)], MIXED)
        for i, method in enumerate(extra)
    }


def handle(look: Look, label: str, **style: Any) -> Line2D:
    """The line that stands for a method in a legend."""
    line = (0, look.dash) if look.dash else "-"
    return mark(**{"color": look.colour, "ls": line, "marker": look.marker, "label": label} | style)


def mark(**style: Any) -> Line2D:
    """A line or mark in a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **style)


def area(**style: Any) -> Patch:
    """A filled patch in a legend."""
    from matplotlib.patches import Patch

    return Patch(**style)


# --------------------------------------------------------------------------- lines


def span(values: pd.Series[float]) -> tuple[float, float]:
    """Smallest and largest of values: an error bar. Their mean is never outside, though rounded it may be."""
    mean = values.mean()
    return min(values.min(), mean), max(values.max(), mean)


def lines(axes: Axes, table: pd.DataFrame, x: str, y: str, look: Mapping[str, Look], **options: Any) -> None:
    """Draw mean and range of `y` at each `x`, a line for each `method` of a table in its look."""
    import seaborn as sns

    if table[y].notna().any():
        present = list(table["method"].unique())
        defaults = {
            "hue": "method",
            "style": "method",
            "hue_order": present,
            "style_order": present,
            "palette": {method: look[method].colour for method in present},
            "markers": {method: look[method].marker for method in present},
            "dashes": {method: look[method].dash or "" for method in present},
            "errorbar": span,
            "err_style": "bars",
            "legend": False,
            "mec": "auto",
        }
        if options.get("err_style") != "band":
            defaults["err_kws"] = {"elinewidth": 0.8, "zorder": 1.9}  # below hollow marks
        sns.lineplot(table, x=x, y=y, ax=axes, **defaults | options)


def crossed(axes: Axes, table: pd.DataFrame, x: str, y: str, look: Mapping[str, Look], **options: Any) -> None:
    """Draw the mean of `x` and `y` of each `method` and `point`, with the range of both."""
    means = table.groupby(["method", "point"], sort=False)[[x, y]].transform("mean")
    at = table.assign(mean_x=means[x], mean_y=means[y])
    lines(axes, at, "mean_x", y, look, linestyle="none", **options)
    lines(axes, at, x, "mean_y", look, orient="y", markers=False, linestyle="none", **options)


# -------------------------------------------------------------------------- layout


def rows(heights: Mapping[str, float], empty: str) -> tuple[Figure, dict[str, SubFigure]]:
    """A figure of page width with a row for each experiment (or point of it), named where that needs saying.

    Args:
        heights: height of each row in inches, by its name.
        empty: what the figure says where there is no row.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    named = len(heights) > 1 or any(" = " in name for name in heights)  # a point of a sweep says at which
    total = sum(heights.values()) + NAME_IN * named * len(heights)
    # Space between panels is given as a share of the figure's height, which has no limit here.
    layout = ConstrainedLayoutEngine(hspace=GAP_IN / (total or 1))
    figure = Figure(figsize=(PAGE_IN, total or 1), layout=layout)
    if not heights:
        figure.text(0.5, 0.5, empty, ha="center", va="center")
        return figure, {}
    parts = figure.subfigures(len(heights), 1, height_ratios=list(heights.values()), squeeze=False)[:, 0]
    by_name = dict(zip(heights, parts, strict=True))
    if not named:
        return figure, by_name
    for name, part in by_name.items():
        part.suptitle(name, x=0.01, ha="left", fontsize=9, fontweight="bold")
    # One level down: a legend at the top of a row would share the margin of its name.
    return figure, {name: part.subfigures(1, 1) for name, part in by_name.items()}


def panels(part: SubFigure, count: int, columns: int, **options: Any) -> list[Axes]:
    """`count` panels, `columns` beside one another; what is left of the last line stays blank."""
    grid: list[Axes] = list(part.subplots(math.ceil(count / columns), columns, squeeze=False, **options).flatten())
    for axes in grid[count:]:
        axes.set_axis_off()
    return grid[:count]


def legend(part: Figure | SubFigure, handles: list[Any], columns: int) -> None:
    """What colours and marks mean, above a row."""
    part.legend(handles=handles, loc="outside upper center", ncols=columns)


def note(part: Figure | SubFigure, *lines: str) -> None:
    """Write small lines under a row or a figure, wrapped to its width."""
    text = "\n".join(textwrap.fill(line, CHARACTERS) for line in lines if line)
    if text:
        part.supxlabel(text, x=0.01, ha="left", fontsize=SMALL_PT, color="0.3", linespacing=1.3)


def wrapped(label: str, characters: int) -> str:
    """A label on as few lines as fit `characters`; what a + adds stays together."""
    together = label.replace("+ ", "+\N{NO-BREAK SPACE}")
    return textwrap.fill(together, characters, break_long_words=False).replace("\N{NO-BREAK SPACE}", " ")


def logarithmic(axes: Axes, which: Literal["x", "y"]) -> None:
    """A logarithmic axis with plain numbers on it, enough of them though it may span little more than a decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def wide(values: ArrayLike) -> bool:
    """Whether values are positive and span more than a factor of `LINEAR_UP_TO`: a logarithmic axis suits them.

    Example:
        >>> wide([1, 4]), wide([1, 6]), wide([0, 6])
        (False, True, False)
    """
    there = np.asarray(values, dtype=float)
    there = there[np.isfinite(there)]
    return bool(len(there) and there.min() > 0 and there.max() > LINEAR_UP_TO * there.min())


def logarithmic_where_wide(axes: Axes) -> None:
    """A logarithmic y axis where its lines span much."""
    if wide(np.concatenate([np.zeros(0), *(np.asarray(line.get_ydata(), dtype=float) for line in axes.lines)])):
        logarithmic(axes, "y")


def tick_at(axes: Axes, places: Iterable[float]) -> None:
    """An x axis with a tick at each place, logarithmic where the places are far apart."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    at = sorted(set(places))
    if wide(at):
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(at))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def say(axes: Axes, text: str) -> None:
    """Turn axes into a blank panel that says something in its middle."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL_PT, color="0.3")
