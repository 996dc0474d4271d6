"""A forest of features: its frequencies and its codes against what they are said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vscbench import data
from vscbench.data.hierarchical import Hierarchical
from vscbench.errors import UserError

FEW: dict[str, Any] = {"train": 10, "validation": 5, "test": 5}


def forest(**settings: Any) -> Hierarchical:
    return Hierarchical(**FEW | {"pixels": 24, "latents": 32} | settings)


@pytest.mark.parametrize("signed", [False, True])
def test_a_child_is_active_only_with_its_parent_and_frequencies_are_exact(signed: bool) -> None:
    made = forest(train=40_000, roots=5, children=2, exponent=0.7, density=0.15, signed=signed)
    truth, parents = made.load().truth, made.parents
    active, children = truth["codes.train"] != 0, np.flatnonzero(parents >= 0)
    assert len(children) == 27
    assert not (active[:, children] & ~active[:, parents[children]]).any()
    ranks = np.arange(1, 33)
    expected = ranks**-0.7 * 0.15 * 32 / (ranks**-0.7).sum()
    np.testing.assert_allclose(active.mean(0), expected, atol=4 * (0.25 / 40_000) ** 0.5)
    assert active.mean() == pytest.approx(0.15, rel=0.02)
    # Within a tree features are dependent, between trees they are not.
    assert np.corrcoef(active[:, 0], active[:, 5])[0, 1] > 0.2
    assert abs(np.corrcoef(active[:, 0], active[:, 7])[0, 1]) < 0.02


def test_parents_come_first_and_have_so_many_children() -> None:
    parents = forest(latents=32, roots=4, children=3).parents
    assert (parents < np.arange(32)).all()
    assert (parents == -1).sum() == 4
    assert (np.bincount(parents[4:])[:9] == 3).all()  # 28 children: nine features have three, one has one
    assert np.bincount(parents[4:])[9] == 1


def test_sizes_and_signs() -> None:
    """The mean of z² is 1 over all codes; sizes spread by 30 %; a tree has one sign, and trees differ."""
    positive, signed = (forest(train=40_000, roots=4, signed=signed).load().truth for signed in (False, True))
    assert (positive["codes.train"] >= 0).all()
    for truth in (positive, signed):
        codes = truth["codes.train"]
        assert np.square(codes).mean() == pytest.approx(1, rel=0.02)
        sizes = np.abs(codes[codes != 0])
        assert sizes.std() / sizes.mean() == pytest.approx(0.3, rel=0.02)
    codes = signed["codes.train"]
    assert codes.mean() == pytest.approx(0, abs=0.01)
    assert (codes[:, 0] * codes[:, 4] >= 0).all()  # 4 is a child of 0
    both = (codes[:, 0] != 0) & (codes[:, 1] != 0)
    assert (codes[both, 0] * codes[both, 1] > 0).mean() == pytest.approx(0.5, abs=0.05)


def test_data_are_the_codes_times_the_atoms_and_come_back_from_their_file(tmp_path: Any) -> None:
    spec = {"kind": "hierarchical", **FEW, "pixels": 24, "latents": 32, "noise": 0.0}
    made = data.prepare(spec, tmp_path / "forest.safetensors")
    np.testing.assert_allclose(made.test, made.truth["codes.test"] @ made.truth["atoms"].T, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(made.truth["atoms"], axis=0), 1, rtol=1e-5)
    np.testing.assert_array_equal(made.truth["parents"], forest().parents)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"roots": 32}, "roots: 32 of 32 latents leave no child; it must be less than latents"),
        ({"density": 0.5, "exponent": 1.0}, r"density: 0\.5 would make .* of 3\.94; .* it must be at most 0\.127$"),
    ],
)
def test_a_forest_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    made = forest(**settings)
    for refused in (made.check, made.load):
        with pytest.raises(UserError, match=message):
            refused()
