"""What single latents do: images decoded while one latent of a code is moved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reporting.pictures import centres, leave_blank, show, shown
from vscbench.reporting.style import MINUS, SMALL_PT, note, panels, rows, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS = 3
LINE_IN = 0.29
"""Height of an image."""


class Traversals(NamedTuple):
    """The images of a method: a line for each latent, a column for each value that it takes."""

    images: NDArray[Any]
    latents: NDArray[Any]
    values: NDArray[Any]


def traversals(study: Study, each: Shown) -> Traversals | None:
    """What the run of a method left."""
    names = ("traversals", "traversal_latents", "traversal_values")
    arrays = [study.array(each.run, name) for name in names] if each.run else []
    found = [array for array in arrays if array is not None]
    return Traversals(*found) if len(found) == len(names) else None


def panel(axes: Axes, found: Traversals) -> None:
    """Draw the images of a method, with their latents and values."""
    count, steps, _, height, width = found.images.shape
    show(axes, found.images.reshape(-1, *found.images.shape[2:]), steps)
    axes.set_axis_on()
    axes.set_yticks(centres(count, height), [f"z{int(k)}" for k in found.latents])
    axes.set_xticks(centres(steps, width), [f"{value:.2g}".replace("-", MINUS) for value in found.values])
    axes.tick_params(left=False, bottom=False, labelsize=SMALL_PT, pad=1)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def draw(study: Study) -> Figure:
    """A panel for each method, a block for each experiment."""
    found = shown(study, "traversals")
    images = {name: [traversals(study, each) for each in methods] for name, methods in found.items()}
    lines = {name: math.ceil(len(methods) / PANELS) for name, methods in found.items()}
    latents = {name: max(len(each.latents) for each in arrays if each) for name, arrays in images.items()}
    heights = {name: 0.4 + lines[name] * (0.45 + LINE_IN * latents[name]) for name in found}
    figure, parts = rows(heights, "no latents traversed")
    for name, part in parts.items():
        grid = panels(part, len(found[name]), PANELS)
        for axes, each, arrays in zip(grid, found[name], images[name], strict=True):
            axes.set_title(wrapped(each.label, 32))
            if arrays:
                panel(axes, arrays)
            else:
                leave_blank(axes, latents[name] / 7, each.why_not(study))
        note(
            part,
            "Each line moves one latent of the mean code of a test image, by the standard deviations of its draws that "
            "stand below; first completed repetition.",
            *study.divergences(name),
        )
    return figure
