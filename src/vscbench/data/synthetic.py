"""Made-up data whose dictionary and codes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.data.dataset import Data
from vscbench.data.sources import Counted
from vscbench.settings import Count, NonNegative, Probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

DENSITY, NOISE = 0.1, 0.1
"""What data are made with where their configuration does not say."""


@dataclass(kw_only=True)
class Synthetic(Counted):
    """x = A z + noise · ε: unit columns A, Bernoulli(density) supports, Laplace amplitudes of variance 1/density.

    Each pixel then has a variance of about latents / pixels before noise; nothing is standardised, so that `truth`
    holds in the data's own units.

    Example:
        >>> Synthetic(train=10, validation=5, test=5, pixels=16, latents=24).load().truth["atoms"].shape
        (16, 24)
    """

    pixels: Count = 64
    """P."""
    latents: Count = 64
    """K."""
    density: Probability = DENSITY
    """Probability that a code is non-zero."""
    noise: NonNegative = NOISE
    """Standard deviation of the noise."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(P,)."""
        return (self.pixels,)

    def codes(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Codes z of so many data points: (count, K)."""
        support = rng.random((count, self.latents)) < self.density
        return support * rng.laplace(scale=np.sqrt(0.5 / self.density), size=(count, self.latents))

    def load(self) -> Data:
        """The data set and its truth."""
        rng = np.random.default_rng(self.seed)
        atoms = rng.standard_normal((self.pixels, self.latents))
        atoms /= np.linalg.norm(atoms, axis=0)
        truth: dict[str, NDArray[np.float32]] = {"atoms": atoms.astype(np.float32)}
        parts: dict[str, Any] = {}
        for name, count in self.counts.items():
            codes = self.codes(rng, count)
            x = codes @ atoms.T + self.noise * rng.standard_normal((count, self.pixels))
            parts[name] = x.astype(np.float32)
            truth[f"codes.{name}"] = codes.astype(np.float32)
        return Data(**parts, truth=truth)
