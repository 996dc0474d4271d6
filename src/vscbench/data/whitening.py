"""Whitening of images by a filter in the frequency domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def whitening_filter(shape: tuple[int, int], cutoff: float = 0.4) -> NDArray[np.float64]:
    """R(f) = f exp(-(f/f₀)⁴) on the grid of `numpy.fft.fft2`, f in cycles per pixel (Olshausen & Field, 1997).

    Args:
        shape: height and width of the image.
        cutoff: f₀ in cycles per pixel; 0.4 is 200 cycles over 512 pixels.
    """
    vertical, horizontal = (np.fft.fftfreq(n) for n in shape)
    f = np.hypot(vertical[:, None], horizontal[None, :])
    response: NDArray[np.float64] = f * np.exp(-((f / cutoff) ** 4))
    return response


TRIM = 8
"""Pixels at each edge that the filter spoils: the Fourier transform takes an image for periodic."""


def whiten(image: NDArray[np.float64], cutoff: float = 0.4, trim: int = TRIM) -> NDArray[np.float64]:
    """Filter a grey image (H, W), cut `trim` pixels off each edge and scale what is left to variance 1.

    The filter flattens the 1/f amplitude spectrum of natural images and rolls off before the highest
    frequencies; the Fourier transform takes the image for periodic, which spoils the edges.
    """
    spectrum = np.fft.fft2(image) * whitening_filter((image.shape[0], image.shape[1]), cutoff)
    white = np.fft.ifft2(spectrum).real[trim:-trim, trim:-trim]
    scaled: NDArray[np.float64] = white / white.std()
    return scaled
