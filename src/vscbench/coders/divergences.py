"""Divergences from the priors in closed form, elementwise, in nats (spec 1.1, 1.2).

Those of the paper's methods come with their derivatives: a few passes over memory instead of dozens.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from vscbench.coders.polygamma import digamma_and_trigamma

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def gaussian_kl(location: Tensor, log_variance: Tensor, prior_variance: float) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, s₀)) = ½[(μ² + σ²)/s₀ - 1 - log(σ²/s₀)]."""
    return _differentiated(_gaussian, (location, log_variance), prior_variance)


def laplace_kl(location: Tensor, log_scale: Tensor, prior_scale: float) -> Tensor:
    """KL(Laplace(μ, b) ‖ Laplace(0, b₀)) = |μ|/b₀ + (b/b₀) exp(-|μ|/b) + log(b₀/b) - 1."""
    return _differentiated(_laplace, (location, log_scale), prior_scale)


def spike_slab_kl(
    location: Tensor, log_variance: Tensor, log_spike: Tensor, prior_variance: float, prior_spike: float
) -> Tensor:
    """γ KL(N(μ, σ²) ‖ N(0, s₀)) + KL(Bern(γ) ‖ Bern(γ₀)) of log γ < 0.

    The second is γ (logit γ - logit γ₀) + log((1 - γ)/(1 - γ₀)).
    """
    return _differentiated(_spike_slab, (location, log_variance, log_spike), prior_variance, prior_spike)


def gamma_kl(log_shape: Tensor, log_rate: Tensor, prior_shape: float, prior_rate: float) -> Tensor:
    """KL(Gamma(α, β) ‖ Gamma(α₀, β₀)) of log α and log β.

    (α - α₀)ψ(α) - log Γ(α) + log Γ(α₀) + α₀ log(β/β₀) + α(β₀/β - 1).
    """
    return _differentiated(_gamma, (log_shape, log_rate), prior_shape, prior_rate)


def thresholded_laplace_kl(location: Tensor, log_scale: Tensor, threshold: float, prior_scale: float) -> Tensor:
    """KL(Bern(γ) ‖ Bern(γ₀)) + γ KL(Laplace(μ, b) ‖ Laplace(0, b₀)) with γ = e^{-λ/b}, γ₀ = e^{-λ/b₀}.

    That of codes thresholded at λ, which are spike-and-slab distributed; log(1 - γ) = log(-expm1(-λ/b)).
    """
    ratio, prior_ratio = threshold * torch.exp(-log_scale), threshold / prior_scale
    off = -torch.expm1(-ratio)
    log_off = off.clamp(min=torch.finfo(off.dtype).tiny).log()
    on = prior_ratio - ratio + laplace_kl(location, log_scale, prior_scale)
    return torch.exp(-ratio) * on + off * (log_off - math.log(-math.expm1(-prior_ratio)))


def _differentiated(function: Callable[..., tuple[Tensor, ...]], params: Sequence[Tensor], *constants: float) -> Tensor:
    """The first of what `function` returns, with the others as its derivatives in `params`."""
    return _Differentiated.apply(function, constants, *params)  # type: ignore[no-any-return]


class _Differentiated(torch.autograd.Function):
    """An elementwise function whose derivatives are computed with its value."""

    @staticmethod
    def forward(
        ctx: Any, function: Callable[..., tuple[Tensor, ...]], constants: tuple[float, ...], *params: Tensor
    ) -> Tensor:
        value, *derivatives = function(*params, *constants)
        ctx.save_for_backward(*derivatives)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(gradient * derivative for derivative in ctx.saved_tensors)


def _gaussian(location: Tensor, log_variance: Tensor, prior_variance: float) -> tuple[Tensor, Tensor, Tensor]:
    """The divergence, and its derivatives μ/s₀ and ½(σ²/s₀ - 1)."""
    of_location = location / prior_variance
    half_ratio = log_variance.exp().mul_(0.5 / prior_variance)
    value = torch.addcmul(half_ratio, location, of_location, value=0.5)
    value.sub_(log_variance, alpha=0.5).add_(0.5 * (math.log(prior_variance) - 1))
    return value, of_location, half_ratio.sub_(0.5)


def _laplace(location: Tensor, log_scale: Tensor, prior_scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """The divergence, and its derivatives sign(μ)(1 - e^{-|μ|/b})/b₀ and (b/b₀) e^{-|μ|/b} (1 + |μ|/b) - 1."""
    distance = location.abs()
    scale = log_scale.exp()
    ratio = distance / scale
    decay = torch.exp(-ratio)
    rest = scale.mul_(decay)
    value = (distance + rest).div_(prior_scale).sub_(log_scale).add_(math.log(prior_scale) - 1)
    of_scale = torch.addcmul(rest, rest, ratio).div_(prior_scale).sub_(1)
    return value, decay.neg_().add_(1).div_(prior_scale).copysign_(location), of_scale


def _spike_slab(
    location: Tensor, log_variance: Tensor, log_spike: Tensor, prior_variance: float, prior_spike: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The divergence, and its derivatives: γ times those of the slab's and, in log γ, γ (slab's + its rise in γ)."""
    value, of_location, of_variance = _gaussian(location, log_variance, prior_variance)
    log_off = torch.expm1(log_spike).neg_().log_().sub_(math.log1p(-prior_spike))
    spike = log_spike.exp()
    of_spike = value.add_(log_spike).sub_(log_off).sub_(math.log(prior_spike)).mul_(spike)
    return log_off.add_(of_spike), of_location.mul_(spike), of_variance.mul_(spike), of_spike


def _gamma(log_shape: Tensor, log_rate: Tensor, prior_shape: float, prior_rate: float) -> tuple[Tensor, Tensor, Tensor]:
    """The divergence, and its derivatives α ((α - α₀)ψ'(α) + β₀/β - 1) in log α and α₀ - α β₀/β in log β."""
    shape, ratio = log_shape.exp(), torch.exp(math.log(prior_rate) - log_rate)
    (digamma, trigamma), above = digamma_and_trigamma(shape), shape - prior_shape
    of_shape = trigamma.mul_(above).add_(ratio).sub_(1).mul_(shape)
    of_rate = (shape * ratio).neg_().add_(prior_shape)
    value = digamma.mul_(above).sub_(torch.lgamma(shape)).addcmul_(shape, ratio.sub_(1))
    constant = math.lgamma(prior_shape) - prior_shape * math.log(prior_rate)
    return value.add_(log_rate, alpha=prior_shape).add_(constant), of_shape, of_rate
