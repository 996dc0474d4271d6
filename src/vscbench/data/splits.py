"""Train, validation and test data as one file of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from vscbench.errors import UserError
from vscbench.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Splits(NamedTuple):
    """A data set, split so that no part sees another's source image."""

    train: NDArray[np.float32]
    """(N, P), z-scored."""
    validation: NDArray[np.float32]
    """(N, P), z-scored by the statistics of train: for the curves."""
    test: NDArray[np.float32]
    """(N, P), z-scored by the statistics of train: for every reported number."""
    truth: dict[str, NDArray[np.float32]]
    """What is known of made-up data: atoms (P, K) and codes (N, K) of each split; empty for real data."""


def standardise(train: NDArray[np.float64], *others: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """(x - mean) / std per pixel, with mean and std of `train` alone (spec 2.1): each (N, P)."""
    mean, std = train.mean(0), train.std(0)
    std[std == 0] = 1
    return [((part - mean) / std).astype(np.float32) for part in (train, *others)]


def write(splits: Splits, path: Path, metadata: dict[str, str]) -> None:
    """Write to `path` as safetensors, atomically."""
    tensors = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    tensors |= {f"truth.{name}": value for name, value in splits.truth.items()}
    with atomic(path) as partial:
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, partial, metadata)


def read(path: Path) -> Splits:
    """Read what `write` wrote; a missing or damaged file is a `UserError` that names it."""
    if not path.is_file():
        raise UserError(f"{path} is missing: make it with `vscbench data` (or let snakemake do it)")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}): delete it and prepare the data again") from None
    if missing := {"train", "validation", "test"} - tensors.keys():
        raise UserError(f"{path} holds no {', '.join(sorted(missing))}: it is no data set of `vscbench data`")
    truth = {name.removeprefix("truth."): value for name, value in tensors.items() if name.startswith("truth.")}
    return Splits(tensors["train"], tensors["validation"], tensors["test"], truth)
