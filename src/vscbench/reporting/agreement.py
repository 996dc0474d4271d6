"""Do repetitions of a method learn the same dictionary?"""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from vscbench import records
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


PATCHES = ("natural_images", "olshausen", "images")
"""Kinds of data whose grey patches are vectors, so that an atom is a picture."""
ATOMS = "coder.generator.atoms"
"""Where the weights of a run have the dictionary."""


def matched_cosine(atoms: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Mean |cos| of the atoms (P, K) with those of others (P, K), paired so that it is largest (Hungarian method)."""
    from scipy.optimize import linear_sum_assignment

    units = [each / np.maximum(np.linalg.norm(each, axis=0), np.finfo(np.float32).tiny) for each in (atoms, others)]
    cosines = np.abs(units[0].T @ units[1])
    return float(cosines[linear_sum_assignment(cosines, maximize=True)].mean())


def moved(atoms: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each atom (P, K) of a square patch moved round it by a step of its own: the same spectra at other places.

    Example:
        >>> place = moved(np.eye(9, 1, dtype=np.float32), np.random.default_rng(0))
        >>> float(place.sum()), place.shape
        (1.0, (9, 1))
    """
    side = math.isqrt(len(atoms))
    steps = rng.integers(side, size=(atoms.shape[1], 2))
    pictures = atoms.T.reshape(-1, side, side)
    rolled = [np.roll(picture, step, axis=(0, 1)) for picture, step in zip(pictures, steps, strict=True)]
    return np.stack(rolled).reshape(atoms.shape[1], -1).T


def dictionary(run: Path) -> NDArray[np.float32] | None:
    """The atoms (P, K) of a run; None of a coder that has none."""
    weights = run / "weights.safetensors"
    try:
        with safe_open(weights, "numpy") as file:
            atoms: NDArray[np.float32] | None = file.get_tensor(ATOMS) if ATOMS in file.keys() else None  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{weights} is damaged ({error}): delete it and train the run again") from None
    return atoms


def dictionary_agreement(index: Mapping[str, Any], results: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """How far the dictionary of each run agrees with those of the other repetitions, for runs that have some.

    By the folder of the run. `dictionary_agreement` is the mean over the others of the matched |cos|;
    `dictionary_agreement_null` the same with the pixels of the others in another order, one for all atoms: dictionaries
    that are as alike within themselves and have nothing in common, image statistics included. So of patches
    `dictionary_agreement_moved` is what is left when each atom of the others is moved about its patch: what
    dictionaries of atoms of the same kind, at places of their own, have in common.

    Args:
        index: the content of study.json.
        results: the folder of the study.
    """
    repetitions: dict[tuple[str, str], list[str]] = {}
    kind_of = {run["folder"]: index["experiments"][run["experiment"]].get("kind") for run in index["runs"]}
    for run in index["runs"]:
        folder = results / run["folder"]
        linear = index["experiments"][run["experiment"]]["linear"]
        # Numbers may travel without weights.
        there = linear and (folder / "weights.safetensors").is_file()
        if there and records.read(records.Measured, folder / "metrics.json")["status"] == "completed":
            repetitions.setdefault((run["experiment"], run["variant"]), []).append(run["folder"])
    for same in repetitions.values():
        if len(same) < 2:  # noqa: PLR2004
            continue
        atoms = {folder: found for folder in same if (found := dictionary(results / folder)) is not None}
        pairs_of: dict[str, list[dict[str, float]]] = {}
        for run, other in permutations(atoms, 2):
            others = {"": atoms[other], "_null": np.random.default_rng(0).permutation(atoms[other], axis=0)}
            if kind_of[same[0]] in PATCHES and math.isqrt(len(atoms[other])) ** 2 == len(atoms[other]):
                others["_moved"] = moved(atoms[other], np.random.default_rng(0))
            pair = {name: matched_cosine(atoms[run], each) for name, each in others.items()}
            pairs_of.setdefault(run, []).append(pair)
        for run, pairs in pairs_of.items():
            yield run, {f"dictionary_agreement{n}": float(np.mean([pair[n] for pair in pairs])) for n in pairs[0]}
