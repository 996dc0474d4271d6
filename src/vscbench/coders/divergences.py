"""Divergences from the priors in closed form, elementwise, in nats (Fallah and Rozell 2022, appendix)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


STIRLING = 100.0
"""α from which three terms of Stirling's series are exact to 5e-13."""


def gaussian_kl(loc: Tensor, log_variance: Tensor, prior_scale: float) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, s²)) = ½[(μ² + σ²)/s² - 1 - log(σ²/s²)].

    Example:
        >>> float(gaussian_kl(torch.tensor(1.0), torch.tensor(0.0), 1.0))
        0.5
    """
    second_moment = torch.addcmul(log_variance.exp(), loc, loc)
    return 0.5 * (second_moment * prior_scale**-2 - log_variance) + (math.log(prior_scale) - 0.5)


def laplace_kl(loc: Tensor, log_scale: Tensor, prior_scale: float) -> Tensor:
    """KL(Laplace(μ, b) ‖ Laplace(0, b₀)) = |μ|/b₀ + (b/b₀) exp(-|μ|/b) + log(b₀/b) - 1.

    Example:
        >>> float(laplace_kl(torch.tensor(0.0), torch.tensor(0.0), 1.0))
        0.0
    """
    distance, scale = loc.abs(), log_scale.exp()
    spread = distance + scale * torch.exp(-distance / scale)
    return spread / prior_scale - log_scale + (math.log(prior_scale) - 1)


def spike_slab_kl(
    loc: Tensor, log_variance: Tensor, log_active: Tensor, prior_scale: float, prior_active: float
) -> Tensor:
    """γ KL(N(μ, σ²) ‖ N(0, s²)) + KL(Bern(γ) ‖ Bern(γ₀)) of log γ < 0.

    The second is γ log(γ/γ₀) + (1 - γ) log((1 - γ)/(1 - γ₀)).
    """
    inactive = -torch.expm1(log_active)
    on = gaussian_kl(loc, log_variance, prior_scale) + log_active - math.log(prior_active)
    return log_active.exp() * on + inactive * (inactive.log() - math.log1p(-prior_active))


def gamma_kl(log_shape: Tensor, log_rate: Tensor, prior_shape: float, prior_rate: float) -> Tensor:
    """KL(Gamma(α, β) ‖ Gamma(α₀, β₀)) of log α and log β.

    (α - α₀)ψ(α) - log Γ(α) + log Γ(α₀) + α₀ log(β/β₀) + α(β₀/β - 1).
    """
    shape, ratio = log_shape.exp(), torch.exp(math.log(prior_rate) - log_rate)
    constant = math.lgamma(prior_shape) - prior_shape * math.log(prior_rate)
    # The derivative of αψ(α) - log Γ(α) is αψ′(α): the rest cancels, and ψ is computed once.
    fixed, psi = shape.detach(), torch.digamma(shape)
    # Of a large α the terms of αψ(α) - log Γ(α) - α cancel but for a few digits: Stirling's series has the rest.
    series = 0.5 * (log_shape - 1 - math.log(2 * math.pi)) - 1 / (6 * shape) + 1 / (90 * shape**3)
    inner = torch.where(fixed > STIRLING, series, fixed * psi - torch.lgamma(fixed) - shape)
    return inner - prior_shape * psi + shape * ratio + prior_shape * log_rate + constant


def thresholded_laplace_kl(loc: Tensor, log_scale: Tensor, threshold: float, prior_scale: float) -> Tensor:
    """KL(Bern(γ) ‖ Bern(γ₀)) + γ KL(Laplace(μ, b) ‖ Laplace(0, b₀)) with γ = e^{-λ/b}, γ₀ = e^{-λ/b₀}.

    That of codes thresholded at λ, which are spike-and-slab distributed; log(1 - γ) = log(-expm1(-λ/b)).
    """
    ratio, prior_ratio = threshold * torch.exp(-log_scale), threshold / prior_scale
    off = -torch.expm1(-ratio)
    log_off = off.clamp(min=torch.finfo(off.dtype).tiny).log()
    on = prior_ratio - ratio + laplace_kl(loc, log_scale, prior_scale)
    return torch.exp(-ratio) * on + off * (log_off - math.log(-math.expm1(-prior_ratio)))
