"""A folder of the user's own pictures: whole, scaled to one size, or patches of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from pydantic import AfterValidator

from vscbench.data import pictures
from vscbench.data.arrays import one_hot
from vscbench.data.dataset import Data, Statistics, Stream
from vscbench.data.folds import Folded
from vscbench.data.patches import PatchSize, check_sizes, split_by_image
from vscbench.data.sources import Source
from vscbench.data.splitting import Share, divide
from vscbench.data.whitening import TRIM, whiten
from vscbench.errors import UserError
from vscbench.settings import Count, Positive, Seed
from vscbench.violations import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from vscbench.data.splitting import Rows

MANY = 1000
"""With more pictures than that the workflow watches the folder in place of each of them."""


def _size(value: Any) -> tuple[int, int]:
    edges = value if isinstance(value, list | tuple) else (value, value)
    if len(edges) != 2 or not all(type(edge) is int and edge > 0 for edge in edges):  # noqa: PLR2004
        raise ValueError(f"{shown(value)} is not allowed; it must be a number of pixels, or [height, width]")
    return (edges[0], edges[1])


Size: TypeAlias = Annotated[Any, AfterValidator(lambda value: None if value is None else _size(value))]
"""Height and width in pixels: one number for a square, or two."""


@dataclass(frozen=True)
class Patches:
    """Which patches are cut from the pictures."""

    train: Count
    """Patches for training."""
    validation: Count
    """For the curves."""
    test: Count
    """For every reported number."""
    size: PatchSize = 16
    """p, the edge of a patch in pixels."""
    whiten: bool = False
    """Whether each picture, each channel by itself, is whitened first (see `vscbench.data.whitening`)."""
    cutoff: Positive = 0.4
    """Of the whitening, in cycles per pixel."""


@dataclass(kw_only=True)
class Images(Folded, Source):
    """All pictures in a folder and below it: images (N, C, H, W) uint8, or patches of them (N, C·p·p).

    A picture, with all its patches, is in one of train, validation and test, by a random choice or by folds. A colour
    patch is the vector of its channels, one after the other. Exactly one of `size` and `patches` is given.
    """

    source: str
    """The folder."""
    size: Size = None
    """Height and width to which the middle of each picture is scaled."""
    patches: Patches | None = None
    """Patches in place of whole pictures."""
    colour: bool = False
    """Three channels in place of one."""
    labels: bool = False
    """Whether the sub-folder that a whole picture lies in is its class."""
    validation: Share = 0.1
    """Share of the pictures, or, from 1 on, their number."""
    test: Share = 0.2
    """As `validation`."""
    standardise: Statistics = "pixel"
    """Of patches, as of `Data.from_array`."""
    seed: Seed = 0
    """Of the choices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.folds and (self.validation, self.test) != (Images.validation, Images.test):
            raise UserError("folds: validation and test are a fold each; leave `validation` and `test` out")
        if (self.size is None) == (self.patches is None):
            raise UserError("images: give either `size`, for whole pictures, or `patches`")
        if self.patches and self.labels:
            raise UserError("images: `labels` are those of whole pictures; patches have none")

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W), or (C·p·p,) of patches."""
        channels = 3 if self.colour else 1
        return (channels * self.patches.size**2,) if self.patches else (channels, *_size(self.size))

    @property
    def files(self) -> list[Path]:
        """The pictures, or the folder where they are many."""
        found = pictures.find(Path(self.source))
        return found if len(found) <= MANY else [Path(self.source)]

    def check(self) -> None:
        """Refuse a file that is no picture, of its header, too few pictures, and pictures smaller than a patch."""
        paths = pictures.find(Path(self.source))
        self._rows(paths)
        self._classes(paths)
        sizes = self._sizes(paths)
        if self.patches:
            check_sizes(sizes, self.patches.size)

    def load(self) -> Data | Stream:
        """The data set."""
        paths = pictures.find(Path(self.source))
        decode: Callable[[Path], NDArray[Any]] = self._read
        if not self.patches:
            make = partial(pictures.pixels, colour=self.colour, shape=_size(self.size))
            decode = partial(pictures.decode, make=make)
        rows = self._rows(paths, [float(decode(path).var()) for path in paths] if self.folds else None)
        chosen = {name: [paths[k] for k in part] for name, part in rows.items()}
        if self.patches:
            counts = {name: getattr(self.patches, name) for name in chosen}
            return split_by_image(
                self._sizes(paths),
                self._read,
                chosen,
                counts,
                self.patches.size,
                self.seed,
                self.standardise,
                equally=self.folds is not None,
            )
        hot, names = self._classes(paths)
        return Stream(
            shapes={name: (len(part), *self.shape) for name, part in chosen.items()},
            fill=partial(pictures.decode_all, chosen, decode),
            labels={name: hot[part] for name, part in rows.items()} if names else {},
            label_names=names,
        )

    def _rows(self, paths: list[Path], contrast: list[float] | None = None) -> Rows:
        try:
            if self.folds:
                parts = self.assign(dict(enumerate(contrast or [1.0] * len(paths))))
                return {name: np.array(part) for name, part in parts.items()}
            return divide(len(paths), self.validation, self.test, np.random.default_rng(self.seed))
        except UserError as error:
            raise UserError(f"source: {self.source} holds {len(paths)} pictures; {error}") from None

    def _classes(self, paths: list[Path]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        if not self.labels:
            return np.zeros((len(paths), 0), np.uint8), ()
        below = [path.relative_to(self.source).parts for path in paths]
        if alone := [path for path, parts in zip(paths, below, strict=True) if len(parts) == 1]:
            raise UserError(f"labels: {alone[0]} lies in no sub-folder, which would be its class")
        return one_hot(np.array([parts[0] for parts in below]), len(paths))

    def _sizes(self, paths: list[Path]) -> dict[Path, tuple[int, int]]:
        """Height and width of what patches may be cut from."""
        trim = 2 * TRIM if self.patches and self.patches.whiten else 0
        return {path: (height - trim, width - trim) for path in paths for height, width in [pictures.size(path)]}

    def _read(self, path: Path) -> NDArray[np.float64]:
        image = pictures.decode(path, partial(pictures.pixels, colour=self.colour)) / pictures.BYTE
        if not self.patches or not self.patches.whiten:
            return image
        if any(np.ptp(channel) == 0 for channel in image):
            raise UserError(f"{path} has a channel that is the same throughout: it cannot be whitened")
        return np.stack([whiten(channel, self.patches.cutoff) for channel in image])
