"""Thresholded samples: the paper's method (section 3.2), composed with any symmetric base posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vscbench.coders.divergences import thresholded_laplace_kl
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.level import GAMMA_HEADS, GammaLevel, Level, soft_threshold
from vscbench.coders.masks import nonzero
from vscbench.coders.posterior import Draw, Noise, Params, Transport
from vscbench.errors import UserError
from vscbench.settings import NonNegative

Estimator: TypeAlias = Literal["straight_through", "published", "subgradient"]


def shifted_soft_threshold(deviation: Tensor, loc: Tensor, threshold: Tensor | float) -> Tensor:
    """T_λ(e; μ) = μ + sign(e)(|e| - λ) where |e| > λ, else exactly 0 (paper, eq. 8): shape of e."""
    shrunk, active = _shrink(deviation, threshold)
    return shrunk.addcmul_(loc, active)


def _shrink(deviation: Tensor, threshold: Tensor | float) -> tuple[Tensor, Tensor]:
    """sign(e)(|e| - λ)₊, and 1 where it is not zero: two of the shape of e."""
    shrunk = soft_threshold(deviation, threshold)
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
class Thresholded(Level):
    r"""z = T_λ(e; μ): what a base sample deviates by must exceed λ, or the code is exactly zero.

    With a Laplacian base z is spike-and-slab distributed, γ Laplace(μ, b) + (1 - γ) δ₀ with γ = e^{-λ/b}.
    The divergence is that of the base. Gradients by `estimator`: `straight_through` is that of the base sample
    in its parameters, ∂z/∂μ = 1 everywhere, and the true one in λ, -sign(e) where active; `published` adds the
    true ∂z/∂μ to it, so that active units have ∂z/∂μ = 2 (what the authors' code does); `subgradient` is the
    derivative of T.
    """

    estimator: Estimator = "straight_through"
    """How gradients pass the threshold."""

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

    def kl(self, params: Params) -> Tensor:
        """The divergence of the base, or of the codes, whatever the noise warm-up: (B, K), nats."""
        if self.divergence == "base":
            return super().kl(params)
        assert isinstance(self.base, Laplacian)  # noqa: S101  (the constructor allows it there alone)
        return thresholded_laplace_kl(params["loc"], params["log_scale"], self.level, self.base.prior_scale)

    def active_prob(self, params: Params) -> Tensor:
        """P(|e| > λ): (B, K)."""
        return self.base.tail(params, self.level)


@dataclass
class GammaThreshold(GammaLevel, Thresholded):
    """λ ~ Gamma(α, β) with α, β from the encoder, against the prior Gamma(3, 3/λ₀) (paper, section 3.2)."""

    kl_weight: NonNegative = 0.1
    """Weight of the threshold's divergence inside that of the latent."""

    def active_prob(self, params: Params) -> Tensor:
        """P(|e| > λ) over both e and λ: (B, K)."""
        return self.base.gamma_tail(params, *(params[name].exp() for name in GAMMA_HEADS))
