"""Sparse codes of patches under a dictionary of the same photographs: beside scikit-learn's lasso."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.decomposition import sparse_encode

from vscbench.coders.fista import fista
from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.data import Data

PENALTY, LATENTS = 20.0, 128


def compare(data: Data, rounds: int) -> dict[str, list[float]]:
    """Time and lasso objective by FISTA over those by coordinate descent, of the test patches in `rounds` parts."""
    chosen = np.random.default_rng(0).choice(len(data.train), LATENTS, replace=False)
    atoms = data.train[chosen].T / np.linalg.norm(data.train[chosen], axis=1)  # (P, K)
    narrow, wide = torch.from_numpy(atoms), atoms.astype(np.float64)

    def ours(x: NDArray[np.float32]) -> NDArray[np.float64]:
        codes: NDArray[np.float64] = fista(torch.from_numpy(x), narrow, PENALTY).codes.double().numpy()
        return codes

    def theirs(x: NDArray[np.float32]) -> NDArray[np.float64]:
        codes: NDArray[np.float64] = sparse_encode(x.astype(np.float64), wide.T, algorithm="lasso_cd", alpha=PENALTY)
        return codes

    names = (f"FISTA / scikit-learn's lasso_cd, λ = {PENALTY:g}: {what}" for what in ("time", "objective"))
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for x in np.array_split(data.test, rounds):
        seconds, objectives = [], []
        for solve in (ours, theirs):
            start = perf_counter()
            codes = solve(x)
            seconds.append(perf_counter() - start)
            z, patches = torch.from_numpy(codes), torch.from_numpy(x.astype(np.float64))
            objectives.append(float(lasso_objective(patches, z @ torch.from_numpy(wide).T, z, PENALTY).mean()))
        for name, (above, below) in zip(ratios, (seconds, objectives), strict=True):
            ratios[name].append(above / below)
    return ratios
