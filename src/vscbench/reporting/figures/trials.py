"""The score of each trial against each constant that was tried: does the best lie inside the range?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import LINEAR_UP_TO, SMALL_PT, legend, looks, mark, note, panels, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look
    from vscbench.reporting.trials import Tried

PANEL_IN, ACROSS = 1.5, 4
LOST: dict[str, Any] = {"marker": "x", "color": "0.55", "ls": "none", "ms": 4, "clip_on": False}
RING: dict[str, Any] = {"marker": "o", "mfc": "none", "ls": "none", "ms": 8, "mew": 1.2, "clip_on": False}
INSIDE, AT_EDGE = "0.1", "#D55E00"


def show(axes: Axes, each: Tried, key: str, look: Look) -> None:
    """Score of the trials of a method against one of its constants."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    values = np.array([trial.constants[key] for trial in each.trials])
    scores = np.array([trial.score for trial in each.trials])
    shown = scores >= 0
    axes.plot(values[shown], scores[shown], "o", color=look.colour, ms=3.5)
    if each.best and each.best.score >= 0:
        axes.plot(each.best.constants[key], each.best.score, mec=AT_EDGE if key in each.edges else INSIDE, **RING)
    else:
        axes.set_ylim(0, 1)
        axes.set_yticks([])
    # What has no score, or is worse than no code at all, stands on the lower edge, whatever the scale above it.
    if not shown.all():  # a line of no points would be taken for one at the corner of the page
        axes.plot(values[~shown], np.zeros((~shown).sum()), transform=axes.get_xaxis_transform(), **LOST)
    if values.min() > 0 and values.max() > LINEAR_UP_TO * values.min():
        axes.set(xscale="log", xlim=(values.min() / 1.3, values.max() * 1.3))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(wrapped(each.label, 26), fontsize=7)
    axes.set_xlabel(key.removeprefix("training.optimizer."), fontsize=SMALL_PT, labelpad=1)
    axes.tick_params(labelsize=SMALL_PT)


def draw(study: Study) -> Figure:
    """A row for each experiment with trials, a panel for each constant of each method, shared constants first."""
    from vscbench.reporting.trials import tried

    look, found = looks(study.coders), tried(study)
    places: dict[str, list[tuple[Tried, str]]] = {}
    for each in found:
        places.setdefault(each.experiment, []).extend((each, key) for key in each.trials[0].constants)
    heights = {name: PANEL_IN * -(-len(mine) // ACROSS) + 1 for name, mine in places.items()}
    figure, parts = rows(heights, "no method was tuned")
    for name, part in parts.items():
        order = list(dict.fromkeys(key for _, key in places[name]))
        mine = sorted(places[name], key=lambda place: order.index(place[1]))  # those of a shared constant together
        for axes, (each, key) in zip(panels(part, len(mine), ACROSS), mine, strict=True):
            show(axes, each, key, look[each.method])
            if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                axes.set_ylabel("variance\nexplained", fontsize=SMALL_PT)
        density = mine[0][0].density
        legend(
            part,
            [
                mark(marker="o", color="0.3", ls="none", ms=3.5, label="trial"),
                mark(mec=INSIDE, label="chosen", **RING),
                mark(mec=AT_EDGE, label="chosen, the lowest or highest tried", **RING),
                mark(label="diverged, off that density, or below 0", **LOST),
            ],
            4,
        )
        note(
            part,
            f"Variance of validation data that one draw explains at {100 * density:g} % density, between the operating "
            "points of each trial; of dense codes at their own. Each method has its own scale: trials of one method "
            "compare, methods are compared on test data elsewhere.",
        )
    return figure


FIGURE = Output(
    name="tuning",
    title="Tuning",
    caption="The score of every trial against each constant that was tried; the trial chosen is ringed. Where it is "
    "the lowest or the highest tried, a better one may lie beyond the range.",
    needs=needs.trials,
    draw=draw,
)
