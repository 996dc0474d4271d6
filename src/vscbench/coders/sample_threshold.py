"""Thresholded samples whose threshold acts on the sample itself, and not on its deviation from the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vscbench.coders.level import GAMMA_HEADS, GammaLevel, Level, log_gamma, soft_threshold
from vscbench.coders.posterior import Draw, Noise, Params, Transport
from vscbench.settings import NonNegative

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = 20
"""Of Gauss-Legendre quadrature, for each interval."""
CUTS = (torch.minimum, torch.maximum)


@dataclass
class SampleThreshold(Level):
    """z = S_λ(s) = sign(s)(|s| - λ)₊ of a sample s = μ + e of the base, so that P(z ≠ 0|x) follows μ.

    In the model x̂ = G(S_λ(s)) with s from the prior of the base, the divergence of the base is exact, and z is
    continuous in all parameters: the pathwise gradient is unbiased and needs no estimator. The threshold of the paper,
    `fixed`, acts on e alone. The soft threshold is the lasso's (Tibshirani 1996), here of a random variable.

    Example:
        >>> from vscbench.coders.gaussian import Gaussian
        >>> q = SampleThreshold(Gaussian(), density=0.1)
        >>> q.codes({"loc": torch.tensor([[0.9]]), "log_variance": torch.zeros(1, 1)}, {"normal": torch.zeros(1, 1, 1)})
        tensor([[[0.3799]]])
    """

    def clamp(self, params: Params) -> Params:
        """As the base does."""
        return self.base.clamp(params)

    def transport(self, params: Params) -> Transport:
        """S_λ(s)."""
        sample = self.base.transport(params)
        return lambda noise: soft_threshold(sample(noise), self.threshold(params, noise))

    def draw(self, params: Params, noise: Noise) -> Draw:
        """S_λ(s); a code comes on at 0 from above or from below, by the sign of ε: twice P(z > 0), or P(z < 0)."""
        threshold, codes = self.threshold(params, noise), self.codes(params, noise)
        drawn = threshold if isinstance(threshold, Tensor) else None
        if not torch.is_grad_enabled():
            return Draw(codes, drawn)
        side = torch.copysign(torch.ones_like(codes), noise[self.base.standard])
        tail = self.base.partial_moment(params, threshold - side * params["loc"], 0)
        return Draw(codes, drawn, 2 * tail, side * torch.finfo(codes.dtype).tiny)

    def log_prob_given(self, params: Params, codes: Tensor, threshold: Tensor | float) -> Tensor:
        """log q(z|λ): the log-density of s at z + sign(z) λ where z ≠ 0, else log P(|s| ≤ λ): (S, B, K), nats."""
        density = self.base.log_prob_at(params, codes + codes.sign() * threshold)
        return torch.where(codes != 0, density, self.base.log_within(params, threshold))

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s) - log q(s|x) of the sample that is thresholded, whose mean is -KL: (S, B, K), nats."""
        return self.base.log_ratio(params, noise)

    def moment(self, params: Params, side: int, power: int) -> Tensor:
        """E[(± z)₊^p], of p = 0 P(± z > 0), for the `side` 1 or -1: (B, K)."""
        return self.base.partial_moment(params, self.level - side * params["loc"], power)

    def mean(self, params: Params) -> Tensor:
        """E[z]: (B, K)."""
        return self.moment(params, 1, 1) - self.moment(params, -1, 1)

    def second_moment(self, params: Params) -> Tensor:
        """E[z²]: (B, K)."""
        return self.moment(params, 1, 2) + self.moment(params, -1, 2)

    def active_prob(self, params: Params) -> Tensor:
        """P(|s| > λ): (B, K)."""
        return self.moment(params, 1, 0) + self.moment(params, -1, 0)


@dataclass
class GammaSampleThreshold(GammaLevel, SampleThreshold):
    """The same with λ ~ Gamma(α, β) of the encoder, against the prior Gamma(3, 3/λ₀) (Fallah and Rozell 2022, 3.2)."""

    kl_weight: NonNegative = 1.0
    """Weight of the threshold's divergence; at 1 the sum is that of s and λ together."""

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s, λ) - log q(s, λ|x): (S, B, K), nats."""
        threshold = self.threshold(params, noise)
        of_threshold = log_gamma(self.prior_params(threshold), threshold) - log_gamma(params, threshold)
        return super().log_ratio(params, noise) + of_threshold

    def moment(self, params: Params, side: int, power: int) -> Tensor:
        """E_s E_λ[(± s - λ)₊^p], the inner mean in closed form, the outer by quadrature over s: (B, K)."""
        shape, rate = (params[name].exp() for name in GAMMA_HEADS)

        def inner(s: Tensor) -> Tensor:
            """Σ_i binom(p, i) s^(p-i) (-1)^i E[λ^i 1(λ < s)], where E[λ^i 1(λ < s)] = (α)_i/β^i P(α + i, β s)."""
            total, factor = torch.zeros_like(s), torch.ones_like(s)
            for i in range(power + 1):
                total += math.comb(power, i) * s ** (power - i) * factor * torch.special.gammainc(shape + i, rate * s)
                factor = -factor * (shape + i) / rate
            return total.clamp(min=0)

        return sum(weight * inner(s) for s, weight in self.half_line(params, side))  # type: ignore[return-value]

    def half_line(self, params: Params, side: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Nodes of t = ± s > 0 and weights with Σ w f(t) ≈ E[f(± s) 1(± s > 0)]: (B, K) each."""
        loc, final = side * params["loc"], self.base.at_final_schedule()
        shape, rate = (params[name].exp() for name in GAMMA_HEADS)
        reach = self.base.scale(params) * self.base.threshold_for(1e-12) / float(final.scale(final.prior_params(loc)))
        # Cut where λ has its bulk, and at μ, where the density may have a kink.
        least, most = ((shape + width) / rate for width in (-6 * shape.sqrt(), 6 * shape.sqrt() + 8))
        first = torch.maximum(loc - reach, least).clamp(min=0)
        last = torch.maximum(loc + reach, first)
        inner = [torch.minimum(cut(torch.maximum(loc, first), torch.maximum(most, first)), last) for cut in CUTS]
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        for low, high in pairwise((first, *inner, last)):
            half = (high - low) / 2
            for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
                t = low + half * (1 + node)
                yield t, weight * half * self.base.log_deviation(params, t - loc).exp()
