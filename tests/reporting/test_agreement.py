"""Agreement of dictionaries across seeds."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from vscbench.files import write_json
from vscbench.reporting.agreement import dictionary_agreement, matched_cosine

if TYPE_CHECKING:
    from pathlib import Path


def atoms(seed: int, latents: int = 5) -> np.ndarray:
    """A dictionary (30, K)."""
    return np.random.default_rng(seed).standard_normal((30, latents)).astype(np.float32)


def test_order_sign_and_length_of_atoms_do_not_matter() -> None:
    one = atoms(0)
    same = one[:, [3, 1, 4, 0, 2]] * np.array([-2, 0.1, 5, -1, 1])
    assert matched_cosine(one, same) == pytest.approx(1, abs=1e-6)


def test_pairing_is_the_best_of_all() -> None:
    one, other = atoms(0), atoms(1)
    units = [a / np.linalg.norm(a, axis=0) for a in (one, other)]
    cosines = np.abs(units[0].T @ units[1])
    best = max(cosines[range(5), order].mean() for order in permutations(range(5)))
    assert matched_cosine(one, other) == pytest.approx(best, abs=1e-6)


def test_unused_atoms_agree_with_nothing() -> None:
    one = atoms(0)
    one[:, :2] = 0
    assert matched_cosine(one, one) == pytest.approx(3 / 5, abs=1e-6)


def make_run(folder: Path, repetition: int, dictionary: np.ndarray, status: str = "completed") -> dict[str, Any]:
    """What is read of a run, and its line in the index."""
    place = f"runs/a/method/{repetition}"
    write_json(folder / place / "metrics.json", {"status": status, "step": 1, "metrics": {}})
    save_file({"coder.generator.atoms": dictionary}, folder / place / "weights.safetensors")
    return {"experiment": "a", "variant": "method", "folder": place}


def index(*runs: dict[str, Any], linear: bool = True) -> dict[str, Any]:
    """What study.json says of them."""
    return {"experiments": {"a": {"linear": linear}}, "runs": list(runs)}


def test_each_run_is_compared_with_its_repetitions(tmp_path: Path) -> None:
    shared = atoms(0, 40)
    runs = [make_run(tmp_path, 0, shared), make_run(tmp_path, 1, -shared), make_run(tmp_path, 2, atoms(1, 40))]
    runs.append(make_run(tmp_path, 3, atoms(2, 40), "diverged"))
    found = dict(dictionary_agreement(index(*runs), tmp_path))
    places = [run["folder"] for run in runs]
    assert list(found) == places[:3]
    apart = matched_cosine(shared, atoms(1, 40))
    assert found[places[0]]["dictionary_agreement"] == pytest.approx((1 + apart) / 2, abs=1e-6)
    assert found[places[2]]["dictionary_agreement"] == pytest.approx(apart, abs=1e-6)
    assert found[places[0]]["dictionary_agreement_null"] == pytest.approx(apart, abs=0.05)


def test_one_repetition_has_nothing_to_compare_with(tmp_path: Path) -> None:
    assert dict(dictionary_agreement(index(make_run(tmp_path, 0, atoms(0))), tmp_path)) == {}


def test_networks_have_no_dictionary(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, k, atoms(k)) for k in range(2)]
    assert dict(dictionary_agreement(index(*runs, linear=False), tmp_path)) == {}


def test_atoms_of_one_kind_agree_at_other_places_too(tmp_path: Path) -> None:
    """Audit C: bars at places drawn anew have nothing in common but what they are, which no order of pixels keeps."""
    rng = np.random.default_rng(0)
    bars = np.zeros((8, 8), np.float32)
    bars[2:4, 1:7] = 1
    one, other = (
        np.stack([np.roll(bars, step, (0, 1)).ravel() for step in rng.integers(8, size=(20, 2))], axis=1)
        for _ in range(2)
    )
    runs = [make_run(tmp_path, 0, one), make_run(tmp_path, 1, other)]
    study = index(*runs)
    study["experiments"]["a"]["kind"] = "natural_images"
    found = dict(dictionary_agreement(study, tmp_path))[runs[0]["folder"]]
    assert found["dictionary_agreement"] > found["dictionary_agreement_null"] + 0.1
    assert found["dictionary_agreement_moved"] == pytest.approx(found["dictionary_agreement"], abs=0.1)
    study["experiments"]["a"]["kind"] = "synthetic"
    assert "dictionary_agreement_moved" not in dict(dictionary_agreement(study, tmp_path))[runs[0]["folder"]]
