"""A data set: train, validation and test, and the statistics by which raw data become what a model reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    Array = TypeVar("Array", NDArray[Any], Tensor)

Statistics: TypeAlias = Literal["pixel", "global", "none"]
SPLITS = ("train", "validation", "test")
CHUNK_BYTES = 1 << 24
"""Memory that a pass over an array takes, whatever the size of the array."""


def chunks(count: int, shape: Sequence[int]) -> Iterator[slice]:
    """Slices that cover `count` data points of `shape`, each of `CHUNK_BYTES` of double precision at most."""
    step = max(1, CHUNK_BYTES // (8 * int(np.prod(shape))))
    return (slice(first, min(first + step, count)) for first in range(0, count, step))


@dataclass(frozen=True, eq=False)
class Standardisation:
    """z = (x - mean) / scale, each a number a pixel (P,), or one for all pixels ().

    Example:
        >>> rule = Standardisation.of(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> rule.standardise(np.array([[4.0, 7.0]]))
        array([[2., 2.]], dtype=float32)
        >>> rule.restore(np.array([[2.0, 2.0]]))
        array([[4., 7.]], dtype=float32)
    """

    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(()))
    scale: NDArray[np.float64] = field(default_factory=lambda: np.ones(()))

    @classmethod
    def of(
        cls, x: NDArray[Any], how: Statistics = "pixel", rows: NDArray[np.int64] | slice = slice(None)
    ) -> Standardisation:
        """Mean and standard deviation of the `rows` of `x` (N, P), in two passes that take no memory to speak of.

        A pixel that is constant keeps the scale 1.
        """
        if how == "none":
            return cls()
        which = np.arange(len(x))[rows]

        def total(term: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
            sums = np.zeros((1, x.shape[1]))
            for part in chunks(len(which), x.shape[1:]):
                # One addition after the other, as over the whole: the size of a chunk changes no bit.
                sums = np.concatenate([sums, term(np.asarray(x[which[part]], np.float64))]).sum(0, keepdims=True)
            return np.asarray(sums[0] if how == "pixel" else sums.mean())

        mean = total(lambda values: values) / len(which)
        scale = np.sqrt(total(lambda values: np.square(values - mean)) / len(which))
        # The mean of equal numbers may differ from them by its rounding.
        return cls(mean, np.where(scale <= 1e-12 * np.abs(mean), 1.0, scale))

    @property
    def is_identity(self) -> bool:
        """Whether nothing is changed, as for images."""
        return self.mean.ndim == 0 and float(self.mean) == 0 and float(self.scale) == 1

    def standardise(self, x: Array) -> Array:
        """Raw data (..., P) as a model reads them: NumPy as float32, torch in its own precision."""
        return x if self.is_identity else self._map(x, lambda x, mean, scale: (x - mean) / scale)

    def restore(self, z: Array) -> Array:
        """What `standardise` was given, of what it gave or a reconstruction of it (..., P)."""
        return z if self.is_identity else self._map(z, lambda z, mean, scale: z * scale + mean)

    def _map(self, x: Any, rule: Callable[..., Any]) -> Any:
        if isinstance(x, np.ndarray):
            return rule(x, self.mean, self.scale).astype(np.float32)
        import torch

        wide = x.dtype if x.device.type == "mps" else torch.float64  # which mps lacks
        mean, scale = (torch.as_tensor(each, dtype=wide, device=x.device) for each in (self.mean, self.scale))
        return rule(x.to(wide), mean, scale).to(x.dtype if x.is_floating_point() else torch.get_default_dtype())


@dataclass(frozen=True, eq=False, kw_only=True)
class Description:
    """What is known of a data set beside its data points."""

    labels: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Labels (N, A) of 0 and 1 by split; empty where the data have none."""
    label_names: tuple[str, ...] = ()
    """Names of the A labels: attributes, or classes one-hot."""
    groups: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """The group (N,) that each data point is from, by split: the image of a patch, say, by its number. Points of one
    group are not independent. Empty where each is its own."""
    standardisation: Standardisation = field(default_factory=Standardisation)
    """From raw data to `train`, by the statistics of train alone."""
    patch_shape: tuple[int, ...] | None = None
    """(C, H, W) of vectors (P,) that are pictures, C·H·W = P; None of vectors that are none, and of images."""
    name: str = ""


@dataclass(frozen=True, eq=False)
class Data(Description):
    """A data set, split so that no part sees another's source.

    Example:
        >>> x = np.random.default_rng(0).normal(3, 2, (100, 8))
        >>> data = Data.from_array(x, validation=10, test=0.2)
        >>> data
        Data(array: train (70, 8) float32, validation (10, 8), test (20, 8))
        >>> bool(abs(data.train.mean()) < 1e-6)
        True
        >>> raw = data.standardisation.restore(data.test)
        >>> bool(abs(raw.mean() - 3) < 0.5)
        True
    """

    train: NDArray[Any]
    """Vectors (N, P) float32, standardised; or images (N, C, H, W), uint8 of 0 to 255 or float32 of 0 to 1."""
    validation: NDArray[Any]
    """As train: for the curves."""
    test: NDArray[Any]
    """As train: for every reported number."""
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """What is known of made-up data: `atoms` (P, K), `codes.SPLIT` (N, K) and, of a forest, `parents` (K,); empty for
    real data."""

    @classmethod
    def from_array(
        cls,
        x: ArrayLike | Tensor,
        *,
        validation: float = 0.05,
        test: float = 0.1,
        standardise: Statistics = "pixel",
        labels: ArrayLike | Tensor | None = None,
        label_names: Sequence[str] | None = None,
        groups: ArrayLike | Tensor | None = None,
        split: Sequence[ArrayLike] | None = None,
        patch_shape: Sequence[int] | None = None,
        seed: int = 0,
        name: str = "array",
    ) -> Data:
        """Split and standardise an array of NumPy or torch; a memory-mapped one is read a part at a time.

        Args:
            x: vectors (N, P) of numbers, stored as float32; or images (N, C, H, W), uint8 (0 to 255) or floats in
                [0, 1], stored as they are (floats as float32).
            validation: share of the rows, or, from 1 on, their number.
            test: as `validation`.
            standardise: vectors by the mean and standard deviation of each pixel ("pixel"), of all pixels together
                ("global") or not at all ("none"), the statistics being those of train. Images stay as they are.
            labels: classes (N,), whole numbers or text; or attributes (N, A) of 0 and 1.
            label_names: of the A attributes or of the classes 0 to A - 1; default the classes, or "attribute_0", ....
            groups: (N,) whole numbers or text: rows of one group, one recording say, all go to the same part, which
                may make validation and test larger than asked for; kept as `groups` of the data.
            split: the positions of train, validation and test, in place of `validation`, `test` and `groups`.
            patch_shape: (C, H, W) or (H, W) of vectors that are pictures, for figures of atoms.
            seed: of the random order of the rows, by which they are split.
            name: what the data set is called in tables and messages.

        Raises:
            UserError: `x`, its labels, groups or split are not such arrays, or do not fit together.
        """
        from vscbench.data.arrays import Arrangement

        how = Arrangement(
            label_names=label_names,
            validation=validation,
            test=test,
            standardise=standardise,
            patch_shape=patch_shape,
            seed=seed,
        )
        return replace(how.stream(x, labels, groups, split), name=name).load()

    @property
    def shape(self) -> tuple[int, ...]:
        """(P,) of a vector or (C, H, W) of an image."""
        return self.train.shape[1:]

    def measured_on(self, split: str) -> Data:
        """The data with another of its splits in the place of test, which is then nowhere.

        Example:
            >>> data = Data.from_array(np.zeros((10, 2)), validation=3, test=2)
            >>> data.measured_on("validation").test is data.validation
            True
        """
        if split == "test":
            return self
        moved: dict[str, Any] = {
            name: {**getattr(self, name), "test": getattr(self, name)[split]} if getattr(self, name) else {}
            for name in ("labels", "groups")
        }
        codes = {"codes.test": f"codes.{split}"}
        truth = {name: self.truth[codes.get(name, name)] for name in self.truth}
        return replace(self, test=getattr(self, split), truth=truth, **moved)

    def __repr__(self) -> str:
        return (
            f"Data({self.name or 'unnamed'}: train {self.train.shape} {self.train.dtype}, "
            f"validation {self.validation.shape}, test {self.test.shape})"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Stream(Description):
    """A data set that may not fit in memory: it is made where it is stored."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of train, validation and test."""
    fill: Callable[[Mapping[str, NDArray[Any]]], None]
    """Writes the data points into arrays of these shapes."""
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))

    def load(self) -> Data:
        """The data set in memory."""
        arrays: dict[str, Any] = {name: np.empty(shape, self.dtype) for name, shape in self.shapes.items()}
        self.fill(arrays)
        known = {name: getattr(self, name) for name in Description.__dataclass_fields__}
        return Data(**arrays, **known)
