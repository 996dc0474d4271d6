"""Divergences from the priors in closed form, elementwise, in nats (spec 1.1, 1.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from vscbench.coders.polygamma import digamma_and_trigamma

if TYPE_CHECKING:
    from torch import Tensor


def gaussian_kl(location: Tensor, log_variance: Tensor, prior_variance: float) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, s₀)) = ½[(μ² + σ²)/s₀ - 1 - log(σ²/s₀)]."""
    ratio = (location.square() + log_variance.exp()) / prior_variance
    return 0.5 * (ratio - 1 - log_variance + math.log(prior_variance))


def laplace_kl(location: Tensor, log_scale: Tensor, prior_scale: float) -> Tensor:
    """KL(Laplace(μ, b) ‖ Laplace(0, b₀)) = |μ|/b₀ + (b/b₀) exp(-|μ|/b) + log(b₀/b) - 1."""
    distance = location.abs()
    rest = log_scale.exp() * torch.exp(-distance * torch.exp(-log_scale))
    return (distance + rest) / prior_scale + math.log(prior_scale) - log_scale - 1


def bernoulli_kl(probability: Tensor, prior: float) -> Tensor:
    """KL(Bernoulli(γ) ‖ Bernoulli(γ₀)) = γ log(γ/γ₀) + (1 - γ) log((1 - γ)/(1 - γ₀))."""
    on = probability * (probability.log() - math.log(prior))
    off = (1 - probability) * (torch.log1p(-probability) - math.log1p(-prior))
    return on + off


def thresholded_laplace_kl(location: Tensor, log_scale: Tensor, threshold: float, prior_scale: float) -> Tensor:
    """KL(Bern(γ) ‖ Bern(γ₀)) + γ KL(Laplace(μ, b) ‖ Laplace(0, b₀)) with γ = e^{-λ/b}, γ₀ = e^{-λ/b₀}.

    That of codes thresholded at λ, which are spike-and-slab distributed; log(1 - γ) = log(-expm1(-λ/b)).
    """
    ratio, prior_ratio = threshold * torch.exp(-log_scale), threshold / prior_scale
    off = -torch.expm1(-ratio)
    log_off = off.clamp(min=torch.finfo(off.dtype).tiny).log()
    on = prior_ratio - ratio + laplace_kl(location, log_scale, prior_scale)
    return torch.exp(-ratio) * on + off * (log_off - math.log(-math.expm1(-prior_ratio)))


def gamma_kl(log_shape: Tensor, log_rate: Tensor, prior_shape: float, prior_rate: float) -> Tensor:
    """KL(Gamma(α, β) ‖ Gamma(α₀, β₀)) of log α and log β.

    (α - α₀)ψ(α) - log Γ(α) + log Γ(α₀) + α₀ log(β/β₀) + α(β₀/β - 1).
    """
    return _GammaKL.apply(log_shape, log_rate, prior_shape, prior_rate)  # type: ignore[no-any-return]


class _GammaKL(torch.autograd.Function):
    """The divergence with its derivatives, α ((α - α₀)ψ'(α) + β₀/β - 1) in log α and α₀ - α β₀/β in log β."""

    @staticmethod
    def forward(ctx: Any, log_shape: Tensor, log_rate: Tensor, prior_shape: float, prior_rate: float) -> Tensor:
        shape, ratio = log_shape.exp(), torch.exp(math.log(prior_rate) - log_rate)
        (digamma, trigamma), above = digamma_and_trigamma(shape), shape - prior_shape
        ctx.save_for_backward(
            trigamma.mul_(above).add_(ratio).sub_(1).mul_(shape), (shape * ratio).neg_().add_(prior_shape)
        )
        constant = math.lgamma(prior_shape) - prior_shape * math.log(prior_rate)
        value = digamma.mul_(above).sub_(torch.lgamma(shape)).addcmul_(shape, ratio.sub_(1))
        return value.add_(log_rate, alpha=prior_shape).add_(constant)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_shape, of_rate = ctx.saved_tensors
        return gradient * of_shape, gradient * of_rate, None, None
