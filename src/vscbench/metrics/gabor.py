"""Least-squares fits of Gabor functions to pictures, to all of them at once."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

GABOR_LIKE = 0.8
"""Share of its variance that a Gabor function explains of an atom that is called like one."""
BROAD = 1 / (2 * math.pi)
"""Width σ_x f up to which the spectrum of an even Gabor, two Gaussians of width 1/(2πσ_x) at ±f, has one peak."""
NARROWEST = 1.0
"""Least width in pixels: a narrower Gabor is one pixel, which every dictionary of pixels would have."""
PLACES, ANGLES, FREQUENCIES = 6, 8, 6
"""Of the bank: centres along each side, orientations, and frequencies in equal ratios."""
HIGHEST = 0.48
"""Highest frequency in cycles a pixel; at ½ a sine is 0 on every pixel."""
WIDTHS = (0.1, 0.2, 0.4)
"""Of the bank, as shares of the longer side: a start at each."""
FIRST, MOST = 8, 60
"""Steps from every start, and from the best of a picture."""
ENOUGH = 1e-5
"""A picture is fitted when a step lowers its error by less than this share of its energy."""
FLAT = 1e-12
"""A picture of less variance, as a share of its energy, is constant."""
AT_ONCE = 128
"""Pictures fitted together: their derivatives take 13 MB for 64×64 pixels."""


class Gabors(NamedTuple):
    """A exp(-x'²/2σ_x² - y'²/2σ_y²) cos(2πf x' + φ), with (x', y') about the centre and turned by θ: (K,) each."""

    x: Floats
    """Column of the centre, pixels."""
    y: Floats
    """Row of the centre, pixels."""
    frequency: Floats
    """f, cycles a pixel."""
    orientation: Floats
    """θ of the wave vector in [0, π), from the direction of rising columns to that of rising rows."""
    sigma_x: Floats
    """Width along the wave vector, across the stripes, pixels."""
    sigma_y: Floats
    """Width along the stripes, pixels."""
    phase: Floats
    """φ in [0, 2π): 0 and π are even, π/2 and 3π/2 odd."""
    amplitude: Floats
    """A, positive."""

    def pictures(self, height: int, width: int) -> Floats:
        """The functions at each pixel: (K, H, W)."""
        rows, columns = np.mgrid[:height, :width].reshape(2, -1).astype(float)
        logs = np.log(self.sigma_x), np.log(self.sigma_y)
        pair = _pair(np.stack((*self[:4], *logs), 1), Pixels(columns, rows))[0]
        parts = np.stack((np.cos(self.phase), -np.sin(self.phase)), 1) * self.amplitude[:, None]
        drawn: Floats = (pair @ parts[..., None]).reshape(-1, height, width)
        return drawn


def fit(pictures: NDArray[np.floating]) -> tuple[Gabors, Floats]:
    """The Gabor function nearest to each picture (K, H, W), and the share of its variance that it explains: (K,).

    1 - ‖a - g‖²/‖a - mean a‖², not below 0; 0 of a picture that is constant. Amplitude and phase are linear and solved
    for at every step (variable projection: Golub and Pereyra, 1973, with Kaufman's derivative, 1975); the six others by
    Levenberg and Marquardt's steps within bounds: the centre in the picture, f ≤ 0.48, widths of one pixel to the
    longer side. Starts are the best of a bank of Gabors, in position, orientation and frequency, at three widths.

    Example:
        >>> one = Gabors(*(np.array([v]) for v in (7.0, 8.0, 0.15, 0.6, 2.0, 3.0, 1.0, 1.0)))
        >>> found, explained = fit(one.pictures(16, 16))
        >>> round(float(found.frequency[0]), 4), round(float(found.sigma_y[0]), 3), round(float(explained[0]), 6)
        (0.15, 3.0, 1.0)
    """
    parts = [_fit(pictures[k : k + AT_ONCE].astype(float)) for k in range(0, len(pictures), AT_ONCE)]
    gabors = Gabors(*(np.concatenate(each) for each in zip(*(found for found, _ in parts), strict=True)))
    return gabors, np.concatenate([explained for _, explained in parts])


def _fit(pictures: Floats) -> tuple[Gabors, Floats]:
    count, height, width = pictures.shape
    # In single precision: the functions of sine and exponential are four times as fast.
    rows, columns = np.mgrid[:height, :width].reshape(2, -1).astype(np.float32)
    flat = pictures.reshape(count, -1)
    size = np.linalg.norm(flat, axis=1, keepdims=True)
    y = (flat / np.where(size > 0, size, 1)).astype(np.float32)

    side = max(height, width)
    narrow, wide = math.log(NARROWEST), math.log(side)
    low = np.array([0, 0, 0.125 / side, -np.inf, narrow, narrow])
    high = np.array([width - 1, height - 1, HIGHEST, np.inf, wide, wide])
    pixels = Pixels(columns, rows)
    tried = [_descend(y, start, pixels, low, high, FIRST) for start in _bank(y, pixels, side)]
    best = np.argmin([error for _, error in tried], axis=0)
    chosen = np.stack([at for at, _ in tried])[best, np.arange(count)]
    nearest, error = _descend(y, chosen, pixels, low, high, MOST)

    _, parts, _ = _nearest(y, _pair(nearest, pixels)[0])
    about_mean = ((y - y.mean(1, keepdims=True)) ** 2).sum(1)
    explained = np.where(about_mean > FLAT, 1 - error / np.maximum(about_mean, FLAT), 0)
    x, row, frequency, angle, log_x, log_y = nearest.T
    # The wave vector turned by π has the sine of the other sign.
    turned = np.where(np.floor_divide(angle, math.pi) % 2, -1, 1)
    phase = np.arctan2(-turned * parts[:, 1], parts[:, 0]) % (2 * math.pi)
    amplitude = np.hypot(*parts.T) * size[:, 0]
    found = Gabors(x, row, frequency, angle % math.pi, np.exp(log_x), np.exp(log_y), phase, amplitude)
    return found, np.maximum(explained, 0)


class Pixels(NamedTuple):
    """Where the pixels of a picture are: (P,) each."""

    columns: Floats
    rows: Floats


def _pair(parameters: Floats, pixels: Pixels) -> tuple[Floats, Floats, Floats]:
    """Cosine and sine under the envelope (K, P, 2) of parameters (K, 6), and x', y' of every pixel: (K, P) each."""
    x, y, frequency, angle, log_x, log_y = parameters.T[..., None].astype(pixels.columns.dtype)
    right, down = pixels.columns - x, pixels.rows - y
    across, along = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    envelope = np.exp(-0.5 * ((across * np.exp(-log_x)) ** 2 + (along * np.exp(-log_y)) ** 2))
    wave = 2 * math.pi * frequency * across
    return np.stack((envelope * np.cos(wave), envelope * np.sin(wave)), -1), across, along


def _nearest(y: Floats, pair: Floats) -> tuple[Floats, Floats, Floats]:
    """Residual (K, P) of y (K, P) on each pair (K, P, 2), its coefficients (K, 2), and (ΦᵀΦ)⁻¹Φᵀ (K, 2, P)."""
    across = pair.transpose(0, 2, 1)
    inverse: Floats = np.linalg.inv(across @ pair) @ across
    parts = (inverse @ y[..., None])[..., 0]
    return y - (pair @ parts[..., None])[..., 0], parts, inverse


def _bank(y: Floats, pixels: Pixels, side: int) -> Iterator[Floats]:
    """For each width the members of the bank that explain most of each picture (K, P): (K, 6)."""
    xs, ys = (np.linspace(0, each.max(), 2 * PLACES + 1)[1::2] for each in pixels)
    angles = np.arange(ANGLES) * math.pi / ANGLES
    for share in WIDTHS:
        width = math.log(max(NARROWEST, share * side))
        most, best = np.full(len(y), -1.0), np.empty((len(y), 6))
        for frequency in np.geomspace(0.5 / side, 0.8 * HIGHEST, FREQUENCIES):
            bank = np.array([(x, row, frequency, angle, width, width) for x, row, angle in product(xs, ys, angles)])
            pair = _pair(bank, pixels)[0]
            (a, b), (_, d) = np.moveaxis(pair.transpose(0, 2, 1) @ pair, 0, -1)
            even, odd = (y @ pair[..., part].T for part in range(2))
            caught = (even**2 * d - 2 * even * odd * b + odd**2 * a) / (a * d - b * b)  # Φ(ΦᵀΦ)⁻¹Φᵀ
            place = caught.argmax(1)
            here = caught[np.arange(len(y)), place]
            best[here > most] = bank[place[here > most]]
            most = np.maximum(most, here)
        yield best


def _descend(y: Floats, start: Floats, pixels: Pixels, low: Floats, high: Floats, steps: int) -> tuple[Floats, Floats]:
    """Parameters (K, 6) after so many steps from `start`, fewer where they are near enough, and their errors: (K,)."""
    at, damping, moving = start.copy(), np.full(len(y), 1e-2), np.arange(len(y))
    error = (_nearest(y, _pair(at, pixels)[0])[0] ** 2).sum(1)
    for _ in range(steps):
        slopes, residual = _derivatives(y[moving], at[moving], pixels)
        gradient = (slopes.transpose(0, 2, 1) @ residual[..., None])[..., 0]
        # What stands at a bound and is pushed against it stays.
        held = ((at[moving] <= low) & (gradient < 0)) | ((at[moving] >= high) & (gradient > 0))
        slopes = np.where(held[:, None], 0, slopes)
        curvature = slopes.transpose(0, 2, 1) @ slopes
        diagonal = np.maximum(np.diagonal(curvature, axis1=1, axis2=2), 1e-9)
        curvature += (damping[moving, None] * diagonal + 1e-12)[:, None] * np.eye(6)
        step = np.linalg.solve(curvature, np.where(held, 0, gradient)[..., None])[..., 0]
        tried = np.clip(at[moving] + step, low, high)
        new = (_nearest(y[moving], _pair(tried, pixels)[0])[0] ** 2).sum(1)
        gain = error[moving] - new
        lower = gain > 0
        at[moving[lower]], error[moving[lower]] = tried[lower], new[lower]
        damping[moving] *= np.where(lower, 0.2, 5)
        ended = (lower & (gain < ENOUGH)) | (damping[moving] > 1e6)  # noqa: PLR2004
        moving = moving[~ended]
        if not moving.size:
            break
    return at, error


def _derivatives(y: Floats, at: Floats, pixels: Pixels) -> tuple[Floats, Floats]:
    """Of the nearest function by the six parameters, less what amplitude and phase make up for: (K, P, 6); residual."""
    pair, across, along = _pair(at, pixels)
    residual, parts, inverse = _nearest(y, pair)
    function = (pair @ parts[..., None])[..., 0]
    turned = (pair @ np.stack((parts[:, 1], -parts[:, 0]), -1)[..., None])[..., 0]  # d function / d phase of the wave
    _, _, frequency, angle, log_x, log_y = at.T[..., None].astype(y.dtype)
    cos, sin, wave = np.cos(angle), np.sin(angle), 2 * math.pi * frequency
    near_x, near_y = across * np.exp(-2 * log_x), along * np.exp(-2 * log_y)
    slopes = np.stack(
        (
            function * (near_x * cos - near_y * sin) - turned * wave * cos,
            function * (near_x * sin + near_y * cos) - turned * wave * sin,
            turned * 2 * math.pi * across,
            function * (near_y * across - near_x * along) + turned * wave * along,
            function * near_x * across,
            function * near_y * along,
        ),
        -1,
    )
    return slopes - pair @ (inverse @ slopes), residual
