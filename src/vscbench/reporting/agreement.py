"""Do repetitions of a method learn the same dictionary?"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from safetensors import safe_open
from scipy.optimize import linear_sum_assignment

from vscbench.files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def matched_cosine(atoms: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Mean |cos| of the atoms (P, K) with those of others (P, K), paired so that it is largest (Hungarian method)."""
    units = [each / np.maximum(np.linalg.norm(each, axis=0), np.finfo(np.float32).tiny) for each in (atoms, others)]
    cosines = np.abs(units[0].T @ units[1])
    return float(cosines[linear_sum_assignment(cosines, maximize=True)].mean())


def dictionary(run: Path) -> NDArray[np.float32]:
    """The atoms (P, K) of a run."""
    with safe_open(run / "weights.safetensors", "numpy") as file:
        atoms: NDArray[np.float32] = file.get_tensor("generator.atoms")
    return atoms


def dictionary_agreement(runs: Sequence[Path]) -> Iterator[tuple[Path, dict[str, float]]]:
    """How far the dictionary of each run agrees with those of the other repetitions, for runs that have some.

    `dictionary_agreement` is the mean over the others of the matched |cos|; `dictionary_agreement_null` the same with
    the pixels of the others in another order, one for all atoms: dictionaries that are as alike within themselves and
    have nothing in common.
    """
    repetitions: dict[Path, list[Path]] = {}
    for run in runs:
        linear = read_json(run / "config.json")["generator"]["kind"] == "dictionary"
        completed = read_json(run / "metrics.json")["status"] == "completed"
        if linear and completed and (run / "weights.safetensors").is_file():  # numbers may travel without weights
            repetitions.setdefault(run.parent, []).append(run)
    for same in repetitions.values():
        atoms = {run: dictionary(run) for run in same}
        found: dict[Path, list[tuple[float, float]]] = {}
        for run, other in permutations(same, 2):
            mixed = np.random.default_rng(0).permutation(atoms[other], axis=0)
            pair = matched_cosine(atoms[run], atoms[other]), matched_cosine(atoms[run], mixed)
            found.setdefault(run, []).append(pair)
        for run, pairs in found.items():
            agreement, null = np.mean(pairs, axis=0)
            yield run, {"dictionary_agreement": float(agreement), "dictionary_agreement_null": float(null)}
