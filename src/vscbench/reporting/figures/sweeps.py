"""Metrics against what an experiment sweeps: the size of the code, its density (paper, figure 7)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench.reporting import needs, published
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.study import order
from vscbench.reporting.style import (
    handle,
    legend,
    lines,
    logarithmic_where_wide,
    looks,
    mark,
    note,
    rows,
    tick_at,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

NETWORKS = {"inception": "Inception", "classifier": "our classifier"}
"""Those whose features FID and KID are measured in, the one that compares with others' first."""
UNITS = {"density": 100.0}
AXES = {"latents": "latents", "density": "density of the prior (%)"}
"""What stands below an axis, where it is not its name."""
ABREAST = 4
"""Panels in one row; more than that take two."""
ROW_IN = 2.3
"""Height of a row of panels, beside what legend and notes take."""
NULL: dict[str, Any] = {"ls": ":", "lw": 0.8}
MULTI_INFORMATION = "multi_information_plugin_bits"


class Sweep(NamedTuple):
    """An experiment along one of its axes, at one point of the others."""

    experiment: str
    axis: str
    fixed: dict[str, str]

    def places(self, study: Study) -> dict[str, float]:
        """Where the groups of the sweep stand on its axis."""
        unit = UNITS.get(self.axis, 1)
        points = {group: study.points[group] for group in study.groups_of(self.experiment)}
        here = {group: point[self.axis] for group, point in points.items() if self._on(point) and self.axis in point}
        return {group: unit * float(value) for group, value in here.items()}

    def beside(self, study: Study) -> list[str]:
        """The groups of methods that the axis does not move: there are dense ones in a sweep over densities."""
        groups = study.groups_of(self.experiment)
        return [g for g in groups if self.axis not in study.points[g] and self._on(study.points[g])]

    def _on(self, point: dict[str, str]) -> bool:
        return all(self.fixed.get(axis) == value for axis, value in point.items() if axis != self.axis)


class Panel(NamedTuple):
    """A metric against the axis."""

    title: str
    metric: str
    null: str = ""
    """What chance gives."""
    published: str = ""
    """The authors' name of the metric."""


def sweeps(study: Study) -> dict[str, Sweep]:
    """The sweeps over numbers of a study, of which some run came to its end, by name."""
    found = {}
    for experiment in study.experiments:
        points = [study.points[group] for group in study.groups_of(experiment)]
        words = {axis for point in points for axis, value in point.items() if order(value)[0] == np.inf}
        axes = [axis for axis in dict.fromkeys(chain.from_iterable(points)) if axis not in words]
        varied = [axis for axis in axes if len({point[axis] for point in points if axis in point}) > 1]
        for axis in varied or axes[:1]:
            for point in points:
                if axis in point:
                    fixed = {name: value for name, value in point.items() if name != axis}
                    name = ", ".join([experiment, *(f"{key} = {value}" for key, value in fixed.items())])
                    found[f"{name}, against {axis}" if len(varied) > 1 else name] = Sweep(experiment, axis, fixed)
    return {name: sweep for name, sweep in found.items() if panels_of(study, sweep)}


def panels_of(study: Study, sweep: Sweep) -> list[Panel]:
    """The panels that a sweep has numbers for."""
    measured = {metric for group in sweep.places(study) for metric in study.measured(group)}
    best = f"Error, best of {study.samples(next(iter(sweep.places(study))))}"
    panels = [
        Panel("Error, one draw", "mse_draw"),
        Panel("Error, mean code", "mse_mean"),
        Panel(best, "mse_best", published="mse_per_pixel"),
        *_of_network(measured),
        Panel("Multi-information (bits)", "multi_information", "multi_information_null", MULTI_INFORMATION),
    ]
    return [panel for panel in panels if panel.metric in measured]


def _of_network(measured: set[str]) -> list[Panel]:
    network = next((name for name in NETWORKS if f"fid_{name}_best" in measured), None)
    if network is None:
        return []
    return [Panel(f"{score} ({NETWORKS[network]})", f"{score.lower()}_{network}_best") for score in ("FID", "KID")]


def seeds(study: Study, sweep: Sweep, metric: str) -> pd.DataFrame:
    """A metric along a sweep: `method`, `place` on the axis and `value` of each run."""
    import pandas as pd

    parts = [study.values(group, metric).assign(place=place) for group, place in sweep.places(study).items()]
    return pd.concat(parts)


