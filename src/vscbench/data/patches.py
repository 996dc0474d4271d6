"""Square patches cut from images, without replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import numpy as np
from pydantic import Field

from vscbench.data.dataset import SPLITS, Data, Standardisation, Statistics
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    Image = TypeVar("Image", bound=Hashable)

PatchSize: TypeAlias = Annotated[int, Field(ge=4, le=64)]
"""Edge of a patch in pixels."""


@dataclass(frozen=True)
class Names:
    """The images of each split, by name."""

    train: Annotated[list[str], Field(min_length=1)]
    validation: Annotated[list[str], Field(min_length=1)]
    test: Annotated[list[str], Field(min_length=1)]


@dataclass(frozen=True)
class Numbers:
    """The images of each split, by number."""

    train: Annotated[list[int], Field(min_length=1)]
    validation: Annotated[list[int], Field(min_length=1)]
    test: Annotated[list[int], Field(min_length=1)]


def check_assignment(assignment: Names | Numbers, there: Sequence[Any]) -> dict[str, list[Any]]:
    """The images of each split, each of which is one of `there` and belongs to that split alone.

    Raises:
        UserError: an image is assigned twice, or does not exist.
    """
    assigned = {split: list(getattr(assignment, split)) for split in SPLITS}
    names = [name for split in SPLITS for name in assigned[split]]
    if twice := {str(name) for name in names if names.count(name) > 1}:
        raise UserError(f"images: {', '.join(sorted(twice))} is assigned twice; each image belongs to one split, once")
    if unknown := [str(name) for name in names if name not in there]:
        raise UserError(f"images: no image {', '.join(unknown)}; there are {', '.join(map(str, there))}")
    return assigned


def cut_patches(
    images: Mapping[Image, tuple[int, int]],
    read: Callable[[Image], NDArray[np.float64]],
    size: int,
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """`count` patches of size×size at distinct positions, uniform over all positions of all images: (count, C·size²).

    Args:
        images: height and width of each.
        read: the pixels of one, (H, W) or (C, H, W); one image after the other is in memory.
        size: edge of a patch in pixels.
        count: patches.
        rng: of the positions and the order.

    Raises:
        UserError: an image is smaller than a patch, or the images have fewer positions than that.

    Example:
        >>> image = np.arange(20.0).reshape(4, 5)
        >>> cut_patches({"a": image.shape}, lambda name: image, 3, 6, np.random.default_rng(0)).shape
        (6, 9)
    """
    check_sizes(images, size)
    positions = np.array([(height - size + 1) * (width - size + 1) for height, width in images.values()])
    if count > positions.sum():
        raise UserError(f"{count} patches of {size}x{size} asked for, but the images hold only {positions.sum()}")
    chosen = np.sort(rng.choice(positions.sum(), count, replace=False))
    last = np.cumsum(positions)
    parts = []
    for name, begin, end in zip(images, last - positions, last, strict=True):
        here = chosen[slice(*np.searchsorted(chosen, (begin, end)))] - begin
        if not here.size:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(read(name), (size, size), axis=(-2, -1))
        rows, columns = np.divmod(here, windows.shape[-3])
        patches = windows[..., rows, columns, :, :]  # (count, size, size) or (C, count, size, size)
        parts.append(np.moveaxis(patches, -3, 0).reshape(len(here), -1))
    return rng.permutation(np.concatenate(parts))


def check_sizes(images: Mapping[Image, tuple[int, int]], size: int) -> None:
    """Refuse images (height and width of each) that are smaller than a patch."""
    for name, (height, width) in images.items():
        if min(height, width) < size:
            raise UserError(
                f"a patch of {size}x{size} is larger than image {name}, whose usable part is {height}x{width}"
            )


def split_by_image(
    images: Mapping[Image, tuple[int, int]],
    read: Callable[[Image], NDArray[np.float64]],
    assignment: Mapping[str, Sequence[Image]],
    counts: Mapping[str, int],
    patch_size: int,
    seed: int,
    standardise: Statistics = "pixel",
) -> Data:
    """Patches of each split from the images assigned to it, standardised by the statistics of train.

    The authors cut training and validation patches from the same images, overlapping; here an image belongs to
    one split.

    Args:
        images: height and width of each, by name.
        read: the pixels of one, (H, W) or (C, H, W).
        assignment: names of the images of train, validation and test.
        counts: patches to cut for each.
        patch_size: edge of a patch in pixels.
        seed: of the positions.
        standardise: as of `Data.from_array`.

    Raises:
        UserError: an image is smaller than a patch, or the images hold too few.
    """
    rng = np.random.default_rng(seed)
    parts = [
        cut_patches({name: images[name] for name in assignment[split]}, read, patch_size, counts[split], rng)
        for split in SPLITS
    ]
    rule = Standardisation.of(parts[0], standardise)
    train, validation, test = (rule.standardise(part).astype(np.float32, copy=False) for part in parts)
    return Data(
        train,
        validation,
        test,
        standardisation=rule,
        patch_shape=(train.shape[1] // patch_size**2, patch_size, patch_size),
    )
