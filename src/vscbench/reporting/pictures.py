"""Pictures in figures: images as tiles, and which run of each method is shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench.reporting.style import SMALL_PT, note, panels, rows, say, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study


class Shown(NamedTuple):
    """A method of an experiment, at the point of its sweep that pictures show."""

    method: str
    group: str
    label: str
    run: Path | None
    """The first repetition that came to its end."""

    def why_not(self, study: Study, otherwise: str = "not measured") -> str:
        """What stands in the place of its picture."""
        return otherwise if self.run else study.divergence(self.group, self.method)


def shown(study: Study, array: str) -> dict[str, list[Shown]]:
    """The methods of every experiment of which a run left `array`, each at the largest point of its sweep.

    By the name of the experiment and that point; a method that is not swept to there says so in its label.
    """
    found = {}
    for experiment in study.experiments:
        last = {method: group for group in study.groups_of(experiment) for method in study.methods(group)}
        if not last:
            continue
        name = max(last.values(), key=study.groups.index)
        methods = []
        for method in sorted(last, key=study.coders.index):
            group, label = last[method], study.labels[method]
            if group != name:
                label += f" ({group.removeprefix(experiment).removeprefix(', ') or 'not swept'})"
            methods.append(Shown(method, group, label, next(iter(study.finished(group, method)), None)))
        if any(each.run and study.array(each.run, array) is not None for each in methods):
            found[name] = methods
    return found


def gallery(
    study: Study,
    found: Mapping[str, list[Shown]],
    panel: Callable[[Axes, Shown], None],
    words: str,
    *,
    across: int,
    heights: Mapping[str, float] | float,
    empty: str,
) -> Figure:
    """A panel for each method, `across` beside one another, a block for each experiment with `words` below it.

    Args:
        study: the study.
        found: the methods of each experiment.
        panel: draws a method on blank axes.
        words: what a reader must know.
        across: panels beside one another, at most.
        heights: of a panel in inches, by experiment or of all.
        empty: what is said where there is no experiment.
    """
    sizes = {name: heights if isinstance(heights, float) else heights[name] for name in found}
    by_row = {name: 0.45 + sizes[name] * math.ceil(len(methods) / across) for name, methods in found.items()}
    figure, parts = rows(by_row, empty)
    for name, part in parts.items():
        count = len(found[name])
        grid = panels(part, count, math.ceil(count / math.ceil(count / across)))  # lines as full as each other
        for axes, each in zip(grid, found[name], strict=True):
            axes.set_title(wrapped(each.label, 100 // across))
            panel(axes, each)
        note(part, words, study.divergences(name))
    return figure


def gap_of(size: int) -> int:
    """Pixels between tiles of `size` pixels."""
    return max(1, size // 16)


def mosaic(images: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Images (N, C, H, W) in [0, 1] as tiles in reading order, white between them: (height, width, 3)."""
    count, channels, height, width = images.shape
    gap, lines = gap_of(height), math.ceil(count / columns)
    grid = np.ones((lines * (height + gap) - gap, columns * (width + gap) - gap, 3), dtype=np.float32)
    for place, image in enumerate(np.clip(images, 0, 1)):
        line, column = divmod(place, columns)
        top, left = line * (height + gap), column * (width + gap)
        grid[top : top + height, left : left + width] = (
            image.transpose(1, 2, 0) if channels > 1 else image[0][..., None]
        )
    return grid


def about_grey(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images (N, C, H, W) of either sign in [0, 1]: 0 is grey, and each reaches 0 or 1 at its own extreme."""
    extremes = np.abs(images).max(axis=(1, 2, 3), keepdims=True)
    scaled: NDArray[np.float32] = 0.5 + 0.5 * images / np.maximum(extremes, 1e-12)
    return scaled


def centres(count: int, size: int) -> NDArray[Any]:
    """Where the tiles of `mosaic` have their middles, along a side with `count` of them of `size` pixels."""
    return np.arange(count, dtype=np.float64) * (size + gap_of(size)) + (size - 1) / 2


def tile_shape(pixels: int) -> tuple[int, int]:
    """Height and width of a patch: square where it can be, else as near to it as its size divides."""
    height = next(n for n in range(math.isqrt(pixels), 0, -1) if pixels % n == 0)
    return height, pixels // height


def tiles(atoms: NDArray[np.float32]) -> NDArray[np.float32]:
    """The atoms (P, K) of a dictionary of patches as images (K, 1, H, W)."""
    return atoms.T.reshape(-1, 1, *tile_shape(len(atoms)))


def picture(atoms: NDArray[np.float32]) -> Figure:
    """All atoms (N, C, H, W) of one run, by falling norm."""
    from matplotlib.figure import Figure

    order = np.argsort(-np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1), kind="stable")
    figure = Figure(figsize=(6, 6), layout="constrained")
    show(figure.add_subplot(), about_grey(atoms[order]), math.ceil(math.sqrt(len(atoms))))
    return figure


def show_atoms(axes: Axes, atoms: NDArray[np.float32], side: int) -> None:
    """Draw the atoms (N, C, H, W) of largest norm, at most side², with the norms that the tiles hide."""
    norms = np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1)
    order = np.argsort(-norms, kind="stable")[: side * side]
    show(axes, about_grey(atoms[order]), min(side, math.ceil(math.sqrt(len(atoms)))))
    low, least = norms[order].min(), norms.min()
    text = f"norms {norms.max():.3g} to {low:.3g}" + (f", least {least:.3g}" if len(order) < len(norms) else "")
    axes.text(0.5, -0.02, text, transform=axes.transAxes, ha="center", va="top", fontsize=SMALL_PT, color="0.3")


def leave_blank(axes: Axes, aspect: float, words: str) -> None:
    """Say something where a picture of that height over width would be."""
    axes.set_box_aspect(aspect)
    axes.set_anchor("N")
    say(axes, wrapped(words, 24))


def show(axes: Axes, images: NDArray[np.float32], columns: int) -> None:
    """Draw tiles on blank axes."""
    axes.imshow(mosaic(images, columns), interpolation="nearest")
    axes.set_anchor("N")
    axes.set_axis_off()
