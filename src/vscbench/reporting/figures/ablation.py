"""What a setting of a linear method changes: bound, error, density, gradient noise, agreement of supports."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.study import order
from vscbench.reporting.style import handle, legend, lines, looks, note, rows, span, tick_at, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

NAMES = {"samples": "J", "kl_weight": "KL weight", "density": "prior density"}
"""What stands below an axis, where it is not its name."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of settings, which have no look of their own: Okabe and Ito's."""
NARROW, WIDE = 3.0, 3.4
"""Heights of a row in inches: with numbers below its panels, and with words, which are turned."""


class Panel(NamedTuple):
    """A metric, higher or lower."""

    title: str
    metric: str
    less: str = ""
    """A metric that is taken off: what chance gives."""


PANELS = (
    Panel("Bound (nats)", "elbo"),
    Panel("Squared error", "mse_draw"),
    Panel("Density", "density"),
    Panel("Gradient SNR, J = 20", "gradient_snr_unbiased_inference_j20"),
    Panel("Jaccard less null", "jaccard_draw", "jaccard_null"),
)


class Line(NamedTuple):
    """A method along an axis, at one point of the others."""

    label: str
    look: str
    """The name that its look goes by."""
    method: str
    groups: dict[str, str]
    """The group at each value of the axis."""


class Block(NamedTuple):
    """What is drawn in one row of panels."""

    axis: str
    places: list[str]
    """The values of the axis, in order."""
    lines: list[Line]

    @property
    def words(self) -> bool:
        """Whether the values are words."""
        return any(order(value)[0] == np.inf for value in self.places)


def blocks(study: Study) -> dict[str, Block]:
    """The rows of the figure by name: an experiment, or a method of it where several settings are swept."""
    found: dict[str, Block] = {}
    for experiment in study.experiments:
        points = {g: study.points[g] for g in study.side_by_side if study.experiment[g] == experiment}
        points = {g: point for g, point in points.items() if point and study.linear(g)}
        values = {axis: _values(points, axis) for point in points.values() for axis in point}
        varied = {axis: its for axis, its in values.items() if len(its) > 1}
        if not varied:
            continue
        # Numbers make a better axis than words, and the other setting is told apart by colour.
        axis = min(varied, key=lambda name: order(varied[name][0])[0] == np.inf)
        methods = [m for m in study.coders if any(m in study.methods(g) for g in points)]
        several = len(varied) > 1
        chosen = {f"{experiment}: {study.labels[m]}": [m] for m in methods} if several else {experiment: methods}
        for name, its in chosen.items():
            of_methods = [line for m in its for line in _lines(study, points, axis, m, named=several)]
            if of_methods:
                found[name] = Block(axis, varied[axis], of_methods)
    return found


def _values(points: dict[str, dict[str, str]], axis: str) -> list[str]:
    """The values of an axis, numbers by size and words as they come."""
    seen = dict.fromkeys(point[axis] for point in points.values() if axis in point)
    return sorted(seen, key=lambda value: order(value)[0])


def _lines(study: Study, points: dict[str, dict[str, str]], axis: str, method: str, *, named: bool) -> list[Line]:
    """The lines of a method: one for each point of the axes that are not drawn along."""
    found: dict[str, dict[str, str]] = {}
    for group, point in points.items():
        if method in study.methods(group) and axis in point:
            others = ", ".join(value for name, value in point.items() if name != axis)
            found.setdefault(others, {})[point[axis]] = group
    return [
        Line(others.replace("_", " "), others, method, groups)
        if named
        else Line(study.labels[method], method, method, groups)
        for others, groups in found.items()
    ]


def measured(study: Study, block: Block, panel: Panel) -> pd.DataFrame:
    """A panel's metric: a row for each `place` and repetition of each line, whose look is its `method`."""
    import pandas as pd

    parts = []
    for line in block.lines:
        for place, group in line.groups.items():
            numbers = study.of(group, panel.metric, line.method)
            if panel.less:
                numbers = numbers - study.of(group, panel.less, line.method)
            parts.append(pd.DataFrame({"value": numbers, "place": place, "method": line.look}))
    return pd.concat(parts)


def show(axes: Axes, study: Study, block: Block, panel: Panel, look: dict[str, Look]) -> None:
    """Draw the lines of a panel, mean and range over repetitions; words stand side by side, a little apart."""
    import seaborn as sns

    table = measured(study, block, panel)
    axes.set_title(panel.title)
    if not block.words:
        lines(axes, table.astype({"place": float}), "place", "value", look, dashes=False)
        tick_at(axes, map(float, block.places))
    elif len(table):
        present = [line.look for line in block.lines if line.look in set(table["method"])]
        sns.pointplot(
            table,
            x="place",
            y="value",
            hue="method",
            order=block.places,
            hue_order=present,
            palette={name: look[name].colour for name in present},
            markers=[look[name].marker for name in present],
            linestyle="none",
            dodge=0.3 if len(present) > 1 else False,
            errorbar=span,
            err_kws={"linewidth": 0.8},
            markersize=4.5,
            markeredgewidth=0,
            legend=False,
            ax=axes,
        )
        words = [wrapped(value.replace("_", " "), 12) for value in block.places]
        axes.set_xticks(range(len(words)), words, rotation=90, fontsize=7)
    axes.set(xlabel=NAMES.get(block.axis, block.axis.rpartition(".")[2].replace("_", " ")), ylabel="")


def fill(part: SubFigure, study: Study, block: Block) -> None:
    """Draw the panels that a block has numbers for."""
    groups = dict.fromkeys(group for line in block.lines for group in line.groups.values())
    shown = [panel for panel in PANELS if any(panel.metric in study.measured(group) for group in groups)]
    look = looks([line.look for line in block.lines])
    if len({line.method for line in block.lines}) < len(block.lines):
        look |= {each.look: look[each.look]._replace(colour=c) for each, c in zip(block.lines, cycle(COLOURS))}
    for axes, panel in zip(part.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        show(axes, study, block, panel, look)
    if len(block.lines) > 1:
        style = {"ls": "none" if block.words else "-"}
        legend(part, [handle(look[line.look], wrapped(line.label, 22), **style) for line in block.lines], 5)
    lost = [f"{group}: {said}" for group in groups if (said := study.divergences(group))]
    note(part, "Of one draw; mean over repetitions with their range; test data.", *lost)


def draw(study: Study) -> Figure:
    """A row of panels for each setting that a linear experiment sweeps."""
    found = {
        name: block
        for name, block in blocks(study).items()
        if any(study.measured(group) for line in block.lines for group in line.groups.values())
    }
    heights = {name: WIDE if block.words else NARROW for name, block in found.items()}
    figure, parts = rows(heights, "no experiment with a dictionary sweeps a setting")
    for name, part in parts.items():
        fill(part, study, found[name])
    return figure


FIGURE = Output(
    name="ablation",
    title="Settings of linear methods",
    caption="What a setting of a linear method changes: the bound of a single draw, its squared error and density, the "
    "noise of the inference network's gradients, and how far supports agree beyond chance. Bounds of different weights "
    "of the divergence are those of different models and do not compare.",
    needs=needs.setting,
    draw=draw,
)
