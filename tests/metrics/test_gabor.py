"""Fits of Gabor functions: planted ones are found, against scipy's least squares, and controls are refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from sklearn.decomposition import PCA, FastICA

from vscbench.data.natural_images import NaturalImages
from vscbench.metrics.gabor import GABOR_LIKE, Gabors, fit

SIDE = 16


def planted(count: int, seed: int, side: int = SIDE) -> Gabors:
    """Gabors of all orientations and phases, whose centres are in the middle three fifths of a picture."""
    rng = np.random.default_rng(seed)
    return Gabors(
        *rng.uniform(0.2 * side, 0.8 * side, (2, count)),
        rng.uniform(max(0.06, 1 / side), 0.35, count),  # of less than a cycle a picture is all but a blob
        rng.uniform(0, np.pi, count),
        rng.uniform(max(1, 0.1 * side), 0.25 * side, count),
        rng.uniform(max(1, 0.1 * side), 0.3 * side, count),
        rng.uniform(0, 2 * np.pi, count),
        rng.uniform(0.5, 2, count),
    )


def noisy(pictures: np.ndarray, snr: float, seed: int) -> np.ndarray:
    """Pictures (K, H, W) with white noise of 1/snr of the power of each."""
    power = np.square(pictures).mean((1, 2), keepdims=True)
    return pictures + np.sqrt(power / snr) * np.random.default_rng(seed).normal(size=pictures.shape)


def turned(angle: np.ndarray, period: float) -> np.ndarray:
    """How far an angle is from 0, around the circle."""
    return np.abs((angle + period / 2) % period - period / 2)


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (12, 20)])
def test_planted_gabors_are_found_exactly(shape: tuple[int, int]) -> None:
    truth = planted(40, 0, min(shape))
    found, explained = fit(truth.pictures(*shape))
    assert explained.min() > 1 - 1e-4
    for name in ("x", "y", "frequency", "sigma_x", "sigma_y", "amplitude"):
        np.testing.assert_allclose(getattr(found, name), getattr(truth, name), rtol=0.02, err_msg=name)
    assert turned(found.orientation - truth.orientation, np.pi).max() < 0.01
    # A wave vector at the seam of [0, π) may be read the other way round: φ is then -φ.
    same = turned(found.phase - truth.phase, 2 * np.pi)
    assert np.minimum(same, turned(found.phase + truth.phase, 2 * np.pi)).max() < 0.02


def test_parameters_at_a_known_ratio_of_signal_to_noise() -> None:
    """At 10 a share of 10/11 is explained, and what it depends on is off by the errors of least squares."""
    truth = planted(100, 1)
    found, explained = fit(noisy(truth.pictures(SIDE, SIDE), 10, 2))
    assert np.median(explained) == pytest.approx(10 / 11, abs=0.01)
    errors = {
        "frequency": (found.frequency / truth.frequency - 1, 0.05),
        "orientation": (turned(found.orientation - truth.orientation, np.pi), 0.05),
        "n_x": (found.sigma_x * found.frequency / (truth.sigma_x * truth.frequency) - 1, 0.15),
        "n_y": (found.sigma_y * found.frequency / (truth.sigma_y * truth.frequency) - 1, 0.15),
    }
    for name, (error, tolerance) in errors.items():
        assert np.mean(np.abs(error) < tolerance) > 0.9, name
        assert abs(np.median(error)) < 0.02, name


def test_no_fit_is_worse_than_scipys_from_the_truth() -> None:
    """Of all eight parameters at once, at as much noise as signal."""
    truth = planted(20, 3)
    pictures = noisy(truth.pictures(SIDE, SIDE), 1, 4)
    _, explained = fit(pictures)
    for picture, start, ours in zip(pictures, np.stack(truth, 1), explained, strict=True):

        def residual(p: np.ndarray, picture: np.ndarray = picture) -> np.ndarray:
            return (Gabors(*p[:, None]).pictures(SIDE, SIDE)[0] - picture).ravel()

        low = (0, 0, 0.125 / SIDE, -np.inf, 1, 1, -np.inf, 0)
        high = (SIDE - 1, SIDE - 1, 0.48, np.inf, SIDE, SIDE, np.inf, np.inf)
        theirs = 1 - 2 * least_squares(residual, start, bounds=(low, high)).cost / (picture.var() * SIDE**2)
        assert ours > theirs - 1e-3


def test_of_pictures_turned_scaled_and_of_other_sign() -> None:
    pictures = planted(20, 5).pictures(SIDE, SIDE)
    one, explained = fit(pictures)
    for changed in (np.swapaxes(pictures, 1, 2), -pictures, 1e-6 * pictures):
        np.testing.assert_allclose(fit(changed)[1], explained, atol=1e-4)
    swapped, negative, small = (fit(each)[0] for each in (np.swapaxes(pictures, 1, 2), -pictures, 1e-6 * pictures))
    np.testing.assert_allclose(swapped.x, one.y, atol=0.05)
    np.testing.assert_allclose(swapped.sigma_x, one.sigma_x, rtol=0.02)
    assert turned(negative.phase - one.phase - np.pi, 2 * np.pi).max() < 0.05
    np.testing.assert_allclose(small.amplitude, 1e-6 * one.amplitude, rtol=0.02)


# ------------------------------------------------------------------------ what is no Gabor


def test_noise_is_explained_little_and_constants_not() -> None:
    noise = np.random.default_rng(0).normal(size=(50, SIDE, SIDE))
    explained = fit(noise)[1]
    assert 8 / SIDE**2 < np.median(explained) < 0.12  # at least what eight parameters take
    assert explained.max() < 0.25
    assert fit(np.stack([np.zeros((8, 8)), np.ones((8, 8))]))[1].tolist() == [0, 0]


def test_a_pixel_is_too_narrow_for_a_gabor() -> None:
    explained = fit(np.eye(64).reshape(-1, 8, 8))[1]
    assert np.sum(explained >= GABOR_LIKE) == 4  # the corners, of which three quarters are cut off


def components(side: int, method: PCA | FastICA) -> np.ndarray:
    """Directions (K, side, side) in which a method takes patches of photographs apart."""
    data = NaturalImages(train=5000, validation=10, test=10, patch_size=side, folds=5).load()
    method.fit(data.train)
    found = method.mixing_.T if isinstance(method, FastICA) else method.components_
    return np.asarray(found).reshape(-1, side, side)


def test_few_principal_components_of_photographs_are_like_gabors() -> None:
    """They are plaids, or gratings over the whole patch, of which those along one side can be told from no Gabor."""
    assert np.mean(fit(components(SIDE, PCA(100, random_state=0)))[1] >= GABOR_LIKE) < 0.08


def test_most_independent_components_of_photographs_are_like_gabors() -> None:
    """As known since van Hateren and van der Schaaf (1998)."""
    method = FastICA(48, whiten="unit-variance", max_iter=300, tol=2e-3, random_state=0)
    assert np.mean(fit(components(8, method))[1] >= GABOR_LIKE) > 0.7
