"""What posteriors with a threshold λ share, whatever it acts on: its level, and its law where it is drawn."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vscbench.coders.divergences import gamma_kl
from vscbench.coders.gamma import Threshold, standard_gamma
from vscbench.coders.posterior import Base, Noise, Params, Posterior
from vscbench.errors import UserError
from vscbench.settings import Density, Positive

GAMMA_HEADS = ("log_threshold_shape", "log_threshold_rate")
"""log α and log β, the parameters of a learned threshold."""

LOG_LIMIT = math.log(1e6)
"""Bound on |log α| and |log β|."""

PRIOR_SHAPE = 3.0
"""α₀ of a learned threshold's prior."""


def soft_threshold(values: Tensor, threshold: Tensor | float) -> Tensor:
    """sign(a)(|a| - λ)₊ of values: their shape.

    Example:
        >>> soft_threshold(torch.tensor([-3.0, 0.5]), 1.0)
        tensor([-2.,  0.])
    """
    if isinstance(threshold, float):
        return F.softshrink(values, threshold)
    return values - values.clamp(-threshold, threshold)


@dataclass
class Level(Posterior):
    """A posterior whose codes are exactly zero where what a base posterior draws is within λ."""

    base: Base
    """The posterior that is thresholded."""
    value: Positive | None = None
    """λ, of a learned threshold the prior's mean λ₀; or `density`."""
    density: Density | None = None
    """P(z ≠ 0) under the prior of the base, instead of a `value`."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.density is None):
            raise UserError("a threshold needs a value or a density, and not both")
        self.heads = self.base.heads
        self.level = self.base.threshold_for(self.density) if self.value is None else self.value  # type: ignore[arg-type]

    @property
    def prior_density(self) -> float:
        """P(z ≠ 0) under the prior of the base, whose mean is 0: the same of sample and deviation; at λ₀ if learned."""
        prior = self.base.prior_params(torch.zeros((), dtype=torch.float64))
        return float(self.base.at_final_schedule().tail(prior, self.level))

    def set_step(self, step: float, steps: int) -> None:
        """Set what ramps in the base to its value at `step` of `steps`."""
        self.base.set_step(step, steps)

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base: (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def threshold(self, params: Params, noise: Noise) -> Tensor | float:  # noqa: ARG002
        """λ: a number or (S, B, K)."""
        return self.level

    @abstractmethod
    def log_prob_given(self, params: Params, codes: Tensor, threshold: Tensor | float) -> Tensor:
        """log q(z|λ): (S, B, K), nats."""

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log q(z) under the constant λ: (S, B, K), nats."""
        return self.log_prob_given(params, codes, self.level)

    def kl(self, params: Params) -> Tensor:
        """The divergence of the base: (B, K), nats."""
        return self.base.kl(params)

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded."""
        return self.base.prior()


class GammaLevel(Level):
    """λ ~ Gamma(α, β) with α, β from the encoder, against the prior Gamma(3, 3/λ₀) (paper, section 3.2)."""

    kl_weight: float
    """Weight of the threshold's divergence inside that of the latent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heads = (*self.base.heads, *GAMMA_HEADS)

    def clamp(self, params: Params) -> Params:
        """The same parameters with α and β clipped to [1e-6, 1e6]."""
        return super().clamp(params) | {name: F.hardtanh(params[name], -LOG_LIMIT, LOG_LIMIT) for name in GAMMA_HEADS}

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base, and draws of Gamma(α, 1): (S, B, K)."""
        draws = standard_gamma(params["log_threshold_shape"].detach().exp(), samples, rng)
        return super().noise(params, samples, rng) | {"gamma": draws}

    def threshold(self, params: Params, noise: Noise) -> Tensor:
        """λ = g/β with g ~ Gamma(α, 1) reparameterised implicitly: (S, B, K)."""
        return Threshold.apply(*(params[name] for name in GAMMA_HEADS), noise["gamma"])  # type: ignore[no-any-return]

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q(z|λ) + log Gamma(λ; α, β), the code and its threshold drawn together: (S, B, K), nats.

        The ratio of two such densities bounds the evidence of the joint model p(x|z) p(z|λ) p(λ): closed forms
        everywhere, where the density of z alone would be an integral over λ. `kl_weight` has no part in it.
        """
        assert threshold is not None  # noqa: S101  (a draw of this family has one)
        return self.log_prob_given(params, codes, threshold) + log_gamma(params, threshold)

    def kl(self, params: Params) -> Tensor:
        """KL of the base + kl_weight · KL(Gamma(α, β) ‖ Gamma(3, 3/λ₀)): (B, K), nats."""
        log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
        of_threshold = gamma_kl(log_shape, log_rate, PRIOR_SHAPE, PRIOR_SHAPE / self.level)
        return super().kl(params) + self.kl_weight * of_threshold

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded by λ ~ Gamma(3, 3/λ₀)."""
        prior = math.log(PRIOR_SHAPE), math.log(PRIOR_SHAPE / self.level)
        return super().prior() | dict(zip(GAMMA_HEADS, prior, strict=True))


def log_gamma(params: Params, threshold: Tensor) -> Tensor:
    """The log-density of Gamma(α, β) at thresholds (S, B, K): as many, nats."""
    log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
    shape, threshold = log_shape.exp(), threshold.clamp(min=torch.finfo(threshold.dtype).tiny)
    return (shape - 1) * threshold.log() + shape * log_rate - log_rate.exp() * threshold - torch.lgamma(shape)
