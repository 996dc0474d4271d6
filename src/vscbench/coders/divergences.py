"""Divergences from the priors in closed form, elementwise, in nats (spec 1.1, 1.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

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


def gamma_kl(shape: Tensor, rate: Tensor, prior_shape: float, prior_rate: float) -> Tensor:
    """KL(Gamma(α, β) ‖ Gamma(α₀, β₀)).

    (α - α₀)ψ(α) - log Γ(α) + log Γ(α₀) + α₀ log(β/β₀) + α(β₀ - β)/β.
    """
    of_shape: Tensor = _GammaShapeTerm.apply(shape, prior_shape)
    return of_shape + prior_shape * (rate / prior_rate).log() + shape * (prior_rate - rate) / rate


class _GammaShapeTerm(torch.autograd.Function):
    """(α - α₀)ψ(α) - log Γ(α) + log Γ(α₀), whose derivative (α - α₀)ψ'(α) needs no second digamma."""

    @staticmethod
    def forward(ctx: Any, shape: Tensor, prior_shape: float) -> Tensor:
        ctx.save_for_backward(shape)
        ctx.prior_shape = prior_shape
        return (shape - prior_shape) * torch.digamma(shape) - torch.lgamma(shape) + math.lgamma(prior_shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (shape,) = ctx.saved_tensors
        return gradient * (shape - ctx.prior_shape) * torch.polygamma(1, shape), None
