"""Thresholded samples: the paper's method (section 3.2), composed with any symmetric base posterior."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from vscbench.coders.divergences import gamma_kl, thresholded_laplace_kl
from vscbench.coders.gamma import Threshold, standard_gamma
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.masks import nonzero
from vscbench.coders.posterior import Base, Draw, Noise, Params, Posterior, Transport
from vscbench.errors import UserError
from vscbench.settings import Density, NonNegative, Positive

GAMMA_HEADS = ("log_threshold_shape", "log_threshold_rate")
"""log α and log β, the parameters of a learned threshold."""

LOG_LIMIT = math.log(1e6)
"""Bound on |log α| and |log β|."""

PRIOR_SHAPE = 3.0
"""α₀ of a learned threshold's prior."""

Estimator: TypeAlias = Literal["straight_through", "published", "subgradient"]


def shifted_soft_threshold(deviation: Tensor, loc: Tensor, threshold: Tensor | float) -> Tensor:
    """T_λ(e; μ) = μ + sign(e)(|e| - λ) where |e| > λ, else exactly 0 (paper, eq. 8): shape of e."""
    shrunk, active = _shrink(deviation, threshold)
    return shrunk.addcmul_(loc, active)


def _shrink(deviation: Tensor, threshold: Tensor | float) -> tuple[Tensor, Tensor]:
    """sign(e)(|e| - λ)₊, and 1 where it is not zero: two of the shape of e."""
    if isinstance(threshold, float):
        shrunk = F.softshrink(deviation, threshold)
    else:
        shrunk = deviation - deviation.clamp(-threshold, threshold)
    return shrunk, nonzero(shrunk)


class _StraightThrough(torch.autograd.Function):
    """T_λ(e; μ) with ∂z/∂μ = 1, or 1 more where active if `twice`, ∂z/∂e = 1 and ∂z/∂λ = -sign(e) where active."""

    @staticmethod
    def forward(ctx: Any, deviation: Tensor, loc: Tensor, threshold: Tensor | float, twice: bool) -> Tensor:
        shrunk, active = _shrink(deviation, threshold)
        ctx.save_for_backward(shrunk, active)
        ctx.twice, ctx.loc, ctx.learnt = twice, loc.shape, isinstance(threshold, Tensor)
        return torch.addcmul(shrunk, loc, active)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        shrunk, active = ctx.saved_tensors
        of_loc = torch.addcmul(gradient, gradient, active) if ctx.twice else gradient
        of_threshold = -gradient * shrunk.sign() if ctx.learnt else None
        return gradient, of_loc.sum_to_size(ctx.loc), of_threshold, None


@dataclass
class Thresholded(Posterior):
    r"""z = T_λ(e; μ): what a base sample deviates by must exceed λ, or the code is exactly zero.

    With a Laplacian base z is spike-and-slab distributed, γ Laplace(μ, b) + (1 - γ) δ₀ with γ = e^{-λ/b}.
    The divergence is that of the base. Gradients by `estimator`: `straight_through` is that of the base sample
    in its parameters, ∂z/∂μ = 1 everywhere, and the true one in λ, -sign(e) where active; `published` adds the
    true ∂z/∂μ to it, so that active units have ∂z/∂μ = 2 (what the authors' code does); `subgradient` is the
    derivative of T.
    """

    base: Base
    """The posterior that is thresholded."""
    value: Positive | None = None
    """λ, of a learned threshold the prior's mean λ₀; or `density`."""
    density: Density | None = None
    """P(|e| > λ) under the prior of the base, instead of a `value`."""
    estimator: Estimator = "straight_through"
    """How gradients pass the threshold."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.density is None):
            raise UserError("a threshold needs a value or a density, and not both")
        self.heads = self.base.heads
        self.level = self.base.threshold_for(self.density) if self.value is None else self.value  # type: ignore[arg-type]

    @property
    def prior_density(self) -> float:
        """P(|e| > λ) under the prior of the base: the fraction of active latents there, at λ₀ if λ is learned."""
        prior = self.base.prior_params(torch.zeros((), dtype=torch.float64))
        return float(self.base.at_final_schedule().tail(prior, self.level))

    @abstractmethod
    def threshold(self, params: Params, noise: Noise) -> Tensor | float:
        """λ: a number or (S, B, K)."""

    def set_step(self, step: float, steps: int) -> None:
        """Set what ramps in the base to its value at `step` of `steps`."""
        self.base.set_step(step, steps)

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base: (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def transport(self, params: Params) -> Transport:
        """T_λ(e; μ)."""
        loc, scale, standard = params["loc"], self.base.scale(params), self.base.standard

        def codes(noise: Noise) -> Tensor:
            deviation, threshold = noise[standard] * scale, self.threshold(params, noise)
            if self.estimator == "subgradient" or not torch.is_grad_enabled():
                return shifted_soft_threshold(deviation, loc, threshold)
            twice = self.estimator == "published"
            return _StraightThrough.apply(deviation, loc, threshold, twice)  # type: ignore[no-any-return]

        return codes

    def draw(self, params: Params, noise: Noise) -> Draw:
        """T_λ(e; μ) with the derivative of T; a code that comes on does so at μ, with |e| = λ."""
        loc, threshold = params["loc"], self.threshold(params, noise)
        codes = shifted_soft_threshold(self.base.deviation(params, noise), loc, threshold)
        drawn = threshold if isinstance(threshold, Tensor) else None
        if not torch.is_grad_enabled():
            return Draw(codes, drawn)
        tail = self.base.tail(params, threshold)
        return Draw(codes, drawn, tail if drawn is not None else tail.unsqueeze(0), loc.detach().unsqueeze(0))

    def log_prob_given(self, params: Params, codes: Tensor, threshold: Tensor | float) -> Tensor:
        """log q(z|λ): the log-density of e at |z - μ| + λ where z ≠ 0, else log P(|e| ≤ λ): (S, B, K), nats.

        With a Laplacian base that of a spike-and-slab with γ = e^{-λ/b}.
        """
        size = (codes - params["loc"]).abs() + threshold
        return torch.where(codes != 0, self.base.log_deviation(params, size), self.base.log_inside(params, threshold))

    def kl(self, params: Params) -> Tensor:
        """The divergence of the base: (B, K), nats."""
        return self.base.kl(params)

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded."""
        return self.base.prior()

    def mean(self, params: Params) -> Tensor:
        """E[z] = P(active) μ, since the deviation is symmetric: (B, K)."""
        return self.active_prob(params) * params["loc"]


