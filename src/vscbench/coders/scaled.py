"""A posterior in units of a prior scale that each latent learns."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor, nn

from vscbench.coders.posterior import Draw, Posterior
from vscbench.settings import Positive

if TYPE_CHECKING:
    from torch import Generator

    from vscbench.coders.posterior import Noise, Params, Transport

    PriorScale: TypeAlias = float
else:
    PriorScale: TypeAlias = Positive | Literal["learned"]
    """The scale of a prior; `learned`: one for each latent, which starts at 1. See `Scaled`."""

UNIT = 1.0
"""s of what is scaled: the heads' outputs are near 0 at the start, where a posterior of scale 1 then is its prior."""


def is_learned(prior_scale: object) -> bool:
    """Whether a setting asks for scales that are learned."""
    return prior_scale == "learned"


class Scaled(nn.Module, Posterior):
    """z_k = m_k z'_k of a posterior of z', whose prior of scale s becomes one of scale m_k s; log m_k is learned.

    Atoms of unit length leave the scale of a code to its prior. Mean, noise and threshold are in units of m_k, so that
    the divergence is that of z', a threshold leaves as many non-zeros under the prior as before, and the gradient in
    log m_k is that of the codes, ∂L/∂z_k · z_k: at its optimum (m_k s)² is the mean second moment of a Gaussian's codes
    (MacKay 1996, "Bayesian Methods for Backpropagation Networks", of the evidence of a prior's scale).

    Args:
        base: of z'.
        latents: K.

    Example:
        >>> from vscbench.coders.gaussian import Gaussian
        >>> q = Scaled(Gaussian(), latents=2)
        >>> q.log_multiplier.data += torch.tensor([0.0, 1.0])
        >>> q.mean({"loc": torch.ones(1, 2), "log_variance": torch.zeros(1, 2)})
        tensor([[1.0000, 2.7183]], grad_fn=<MulBackward0>)
    """

    def __init__(self, base: Posterior, latents: int = 1) -> None:
        super().__init__()
        self.base, self.heads, self.discrete = base, base.heads, base.discrete  # type: ignore[misc]
        self.log_multiplier = nn.Parameter(torch.zeros(latents))

    @property
    def multiplier(self) -> Tensor:
        """m: (K,)."""
        return self.log_multiplier.exp()

    @property
    def prior_density(self) -> float:
        """That of the base."""
        return self.base.prior_density

    def clamp(self, params: Params) -> Params:
        """As the base does."""
        return self.base.clamp(params)

    def set_step(self, step: float, steps: int) -> None:
        """Set what ramps in the base."""
        self.base.set_step(step, steps)

    def at_final_schedule(self) -> Scaled:
        """The same posterior, and the same m, with all that is scheduled at its final value."""
        final = copy(self)
        final.base = self.base.at_final_schedule()
        return final

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """That of the base: (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def transport(self, params: Params) -> Transport:
        """m z'."""
        transport, multiplier = self.base.transport(params), self.multiplier
        return lambda noise: transport(noise) * multiplier

    def draw(self, params: Params, noise: Noise) -> Draw:
        """The draw of the base, times m."""
        draw = self.base.draw(params, noise)
        boundary = None if draw.boundary is None else draw.boundary * self.multiplier.detach()
        return draw._replace(codes=draw.codes * self.multiplier, boundary=boundary)

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q'(z/m), less log m where z ≠ 0: (S, B, K), nats."""
        value = self.base.log_prob_at(params, codes / self.multiplier, threshold)
        return value - torch.where(codes != 0, self.log_multiplier, 0)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """That of the base: m is in both densities: (S, B, K), nats."""
        return self.base.log_ratio(params, noise)

    def kl(self, params: Params) -> Tensor:
        """That of the base: (B, K), nats."""
        return self.base.kl(params)

    def prior(self) -> dict[str, float]:
        """That of the base, in units of m."""
        return self.base.prior()

    def mean(self, params: Params) -> Tensor:
        """m E[z']: (B, K)."""
        return self.base.mean(params) * self.multiplier

    def active_prob(self, params: Params) -> Tensor:
        """That of the base: (B, K)."""
        return self.base.active_prob(params)
