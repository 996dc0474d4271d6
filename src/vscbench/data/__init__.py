"""Data sets: one file each, from a source to patches that training reads.

A data set is registered by its line in `SOURCES`: a function of its part of the config that returns `Splits`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vscbench.data import natural_images, olshausen, synthetic
from vscbench.data.splits import Splits, read, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SOURCES", "Splits", "prepare", "read"]

SOURCES: dict[str, Callable[..., Splits]] = {
    "natural_images": natural_images.load,
    "olshausen": olshausen.load,
    "synthetic": synthetic.load,
}


def prepare(spec: dict[str, Any], path: Path) -> Splits:
    """Make the data set that `spec` describes and write it to `path` (safetensors), whole or not at all."""
    splits = SOURCES[spec["kind"]](**{k: v for k, v in spec.items() if k not in ("kind", "name")})
    write(splits, path, {"spec": json.dumps(spec, sort_keys=True)})
    return splits
