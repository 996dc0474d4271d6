"""Arrays in files, mapped into memory: .npy, .npz and .safetensors."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from vscbench.data.prepared import mapped
from vscbench.errors import UserError
from vscbench.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

LOCAL_HEADER = 30
"""Bytes before the name of a member of a zip file; the last four are the lengths of the name and of what follows."""
DAMAGE = (ValueError, TypeError, LookupError, AttributeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What a damaged file happens to cause."""


@dataclass(frozen=True)
class Stored:
    """An array in a file."""

    shape: tuple[int, ...]
    """Of its header."""
    read: Callable[[], NDArray[Any]]
    """Maps it, or reads it where it is compressed."""


def stored(path: Path, key: str | None, what: str) -> Stored:
    """The array called `key` of the file at `path`, or its only one.

    Args:
        path: of an .npy, .npz or .safetensors.
        key: a name in the file; None where there is only one.
        what: the setting that names the file, for messages.

    Raises:
        UserError: there is no such file or array, or the file is damaged.
    """
    there = contents(path, what)
    if key is None and len(there) == 1:
        return next(iter(there.values()))
    if key is None:
        raise UserError(f"{what}: {path} holds {', '.join(there) or 'no array of numbers'}; say which by `key`")
    if key not in there:
        raise UserError(f"{what}: {path} holds no {key}{nearest(key, there)}; there are {', '.join(there)}")
    return there[key]


def pick(path: Path, key: str | None, what: str) -> NDArray[Any]:
    """The array itself; arguments and errors as of `stored`."""
    found = stored(path, key, what)
    try:
        return found.read()
    except DAMAGE as error:
        raise UserError(f"{what}: {path} cannot be read ({error})") from None


def contents(path: Path, what: str) -> dict[str, Stored]:
    """The arrays of the file at `path` by name, of which an .npy has one; arguments and errors as of `stored`."""
    if path.suffix not in READERS:
        raise UserError(f"{what}: {path} is no {', '.join(READERS)}")
    if not path.is_file():
        raise UserError(f"{what}: there is no file {path}")
    try:
        return READERS[path.suffix](path)
    except DAMAGE as error:
        raise UserError(f"{what}: {path} cannot be read ({error})") from None


def _npy(path: Path) -> dict[str, Stored]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return {path.stem: Stored(array.shape, lambda: array)}


def _npz(path: Path) -> dict[str, Stored]:
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for member in archive.infolist():
            with archive.open(member) as content:
                version = npy.read_magic(content)
                header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, by_columns, dtype = header(content)
                begin = content.tell()
            name = member.filename.removesuffix(".npy")
            read: Callable[[], NDArray[Any]] = partial(_unpack, path, name)
            if member.compress_type == zipfile.ZIP_STORED and not dtype.hasobject:
                file.seek(member.header_offset)
                lengths = np.frombuffer(file.read(LOCAL_HEADER)[-4:], "<u2")
                begin += member.header_offset + LOCAL_HEADER + int(lengths.sum())
                read = partial(np.memmap, path, dtype, "r", begin, shape, "F" if by_columns else "C")
            found[name] = Stored(shape, read)
    return found


def _unpack(path: Path, name: str) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        array: NDArray[Any] = archive[name]
    return array


def _safetensors(path: Path) -> dict[str, Stored]:
    return {name: Stored(array.shape, partial(np.asanyarray, array)) for name, array in mapped(path)[1].items()}


READERS = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}
