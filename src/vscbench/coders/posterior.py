"""What a posterior is: a map from noise to codes, and a divergence from the prior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor

if TYPE_CHECKING:
    from typing import Self

Params: TypeAlias = dict[str, Tensor]
"""Parameters of a posterior by the name of the head that made them, each (B, K)."""

Noise: TypeAlias = dict[str, Tensor]
"""Random draws that the codes are made from, by name, each (S, B, K)."""

Transport: TypeAlias = Callable[[Noise], Tensor]
"""A map from noise (S, B, K) to codes (S, B, K)."""


ANY = ("refinement", "distance")
"""Parts that go with any posterior."""


class Draw(NamedTuple):
    """Codes and what their density needs beside them."""

    codes: Tensor
    """z, exactly 0 where a latent is inactive: (S, B, K)."""
    threshold: Tensor | None = None
    """λ, where it is drawn with the code: (S, B, K)."""
    active_prob: Tensor | None = None
    """P(z ≠ 0 | λ) with a graph, where codes have a mass at 0 and gradients are asked for: (S or 1, B, K)."""
    boundary: Tensor | None = None
    """The code at which an inactive latent would become active, there: (S or 1, B, K)."""


class Posterior(ABC):
    """q(z|x) of K independent latents, as a map from noise to codes, with its divergence from the prior.

    The map is differentiable in the parameters and draws nothing, so the noise of a chosen sample can be transported
    again with a graph. A family of your own says `heads`, `noise`, `transport`, `kl`, `prior`, `mean`, `active_prob`
    and `log_prob_at`; the annotated arguments of its constructor are its keys in a configuration.
    """

    heads: tuple[str, ...]
    """Names of the parameters, each the output of one linear head of the encoder."""
    takes: ClassVar[tuple[str, ...]] = ("prior", *ANY)
    """The parts that may be composed with it: a learned prior, a refinement of the encoder's answer, a distance instead
    of the divergence; with a `Base` also a threshold."""
    discrete: ClassVar[bool] = False
    """Whether every code is a count and has a probability, instead of a density beside a mass at zero."""

    def clamp(self, params: Params) -> Params:
        """The outputs of the heads, clipped to where all else can be computed."""
        return params

    @abstractmethod
    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """Draw the noise of `samples` codes: (S, B, K) each."""

    @abstractmethod
    def transport(self, params: Params) -> Transport:
        """The map from noise to codes; what depends on the parameters alone is computed once."""

    def codes(self, params: Params, noise: Noise) -> Tensor:
        """Transport noise (S, B, K) to codes (S, B, K)."""
        return self.transport(params)(noise)

    @abstractmethod
    def kl(self, params: Params) -> Tensor:
        """KL(q(z_k|x) ‖ p(z_k)) of each latent: (B, K), nats."""

    @abstractmethod
    def prior(self) -> dict[str, float]:
        """The parameters, by head, at which the posterior is the prior: the same for all latents."""

    @abstractmethod
    def mean(self, params: Params) -> Tensor:
        """E[z]: (B, K)."""

    @abstractmethod
    def active_prob(self, params: Params) -> Tensor:
        """P(z ≠ 0): (B, K)."""

    @abstractmethod
    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q of codes, by Lebesgue measure plus, where they can be exactly 0, a point mass there: (S, B, K), nats.

        Of a learned threshold the joint log-density of the code and of λ = `threshold`.
        """

    def draw(self, params: Params, noise: Noise) -> Draw:
        """Codes (S, B, K) whose gradient is the derivative of the transport, whatever estimator `codes` has."""
        return Draw(self.codes(params, noise))

    def log_prob(self, params: Params, draw: Draw) -> Tensor:
        """log q of a draw of this or of another member of the family: (S, B, K), nats.

        A parameter that moves P(z ≠ 0) also moves draws across the jump between mass and density, which no derivative
        of the transport sees. Added, with value 0, is the gradient of that: d P(z ≠ 0) · (log q(boundary) - log q(0)).
        The mean of log q then has the gradient of E[log q], without a score function.
        """
        value = self.log_prob_at(params, draw.codes, draw.threshold)
        if draw.active_prob is None or draw.boundary is None:
            return value
        with torch.no_grad():
            on = self.log_prob_at(params, draw.boundary, draw.threshold)
            jump = on - self.log_prob_at(params, torch.zeros_like(draw.boundary), draw.threshold)
            jump = jump.clamp(min=torch.finfo(jump.dtype).min)  # 0 · -inf is no number
        return value + (draw.active_prob - draw.active_prob.detach()) * jump

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(z) - log q(z|x) of the codes of `noise`, the prior at the end of its schedule: (S, B, K), nats.

        Where the threshold is learned, log p(z, λ) - log q(z, λ|x).
        """
        draw = self.draw(params, noise)
        prior = self.prior_params(draw.codes)
        return self.at_final_schedule().log_prob(prior, draw) - self.log_prob(params, draw)

    def prior_params(self, like: Tensor) -> Params:
        """The parameters of the prior as numbers with the precision and device of `like`: () each."""
        return {name: like.new_full((), value) for name, value in self.prior().items()}

    @property
    def prior_density(self) -> float:
        """P(z ≠ 0) under the prior, the fraction of latents that are active there; 1 for a dense prior."""
        return float(self.at_final_schedule().active_prob(self.prior_params(torch.zeros((), dtype=torch.float64))))

    def at_final_schedule(self) -> Self:
        """The same posterior with all that is scheduled at its final value."""
        final = deepcopy(self)
        final.set_step(1, 1)
        return final

    def set_step(self, step: float, steps: int) -> None:  # noqa: B027  (nothing is scheduled in most families)
        """Set what is scheduled to its value at `step` of `steps`; `steps` of `steps` at evaluation."""


class Base(Posterior):
    """A posterior z = μ + s ε whose noise ε is symmetric about 0, so that a threshold can act on the deviation s ε."""

    takes: ClassVar[tuple[str, ...]] = ("threshold", "prior", *ANY)
    standard: ClassVar[str]
    """The name of ε among the noise."""

    @abstractmethod
    def scale(self, params: Params) -> Tensor:
        """s, warm-up included: (B, K)."""

    def deviation(self, params: Params, noise: Noise) -> Tensor:
        """e = s ε: (S, B, K)."""
        return noise[self.standard] * self.scale(params)

    @abstractmethod
    def tail(self, params: Params, threshold: Tensor | float) -> Tensor:
        """P(|e| > λ) for a fixed λ: (B, K)."""

    @abstractmethod
    def threshold_for(self, density: float) -> float:
        """λ with P(|e| > λ) = `density` under the prior."""

    @abstractmethod
    def log_inside(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log P(|e| ≤ λ), which is not the logarithm of a difference: (B, K), or the shape of λ."""

    @abstractmethod
    def partial_moment(self, params: Params, beyond: Tensor, power: int) -> Tensor:
        """E[(e - t)₊^p], p = 0, 1 or 2 (of p = 0 it is P(e > t)), for t of (B, K) or (S, B, K): the shape of t."""

    @abstractmethod
    def log_within(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log P(|μ + e| ≤ λ), which is not the logarithm of a difference: (B, K), or the shape of λ."""

    @abstractmethod
    def log_deviation(self, params: Params, deviation: Tensor) -> Tensor:
        """The log-density of e: (S, B, K), nats."""

    @abstractmethod
    def gamma_tail(self, params: Params, shape: Tensor, rate: Tensor) -> Tensor:
        """P(|e| > λ) for λ ~ Gamma(shape, rate), both (B, K): (B, K)."""

    def transport(self, params: Params) -> Transport:
        """z = μ + s ε."""
        loc, scale = params["loc"], self.scale(params)
        return lambda noise: torch.addcmul(loc, noise[self.standard], scale)

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """The log-density of e at z - μ: (S, B, K), nats."""
        return self.log_deviation(params, codes - params["loc"])

    def mean(self, params: Params) -> Tensor:
        """E[z] = μ: (B, K)."""
        return params["loc"]

    def active_prob(self, params: Params) -> Tensor:
        """1: a dense code is almost never exactly zero."""
        return params["loc"].new_ones(()).expand_as(params["loc"])
