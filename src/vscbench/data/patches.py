"""Square patches cut from images, without replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vscbench.data.splits import SPLITS, Splits, standardise
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray


def cut_patches(
    images: Sequence[NDArray[np.float64]], size: int, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """`count` patches of size×size at distinct positions, uniform over all positions of all images: (count, size²).

    Raises:
        UserError: the images have fewer positions than that.
    """
    windows = [np.lib.stride_tricks.sliding_window_view(image, (size, size)) for image in images]
    positions = np.array([w.shape[0] * w.shape[1] for w in windows])
    if count > positions.sum():
        raise UserError(f"{count} patches of {size}x{size} asked for, but the images hold only {positions.sum()}")
    chosen = np.sort(rng.choice(positions.sum(), count, replace=False))
    owner = np.searchsorted(np.cumsum(positions), chosen, side="right")
    first = np.cumsum(positions) - positions
    parts = []
    for k, window in enumerate(windows):
        rows, columns = np.divmod(chosen[owner == k] - first[k], window.shape[1])
        parts.append(window[rows, columns].reshape(-1, size * size))
    return rng.permutation(np.concatenate(parts))


def split_by_image(
    images: Mapping[Hashable, NDArray[np.float64]],
    assignment: Mapping[str, Sequence[Hashable]],
    counts: Mapping[str, int],
    patch_size: int,
    seed: int,
) -> Splits:
    """Patches of each split from the images assigned to it, z-scored by the statistics of train.

    The authors cut training and validation patches from the same images, overlapping; here an image belongs to
    one split.

    Args:
        images: whitened grey images by name.
        assignment: names of the images of train, validation and test.
        counts: patches to cut for each.
        patch_size: edge of a patch in pixels.
        seed: of the positions.

    Raises:
        UserError: an image is assigned twice, or does not exist.
    """
    names = [name for split in SPLITS for name in assignment[split]]
    if twice := {str(name) for name in names if names.count(name) > 1}:
        raise UserError(f"images: {', '.join(sorted(twice))} is in more than one split; each image belongs to one")
    if unknown := [str(name) for name in names if name not in images]:
        raise UserError(f"images: no image {', '.join(unknown)}; there are {', '.join(map(str, images))}")
    rng = np.random.default_rng(seed)
    parts = [
        cut_patches([images[name] for name in assignment[split]], patch_size, counts[split], rng) for split in SPLITS
    ]
    train, validation, test = standardise(*parts)
    return Splits(train, validation, test)
