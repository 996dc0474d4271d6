"""Made-up data whose dictionary and codes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vscbench.data.splits import Splits

if TYPE_CHECKING:
    from numpy.typing import NDArray

DENSITY, NOISE = 0.1, 0.1
"""What data are made with where their configuration does not say."""


def load(
    train: int,
    validation: int,
    test: int,
    pixels: int = 64,
    latents: int = 64,
    density: float = DENSITY,
    noise: float = NOISE,
    seed: int = 0,
) -> Splits:
    """x = A z + noise · ε: unit columns A, Bernoulli(density) supports, Laplace amplitudes of variance 1/density.

    Each pixel then has a variance of about latents / pixels before noise; nothing is z-scored, so that `truth`
    holds in the data's own units.

    Args:
        train: N of train.
        validation: N of validation.
        test: N of test.
        pixels: P.
        latents: K.
        density: probability that a code is non-zero.
        noise: standard deviation of the noise.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((pixels, latents))
    atoms /= np.linalg.norm(atoms, axis=0)
    truth: dict[str, NDArray[np.float32]] = {"atoms": atoms.astype(np.float32)}
    parts = []
    for name, count in (("train", train), ("validation", validation), ("test", test)):
        support = rng.random((count, latents)) < density
        codes = support * rng.laplace(scale=np.sqrt(0.5 / density), size=(count, latents))
        x = codes @ atoms.T + noise * rng.standard_normal((count, pixels))
        parts.append(x.astype(np.float32))
        truth[f"codes.{name}"] = codes.astype(np.float32)
    return Splits(parts[0], parts[1], parts[2], truth)
