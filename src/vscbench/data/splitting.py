"""Which rows are for training, for validation and for the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from pydantic import AfterValidator

from vscbench.data.dataset import SPLITS
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Rows = dict[str, NDArray[np.int64]]


SHARE = "a share between 0 and 1, or a whole number of them"


def _share(value: float) -> float:
    if not 0 < value < 1 and (value < 1 or value % 1):
        raise ValueError(f"{value:g} is not allowed; it must be {SHARE}")
    return value


Share: TypeAlias = Annotated[float, AfterValidator(_share)]
"""A part of a whole: between 0 and 1 as a fraction of it, from 1 on as a number."""


def choose(total: int, counts: Mapping[str, int], rng: np.random.Generator) -> Rows:
    """Positions (count,) of disjoint random subsets of `total` images, in the order of the source.

    Raises:
        UserError: more images are asked for than there are.

    Example:
        >>> choose(4, {"train": 2, "test": 2}, np.random.default_rng(0))
        {'train': array([0, 2]), 'test': array([1, 3])}
    """
    wanted = sum(counts.values())
    if wanted > total:
        raise UserError(f"{' + '.join(counts)}: {wanted} images asked for, but there are only {total}")
    shuffled = rng.permutation(total)
    ends = np.cumsum(list(counts.values()))
    return {name: np.sort(part) for name, part in zip(counts, np.split(shuffled[:wanted], ends[:-1]), strict=True)}


def divide(
    total: int, validation: float, test: float, rng: np.random.Generator, groups: NDArray[Any] | None = None
) -> Rows:
    """Positions of train, validation and test among `total` rows, each in random order.

    Args:
        total: rows.
        validation: share of the rows, or, from 1 on, their number; at least one.
        test: as `validation`.
        rng: of the order.
        groups: (N,), rows of one group stay together: validation and test take whole groups, in random order, until
            they have the rows that they were to have.

    Raises:
        UserError: a share is none; too few rows or groups to give some to each part.

    Example:
        >>> parts = divide(10, 0.2, 3, np.random.default_rng(0))
        >>> {name: len(rows) for name, rows in parts.items()}
        {'train': 5, 'validation': 2, 'test': 3}
    """
    wanted = {}
    for name, share in (("test", test), ("validation", validation)):
        try:
            wanted[name] = max(1, round(share * total)) if _share(share) < 1 else int(share)
        except (ValueError, TypeError):
            raise UserError(f"{name}: {share!r} is not allowed; it must be {SHARE}") from None
    if sum(wanted.values()) >= total:
        raise UserError(f"validation + test: {sum(wanted.values())} of {total} rows, which leaves none for train")
    of, sizes = (np.arange(total), np.ones(total, int)) if groups is None else group_numbers(groups, total)
    if len(sizes) < len(SPLITS):
        raise UserError(f"groups: only {len(sizes)}; train, validation and test need one each at least")
    order = rng.permutation(len(sizes))
    taken = np.cumsum(sizes[order])
    first = int(np.searchsorted(taken, wanted["test"])) + 1
    second = int(np.searchsorted(taken, taken[first - 1] + wanted["validation"])) + 1
    if second >= len(order):
        raise UserError(f"groups: the {len(order)} groups are too few or too large to leave rows for train")
    if groups is None:
        parts = np.split(order, [first, second])
    else:
        rank = np.argsort(order)[of]  # of each row's group
        parts = [rng.permutation(np.flatnonzero(np.digitize(rank, [first, second]) == k)) for k in range(3)]
    return dict(zip(SPLITS, (parts[2], parts[1], parts[0]), strict=True))


def group_numbers(groups: NDArray[Any], total: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of each row's group, (total,), and the size of each group.

    Raises:
        UserError: groups are not (total,) whole numbers or text.

    Example:
        >>> group_numbers(np.array(["b", "a", "b", "c"]), 4)
        (array([1, 0, 1, 2]), array([1, 2, 1]))
    """
    if groups.ndim != 1 or len(groups) != total:
        raise UserError(f"groups: their shape is {groups.shape}; it must be ({total},), one a row")
    if groups.dtype.kind not in "iubUS":
        raise UserError(f"groups: their type is {groups.dtype}; it must be whole numbers or text")
    return np.unique(groups, return_inverse=True, return_counts=True)[1:]


def given(split: Sequence[Any], total: int) -> Rows:
    """Positions of train, validation and test that the user gives.

    Raises:
        UserError: they are not three lists of distinct rows among `total`.

    Example:
        >>> given([[3, 0], [1], [2]], 4)["train"]
        array([3, 0])
    """
    if len(split) != len(SPLITS):
        raise UserError(f"split: {len(split)} lists of rows; it must be three: {', '.join(SPLITS)}")
    parts = {name: np.asarray(rows) for name, rows in zip(SPLITS, split, strict=True)}
    for name, rows in parts.items():
        if rows.ndim != 1 or not len(rows):
            raise UserError(f"split: {name} has the shape {rows.shape}; it must be a list of one row at least")
        if rows.dtype.kind not in "iu":
            raise UserError(f"split: {name} is of type {rows.dtype}; it must be whole numbers, the positions of rows")
        if (outside := rows[(rows < 0) | (rows >= total)]).size:
            raise UserError(f"split: {name} has row {outside[0]}; rows are 0 to {total - 1}")
    rows, times = np.unique(np.concatenate([*parts.values()]), return_counts=True)
    if (twice := rows[times > 1]).size:
        where = [name for name, part in parts.items() for _ in range(np.count_nonzero(part == twice[0]))]
        raise UserError(f"split: row {twice[0]} is there twice or more: in {', '.join(where)}")
    return {name: part.astype(np.int64) for name, part in parts.items()}
