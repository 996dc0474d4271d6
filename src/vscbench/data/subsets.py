"""Disjoint random subsets of the images that a source has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def choose(total: int, counts: Mapping[str, int], rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Positions (count,) of each subset among `total` images, in the order of the source.

    Raises:
        UserError: more images are asked for than there are.
    """
    wanted = sum(counts.values())
    if wanted > total:
        raise UserError(f"{' + '.join(counts)}: {wanted} images asked for, but there are only {total}")
    shuffled = rng.permutation(total)
    ends = np.cumsum(list(counts.values()))
    return {name: np.sort(part) for name, part in zip(counts, np.split(shuffled[:wanted], ends[:-1]), strict=True)}
