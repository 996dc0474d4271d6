"""Thresholded samples whose threshold acts on the sample itself, and not on its deviation from the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vscbench.coders.divergences import gamma_kl
from vscbench.coders.gamma import Threshold, standard_gamma
from vscbench.coders.posterior import Base, Draw, Noise, Params, Posterior, Transport
from vscbench.coders.threshold import GAMMA_HEADS, LOG_LIMIT, PRIOR_SHAPE
from vscbench.errors import UserError
from vscbench.settings import Density, NonNegative, Positive

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = 20
"""Of Gauss-Legendre quadrature, for each interval."""
CUTS = (torch.minimum, torch.maximum)


@dataclass
class SampleThreshold(Posterior):
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

    base: Base
    """The posterior of s."""
    value: Positive | None = None
    """λ, of a learned threshold the prior's mean λ₀; or `density`."""
    density: Density | None = None
    """P(|s| > λ) under the prior of the base, instead of a `value`."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.density is None):
            raise UserError("a threshold needs a value or a density, and not both")
        self.heads = self.base.heads
        self.level = self.base.threshold_for(self.density) if self.value is None else self.value  # type: ignore[arg-type]

    @property
    def prior_density(self) -> float:
        """P(|s| > λ) under the prior of the base, at λ₀ if λ is learned."""
        prior = self.base.prior_params(torch.zeros((), dtype=torch.float64))
        return float(self.base.at_final_schedule().tail(prior, self.level))

    def set_step(self, step: float, steps: int) -> None:
        """Set what ramps in the base to its value at `step` of `steps`."""
        self.base.set_step(step, steps)

    def clamp(self, params: Params) -> Params:
        """As the base does."""
        return self.base.clamp(params)

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base: (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def threshold(self, params: Params, noise: Noise) -> Tensor | float:  # noqa: ARG002
        """λ: a number or (S, B, K)."""
        return self.level

    def transport(self, params: Params) -> Transport:
        """S_λ(s)."""
        sample = self.base.transport(params)

        def codes(noise: Noise) -> Tensor:
            s, threshold = sample(noise), self.threshold(params, noise)
            return F.softshrink(s, threshold) if isinstance(threshold, float) else s - s.clamp(-threshold, threshold)

        return codes

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

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log q(z) under the constant λ: (S, B, K), nats."""
        return self.log_prob_given(params, codes, self.level)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s) - log q(s|x) of the sample that is thresholded, whose mean is -KL: (S, B, K), nats."""
        return self.base.log_ratio(params, noise)

    def kl(self, params: Params) -> Tensor:
        """The divergence of the base, that of s: (B, K), nats."""
        return self.base.kl(params)

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded."""
        return self.base.prior()

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
class GammaSampleThreshold(SampleThreshold):
    """The same with λ ~ Gamma(α, β) of the encoder, against the prior Gamma(3, 3/λ₀) (Fallah and Rozell 2022, 3.2)."""

    kl_weight: NonNegative = 1.0
    """Weight of the threshold's divergence; at 1 the sum is that of s and λ together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heads = (*self.base.heads, *GAMMA_HEADS)

    def clamp(self, params: Params) -> Params:
        """As the base does, and α and β clipped to [1e-6, 1e6]."""
        return super().clamp(params) | {name: F.hardtanh(params[name], -LOG_LIMIT, LOG_LIMIT) for name in GAMMA_HEADS}

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base, and draws of Gamma(α, 1): (S, B, K)."""
        draws = standard_gamma(params["log_threshold_shape"].detach().exp(), samples, rng)
        return self.base.noise(params, samples, rng) | {"gamma": draws}

    def threshold(self, params: Params, noise: Noise) -> Tensor:
        """λ = g/β with g ~ Gamma(α, 1) reparameterised implicitly: (S, B, K)."""
        return Threshold.apply(*(params[name] for name in GAMMA_HEADS), noise["gamma"])  # type: ignore[no-any-return]

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q(z|λ) + log Gamma(λ; α, β): (S, B, K), nats."""
        assert threshold is not None  # noqa: S101  (a draw of this family has one)
        return self.log_prob_given(params, codes, threshold) + log_gamma(params, threshold)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s, λ) - log q(s, λ|x): (S, B, K), nats."""
        threshold = self.threshold(params, noise)
        of_threshold = log_gamma(self.prior_params(threshold), threshold) - log_gamma(params, threshold)
        return super().log_ratio(params, noise) + of_threshold

    def kl(self, params: Params) -> Tensor:
        """KL of the base + kl_weight · KL(Gamma(α, β) ‖ Gamma(3, 3/λ₀)): (B, K), nats."""
        log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
        return super().kl(params) + self.kl_weight * gamma_kl(
            log_shape, log_rate, PRIOR_SHAPE, PRIOR_SHAPE / self.level
        )

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded by λ ~ Gamma(3, 3/λ₀)."""
        prior = math.log(PRIOR_SHAPE), math.log(PRIOR_SHAPE / self.level)
        return super().prior() | dict(zip(GAMMA_HEADS, prior, strict=True))

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


def log_gamma(params: Params, threshold: Tensor) -> Tensor:
    """The log-density of Gamma(α, β) at thresholds (S, B, K): as many, nats."""
    log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
    shape, threshold = log_shape.exp(), threshold.clamp(min=torch.finfo(threshold.dtype).tiny)
    return (shape - 1) * threshold.log() + shape * log_rate - log_rate.exp() * threshold - torch.lgamma(shape)
