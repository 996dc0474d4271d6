"""The rectified Gaussian posterior: codes that are never negative, and exactly zero below a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import torch
from torch import Generator, Tensor

from vscbench.coders.divergences import gaussian_kl
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.posterior import Draw, Noise, Params, Posterior, Transport
from vscbench.settings import Density, Positive


@dataclass
class RectifiedGaussian(Posterior):
    """z = max(s, 0), s = μ + σ ε, ε ~ N(0, 1), against the prior s ~ N(m₀, s₀²) with P(s > 0) = `density`.

    A threshold is in the prior's mean: max(t - λ, 0) of t ~ N(0, s₀²) has m₀ = -λ. The divergence is that of s, exact
    in the model x̂ = G(max(s, 0)), and the pathwise gradient is unbiased (Salimans 2016, arXiv 1602.08734; moments as
    of Socci, Lee and Seung 1998, "The Rectified Gaussian Distribution").

    Example:
        >>> q = RectifiedGaussian(density=0.1)
        >>> at = {"loc": torch.zeros(1, 1), "log_variance": torch.zeros(1, 1)}
        >>> q.active_prob(at), q.mean(at)  # ½ and 1/√(2π)
        (tensor([[0.5000]]), tensor([[0.3989]]))
    """

    prior_scale: Positive = math.sqrt(0.1)
    """s₀, the prior's standard deviation before it is rectified."""
    density: Density = 0.1
    """P(z > 0) under the prior."""

    heads: ClassVar[tuple[str, ...]] = Gaussian.heads  # type: ignore[misc]

    def __post_init__(self) -> None:
        self.base = Gaussian(self.prior_scale)
        self.prior_loc = self.prior_scale * NormalDist().inv_cdf(self.density)

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ N(0, 1): (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def transport(self, params: Params) -> Transport:
        """max(s, 0)."""
        sample = self.base.transport(params)
        return lambda noise: sample(noise).relu()

    def draw(self, params: Params, noise: Noise) -> Draw:
        """max(s, 0); a code comes on at 0 from above."""
        codes = self.codes(params, noise)
        if not torch.is_grad_enabled():
            return Draw(codes)
        active = self.active_prob(params).unsqueeze(0)
        return Draw(codes, active_prob=active, boundary=torch.full_like(active, torch.finfo(active.dtype).tiny))

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log N(z; μ, σ²) where z > 0, log Φ(-μ/σ) at 0, -inf below: (S, B, K), nats."""
        off = torch.special.log_ndtr(-params["loc"] / self.base.scale(params))
        at = torch.where(codes == 0, off, self.base.log_prob_at(params, codes))
        return at.masked_fill(codes < 0, -torch.inf)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s) - log q(s|x) of the sample that is rectified, whose mean is -KL: (S, B, K), nats."""
        sample = self.base.codes(params, noise)
        prior = self.prior_params(sample)
        return self.base.log_prob_at(prior, sample) - self.base.log_prob_at(params, sample)

    def kl(self, params: Params) -> Tensor:
        """½[((μ - m₀)² + σ²)/s₀² - 1 - log(σ²/s₀²)], that of s: (B, K), nats."""
        return gaussian_kl(params["loc"] - self.prior_loc, params["log_variance"], self.prior_scale)

    def prior(self) -> dict[str, float]:
        """N(m₀, s₀²), rectified."""
        return {"loc": self.prior_loc, "log_variance": 2 * math.log(self.prior_scale)}

    def mean(self, params: Params) -> Tensor:
        """E[z] = μ Φ(μ/σ) + σ φ(μ/σ): (B, K)."""
        return self.base.partial_moment(params, -params["loc"], 1)

    def second_moment(self, params: Params) -> Tensor:
        """E[z²] = (μ² + σ²) Φ(μ/σ) + μ σ φ(μ/σ): (B, K)."""
        return self.base.partial_moment(params, -params["loc"], 2)

    def active_prob(self, params: Params) -> Tensor:
        """Φ(μ/σ): (B, K)."""
        return self.base.partial_moment(params, -params["loc"], 0)
