"""What single latents do: images decoded while one latent of a code is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import centres, gallery, leave_blank, show, shown
from vscbench.reporting.style import MINUS, SMALL_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS = 3
LINE_IN = 0.29
"""Height of an image."""
WORDS = (
    "Each line moves one latent of the mean code of a test image, by the standard deviations of its draws that stand "
    "below; the six that change the image most, first completed repetition."
)


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


def show_latents(axes: Axes, found: Traversals) -> None:
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
    arrays = {name: [each for each in (traversals(study, of) for of in found[name]) if each] for name in found}
    latents = {name: max(len(each.latents) for each in arrays[name]) for name in found}

    def panel(axes: Axes, each: Shown) -> None:
        images = traversals(study, each)
        if images:
            show_latents(axes, images)
        else:
            blank = next(name for name, methods in found.items() if each in methods)
            leave_blank(axes, latents[blank] / 7, each.why_not(study))

    heights = {name: 0.45 + LINE_IN * count for name, count in latents.items()}
    return gallery(study, found, panel, WORDS, across=PANELS, heights=heights, empty="no latents traversed")


FIGURE = Output(
    name="traversals",
    title="Traversals of latents",
    caption="One latent at a time moved through its range, from the code of the first test image: the six that change "
    "it most.",
    needs=needs.network,
    draw=draw,
)
