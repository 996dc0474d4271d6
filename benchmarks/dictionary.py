"""A dictionary by online learning: how long until it is as good as scikit-learn's is in the end."""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

import vscbench as vsc
from vscbench.coders.fista import fista
from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

PENALTY, LATENTS, BATCH = 1.6, 128, 256
STEPS = (10, 20, 40, 80, 160, 320)
"""Lengths of our training, each from the start: the first that is as good counts."""


def objective(atoms: NDArray[np.float32], x: NDArray[np.float32]) -> float:
    """Mean lasso objective of data (N, P) on atoms (P, K) of unit length, with the codes that minimise it."""
    narrow, patches = torch.from_numpy(atoms / np.linalg.norm(atoms, axis=0)), torch.from_numpy(x)
    codes = fista(patches, narrow, PENALTY).codes
    return float(lasso_objective(patches, codes @ narrow.T, codes, PENALTY).mean())


def compare(data: vsc.Data, rounds: int) -> dict[str, list[float]]:
    """Our time to scikit-learn's final objective on held-out patches over its own time, and the two objectives then."""
    name = f"online dictionary / scikit-learn's, λ = {PENALTY:g}"
    ratios: dict[str, list[float]] = {f"{name}: time": [], f"{name}: objective": []}
    for seed in range(rounds):
        theirs = MiniBatchDictionaryLearning(
            LATENTS, alpha=PENALTY, batch_size=BATCH, fit_algorithm="cd", random_state=seed
        )
        start = perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # one a code whose duality gap is above its tolerance
            theirs.fit(data.train)
        seconds = perf_counter() - start
        goal = objective(theirs.components_.T.astype(np.float32), data.test)
        for steps in STEPS:
            start = perf_counter()
            coder = vsc.methods.online_dictionary(penalty=PENALTY)
            options = {"steps": steps, "batch_size": BATCH}
            atoms = vsc.fit(data, coder, latents=LATENTS, seed=seed, training=options, progress=False).coder.atoms
            ours = perf_counter() - start
            assert atoms is not None  # noqa: S101  (a dictionary has some)
            reached = objective(atoms.detach().numpy(), data.test)
            if reached <= goal:
                break
        ratios[f"{name}: time"].append(ours / seconds)
        ratios[f"{name}: objective"].append(reached / goal)
    return ratios
