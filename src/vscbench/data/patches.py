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
    *,
    equally: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`count` patches of size×size at distinct positions, and the number of the image of each.

    Patches (count, C·size²) in random order; uniform over all positions of all images, or equally many of each image.

    Args:
        images: height and width of each.
        read: the pixels of one, (H, W) or (C, H, W); one image after the other is in memory.
        size: edge of a patch in pixels.
        count: patches.
        rng: of the positions and the order.
        equally: whether each image gives as many patches as the others, so far as it has them.

    Raises:
        UserError: an image is smaller than a patch, or the images have fewer positions than that.

    Example:
        >>> image = np.arange(20.0).reshape(4, 5)
        >>> patches, images = cut_patches({"a": image.shape}, lambda name: image, 3, 6, np.random.default_rng(0))
        >>> patches.shape, images
        ((6, 9), array([0, 0, 0, 0, 0, 0]))
    """
    check_sizes(images, size)
    positions = np.array([(height - size + 1) * (width - size + 1) for height, width in images.values()])
    if count > positions.sum():
        raise UserError(f"{count} patches of {size}x{size} asked for, but the images hold only {positions.sum()}")
    parts = []
    chosen = _equally(positions, count, rng) if equally else _uniformly(positions, count, rng)
    for name, here in zip(images, chosen, strict=True):
        if not here.size:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(read(name), (size, size), axis=(-2, -1))
        rows, columns = np.divmod(here, windows.shape[-3])
        patches = windows[..., rows, columns, :, :]  # (count, size, size) or (C, count, size, size)
        parts.append(np.moveaxis(patches, -3, 0).reshape(len(here), -1))
    order = rng.permutation(count)
    return np.concatenate(parts)[order], np.repeat(np.arange(len(images)), [len(here) for here in chosen])[order]


def _uniformly(positions: NDArray[np.int64], count: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """`count` distinct ones of all positions, for each image in order."""
    chosen = np.sort(rng.choice(positions.sum(), count, replace=False))
    last = np.cumsum(positions)
    return [
        chosen[slice(*np.searchsorted(chosen, (begin, end)))] - begin
        for begin, end in zip(last - positions, last, strict=True)
    ]


def _equally(positions: NDArray[np.int64], count: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Of each image as many distinct positions, in order, or all of them where it has fewer."""
    order = rng.permutation(len(positions))  # which images give one more is no matter of their names
    shares, left = np.zeros(len(positions), int), count
    for k, image in enumerate(order[np.argsort(positions[order], kind="stable")]):
        shares[image] = min(positions[image], left // (len(positions) - k))
        left -= shares[image]
    return [np.sort(rng.choice(of, share, replace=False)) for of, share in zip(positions, shares, strict=True)]


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
    *,
    equally: bool = False,
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
        equally: as of `cut_patches`.

    Raises:
        UserError: an image is smaller than a patch, or the images hold too few.
    """
    rng, number = np.random.default_rng(seed), {name: k for k, name in enumerate(images)}
    parts, groups = [], {}
    for split in SPLITS:
        its = {name: images[name] for name in assignment[split]}
        patches, of = cut_patches(its, read, patch_size, counts[split], rng, equally=equally)
        parts.append(patches)
        groups[split] = np.array([number[name] for name in its])[of]
    rule = Standardisation.of(parts[0], standardise)
    train, validation, test = (rule.standardise(part).astype(np.float32, copy=False) for part in parts)
    return Data(
        train,
        validation,
        test,
        groups=groups,
        standardisation=rule,
        patch_shape=(train.shape[1] // patch_size**2, patch_size, patch_size),
    )
