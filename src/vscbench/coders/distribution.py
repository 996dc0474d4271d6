"""A posterior at given parameters, in the words of torch.distributions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch

from vscbench.coders.posterior import Draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from vscbench.coders.posterior import Params, Posterior


@dataclass(frozen=True)
class Distribution:
    """q(z|x) of B data points, K independent latents each, which may be exactly zero.

    Example:
        >>> import torch
        >>> from vscbench.coders.gaussian import Gaussian
        >>> q = Distribution(Gaussian(), {"loc": torch.zeros(2, 3), "log_variance": torch.zeros(2, 3)})
        >>> q.rsample((20,)).shape, q.mean.shape
        (torch.Size([20, 2, 3]), torch.Size([2, 3]))
    """

    family: Posterior
    params: Params
    """(B, K) each."""

    @property
    def batch_shape(self) -> torch.Size:
        """(B, K)."""
        return next(iter(self.params.values())).shape

    def rsample(self, sample_shape: Sequence[int] = (), rng: Generator | None = None) -> Tensor:
        """Codes with a gradient to the parameters, by the family's estimator: (*sample_shape, B, K)."""
        noise = self.family.noise(self.params, prod(sample_shape), rng)
        codes: Tensor = self.family.codes(self.params, noise).unflatten(0, (*sample_shape, 1))
        return codes.squeeze(len(sample_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = (), rng: Generator | None = None) -> Tensor:
        """Codes without a graph: (*sample_shape, B, K)."""
        drawn: Tensor = self.rsample(sample_shape, rng)
        return drawn

    def log_prob(self, z: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q(z) of codes (..., B, K), a density where z ≠ 0, a probability at exactly 0: (..., B, K), nats.

        Args:
            z: the codes.
            threshold: λ of each code, where the family draws it with the code: the joint density is returned.
        """
        return self.family.log_prob(self.params, Draw(z, threshold))

    @property
    def mean(self) -> Tensor:
        """E[z]: (B, K)."""
        return self.family.mean(self.params)

    @property
    def active_prob(self) -> Tensor:
        """P(z ≠ 0): (B, K)."""
        return self.family.active_prob(self.params)

    def kl(self) -> Tensor:
        """KL(q(z_k|x) ‖ p(z_k)) of each latent from the family's own prior: (B, K), nats."""
        return self.family.kl(self.params)
