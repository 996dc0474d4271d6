"""A dictionary as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def dictionary_picture(run: Path) -> NDArray[np.uint8] | None:
    """The atoms of a run side by side, by falling norm, each about grey and scaled to its own extremes: (H, W, 1 or 3).

    Learned atoms, or those recovered from a generator that is a network; None where atoms are no pictures.
    """
    import numpy as np
    from safetensors import safe_open

    with np.load(run / "arrays.npz") as file:
        atoms = file.get("recovered_atoms")  # (K, C, H, W)
    if atoms is None:
        with safe_open(run / "weights.safetensors", "numpy") as file:
            if "coder.generator.atoms" not in file.keys():  # noqa: SIM118  (no mapping)
                return None
            atoms = file.get_tensor("coder.generator.atoms").T  # (K, P)
        side = math.isqrt(atoms.shape[1])
        if side**2 != atoms.shape[1]:
            return None
        atoms = atoms.reshape(-1, 1, side, side)
    norms = np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1)
    atoms = atoms[np.argsort(-norms, kind="stable")]
    grey = 0.5 + 0.5 * atoms / np.maximum(np.abs(atoms).max((1, 2, 3), keepdims=True), 1e-12)
    tiles = np.pad(grey, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1.0)
    columns = math.isqrt(len(tiles) - 1) + 1
    tiles = np.concatenate([tiles, np.ones((-len(tiles) % columns, *tiles.shape[1:]))])
    _, c, h, w = tiles.shape
    picture = tiles.reshape(-1, columns, c, h, w).transpose(0, 3, 1, 4, 2).reshape(-1, columns * w, c)
    found: NDArray[np.uint8] = (255 * picture).round().astype(np.uint8)
    return found
