"""Metrics: one file each, a function `measure(e, *, settings)` of an `Evaluation` that says its nulls too.

A metric is registered by its line in `METRICS`; the annotated keyword arguments of its `measure` are its settings in
the `evaluation` section of an experiment, `NAME: {settings}`, and `NAME: false` leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.errors import UserError
from vscbench.files import atomic, read_json, write_json
from vscbench.registry import find
from vscbench.settings import check, made, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.data import Data

__all__ = ["METRICS", "evaluate", "filled", "measure_run"]

METRICS = {
    name: f"vscbench.metrics.{name}:measure"
    for name in (
        "reconstruction",
        "lasso",
        "sparsity",
        "collapse",
        "bounds",
        "dependence",
        "gradients",
        "stability",
        "exactness",
        "recovery",
        "generation",
        "attributes",
        "pictures",
    )
}
