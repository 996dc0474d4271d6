"""Sparse codes of 16,000 patches on a learned dictionary: against plain NumPy, and beside scikit-learn."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.decomposition import sparse_encode

import study
from plain import plain_fista
from rounds import Row, divide, milliseconds
from vscbench.coders.fista import fista
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PENALTY = 20.0
BATCH = 100
LEARNING_STEPS = 400
FEW = 200
"""Patches of a round that the slowest solver is timed on; its time is scaled up."""


def learnt_atoms() -> NDArray[np.float32]:
    """A dictionary (P, K) that the suite learnt by FISTA in a few hundred steps."""
    trainer = study.trainer(study.spec("fista"), patches=LEARNING_STEPS * BATCH)
    trainer.train()
    atoms: NDArray[np.float32] = trainer.model.generator.get_parameter("atoms").detach().numpy()
    return atoms


def solvers(atoms: NDArray[np.float32]) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float64]]]:
    """From patches (N, P) to codes (N, K), by name; the suite takes all patches at once, as its metrics do."""
    wide, narrow = atoms.astype(np.float64), torch.from_numpy(atoms)

    def plain(x: NDArray[np.float32]) -> NDArray[np.float64]:
        batches = (x[k : k + BATCH].astype(np.float64) for k in range(0, len(x), BATCH))
        return np.concatenate([plain_fista(batch, wide, PENALTY) for batch in batches])

    def suite(x: NDArray[np.float32]) -> NDArray[np.float64]:
        codes: NDArray[np.float64] = fista(torch.from_numpy(x), narrow, PENALTY).codes.double().numpy()
        return codes

    def scikit_learn(x: NDArray[np.float32], algorithm: str) -> NDArray[np.float64]:
        codes: NDArray[np.float64] = sparse_encode(x.astype(np.float64), wide.T, algorithm=algorithm, alpha=PENALTY)
        return codes

    return {
        "plain": plain,
        "suite": suite,
        "lasso_cd": lambda x: scikit_learn(x, "lasso_cd"),
        "lasso_lars": lambda x: scikit_learn(x[:FEW], "lasso_lars"),
    }


def objective(x: NDArray[np.float32], atoms: NDArray[np.float32], codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """½‖x - A z‖² + λ‖z‖₁ in double precision: (N,)."""
    residual = x.astype(np.float64) - codes @ atoms.astype(np.float64).T
    total: NDArray[np.float64] = 0.5 * np.square(residual).sum(1) + PENALTY * np.abs(codes).sum(1)
    return total


def run(rounds: int) -> list[Row]:
    """The patches are shared out to the rounds: each solver sees each of them once."""
    keep_freed_memory()
    atoms = learnt_atoms()
    run_by = solvers(atoms)
    patches = study.splits().test
    for solve in run_by.values():
        solve(patches[:FEW])
    times: dict[str, list[float]] = {name: [] for name in run_by}
    values: dict[str, list[float]] = {name: [] for name in run_by}
    for x in np.array_split(patches, rounds):
        for name, solve in run_by.items():
            start = perf_counter()
            codes = solve(x)
            solved = len(codes)
            times[name].append((perf_counter() - start) * len(x) / solved)
            values[name].append(float(objective(x[:solved], atoms, codes).mean()))

    used = np.mean(run_by["suite"](patches) != 0)
    each = {name: [t * rounds / len(patches) for t in part] for name, part in times.items()}
    name = f"{len(patches):,} patches, λ = {PENALTY:g}"
    rows = [
        Row(
            f"{name}: plain FISTA / suite's",
            divide(times["plain"], times["suite"]),
            at_least=4,
            detail=f"a patch: {milliseconds(each)}",
        ),
        Row(
            f"{name}: suite's objective / plain's",
            divide(values["suite"], values["plain"]),
            at_most=1.001,
            detail=f"{np.mean(values['suite']):.6f}, {np.mean(values['plain']):.6f}; {100 * used:.1f} % of codes used",
        ),
    ]
    for other in ("lasso_cd", "lasso_lars"):
        scaled = f" ({FEW} patches a round, scaled)" if other == "lasso_lars" else ""
        rows.append(Row(f"{name}: scikit-learn {other}{scaled} / suite", divide(times[other], times["suite"])))
    rows.append(Row(f"{name}: suite's objective / lasso_cd's", divide(values["suite"], values["lasso_cd"])))
    return rows
