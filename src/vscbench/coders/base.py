"""What a coder is: data in, codes out, and a loss to learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    from typing import Self

    from vscbench.objectives.loss import Loss

Params: TypeAlias = dict[str, Tensor]
"""Parameters of a posterior by the name of the head that made them, each (B, K)."""

Noise: TypeAlias = dict[str, Tensor]
"""Random draws that the codes are made from, by name, each (S, B, K)."""

Transport: TypeAlias = Callable[[Noise], Tensor]
"""A map from noise (S, B, K) to codes (S, B, K)."""


class Draw(NamedTuple):
    """Codes and what their density needs beside them."""

    codes: Tensor
    """z, exactly 0 where a latent is off: (S, B, K)."""
    threshold: Tensor | None = None
    """λ, where it is drawn with the code: (S, B, K)."""
    open: Tensor | None = None
    """P(z ≠ 0 | λ) with a graph, where codes have a mass at 0 and gradients are asked for: (S or 1, B, K)."""
    edge: Tensor | None = None
    """The code at which a latent that is off would come on, there: (S or 1, B, K)."""


class Posterior(ABC):
    """A map from noise to codes, and a divergence from the prior, for K independent latents.

    The map is differentiable in the parameters and draws nothing, so the noise of a chosen sample can be
    transported again with a graph.
    """

    heads: tuple[str, ...]
    """Names of the parameters, each the output of one linear head."""

    def within_range(self, params: Params) -> Params:
        """What the heads put out, clipped to where all else can be computed."""
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
        """Divergence of each latent from its prior: (B, K), nats."""

    @abstractmethod
    def prior(self) -> dict[str, float]:
        """The parameters, by head, at which the posterior is the prior: the same for all latents."""

    @abstractmethod
    def mean(self, params: Params) -> Tensor:
        """E[z]: (B, K)."""

    @abstractmethod
    def active_probability(self, params: Params) -> Tensor:
        """P(z ≠ 0): (B, K)."""

    @abstractmethod
    def log_density_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:
        """log q of codes, by Lebesgue measure plus, where they can be exactly 0, a point mass there: (S, B, K), nats.

        Of a learned threshold the joint log-density of the code and of λ = `threshold`.
        """

    def draw(self, params: Params, noise: Noise) -> Draw:
        """Codes (S, B, K) whose gradient is the derivative of the transport, whatever estimator `codes` has."""
        return Draw(self.codes(params, noise))

    def log_density(self, params: Params, draw: Draw) -> Tensor:
        """log q of a draw of this or of another member of the family: (S, B, K), nats.

        A parameter that moves P(z ≠ 0) also moves draws across the jump between mass and density, which no derivative
        of the transport sees. Added, with value 0, is the gradient of that: d P(z ≠ 0) · (log q(edge) - log q(0)).
        The mean of log q then has the gradient of E[log q], without a score function.
        """
        value = self.log_density_at(params, draw.codes, draw.threshold)
        if draw.open is None or draw.edge is None:
            return value
        with torch.no_grad():
            on = self.log_density_at(params, draw.edge, draw.threshold)
            jump = on - self.log_density_at(params, torch.zeros_like(draw.edge), draw.threshold)
        return value + (draw.open - draw.open.detach()) * jump

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(z) - log q(z|x) of the codes of `noise`, the prior with all ramps at their end: (S, B, K), nats.

        Where the threshold is learned, log p(z, λ) - log q(z, λ|x).
        """
        draw = self.draw(params, noise)
        prior = {name: draw.codes.new_full((), value) for name, value in self.prior().items()}
        return self.settled().log_density(prior, draw) - self.log_density(params, draw)

    def settled(self) -> Self:
        """The same posterior with all that ramps at its end."""
        settled = deepcopy(self)
        settled.at(1, 1)
        return settled

    def at(self, step: float, steps: int) -> None:  # noqa: B027  (nothing ramps in most families)
        """Set what ramps during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""


class Base(Posterior):
    """A posterior z = μ + s ε whose noise ε is symmetric about 0, so that a threshold can act on the deviation s ε."""

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
    def log_inside(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log P(|e| ≤ λ), which is not the logarithm of a difference: (B, K), or the shape of λ."""

    @abstractmethod
    def log_deviation(self, params: Params, deviation: Tensor) -> Tensor:
        """The log-density of e: (S, B, K), nats."""

    @abstractmethod
    def gamma_tail(self, params: Params, shape: Tensor, rate: Tensor) -> Tensor:
        """P(|e| > λ) for λ ~ Gamma(shape, rate), both (B, K): (B, K)."""

    def transport(self, params: Params) -> Transport:
        """z = μ + s ε."""
        location, scale = params["location"], self.scale(params)
        return lambda noise: torch.addcmul(location, noise[self.standard], scale)

    def log_density_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """The log-density of e at z - μ: (S, B, K), nats."""
        return self.log_deviation(params, codes - params["location"])

    def mean(self, params: Params) -> Tensor:
        """E[z] = μ: (B, K)."""
        return params["location"]

    def active_probability(self, params: Params) -> Tensor:
        """1: a dense code is almost never exactly zero."""
        return params["location"].new_ones(()).expand_as(params["location"])


class Coder(nn.Module, ABC):
    """Infers the codes of data under a generator; what training and every metric talk to."""

    stochastic: ClassVar[bool]
    """Whether two calls on the same data give different codes."""

    @abstractmethod
    def loss(self, x: Tensor, generator: nn.Module, rng: Generator | None) -> Loss:
        """What the codes of data (B, P) cost, with a graph to the parameters that learn."""

    @abstractmethod
    def sample(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """Codes drawn for data (B, P), without a graph: (S, B, K)."""

    @abstractmethod
    def best(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """The best-reconstructing of `samples` codes of each data point, an oracle that sees x: (B, K)."""

    @abstractmethod
    def mean(self, x: Tensor, generator: nn.Module) -> Tensor:
        """The posterior-mean code: (B, K)."""

    @abstractmethod
    def kl(self, x: Tensor) -> Tensor | None:
        """Divergence of each latent from its prior: (B, K), nats; None where there is no posterior."""

    @abstractmethod
    def prior(self, count: int, latents: int, rng: Generator | None) -> Tensor | None:
        """Codes drawn from the prior: (count, K); None where there is none to draw from."""

    @abstractmethod
    def at(self, step: float, steps: int) -> None:
        """Set what ramps during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""
