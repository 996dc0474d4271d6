"""Whitening by a filter in the frequency domain."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vscbench.data.whitening import whiten, whitening_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize("cutoff", [0.2, 0.4])
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_whitening_filter(shape: tuple[int, int], cutoff: float) -> None:
    """R(f) = f exp(-(f/f₀)⁴), f in cycles per pixel: zero at rest, f₀/e at the cutoff."""
    response = whitening_filter(shape, cutoff)
    assert response.shape == shape
    assert response[0, 0] == 0
    for row, column in ((0, 5), (7, 0), (3, 4), (-3, 4)):
        f = np.hypot(row / shape[0], column / shape[1])
        assert response[row, column] == pytest.approx(f * np.exp(-((f / cutoff) ** 4)))


def radial_power(image: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of an image between frequencies (cycles per pixel)."""
    window = np.outer(np.hanning(image.shape[0]), np.hanning(image.shape[1]))
    power = np.abs(np.fft.fft2(image * window)) ** 2
    f = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None, :])
    return np.array([power[(f >= low) & (f < high)].mean() for low, high in pairwise(edges)])


def test_whitening_flattens_a_natural_spectrum(source: np.random.Generator) -> None:
    """An image whose amplitudes fall as 1/f has equal power at all frequencies well below the cutoff after it."""
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    f[0, 0] = np.inf
    image = np.fft.ifft2(np.fft.fft2(source.standard_normal((256, 256))) / f).real
    edges = np.linspace(0.04, 0.24, 6)
    before, after = radial_power(image, edges), radial_power(whiten(image), edges)
    assert before.max() > 10 * before.min()
    assert after.max() < 1.5 * after.min()
    beyond = radial_power(whiten(image), np.array([0.5, 0.7]))
    assert beyond < 1e-2 * after.min()


def test_whitened_image_has_variance_1_and_no_edges(source: np.random.Generator) -> None:
    white = whiten(source.random((64, 80)), trim=8)
    assert white.shape == (48, 64)
    assert white.std() == pytest.approx(1)