@dataclass
class FixedThreshold(Thresholded):
    """A threshold that is the same constant for every latent."""

    divergence: Literal["base", "exact"] = "base"
    """`base`, as published; `exact` is that of the codes themselves, for a Laplacian base."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.divergence == "exact" and not isinstance(self.base, Laplacian):
            raise UserError("divergence: exact is known of a Laplacian base alone; take base")

    def threshold(self, params: Params, noise: Noise) -> float:  # noqa: ARG002
        """λ."""
        return self.level

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log q(z) under the constant λ: (S, B, K), nats."""
        return self.log_prob_given(params, codes, self.level)

    def kl(self, params: Params) -> Tensor:
        """The divergence of the base, or of the codes, whatever the noise warm-up: (B, K), nats."""
        if self.divergence == "base":
            return self.base.kl(params)
        assert isinstance(self.base, Laplacian)  # noqa: S101  (the constructor allows it there alone)
        return thresholded_laplace_kl(params["loc"], params["log_scale"], self.level, self.base.prior_scale)

    def active_prob(self, params: Params) -> Tensor:
        """P(|e| > λ): (B, K)."""
        return self.base.tail(params, self.level)


@dataclass
class GammaThreshold(Thresholded):
    """λ ~ Gamma(α, β) with α, β from the encoder, against the prior Gamma(3, 3/λ₀) (paper, section 3.2)."""

    kl_weight: NonNegative = 0.1
    """Weight of the threshold's divergence inside that of the latent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heads = (*self.base.heads, *GAMMA_HEADS)

    def clamp(self, params: Params) -> Params:
        """The same parameters with α and β clipped to [1e-6, 1e6]."""
        clipped = {name: F.hardtanh(params[name], -LOG_LIMIT, LOG_LIMIT) for name in GAMMA_HEADS}
        return params | clipped

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """The noise of the base, and draws of Gamma(α, 1): (S, B, K)."""
        shape = params["log_threshold_shape"].detach().exp()
        draws = standard_gamma(shape, samples, rng)
        return self.base.noise(params, samples, rng) | {"gamma": draws}

    def threshold(self, params: Params, noise: Noise) -> Tensor:
        """λ = g/β with g ~ Gamma(α, 1) reparameterised implicitly: (S, B, K)."""
        return Threshold.apply(*(params[name] for name in GAMMA_HEADS), noise["gamma"])  # type: ignore[no-any-return]

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q(z|λ) + log Gamma(λ; α, β), the code and its threshold drawn together: (S, B, K), nats.

        The ratio of two such densities bounds the evidence of the joint model p(x|z) p(z|λ) p(λ): closed forms
        everywhere, where the density of z alone would be an integral over λ. `kl_weight` has no part in it.
        """
        assert threshold is not None  # noqa: S101  (a draw of this family has one)
        log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
        shape, threshold = log_shape.exp(), threshold.clamp(min=torch.finfo(threshold.dtype).tiny)
        log_gamma = (shape - 1) * threshold.log() + shape * log_rate - log_rate.exp() * threshold - torch.lgamma(shape)
        return self.log_prob_given(params, codes, threshold) + log_gamma

    def kl(self, params: Params) -> Tensor:
        """KL of the base + kl_weight · KL(Gamma(α, β) ‖ Gamma(3, 3/λ₀)): (B, K), nats."""
        log_shape, log_rate = (params[name] for name in GAMMA_HEADS)
        of_threshold = gamma_kl(log_shape, log_rate, PRIOR_SHAPE, PRIOR_SHAPE / self.level)
        return self.base.kl(params) + self.kl_weight * of_threshold

    def prior(self) -> dict[str, float]:
        """The prior of the base, thresholded by λ ~ Gamma(3, 3/λ₀)."""
        prior = math.log(PRIOR_SHAPE), math.log(PRIOR_SHAPE / self.level)
        return self.base.prior() | dict(zip(GAMMA_HEADS, prior, strict=True))

    def active_prob(self, params: Params) -> Tensor:
        """P(|e| > λ) over both e and λ: (B, K)."""
        return self.base.gamma_tail(params, *(params[name].exp() for name in GAMMA_HEADS))
