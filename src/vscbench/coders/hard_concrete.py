"""Hard concrete gates: relaxed gates that are stretched and clipped, so that they can be exactly zero or one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vscbench.coders.divergences import gaussian_kl
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.noise import normal, uniform
from vscbench.coders.posterior import ANY, Noise, Params, Posterior, Transport
from vscbench.settings import Density, Positive

if TYPE_CHECKING:
    from collections.abc import Iterator

LOW, HIGH = -0.1, 1.1
"""γ and ζ, the ends of the stretched gate (Louizos, Welling and Kingma 2018, section 4.1)."""
EDGE = math.log(HIGH / -LOW)
"""-logit of the concrete gate at which the stretched one is 0, and its logit where that is 1."""
NODES = 24


@dataclass
class HardConcrete(Posterior):
    """z = g · (μ + σ ε), g = clip(s (ζ - γ) + γ, 0, 1), s = sigmoid((a + logit u)/β), u ~ U(0, 1), ε ~ N(0, 1).

    Louizos, Welling and Kingma 2018, "Learning Sparse Neural Networks through L0 Regularization" (arXiv 1712.01312),
    with gates of codes instead of weights; P(z ≠ 0) = sigmoid(a - β log(-γ/ζ)). z is continuous in all parameters, and
    its pathwise gradient unbiased. Where they charge P(z ≠ 0) alone, here the divergence is exact in the model of the
    logistic t = a + logit u and of the slab, whose own counts where the gate is not shut.

    Example:
        >>> q = HardConcrete(density=0.1)
        >>> round(q.prior_density, 3)
        0.1
    """

    prior_scale: Positive = math.sqrt(0.1)
    """The standard deviation of the slab's prior."""
    density: Density = 0.1
    """P(z ≠ 0) under the prior."""
    temperature: Positive = 2 / 3
    """β, the authors'."""

    heads: ClassVar[tuple[str, ...]] = ("loc", "log_variance", "gate_logit")  # type: ignore[misc]
    takes: ClassVar[tuple[str, ...]] = ANY

    def __post_init__(self) -> None:
        self.slab, self.shift = Gaussian(self.prior_scale), self.temperature * EDGE
        self.prior_logit = math.log(self.density / (1 - self.density)) - self.shift

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ N(0, 1) and u ~ U(0, 1): (S, B, K)."""
        like = params["loc"]
        shape = (samples, *like.shape)
        return {"normal": normal(shape, like, rng), "uniform": uniform(shape, like, rng)}

    def gate(self, params: Params, noise: Noise) -> Tensor:
        """g: (S, B, K)."""
        concrete = torch.sigmoid((params["gate_logit"] + torch.logit(noise["uniform"], eps=1e-7)) / self.temperature)
        return (concrete * (HIGH - LOW) + LOW).clamp(0, 1)

    def transport(self, params: Params) -> Transport:
        """g · (μ + σ ε)."""
        slab = self.slab.transport(params)
        return lambda noise: self.gate(params, noise) * slab(noise)

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log[P(g = 1) N(z) + ∫ p(g) N(z/g)/g dg] of z ≠ 0, by quadrature over log g; log P(g = 0) of z = 0: nats."""
        size = codes.abs().clamp(min=torch.finfo(codes.dtype).tiny)
        reach = params["loc"].abs() + 9 * self.slab.scale(params)
        # N(z/g) vanishes for g < |z|/reach.
        lowest = (size / reach).log().clamp(max=0)
        opened = F.logsigmoid(params["gate_logit"] - self.shift) + self.slab.log_prob_at(params, codes)
        between = torch.zeros_like(opened)
        for node, weight in unit_nodes():
            gate = torch.exp(lowest * (1 - node))
            inner = self.slab.log_prob_at(params, codes / gate).exp()
            between = between + weight * inner * self.gate_density(params, gate)
        between = (between * -lowest).clamp(min=torch.finfo(codes.dtype).tiny).log()
        shut = F.logsigmoid(-params["gate_logit"] - self.shift)
        return torch.where(codes != 0, torch.logaddexp(opened, between), shut)

    def gate_density(self, params: Params, gate: Tensor) -> Tensor:
        """p(g) of 0 < g < 1, the derivative of sigmoid(β logit s - a) with s = (g - γ)/(ζ - γ): as of g."""
        s = (gate - LOW) / (HIGH - LOW)
        below = torch.sigmoid(self.temperature * torch.logit(s) - params["gate_logit"])
        return self.temperature / (HIGH - LOW) * below * (1 - below) / (s * (1 - s))

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p/q of the logistic t and, where the gate is not shut, of the slab; its mean is -KL: (S, B, K), nats."""
        logit, centred = params["gate_logit"], torch.logit(noise["uniform"], eps=1e-7)
        from_prior = centred + logit - self.prior_logit
        of_gate = log_logistic(from_prior) - log_logistic(centred)
        of_slab, probability = self.slab.log_ratio(params, noise), self.active_prob(params)
        opened = (self.gate(params, noise).detach() > 0).to(of_slab.dtype)
        # The gate opens with a probability that moves with a, which no derivative of `opened` sees.
        return of_gate + opened * of_slab + (probability - probability.detach()) * of_slab.detach()

    def kl(self, params: Params) -> Tensor:
        """d coth(d/2) - 2 with d = a - a₀, and P(z ≠ 0) KL(N(μ, σ²) ‖ N(0, s²)): (B, K), nats."""
        slab = gaussian_kl(params["loc"], params["log_variance"], self.prior_scale)
        return logistic_kl(params["gate_logit"] - self.prior_logit) + self.active_prob(params) * slab

    def prior(self) -> dict[str, float]:
        """The a₀ of the density, and N(0, s²)."""
        return self.slab.prior() | {"gate_logit": self.prior_logit}

    def gate_moment(self, params: Params, power: int) -> Tensor:
        """E[g^p] = ∫ p g^(p-1) P(g' > g) dg over 0 < g < 1, P(g' > g) = sigmoid(a - β logit s): (B, K)."""
        total = torch.zeros_like(params["loc"])
        for g, weight in unit_nodes():
            s = (g - LOW) / (HIGH - LOW)
            above = torch.sigmoid(params["gate_logit"] - self.temperature * math.log(s / (1 - s)))
            total = total + weight * power * g ** (power - 1) * above
        return total

    def mean(self, params: Params) -> Tensor:
        """E[z] = E[g] μ: (B, K)."""
        return self.gate_moment(params, 1) * params["loc"]

    def second_moment(self, params: Params) -> Tensor:
        """E[z²] = E[g²] (μ² + σ²): (B, K)."""
        return self.gate_moment(params, 2) * (params["loc"].square() + params["log_variance"].exp())

    def active_prob(self, params: Params) -> Tensor:
        """P(g > 0) = sigmoid(a - β log(-γ/ζ)): (B, K)."""
        return torch.sigmoid(params["gate_logit"] + self.shift)


def unit_nodes() -> Iterator[tuple[float, float]]:
    """Nodes and weights of Gauss-Legendre quadrature over (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return zip(((1 + nodes) / 2).tolist(), (weights / 2).tolist(), strict=True)


def log_logistic(t: Tensor) -> Tensor:
    """The log-density of the standard logistic: the shape of t, nats."""
    return F.logsigmoid(t) + F.logsigmoid(-t)


def logistic_kl(distance: Tensor) -> Tensor:
    """KL of a standard logistic from one whose mean is d away: d coth(d/2) - 2, which is d²/6 for small d.

    Example:
        >>> logistic_kl(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.1640])
    """
    size = distance.abs()
    far = size.clamp(min=0.02)
    return torch.where(size < 0.02, distance.square() / 6, far / torch.tanh(far / 2) - 2)  # noqa: PLR2004