def show(axes: Axes, study: Study, sweep: Sweep, panel: Panel, look: dict[str, Look]) -> set[float]:
    """Draw the methods along the axis, across it where it does not move them, and the authors' points: their places."""
    lines(axes, seeds(study, sweep, panel.metric), "place", "value", look, dashes=False)
    if panel.null:
        null = seeds(study, sweep, panel.null)
        lines(axes, null, "place", "value", look, errorbar=None, markers=False, dashes=False, **NULL)
    unit, theirs = UNITS.get(sweep.axis, 1), dict[str, dict[float, published.Number]]()
    for method in methods_of(study, sweep):
        for group in sweep.beside(study):
            level = study.of(group, panel.metric, method)
            if len(level):
                axes.axhline(level.mean(), color=look[method].colour, lw=0.8, ls="-.")
        theirs[method] = printed(study, sweep, panel, method)
        for place, number in theirs[method].items():
            style: dict[str, Any] = {
                "color": look[method].colour,
                "fmt": look[method].marker,
                "mfc": "white",
                "elinewidth": 0.8,
            }
            axes.errorbar(unit * place, number.mean, np.nan_to_num(number.sd), mew=0.9, **style)
    return {unit * place for numbers in theirs.values() for place in numbers}


def printed(study: Study, sweep: Sweep, panel: Panel, method: str) -> dict[float, published.Number]:
    """The authors' numbers of a method along the axis."""
    group = next((group for group in sweep.places(study) if method in study.methods(group)), None)
    if group is None or not panel.published or not sweep.fixed.keys() <= published.AXES.keys():
        return {}
    return published.curve(study, group, method, panel.published, sweep.axis)


def methods_of(study: Study, sweep: Sweep) -> list[str]:
    """The methods of a sweep."""
    groups = [*sweep.places(study), *sweep.beside(study)]
    return [method for method in study.coders if any(method in study.methods(group) for group in groups)]


def lines_of(panels: list[Panel]) -> int:
    """In how many rows the panels stand."""
    return 1 if len(panels) <= ABREAST else 2


def block(part: SubFigure, study: Study, sweep: Sweep, panels: list[Panel]) -> None:
    """Draw the panels of a sweep."""
    look, count = looks(study.coders), lines_of(panels)
    grid = part.subplots(count, -(-len(panels) // count), squeeze=False).flat
    quoted = False
    for axes, panel in zip(grid, panels, strict=False):
        theirs = show(axes, study, sweep, panel, look)
        quoted |= bool(theirs)
        tick_at(axes, {*sweep.places(study).values(), *theirs})
        logarithmic_where_wide(axes)
        axes.set(title=panel.title, xlabel=AXES.get(sweep.axis, sweep.axis), ylabel="")
    for axes in grid[len(panels) :]:
        axes.remove()
    legend(part, key(study, sweep, panels, look, quoted), 4)
    note(part, *explanation(study, sweep, panels, quoted))


def key(study: Study, sweep: Sweep, panels: list[Panel], look: dict[str, Look], quoted: bool) -> list[Line2D]:
    """What colours and lines mean."""
    methods = methods_of(study, sweep)
    handles = [handle(look[m]._replace(dash=()), wrapped(study.labels[m], 22)) for m in methods]
    grey: dict[str, Any] = {"color": "0.25"}
    if any(panel.null for panel in panels):
        handles.append(mark(label="codes shuffled per latent", **grey, **NULL))
    if sweep.beside(study):
        handles.append(mark(lw=0.8, ls="-.", label="method without this setting", **grey))
    if quoted:
        handles.append(mark(lw=0, marker="o", mew=0.9, mfc="white", label="published", **grey))
    return handles


def explanation(study: Study, sweep: Sweep, panels: list[Panel], quoted: bool) -> list[str]:
    """What a reader must know to compare the points."""
    words = [
        "Mean over seeds with their range; test data. Squared error per pixel; the best of J draws looks at the image."
    ]
    if any("FID" in panel.title for panel in panels):
        words[0] += " FID and KID are those of best-of-J reconstructions"
        own = any(NETWORKS["classifier"] in panel.title for panel in panels)
        words[0] += ", in features of a small classifier of our own: no FID elsewhere compares." if own else "."
    group = next(iter(sweep.places(study)))
    if quoted:
        theirs = published.DEEP[study.spec_of(group)["dataset"]["kind"]].setting
        words.append(f"Published: {theirs}; their FID is none (a covariance over the wrong axis) and is left out.")
    return [*words, study.outcomes([*sweep.places(study), *sweep.beside(study)])]


def draw(study: Study) -> Figure:
    """Reconstruction, FID, KID and multi-information of every method, a block of panels for each sweep."""
    found = sweeps(study)
    panels = {name: panels_of(study, sweep) for name, sweep in found.items()}
    heights = {name: 1 + ROW_IN * lines_of(shown) for name, shown in panels.items()}
    figure, parts = rows(heights, "no experiment sweeps a number")
    for name, part in parts.items():
        block(part, study, found[name], panels[name])
    return figure


FIGURE = Output(
    name="sweeps",
    title="Sweeps",
    caption="Reconstruction by one draw, by the mean code and by the best of J, an oracle, FID and KID, and "
    "multi-information with its null along the axis of each sweep; hollow marks are the paper's. FID and KID are by "
    "the features that the panel names: values by different features, or of different numbers of images, do not "
    "compare.",
    needs=needs.sweep,
    draw=draw,
)
