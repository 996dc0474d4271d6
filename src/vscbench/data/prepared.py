"""A prepared data set: one safetensors file that is written and read by memory maps."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.data.dataset import SPLITS, Data, Standardisation, Stream
from vscbench.errors import UserError
from vscbench.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
"""Of the arrays that are read; the format has others, which NumPy lacks."""
CODES = {dtype: code for code, dtype in DTYPES.items()}
ALIGNMENT = 8
"""Bytes; the length of the header comes first and takes as many."""


@contextmanager
def allocate(
    path: Path, arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], metadata: Mapping[str, str]
) -> Iterator[Arrays]:
    """Yield arrays to fill, each a part of a safetensors file that appears at `path` only if the block succeeds.

    The memory that they take is the file's: the system writes it out whenever it wants the room. A file with the same
    content is left as it is, so that its date does not say that it is new.

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
    with atomic(path, keep_equal=True) as partial:
        if end > (free := shutil.disk_usage(partial.parent).free):  # a map of a full disk would end the process
            raise UserError(f"{path} takes {end / 1e9:.1f} GB, but its disk has only {free / 1e9:.1f} GB left")
        with partial.open("wb") as file:
            file.write(len(text).to_bytes(ALIGNMENT, "little") + text)
            start = file.tell()
            file.truncate(start + end)
        content = np.memmap(partial, np.uint8, mode="r+", offset=start, shape=(end,))
        yield {name: content[bounds[name]].view(dtype).reshape(shape) for name, (shape, dtype) in arrays.items()}
        content.flush()


def write(made: Data | Stream, path: Path, spec: Mapping[str, Any] | None = None) -> None:
    """Write a data set to `path`, whole or not at all; one that is there with the same content is left as it is.

    Args:
        made: the data set.
        path: where the file is wanted.
        spec: what the data set was made from, for whoever looks into the file.

    Raises:
        UserError: the disk has no room, or what the making of a stream refuses.
    """
    tensors: dict[str, NDArray[Any]] = {f"labels.{name}": value for name, value in made.labels.items()}
    tensors |= {f"groups.{name}": value for name, value in made.groups.items()}
    rule = made.standardisation
    tensors |= {"standardisation.mean": rule.mean, "standardisation.scale": rule.scale}
    layout: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    if isinstance(made, Stream):
        layout = {name: (shape, made.dtype) for name, shape in made.shapes.items()}
    else:
        tensors |= {name: getattr(made, name) for name in SPLITS}
        tensors |= {f"truth.{name}": value for name, value in made.truth.items()}
    layout |= {name: (value.shape, value.dtype) for name, value in tensors.items()}
    metadata = {"name": made.name, "label_names": json.dumps(made.label_names)}
    metadata |= {"patch_shape": json.dumps(made.patch_shape), "spec": json.dumps(spec or {}, sort_keys=True)}
    with allocate(path, layout, metadata) as arrays:
        for name, value in tensors.items():
            arrays[name][...] = value
        if isinstance(made, Stream):
            made.fill({name: arrays[name] for name in made.shapes})


def read(path: Path, spec: Mapping[str, Any] | None = None) -> Data:
    """Map what `write` wrote into memory, copied where it is changed.

    Args:
        path: the file.
        spec: what the data set should have been made from; None: anything.

    Raises:
        UserError: the file is missing, damaged, no data set, or made from something else; it is named.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: make it with `vscbench data` (or let snakemake do it)")
    try:
        metadata, tensors = mapped(path)
    except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:  # what the damage happens to cause
        raise UserError(f"{path} is damaged ({error}): delete it and prepare the data again") from None
    if missing := {*SPLITS, "standardisation.mean", "standardisation.scale"} - tensors.keys():
        raise UserError(f"{path} holds no {', '.join(sorted(missing))}: it is no data set of `vscbench data`")
    if len({(tensors[name].shape[1:], tensors[name].dtype) for name in SPLITS}) > 1:
        raise UserError(f"{path} is damaged (its parts differ in shape or type): delete it and prepare the data again")
    for name in (*SPLITS, "standardisation.mean", "standardisation.scale"):
        wanted = "f" if "." in name else "fu"
        if tensors[name].dtype.kind not in wanted or not np.isfinite(tensors[name].sum(dtype=np.float64)):
            text = f"{path} is damaged (numbers of {name} are not finite, or no fractions)"
            raise UserError(f"{text}: delete it and prepare the data again")
    if spec is not None and metadata.get("spec") != json.dumps(spec, sort_keys=True):
        raise UserError(f"{path} was made from another configuration: prepare it again with `vscbench data`")
    try:
        shape = json.loads(metadata["patch_shape"])
        return Data(
            train=tensors["train"],
            validation=tensors["validation"],
            test=tensors["test"],
            truth=_group(tensors, "truth."),
            labels=_group(tensors, "labels."),
            groups=_group(tensors, "groups."),
            label_names=tuple(map(str, json.loads(metadata["label_names"]))),
            standardisation=Standardisation(tensors["standardisation.mean"], tensors["standardisation.scale"]),
            patch_shape=None if shape is None else tuple(map(int, shape)),
            name=metadata["name"],
        )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error!r} in its header): delete it and prepare the data again") from None


def made_from(path: Path, spec: Mapping[str, Any]) -> bool:
    """Whether a data set is at `path` that was made from `spec`; of its header alone."""
    try:
        return mapped(path)[0].get("spec") == json.dumps(spec, sort_keys=True)
    except (ValueError, TypeError, LookupError, AttributeError, OSError):
        return False


def _group(tensors: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def mapped(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Metadata and arrays of a safetensors file: 8 bytes of length, a header of JSON, then the numbers.

    Raises:
        ValueError: the file is cut short or too long; or whatever error another damage of its header causes.
    """
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
        if entry["dtype"] in DTYPES:
            part = content[slice(*entry["data_offsets"])]
            tensors[name] = part.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors
