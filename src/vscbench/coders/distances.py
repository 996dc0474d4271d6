"""Distances between the codes of many data points and those of the prior, instead of a divergence of each posterior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True)
class Distance(ABC):
    """What an aggregate posterior, of draws for a batch, is away from the prior."""

    weight: Positive = 100.0
    """Of the distance, in the place of a divergence in nats, before the `kl_weight` of the objective."""

    @abstractmethod
    def between(self, codes: Tensor, prior: Tensor, rng: Generator | None) -> Tensor:
        """The distance of codes (S, B, K) from as many of the prior (B, K): (S,)."""

    def __call__(self, codes: Tensor, prior: Tensor, rng: Generator | None) -> Tensor:
        """The same, weighted, for each data point: (S, B)."""
        return (self.weight * self.between(codes, prior, rng)).unsqueeze(1).expand(codes.shape[:2])


@dataclass(frozen=True)
class MaximumMeanDiscrepancy(Distance):
    """mean k(z, z') + mean k(p, p') - 2 mean k(z, p) over pairs of others, k(a, b) = mean_s C_s/(C_s + ‖a - b‖²).

    Tolstikhin et al. 2018, "Wasserstein Auto-Encoders" (arXiv 1711.01558, algorithm 2), with inverse multiquadratics of
    scales C_s = s E‖p - p'‖², s = 0.1 ... 10; unbiased, so that it may be negative (Gretton et al. 2012).

    Example:
        >>> codes = torch.randn(1, 500, 4, generator=torch.Generator().manual_seed(0))
        >>> prior = torch.randn(500, 4, generator=torch.Generator().manual_seed(1))
        >>> distance = MaximumMeanDiscrepancy()
        >>> bool(distance.between(codes, prior, None).abs() < 0.01 < distance.between(codes + 1, prior, None))
        True
    """

    scales: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

    def between(self, codes: Tensor, prior: Tensor, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """The distance of codes (S, B, K) from as many of the prior (B, K): (S,)."""
        prior = prior.expand_as(codes)
        size = codes.shape[1]
        pairs = max(1, size * (size - 1))
        of_prior = squared_distances(prior, prior)
        spread = (of_prior.sum((1, 2), keepdim=True) / pairs).clamp(min=torch.finfo(codes.dtype).tiny)

        def kernel(squares: Tensor) -> Tensor:
            return sum(scale * spread / (scale * spread + squares) for scale in self.scales) / len(self.scales)  # type: ignore[return-value]

        # The diagonal of a set against itself is 1 and no pair.
        same = sum(
            (kernel(squares).sum((1, 2)) - size) / pairs for squares in (squared_distances(codes, codes), of_prior)
        )
        return same - 2 * kernel(squared_distances(codes, prior)).mean((1, 2))


@dataclass(frozen=True)
class SlicedWasserstein(Distance):
    """The mean over random directions of the squared Wasserstein distance of projections, which is that of sorted ones.

    Kolouri et al. 2019, "Sliced Wasserstein Auto-Encoders" (arXiv 1804.01947, equation 11).

    Example:
        >>> zeros, ones = torch.zeros(1, 9, 1), torch.ones(9, 1)
        >>> SlicedWasserstein().between(zeros, ones, None)
        tensor([1.])
    """

    directions: Count = 50
    """Random unit vectors of a step."""

    def between(self, codes: Tensor, prior: Tensor, rng: Generator | None) -> Tensor:
        """The distance of codes (S, B, K) from as many of the prior (B, K): (S,)."""
        directions = torch.empty(codes.shape[-1], self.directions, dtype=codes.dtype, device=codes.device)
        directions = torch.nn.functional.normalize(directions.normal_(generator=rng), dim=0)
        projected, target = (each @ directions for each in (codes, prior))
        return (projected.sort(-2).values - target.sort(-2).values).square().mean((1, 2))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """‖a_i - b_j‖² of (S, B, K) and (S, B, K): (S, B, B)."""
    squares = a.square().sum(-1).unsqueeze(2) + b.square().sum(-1).unsqueeze(1) - 2 * a @ b.transpose(1, 2)
    return squares.clamp(min=0)
