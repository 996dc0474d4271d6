"""VAEase: a Gaussian posterior whose own uncertainty gates what the decoder sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from vscbench.coders.gaussian import Gaussian
from vscbench.coders.masks import nonzero
from vscbench.coders.posterior import ANY, Noise, Params, Posterior, Transport

ACTIVE_VARIANCE = 0.05
"""The authors call a latent active where its variance is below it."""


@dataclass
class Vaease(Posterior):
    """z = (1 - σ) s, s = μ + σ ε, ε ~ N(0, 1), against the prior s ~ N(0, 1) (Lu, Zhu, He and Wipf 2025, 2506.04859).

    A latent at its prior, σ = 1, is shut. As the authors have it log σ² is clipped at 0: a code is exactly zero there,
    and else almost never. How many latents are active they tell by a rule, σ² < 0.05: `active_by_rule`, whose mean is
    reported as `density_by_rule`. The divergence is that of s. Codes of the prior are all zero: none can be generated.

    Example:
        >>> at = {"loc": torch.ones(1, 3), "log_variance": torch.tensor([[-4.0, -1.0, 0.0]])}
        >>> Vaease().mean(at), Vaease().active_by_rule(at)
        (tensor([[0.8647, 0.3935, 0.0000]]), tensor([[1., 0., 0.]]))
    """

    pruned: bool = False
    """Whether codes are zero, once trained, where the rule calls a latent inactive."""

    heads: ClassVar[tuple[str, ...]] = Gaussian.heads  # type: ignore[misc]
    takes: ClassVar[tuple[str, ...]] = ANY

    def __post_init__(self) -> None:
        self.base, self.pruning = Gaussian(1.0), self.pruned

    def set_step(self, step: float, steps: int) -> None:
        """Prune at the end alone."""
        self.pruning = self.pruned and step == steps

    def clamp(self, params: Params) -> Params:
        """The same parameters with σ ≤ 1."""
        return params | {"log_variance": params["log_variance"].clamp(max=0)}

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ N(0, 1): (S, B, K)."""
        return self.base.noise(params, samples, rng)

    def gate(self, params: Params) -> Tensor:
        """1 - σ, or 0 where it is pruned: (B, K)."""
        gate = 0 - torch.expm1(params["log_variance"] / 2)
        return gate * self.active_by_rule(params) if self.pruning else gate

    def transport(self, params: Params) -> Transport:
        """(1 - σ) s."""
        gate, sample = self.gate(params), self.base.transport(params)
        return lambda noise: gate * sample(noise)

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log N(z; (1 - σ)μ, (1 - σ)²σ²); where the gate is shut 0 at z = 0, else -inf: (S, B, K), nats."""
        gate = self.gate(params)
        shut = gate == 0
        opened = gate.masked_fill(shut, 1.0)
        density = self.base.log_prob_at(params, codes / opened) - opened.log()
        return torch.where(shut, torch.where(codes == 0, 0.0, -torch.inf), density)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(s) - log q(s|x), whose mean is -KL: (S, B, K), nats."""
        return self.base.log_ratio(params, noise)

    def kl(self, params: Params) -> Tensor:
        """½[μ² + σ² - 1 - log σ²], that of s: (B, K), nats."""
        return self.base.kl(params)

    def prior(self) -> dict[str, float]:
        """N(0, 1), where the gate is shut."""
        return self.base.prior()

    def mean(self, params: Params) -> Tensor:
        """E[z] = (1 - σ) μ: (B, K)."""
        return self.gate(params) * params["loc"]

    def active_prob(self, params: Params) -> Tensor:
        """P(z ≠ 0), 1 where the gate is not shut: (B, K)."""
        return nonzero(self.gate(params))

    def active_by_rule(self, params: Params) -> Tensor:
        """1 where σ² < 0.05, else 0: (B, K)."""
        return (params["log_variance"].exp() < ACTIVE_VARIANCE).to(params["loc"].dtype)
