"""Images decoded from draws of the prior of the codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import gallery, leave_blank, show, shown
from vscbench.reporting.style import SMALL_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS, COLUMNS = 3, 8
"""Methods beside one another, and images in each."""
PANEL_IN = 1.5
WORDS = (
    "Codes drawn from the prior, thresholded where the method thresholds; first completed repetition. Below, the "
    "standard deviation of a pixel over these images, and over the first test images: far less means nearly the same "
    "image."
)


def spread(images: NDArray[Any]) -> float:
    """Root mean square over pixels of the standard deviation over images (N, C, H, W)."""
    return float(np.sqrt(images.var(axis=0, ddof=1).mean()))


def draw(study: Study) -> Figure:
    """Samples of every method, a block for each experiment."""

    def panel(axes: Axes, each: Shown) -> None:
        images = study.array(each.run, "prior_samples") if each.run else None
        if images is None:
            leave_blank(axes, 0.5, each.why_not(study, "no prior to draw from"))
        else:
            show(axes, images, COLUMNS)
            real = study.array(each.run, "input") if each.run else None
            beside = "" if real is None else f", of test images {spread(real):.2g}"
            text = f"deviation {spread(images):.2g}{beside}"
            axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=SMALL_PT, color="0.3")

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
