"""Images whose generator, codes and labels are known, as an `Evaluation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn

from vscbench.coders import Coder
from vscbench.data import Data
from vscbench.metrics.evaluation import Evaluation

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (1, 8, 8)
LATENTS = 5
NAMES = ("hat", "beard", "both", "noise")
"""Labels: latent 0 is on; latent 1 is off; latent 0 or 1 is on; a coin."""


class Linear(nn.Module):
    """Codes (N, K) to images (N, C, H, W) by a dictionary (P, K)."""

    linear: ClassVar[bool] = False

    def __init__(self, atoms: Tensor) -> None:
        super().__init__()
        self.atoms = nn.Parameter(atoms)

    def forward(self, codes: Tensor) -> Tensor:
        """A z."""
        return (codes @ self.atoms.T).unflatten(1, SHAPE)


class Inverse(Coder):
    """The coder that knows the dictionary: mean codes by its inverse, draws with noise of 0.1, best with 0.01."""

    stochastic = True  # type: ignore[assignment]

    def encode(self, x: Tensor) -> Tensor:
        """A⁺ x."""
        return x.flatten(1) @ torch.linalg.pinv(self.generator.atoms).T

    def sample(self, x: Tensor, samples: int, rng: Generator) -> Tensor:
        """The mean and noise: (S, N, K)."""
        mean = self.encode(x).expand(samples, -1, -1)
        return mean + 0.1 * torch.randn(mean.shape, generator=rng)

    def best(self, x: Tensor, samples: int, rng: Generator) -> Tensor:
        """The mean and little noise."""
        assert samples == 3
        mean = self.encode(x)
        return mean + 0.01 * torch.randn(mean.shape, generator=rng)

    def sample_prior(self, count: int, rng: Generator) -> Tensor:
        """Uniform codes."""
        return 0.2 * torch.rand(count, LATENTS, generator=rng)


def images(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 1, 8, 8) uint8, codes (N, K) and labels (N, A); the atoms are `atoms()`."""
    codes = rng.uniform(0.1, 0.2, (count, LATENTS)) * (rng.random((count, LATENTS)) < 0.5)
    x = np.round(255 * codes @ atoms().T).astype(np.uint8).reshape(-1, *SHAPE)
    on = codes > 0
    labels = np.stack((on[:, 0], ~on[:, 1], on[:, 0] | on[:, 1], rng.random(count) < 0.5), axis=1)
    return x, codes, labels.astype(np.uint8)


def atoms() -> np.ndarray:
    """The dictionary (P, K): no entry below 0 or above 1, so that no image leaves [0, 1]."""
    return np.random.default_rng(7).random((64, LATENTS))


def evaluation(
    test: int = 700, train: int = 400, *, labelled: bool = True, classifier: Path | None = None
) -> Evaluation:
    """The evaluation of the generator and coder that know the truth."""
    rng = np.random.default_rng(0)
    (x, _, y), (x_test, _, y_test) = images(train, rng), images(test, rng)
    labels = {"train": y, "validation": y[:1], "test": y_test} if labelled else {}
    data = Data(train=x, validation=x[:1], test=x_test, labels=labels, label_names=NAMES if labelled else ())
    coder = Inverse(Linear(torch.from_numpy(atoms()).float()))
    return Evaluation(coder, data, samples=3, penalties=(1.0,), classifier=classifier)
