"""A data set from an array: its rows checked, split, standardised and labelled."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003  (read when settings are checked)
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from vscbench.data.dataset import SPLITS, Standardisation, Statistics, Stream, chunks
from vscbench.data.splitting import Share, divide, given, group_numbers
from vscbench.errors import UserError
from vscbench.settings import Seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from vscbench.data.splitting import Rows

VECTORS, IMAGES = 2, 4
"""Dimensions of arrays (N, P) and (N, C, H, W)."""
CHANNELS = (1, 3)
MOST_CLASSES = 1000
"""More distinct labels are taken for a mistake."""


@dataclass(kw_only=True)
class Arrangement:
    """How an array becomes a data set; the fields are explained at `Data.from_array`."""

    label_names: Sequence[str] | None = None
    """Names of the attributes or classes."""
    validation: Share = 0.05
    """Share of the rows, or, from 1 on, their number."""
    test: Share = 0.1
    """As `validation`."""
    standardise: Statistics = "pixel"
    """Vectors by the statistics of each pixel, of all of them, or not at all; images stay as they are."""
    patch_shape: Sequence[int] | None = None
    """[C, H, W] or [H, W] of vectors that are pictures, for figures of atoms."""
    seed: Seed = 0
    """Of the random order of the rows."""

    def assign(self, x: NDArray[Any], labels: Any, groups: Any, split: Any) -> tuple[Rows, dict[str, Any]]:
        """The rows of each split, and labels, names and shape of a patch as `Stream` has them, of an unread array.

        Raises:
            UserError: the array, or something beside it, is of the wrong type or shape.
        """
        _check_kind(x)
        if self.standardise not in (allowed := get_args(Statistics)):
            raise UserError(f"standardise: {self.standardise!r} is not allowed; it must be one of {', '.join(allowed)}")
        groups = None if groups is None else numpy(groups)
        if split is None:
            rows = divide(len(x), self.validation, self.test, np.random.default_rng(self.seed), groups)
        else:
            rows = given([numpy(part) for part in split], len(x))
        known: dict[str, Any] = {}
        if groups is not None:
            of, _ = group_numbers(groups, len(x))
            known["groups"] = {name: of[part] for name, part in rows.items()}
        if self.patch_shape is not None:
            known["patch_shape"] = shape = (1, *self.patch_shape)[-3:]
            if x.ndim != VECTORS or len(shape) != IMAGES - 1 or prod(shape) != x.shape[1]:
                raise UserError(f"patch_shape: {list(self.patch_shape)} is not that of data of shape {x.shape[1:]}")
        if labels is not None:
            hot, known["label_names"] = one_hot(numpy(labels), len(x), self.label_names)
            known["labels"] = {name: hot[part] for name, part in rows.items()}
        elif self.label_names is not None:
            raise UserError("label_names: they are given, but no labels")
        return rows, known

    def stream(self, x: Any, labels: Any = None, groups: Any = None, split: Any = None) -> Stream:
        """The data set, after a pass over the array that refuses bad numbers and takes the statistics of train.

        Raises:
            UserError: as of `assign`; or the array holds NaN or infinity, or images outside [0, 1].
        """
        x = numpy(x)
        rows, known = self.assign(x, labels, groups, split)
        _check_values(x)
        vectors = x.ndim == VECTORS
        rule = Standardisation.of(x, self.standardise, rows["train"]) if vectors else Standardisation()

        def fill(arrays: Mapping[str, NDArray[Any]]) -> None:
            for name, where in rows.items():
                for part in chunks(len(where), x.shape[1:]):
                    arrays[name][part] = rule.standardise(x[where[part]])

        return Stream(
            shapes={name: (len(where), *x.shape[1:]) for name, where in rows.items()},
            fill=fill,
            dtype=np.dtype(np.uint8 if not vectors and x.dtype == np.uint8 else np.float32),
            standardisation=rule,
            **known,
        )


def numpy(x: Any) -> NDArray[Any]:
    """An array of NumPy or torch, a list or a data frame as an array of NumPy, mapped where it was mapped."""
    if type(x).__module__.partition(".")[0] == "torch":
        x = x.detach().cpu()
        x = (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()
    try:
        made: NDArray[Any] = np.asanyarray(x)
    except ValueError as error:  # lists of unequal length
        raise UserError(f"this is no array: {error}") from None
    return made.astype(str) if made.dtype == object and all(isinstance(value, str) for value in made.flat) else made


def _check_kind(x: NDArray[Any]) -> None:
    if x.dtype.kind not in "fiu":
        raise UserError(f"x is of type {x.dtype}; it must be numbers, float or uint8")
    if x.ndim not in (VECTORS, IMAGES):
        channel = "; give grey images an axis of channels, x[:, None]" if x.ndim == IMAGES - 1 else ""
        raise UserError(f"x has the shape {x.shape}; it must be (N, P) or (N, C, H, W){channel}")
    if len(x) < len(SPLITS) or not prod(x.shape):
        raise UserError(f"x has the shape {x.shape}; it needs {len(SPLITS)} rows at least, and no empty axis")
    if x.ndim == IMAGES:
        if x.shape[1] not in CHANNELS and x.shape[3] in CHANNELS:
            raise UserError(f"x has the shape {x.shape}; channels come first, (N, C, H, W): np.moveaxis(x, -1, 1)")
        if x.dtype != np.uint8 and x.dtype.kind != "f":
            raise UserError(f"x holds images of type {x.dtype}; they must be uint8, or floats in [0, 1]")


def _check_values(x: NDArray[Any]) -> None:
    if x.dtype.kind != "f":
        return
    bad, first, low, high = 0, "", np.inf, -np.inf
    for part in chunks(len(x), x.shape[1:]):
        values = x[part]
        if not (finite := np.isfinite(values)).all():
            if not bad:
                row, *place = np.argwhere(~finite)[0].tolist()
                first = f"[{', '.join(map(str, (part.start + row, *place)))}]"
            bad += int(finite.size - np.count_nonzero(finite))
        low, high = min(low, values.min()), max(high, values.max())
    if bad:
        raise UserError(f"x holds {bad} number{'s' * (bad > 1)} NaN or infinite, the first at {first}")
    if x.ndim == IMAGES and (low < 0 or high > 1):
        raise UserError(
            f"x holds images with numbers from {low:g} to {high:g}; floats must lie in [0, 1], or be uint8 of 0 to 255"
        )
    if max(-low, high) > np.finfo(np.float32).max:
        raise UserError(f"x holds numbers of {max(-low, high):g}, beyond single precision")


def one_hot(
    labels: NDArray[Any], total: int, names: Sequence[str] | None = None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Labels (N, A) of 0 and 1 and their names, of classes (N,) or of attributes (N, A).

    Raises:
        UserError: they are neither, or not of `total` rows; names that do not fit.

    Example:
        >>> hot, names = one_hot(np.array(["cat", "dog", "cat"]), 3)
        >>> hot.tolist(), names
        ([[1, 0], [0, 1], [1, 0]], ('cat', 'dog'))
    """
    if labels.ndim not in (1, 2) or len(labels) != total:
        raise UserError(f"labels: their shape is {labels.shape}; it must be ({total},) or ({total}, A)")
    if labels.ndim == 1:
        hot, found = _classes(labels, names)
    else:
        if labels.dtype.kind not in "iubf" or not np.isin(labels, (0, 1)).all():
            raise UserError(f"labels: attributes {labels.shape} must be 0 or 1")
        hot, found = labels.astype(np.uint8), names or [f"attribute_{k}" for k in range(labels.shape[1])]
        if len(found) != labels.shape[1]:
            raise UserError(f"label_names: {len(found)} for {labels.shape[1]} attributes")
    if len(set(found)) < len(found) or not all(each and each.isprintable() for each in found):
        raise UserError("label_names: they must be distinct, and text that can be printed")
    return hot, tuple(found)


def _classes(labels: NDArray[Any], names: Sequence[str] | None) -> tuple[NDArray[np.uint8], Sequence[str]]:
    if labels.dtype.kind not in "iubUS":
        raise UserError(f"labels: classes are of type {labels.dtype}; they must be whole numbers or text")
    there, which = np.unique(labels.astype(str) if labels.dtype.kind == "S" else labels, return_inverse=True)
    known = there if names is None else np.arange(len(names)) if labels.dtype.kind in "iub" else np.array(names)
    if unknown := [value for value in there.tolist() if value not in known]:
        raise UserError(f"labels: class {unknown[0]} has no name among {len(known)} label_names")
    if not 1 < len(known) <= MOST_CLASSES:
        raise UserError(f"labels: {len(known)} distinct classes; they must be 2 to {MOST_CLASSES}")
    place = np.array([known.tolist().index(value) for value in there.tolist()])
    hot = np.zeros((len(labels), len(known)), np.uint8)
    hot[np.arange(len(labels)), place[which]] = 1
    return hot, names or [str(value) for value in known.tolist()]
