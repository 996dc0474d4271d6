"""What a coder is: data in, codes out, and a loss to learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    from vscbench.objectives.sampling import Loss

Params: TypeAlias = dict[str, Tensor]
"""Parameters of a posterior by the name of the head that made them, each (B, K)."""

Noise: TypeAlias = dict[str, Tensor]
"""Random draws that the codes are made from, by name, each (S, B, K)."""


class Posterior(ABC):
    """A map from noise to codes, and a divergence from the prior, for K independent latents.

    `codes` is differentiable in the parameters and draws nothing, so the noise of a chosen sample can be
    transported again with a graph.
    """

    heads: tuple[str, ...]
    """Names of the parameters, each the output of one linear head."""

    @abstractmethod
    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """Draw the noise of `samples` codes: (S, B, K) each."""

    @abstractmethod
    def codes(self, params: Params, noise: Noise) -> Tensor:
        """Transport noise (S, B, K) to codes (S, B, K)."""

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

    def at(self, step: float, steps: int) -> None:  # noqa: B027  (nothing ramps in most families)
        """Set what ramps during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""


class Base(Posterior):
    """A posterior z = μ + e whose deviation e is symmetric about 0, so that a threshold can act on e."""

    @abstractmethod
    def location(self, params: Params) -> Tensor:
        """μ: (B, K)."""

    @abstractmethod
    def deviation(self, params: Params, noise: Noise) -> Tensor:
        """e, the scaled noise: (S, B, K)."""

    @abstractmethod
    def tail(self, params: Params, threshold: Tensor | float) -> Tensor:
        """P(|e| > λ) for a fixed λ: (B, K)."""

    @abstractmethod
    def gamma_tail(self, params: Params, shape: Tensor, rate: Tensor) -> Tensor:
        """P(|e| > λ) for λ ~ Gamma(shape, rate), both (B, K): (B, K)."""

    def codes(self, params: Params, noise: Noise) -> Tensor:
        """z = μ + e: (S, B, K)."""
        return self.location(params) + self.deviation(params, noise)

    def mean(self, params: Params) -> Tensor:
        """E[z] = μ: (B, K)."""
        return self.location(params)

    def active_probability(self, params: Params) -> Tensor:
        """1: a dense code is almost never exactly zero."""
        return self.location(params).new_ones(()).expand_as(self.location(params))


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
