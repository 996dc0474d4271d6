"""Made-up data."""

from __future__ import annotations

import numpy as np
import pytest

from vscbench.data.synthetic import Synthetic


def test_synthetic_truth_is_the_truth() -> None:
    """x = A z + noise · ε, in the data's own units."""
    splits = Synthetic(
        train=2000, validation=100, test=300, pixels=24, latents=32, density=0.1, noise=0.2, seed=3
    ).load()
    atoms = splits.truth["atoms"]
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=0), 1, rtol=1e-5)
    for split, count in (("train", 2000), ("validation", 100), ("test", 300)):
        x, codes = getattr(splits, split), splits.truth[f"codes.{split}"]
        assert (x.shape, codes.shape) == ((count, 24), (count, 32))
        residual = x - codes @ atoms.T
        assert residual.std() == pytest.approx(0.2, rel=0.05)
    codes = splits.truth["codes.train"]
    assert (codes != 0).mean() == pytest.approx(0.1, rel=0.05)
    assert (codes**2).mean() == pytest.approx(1, rel=0.12)
    assert codes.mean() == pytest.approx(0, abs=0.02)


def test_synthetic_without_noise_is_exact() -> None:
    splits = Synthetic(train=50, validation=5, test=5, noise=0.0).load()
    np.testing.assert_allclose(splits.test, splits.truth["codes.test"] @ splits.truth["atoms"].T, atol=1e-5)
