"""Recovery of a known dictionary against the density and the noise of the data, and calibration of P(active)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vscbench.data.synthetic import DENSITY, NOISE
from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import handle, looks, note, panels, rows, say, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

EMPTY = "no data with a known dictionary"
METRICS = {
    "recovery_cosine": "matched |cos| of the atoms",
    "recovery_f1": "F1 of the support, one draw",
    "recovery_f1_best": "F1 of the support, best of J",
}
ORACLE = "recovery_f1_oracle"
AXES = {"density": "density of the true codes", "noise": "noise of the data (sd)"}
SHIFT = 0.006
"""Of the width of a panel: methods beside one another do not hide their ranges."""
KEY_IN = 0.5
"""Height of the names of the methods."""
FEWEST = 100
"""Cases below which a bin of a reliability diagram is not drawn: a code is active too rarely to judge by fewer."""
REFERENCE: dict[str, Any] = {"color": "0.35", "ls": "--", "lw": 0.9}


class Data(NamedTuple):
    """What made-up data were made with."""

    density: float
    noise: float


class Line(NamedTuple):
    """Experiments along one property of their data, the other being the same."""

    axis: str
    fixed: str
    """What stands above them."""
    places: dict[str, float]
    """Where each group stands on the axis."""


def data_of(study: Study) -> dict[str, Data]:
    """The data of each group with a known dictionary, of which some run came to its end."""
    known = [group for group in study.groups if "recovery_cosine" in study.measured(group)]
    specs = {group: study.spec_of(group)["dataset"] for group in known}
    return {g: Data(float(spec.get("density", DENSITY)), float(spec.get("noise", NOISE))) for g, spec in specs.items()}


def lines(data: dict[str, Data]) -> list[Line]:
    """For each property of the data the longest line of groups along it; a single group is a line along density."""
    found = []
    for axis, other in (("density", "noise"), ("noise", "density")):
        by_other: dict[float, dict[str, float]] = {}
        for group, each in data.items():
            by_other.setdefault(getattr(each, other), {})[group] = getattr(each, axis)
        if not by_other:
            continue
        fixed, places = max(by_other.items(), key=lambda item: len(set(item[1].values())))
        if len(set(places.values())) > 1 or (axis == "density" and len(data) == 1):
            found.append(Line(axis, f"{other} {fixed:g}", dict(sorted(places.items(), key=lambda item: item[1]))))
    return found


def seeds(study: Study, group: str, method: str, metric: str) -> list[float]:
    """The values of a metric over the repetitions of a method."""
    return [float(value) for value in study.of(group, metric, method)]


def show(axes: Axes, study: Study, line: Line, metric: str, look: dict[str, Look]) -> None:
    """Draw a metric along a line, mean and range over seeds of each method, and the oracle of the supports."""
    methods = [m for m in study.coders if any(seeds(study, group, m, metric) for group in line.places)]
    width = np.ptp(list(line.places.values())) or 1.0
    for k, method in enumerate(methods):
        shift = SHIFT * width * (k - (len(methods) - 1) / 2)
        found = {place + shift: seeds(study, group, method, metric) for group, place in line.places.items()}
        found = {place: values for place, values in found.items() if values}
        mean = np.array([np.mean(values) for values in found.values()])
        low, high = (np.array([edge(values) for values in found.values()]) for edge in (min, max))
        span = np.clip([mean - low, high - mean], 0, None)
        colour, marker, dash = look[method]
        axes.errorbar(list(found), mean, span, color=colour, marker=marker, ls=dash, ms=4, lw=1.1, elinewidth=0.8)
    if metric != "recovery_cosine":
        best = {place: oracle(study, group) for group, place in line.places.items()}
        axes.plot(list(best), list(best.values()), **REFERENCE)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(line.places.values()))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(title=METRICS[metric], xlabel=AXES[line.axis], ylim=(0, 1.02))


def oracle(study: Study, group: str) -> float:
    """F1 of FISTA on the true dictionary at its best penalty: the same for all runs of a group."""
    return float(study.values(group, ORACLE)["value"].mean())


def diagram(axes: Axes, study: Study, group: str, methods: list[str], look: dict[str, Look]) -> None:
    """Draw how often a code that was said to be active with probability p is truly active, mean over seeds."""
    axes.plot([0, 1], [0, 1], **REFERENCE)
    for method in methods:
        bins = [study.array(run, "recovery_reliability") for run in study.finished(group, method)]
        total = np.sum([each[2] for each in bins if each is not None], axis=0)
        foreseen, happened = (
            np.sum([each[row] * each[2] for each in bins if each is not None], axis=0) / np.maximum(total, 1)
            for row in (0, 1)
        )
        enough = total >= FEWEST
        axes.plot(foreseen[enough], happened[enough], color=look[method].colour, marker=look[method].marker, ms=4, lw=1)
    axes.set(title=group, xlim=(0, 1), ylim=(0, 1))
    axes.set(xlabel="P(active) by the posterior", ylabel="share truly active")


def calibrated(study: Study, groups: list[str]) -> list[str]:
    """The methods that state a probability of a code."""
    return [m for m in study.coders if any(seeds(study, group, m, "recovery_calibration") for group in groups)]


def key(part: SubFigure, study: Study, methods: list[str], look: dict[str, Look]) -> None:
    """Name the methods above a row."""
    handles = [handle(look[m], wrapped(study.labels[m], 30), ms=4) for m in methods]
    handles.append(Line2D([], [], label="FISTA on the true atoms, best penalty", **REFERENCE))
    part.legend(handles=handles, loc="outside upper center", ncols=3)


def draw(study: Study) -> Figure:
    """Atoms and supports found along density and noise of the data, a row each, and reliability diagrams."""
    data, look = data_of(study), looks(study.coders)
    along, groups = lines(data), list(data)
    stating = calibrated(study, groups)
    across = 3
    heights = {f"against {line.axis} ({line.fixed})": 2.4 for line in along}
    if groups:
        heights["calibration"] = 2.6 * math.ceil(len(groups) / across) + 0.4
        heights[next(iter(heights))] += KEY_IN
    figure, parts = rows(heights, EMPTY)
    for (name, part), line in zip(parts.items(), along, strict=False):
        methods = [m for m in study.coders if any(m in study.methods(group) for group in line.places)]
        for axes, metric in zip(part.subplots(1, len(METRICS)), METRICS, strict=True):
            show(axes, study, line, metric, look)
        if name == next(iter(parts)):
            key(part, study, methods, look)
    if groups:
        part = parts["calibration"]
        if stating:
            for axes, group in zip(panels(part, len(groups), across), groups, strict=True):
                diagram(axes, study, group, [m for m in stating if m in study.methods(group)], look)
        else:
            say(part.subplots(), "no method states a probability")
        note(
            part,
            "Mean over seeds with their range; test data of synthetic sets, atoms paired with the true ones by the "
            "largest sum of |cos|. Reliability: codes of all seeds in ten bins of P(active), bins of fewer than "
            f"{FEWEST} codes left out; a calibrated posterior lies on the dashed diagonal.",
            *(f"{group}: {line}" for group in groups for line in study.divergences(group)),
        )
    return figure


FIGURE = Output(
    "recovery",
    "Recovery of a known dictionary",
    "Where data were made from a known dictionary: how well it is found, and the supports and amplitudes of the "
    "codes, against the density and the noise of the data.",
    needs.known_dictionary,
    draw,
)
