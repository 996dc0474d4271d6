"""Images decoded from draws of the prior of the codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import gallery, leave_blank, show, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS, COLUMNS = 3, 8
"""Methods beside one another, and images in each."""
PANEL_IN = 1.4
WORDS = "Codes drawn from the prior, thresholded where the method thresholds; first completed repetition."


def draw(study: Study) -> Figure:
    """Samples of every method, a block for each experiment."""

    def panel(axes: Axes, each: Shown) -> None:
        images = study.array(each.run, "prior_samples") if each.run else None
        if images is None:
            leave_blank(axes, 0.5, each.why_not(study, "no prior to draw from"))
        else:
            show(axes, images, COLUMNS)

    found = shown(study, "prior_samples")
    return gallery(study, found, panel, WORDS, across=PANELS, heights=PANEL_IN, empty="no samples drawn")


FIGURE = Output(
    name="prior_samples",
    title="Samples from the prior",
    caption="What each generator makes of codes drawn from the prior: reconstruction and generation are different "
    "questions.",
    needs=needs.network,
    draw=draw,
)
