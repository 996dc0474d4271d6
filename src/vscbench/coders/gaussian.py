"""The Gaussian posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from vscbench.coders.divergences import gaussian_kl
from vscbench.coders.noise import normal
from vscbench.coders.posterior import Base, Noise, Params
from vscbench.coders.scaled import PriorScale  # noqa: TC001  (read at run time, as the settings are)

if TYPE_CHECKING:
    from collections.abc import Iterator

QUADRATURE_NODES = 24


@dataclass
class Gaussian(Base):
    """z = μ + σ ε, ε ~ N(0, 1), against the prior N(0, s²) (Kingma and Welling 2014, arXiv 1312.6114).

    Example:
        >>> round(Gaussian().threshold_for(0.1), 2)  # 10 % non-zeros, the paper's 0.52
        0.52
    """

    prior_scale: PriorScale = math.sqrt(0.1)
    """s, the prior's standard deviation, or `learned` for each latent; the paper's variance is 0.1."""

    heads: ClassVar[tuple[str, ...]] = ("loc", "log_variance")  # type: ignore[misc]
    standard: ClassVar[str] = "normal"

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ N(0, 1): (S, B, K)."""
        like = params["loc"]
        return {"normal": normal((samples, *like.shape), like, rng)}

    def scale(self, params: Params) -> Tensor:
        """σ: (B, K)."""
        return torch.exp(params["log_variance"] / 2)

    def kl(self, params: Params) -> Tensor:
        """½[(μ² + σ²)/s² - 1 - log(σ²/s²)]: (B, K), nats."""
        return gaussian_kl(params["loc"], params["log_variance"], self.prior_scale)

    def prior(self) -> dict[str, float]:
        """N(0, s²)."""
        return {"loc": 0.0, "log_variance": 2 * math.log(self.prior_scale)}

    def tail(self, params: Params, threshold: Tensor | float) -> Tensor:
        """2Φ(-λ/σ): (B, K)."""
        return torch.erfc(threshold * torch.exp(-params["log_variance"] / 2) / math.sqrt(2))

    def threshold_for(self, density: float) -> float:
        """λ = -s Φ⁻¹(density/2)."""
        return -self.prior_scale * NormalDist().inv_cdf(density / 2)

    def log_inside(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log erf(λ/(σ√2)): (B, K), or the shape of λ."""
        inside = torch.erf(threshold * torch.exp(-params["log_variance"] / 2) / math.sqrt(2))
        return inside.clamp(min=torch.finfo(inside.dtype).tiny).log()

    def partial_moment(self, params: Params, beyond: Tensor, power: int) -> Tensor:
        """Φ(-u), σφ(u) - tΦ(-u) or (σ² + t²)Φ(-u) - tσφ(u) with u = t/σ: the shape of t."""
        sigma = self.scale(params)
        u = beyond / sigma
        tail = torch.erfc(u / math.sqrt(2)) / 2
        if power == 0:
            return tail
        slope = sigma * torch.exp(-0.5 * u.square()) / math.sqrt(2 * math.pi)
        if power == 1:
            return (slope - beyond * tail).clamp(min=0)
        return ((sigma.square() + beyond.square()) * tail - beyond * slope).clamp(min=0)

    def log_within(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log[Φ((λ - |μ|)/σ) - Φ((-λ - |μ|)/σ)]: (B, K), or the shape of λ."""
        size, sigma = params["loc"].abs(), self.scale(params)
        upper, lower = (torch.special.log_ndtr((end - size) / sigma) for end in (threshold, -threshold))
        rest = -torch.expm1(lower - upper)
        found: Tensor = upper + rest.clamp(min=torch.finfo(rest.dtype).tiny).log()
        return found

    def log_deviation(self, params: Params, deviation: Tensor) -> Tensor:
        """-½[e²/σ² + log(2πσ²)]: (S, B, K), nats."""
        log_variance = params["log_variance"]
        # Where the density is 0 in single precision its logarithm stays a number, which has a derivative.
        distance = (deviation.abs() * torch.exp(-log_variance / 2)).clamp(max=1e18)
        return -0.5 * (distance.square() + log_variance + math.log(2 * math.pi))

    def gamma_tail(self, params: Params, shape: Tensor, rate: Tensor) -> Tensor:
        """E_e[P(λ < |e|)] by Gauss-Legendre quadrature over the quantiles of |e|: (B, K)."""
        scale = torch.exp(params["log_variance"] / 2) * rate
        total = torch.zeros_like(scale)
        for node, weight in half_normal_quadrature():
            total += weight * torch.special.gammainc(shape, node * scale)
        return total


def half_normal_quadrature() -> Iterator[tuple[float, float]]:
    """Nodes x and weights w with Σ w f(x) ≈ E f(|ε|), ε ~ N(0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_NODES)
    quantiles = torch.special.ndtri(torch.from_numpy(0.5 + (nodes + 1) / 4))
    return zip(quantiles.tolist(), (weights / 2).tolist(), strict=True)
