"""Data sets: each source one file, from which a data set is prepared as one file that training reads.

A source is registered by its line in `SOURCES`; one of the user's own is named `module:Class`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vscbench.data.dataset import SPLITS, Data, Standardisation, Stream
from vscbench.data.prepared import read, write
from vscbench.registry import find
from vscbench.settings import construct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vscbench.data.sources import Source

__all__ = ["SOURCES", "SPLITS", "Data", "Standardisation", "Stream", "prepare", "read", "source", "write"]

SOURCES = {
    "array": "vscbench.data.array:Array",
    "celeba": "vscbench.data.celeba:CelebA",
    "digits": "vscbench.data.digits:Digits",
    "faces": "vscbench.data.faces:Faces",
    "fashion_mnist": "vscbench.data.fashion_mnist:FashionMNIST",
    "hierarchical": "vscbench.data.hierarchical:Hierarchical",
    "images": "vscbench.data.images:Images",
    "natural_images": "vscbench.data.natural_images:NaturalImages",
    "olshausen": "vscbench.data.olshausen:Olshausen",
    "synthetic": "vscbench.data.synthetic:Synthetic",
}
"""Where each kind of data set stands."""


def source(spec: Mapping[str, Any]) -> Source:
    """The source that `spec` describes: its `kind`, its settings, and a `name` for the user.

    Raises:
        UserError: there is no such kind, or its settings are not valid.

    Example:
        >>> source({"kind": "digits", "train": 1000, "validation": 100, "test": 100}).shape
        (1, 8, 8)
    """
    part = find(SOURCES, spec["kind"], "kind of data set")
    made: Source = construct(part, {key: value for key, value in spec.items() if key not in ("kind", "name")})
    return made


def prepare(spec: Mapping[str, Any], path: Path) -> Data:
    """Make the data set that `spec` describes, write it to `path` (safetensors), whole or not at all, and map it.

    Where `path` holds the same content already it is left as it is.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> spec = {"kind": "digits", "name": "small", "train": 1000, "validation": 100, "test": 100}
        >>> prepare(spec, Path(mkdtemp()) / "digits.safetensors")
        Data(small: train (1000, 1, 8, 8) uint8, validation (100, 1, 8, 8), test (100, 1, 8, 8))
    """
    made = source(spec).load()
    write(replace(made, name=spec.get("name", spec["kind"])), path, spec)
    return read(path)
