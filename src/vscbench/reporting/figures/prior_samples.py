"""Images decoded from draws of the prior of the codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vscbench.reporting.pictures import leave_blank, show, shown
from vscbench.reporting.style import note, panels, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study

PANELS = 3
"""Methods beside one another."""
COLUMNS = 8
PANEL_IN = 1.4


def draw(study: Study) -> Figure:
    """Samples of every method, a block for each experiment."""
    found = shown(study, "prior_samples")
    lines = {name: math.ceil(len(methods) / PANELS) for name, methods in found.items()}
    figure, parts = rows({name: 0.4 + PANEL_IN * count for name, count in lines.items()}, "no samples drawn")
    for name, part in parts.items():
        for axes, each in zip(panels(part, len(found[name]), PANELS), found[name], strict=True):
            axes.set_title(wrapped(each.label, 32))
            images = study.array(each.run, "prior_samples") if each.run else None
            if images is None:
                leave_blank(axes, 0.5, each.why_not(study, "no prior to draw from"))
            else:
                show(axes, images, COLUMNS)
        note(
            part,
            "Codes drawn from the prior, thresholded where the method thresholds; first completed repetition.",
            *study.divergences(name),
        )
    return figure
