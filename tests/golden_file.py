"""The golden file: inputs, and what the code before the renovation (da54d27) made of them, in double precision.

`tests/golden/make_golden.py` made it; `golden.notes.json` beside it has the specifications of its cases.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).with_name("golden")
NOTES: dict[str, Any] = json.loads((FOLDER / "golden.notes.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-9


@cache
def golden() -> dict[str, Any]:
    """All arrays by name; one that equals an earlier one is stored once."""
    with np.load(FOLDER / "golden.npz") as file:
        arrays: dict[str, Any] = dict(file)
    for name, target in arrays.pop("aliases"):
        arrays[str(name)] = arrays[str(target)]
    return arrays


def given(name: str) -> torch.Tensor:
    """An input, as a tensor of its own."""
    return torch.from_numpy(golden()[name].copy())


def same(ours: Any, name: str, tolerance: float = TOLERANCE) -> None:
    """Assert that `ours` is what the old code gave as `name`."""
    found = ours.detach().numpy() if isinstance(ours, torch.Tensor) else np.asarray(ours)
    np.testing.assert_allclose(found, golden()[name], rtol=tolerance, atol=tolerance, err_msg=name)


def compact(gradients: list[torch.Tensor]) -> np.ndarray:
    """Σ g, Σ g² and a random projection of each gradient: (n, 3)."""
    rows = []
    for gradient in gradients:
        g = gradient.detach().numpy()
        weights = np.random.default_rng(99).standard_normal(g.shape)
        rows.append([g.sum(), np.square(g).sum(), (g * weights).sum()])
    return np.array(rows)


def fill(module: torch.nn.Module, seed: int, names: dict[str, str]) -> None:
    """Fill a module's state in the order of the old names; `names` has the new name of each old one."""
    rng, state = np.random.default_rng(seed), module.state_dict()
    for old in sorted(names):
        if old.endswith("num_batches_tracked"):
            continue
        shape = state[names[old]].shape
        draw = rng.uniform(0.5, 1.5, shape) if old.endswith("running_var") else 0.5 * rng.standard_normal(shape)
        state[names[old]].copy_(torch.from_numpy(np.asarray(draw)))
