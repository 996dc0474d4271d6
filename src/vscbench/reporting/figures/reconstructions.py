"""What each method makes of the same test images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.numbers import figures_of
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import centres, mosaic, shown
from vscbench.reporting.style import SMALL_PT, note, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

COLUMNS = 8
LINE_IN = 0.68


def show(axes: Axes, study: Study, methods: list[Shown]) -> None:
    """Draw the originals in the first line and the reconstructions of each method in one of its own."""
    inputs = [study.array(each.run, "input") for each in methods if each.run]
    originals = next(array for array in inputs if array is not None)[:COLUMNS]
    lines, labels = [originals], ["Original"]
    for each in methods:
        array = study.array(each.run, "reconstruction_best") if each.run else None
        lines.append(np.ones_like(originals) if array is None else array[:COLUMNS])
        error = float(np.square(lines[-1] - originals).mean())
        said = "" if array is None else f"\nerror {error:{figures_of(error, math.nan)}}"
        labels.append(wrapped(each.label, 18) + said)
    tiles = mosaic(np.concatenate(lines), len(originals))
    axes.imshow(tiles, interpolation="nearest")
    middles = centres(len(lines), originals.shape[2])
    axes.set_yticks(middles, labels)
    for each, y in zip(methods, middles[1:], strict=True):
        if each.run is None:
            axes.text(tiles.shape[1] / 2, y, each.why_not(study), ha="center", va="center", fontsize=SMALL_PT)
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def draw(study: Study) -> Figure:
    """Test images and their reconstructions by every method, a block for each experiment."""
    found = shown(study, "reconstruction_best")
    figure, parts = rows(
        {name: 0.4 + LINE_IN * (1 + len(methods)) for name, methods in found.items()}, "no images reconstructed"
    )
    for name, part in parts.items():
        show(part.subplots(), study, found[name])
        note(
            part,
            f"Best of {study.samples(found[name][0].group)} draws, chosen with the image that they reconstruct; first "
            "completed repetition. Error: mean square a pixel, of these images.",
            study.divergences(name),
        )
    return figure


FIGURE = Output(
    name="reconstructions",
    title="Reconstructions",
    caption="Test images, and what each method makes of them from the best of J codes, with its squared error, at "
    "the largest point of a sweep.",
    needs=needs.network,
    draw=draw,
)
