"""Data sets: one file each, from a source to patches or images that training reads.

A data set is registered by its line in `SOURCES`: a function of its part of the config that returns `Splits`, or a
`Stream` where its images do not fit in memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vscbench.data import celeba, digits, faces, fashion_mnist, natural_images, olshausen, synthetic
from vscbench.data.splits import Splits, Stream, read, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SOURCES", "Splits", "Stream", "prepare", "read"]

SOURCES: dict[str, Callable[..., Splits | Stream]] = {
    "celeba": celeba.load,
    "digits": digits.load,
    "faces": faces.load,
    "fashion_mnist": fashion_mnist.load,
    "natural_images": natural_images.load,
    "olshausen": olshausen.load,
    "synthetic": synthetic.load,
}


def prepare(spec: dict[str, Any], path: Path) -> Splits:
    """Make the data set that `spec` describes, write it to `path` (safetensors), whole or not at all, and map it."""
    made = SOURCES[spec["kind"]](**{k: v for k, v in spec.items() if k not in ("kind", "name")})
    write(made, path, {"spec": json.dumps(spec, sort_keys=True)})
    return read(path)
