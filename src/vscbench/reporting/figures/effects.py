"""What each part of a protocol gains, as the change where it is taken away: the figure of the table `parts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import handle, legend, looks, note, rows, wrapped
from vscbench.reporting.tables.parts import changes, differences

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look
    from vscbench.reporting.tables.parts import Change

PANELS = {"fve_draw": "Variance explained, one draw", "elbo": "Bound (nats)", "density": "Density"}
LEAST = {"fve_draw": -1.0}
"""Changes below it are drawn there: one ruinous part would hide all others."""


def show(axes: Axes, study: Study, found: list[Change], metric: str, look: dict[str, Look]) -> None:
    """Draw the change of a metric in each experiment, a mark with its 95 % interval for each method."""
    from vscbench.metrics.standard_errors import over_repetitions

    parts = list(dict.fromkeys(change.part for change in found))
    methods = list(dict.fromkeys(change.method for change in found))
    floor = LEAST.get(metric, -float("inf"))
    for change in found:
        values = differences(study, change, metric)
        if values.empty:
            continue
        mean = float(values.mean())
        low, high = over_repetitions(values).interval()
        at = parts.index(change.part) + 0.6 * ((methods.index(change.method) + 0.5) / len(methods) - 0.5)
        style = look[change.method]
        axes.plot([max(low, floor), max(high, floor)], [at, at], color=style.colour, lw=1)
        marker = "<" if mean < floor else style.marker
        axes.plot([max(mean, floor)], [at], marker, color=style.colour, ms=4.5, mew=0)
    axes.axvline(0, color="0.3", lw=0.8, zorder=1)
    axes.set(title=PANELS[metric], xlabel="change", yticks=range(len(parts)), ylim=(len(parts) - 0.5, -0.5))
    axes.set_yticklabels([wrapped(part, 22) for part in parts])


def draw(study: Study) -> Figure:
    """A row for each experiment that others differ from, a panel for each metric."""
    every = {of: [change for change in found if change.group != of] for of, found in changes(study).items()}
    blocks = {of: found for of, found in every.items() if found}
    heights = {of: 1.2 + 0.42 * len({change.part for change in found}) for of, found in blocks.items()}
    figure, of_row = rows(heights, "no experiment differs from another in a part")
    for of, part in of_row.items():
        found = blocks[of]
        methods = list(dict.fromkeys(change.method for change in found))
        look = looks(methods)
        measured = [name for name in PANELS if any(name in study.measured(change.group) for change in found)]
        for axes, metric in zip(part.subplots(1, len(measured), sharey=True, squeeze=False)[0], measured, strict=True):
            show(axes, study, found, metric, look)
        legend(part, [handle(look[m], wrapped(study.labels[m], 26), ls="none") for m in methods], 4)
        groups = dict.fromkeys(change.group for change in found)
        note(
            part,
            f"Change from {of.replace('_', ' ')}: mean and 95 % interval over repetitions, which share data and seed. "
            "A triangle at -1: below that.",
            *(f"{group.replace('_', ' ')}: {said}" for group in groups if (said := study.divergences(group))),
        )
    return figure


FIGURE = Output(
    name="effects",
    title="What each part of a protocol gains",
    caption="One part of the protocol changed at a time: the change of the variance that one draw explains, of the "
    "evidence bound and of the density of the code, for each method. Left of the line the part that was taken away had "
    "helped.",
    needs=needs.parts,
    draw=draw,
)
