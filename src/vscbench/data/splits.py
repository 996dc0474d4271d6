"""Train, validation and test data as one safetensors file that is read and written by memory maps."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench.errors import UserError
from vscbench.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

SPLITS = ("train", "validation", "test")
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}
CODES = {dtype: code for code, dtype in DTYPES.items()}
ALIGNMENT = 8
"""Bytes; the length of the header comes first and takes as many."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Splits(NamedTuple):
    """A data set, split so that no part sees another's source image."""

    train: NDArray[Any]
    """Patches (N, P) float32, z-scored; or images (N, C, H, W) uint8, 0 to 255."""
    validation: NDArray[Any]
    """As train, patches by its statistics: for the curves."""
    test: NDArray[Any]
    """As train, patches by its statistics: for every reported number."""
    truth: Mapping[str, NDArray[np.float32]] = NOTHING
    """What is known of made-up data: atoms (P, K) and codes (N, K) of each split; empty for real data."""
    labels: Mapping[str, NDArray[np.uint8]] = NOTHING
    """Labels (N, A) of 0 and 1 by split; empty where the data have none."""
    label_names: tuple[str, ...] = ()
    """Names of the A labels: attributes, or classes one-hot."""


class Stream(NamedTuple):
    """A data set whose images do not fit in memory: they are made where they are stored."""

    shapes: Mapping[str, tuple[int, ...]]
    """(N, C, H, W) of train, validation and test, uint8."""
    fill: Callable[[Arrays], None]
    """Writes the images into arrays of these shapes."""
    labels: Mapping[str, NDArray[np.uint8]]
    """As `Splits.labels`."""
    label_names: tuple[str, ...]
    """As `Splits.label_names`."""


def standardise(train: NDArray[np.float64], *others: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """(x - mean) / std per pixel, with mean and std of `train` alone (spec 2.1): each (N, P)."""
    mean, std = train.mean(0), train.std(0)
    std[std == 0] = 1
    return [((part - mean) / std).astype(np.float32) for part in (train, *others)]


@contextmanager
def allocate(
    path: Path, arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], metadata: Mapping[str, str]
) -> Iterator[Arrays]:
    """Yield arrays to fill, each a part of a safetensors file that appears at `path` only if the block succeeds.

    The memory that they take is the file's: the system writes it out whenever it wants the room.

    Args:
        path: where the file is wanted.
        arrays: shape and dtype of each array by name.
        metadata: free text by name, stored in the file's header.

    Raises:
        UserError: the disk has no room for them.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    bounds, end = {}, 0
    # Wide numbers first: each array then begins at a multiple of the size of its numbers.
    for name, (shape, dtype) in sorted(arrays.items(), key=lambda item: (-item[1][1].itemsize, item[0])):
        begin, end = end, end + prod(shape) * dtype.itemsize
        bounds[name] = slice(begin, end)
        header[name] = {"dtype": CODES[dtype], "shape": shape, "data_offsets": (begin, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with atomic(path) as partial:
        if end > (free := shutil.disk_usage(partial.parent).free):  # a map of a full disk would end the process
            raise UserError(f"{path} takes {end / 1e9:.1f} GB, but its disk has only {free / 1e9:.1f} GB left")
        with partial.open("wb") as file:
            file.write(len(text).to_bytes(ALIGNMENT, "little") + text)
            start = file.tell()
            file.truncate(start + end)
        content = np.memmap(partial, np.uint8, mode="r+", offset=start, shape=(end,))
        yield {name: content[bounds[name]].view(dtype).reshape(shape) for name, (shape, dtype) in arrays.items()}
        content.flush()


def write(made: Splits | Stream, path: Path, metadata: Mapping[str, str]) -> None:
    """Write to `path` as safetensors, atomically."""
    tensors: dict[str, NDArray[Any]] = {f"labels.{name}": value for name, value in made.labels.items()}
    layout: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    if isinstance(made, Stream):
        layout = {name: (shape, np.dtype(np.uint8)) for name, shape in made.shapes.items()}
    else:
        tensors |= {name: getattr(made, name) for name in SPLITS}
        tensors |= {f"truth.{name}": value for name, value in made.truth.items()}
    layout |= {name: (value.shape, value.dtype) for name, value in tensors.items()}
    with allocate(path, layout, {**metadata, "label_names": json.dumps(made.label_names)}) as arrays:
        for name, value in tensors.items():
            arrays[name][...] = value
        if isinstance(made, Stream):
            made.fill({name: arrays[name] for name in made.shapes})


def read(path: Path) -> Splits:
    """Map what `write` wrote into memory, copied where it is changed.

    Raises:
        UserError: the file is missing, damaged, or no data set; it is named.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: make it with `vscbench data` (or let snakemake do it)")
    try:
        metadata, tensors = _map(path)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # what the damage happens to cause
        raise UserError(f"{path} is damaged ({error}): delete it and prepare the data again") from None
    if missing := set(SPLITS) - tensors.keys():
        raise UserError(f"{path} holds no {', '.join(sorted(missing))}: it is no data set of `vscbench data`")

    def group(prefix: str) -> Arrays:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    names = tuple(json.loads(metadata.get("label_names", "[]")))
    train, validation, test = (tensors[name] for name in SPLITS)
    return Splits(train, validation, test, group("truth."), group("labels."), names)


def _map(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Metadata and arrays of a safetensors file: 8 bytes of length, a header of JSON, then the numbers."""
    size = path.stat().st_size
    with path.open("rb", buffering=0) as file:  # a buffer takes more than what is read
        length = int.from_bytes(file.read(ALIGNMENT), "little")
        start = ALIGNMENT + length
        if size < start:
            raise ValueError("its header is cut short")
        header = json.loads(file.read(length))
        metadata = header.pop("__metadata__", {})
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        if size != start + end:
            raise ValueError(f"it has {size} bytes, not {start + end}")
        content = np.memmap(file, np.uint8, mode="c", offset=start, shape=(end,))
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] in DTYPES:  # all that a data set holds
            part = content[slice(*entry["data_offsets"])]
            tensors[name] = part.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors
