"""The Poisson posterior: codes are counts, as of spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from vscbench.coders.noise import uniform
from vscbench.coders.posterior import ANY, Draw, Noise, Params, Posterior, Transport
from vscbench.ramps import Ramp
from vscbench.settings import Density

LOG_RATIO, LOG_RATE = 10.0, 5.0
"""The authors' bounds on log δ and on log(r δ)."""
LEAST_RATE = 1e-12
"""Of a draw, which is then zero: the gradient of t/r holds 1/r², which overflows below 10⁻¹⁹, and 0 ∞ is no number."""


@dataclass
class Poisson(Posterior):
    """z ~ Poisson(r δ) against the prior Poisson(r), δ of the encoder (Vafaii, Galor and Yates 2024, arXiv 2405.14473).

    Counts the arrivals of a process of rate r δ before time 1: with t_m the sum of m exponential gaps, over r δ, the
    count is Σ_m 1(t_m < 1), relaxed in training to Σ_m sigmoid((1 - t_m)/T), whose gradient the count has at the end.
    That gradient is biased, the less the lower T. The prior's rates are fixed by a density; the authors learn them.

    Example:
        >>> q = Poisson(density=0.1)
        >>> q.kl({"log_rate_ratio": torch.zeros(1, 1)}), round(q.rate, 3)
        (tensor([[0.]]), 0.105)
    """

    density: Density = 0.1
    """P(z ≠ 0) = 1 - e^-r under the prior."""
    temperature: Ramp = Ramp(1.0, 0.05, end=0.5)
    """T of the relaxation."""

    heads: ClassVar[tuple[str, ...]] = ("log_rate_ratio",)  # type: ignore[misc]
    takes: ClassVar[tuple[str, ...]] = ANY
    discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.rate = -math.log1p(-self.density)
        self.current_temperature, self.relaxed = self.temperature.final, False

    def set_step(self, step: float, steps: int) -> None:
        """Set T to its value at `step` of `steps`; only at the end are codes whole numbers."""
        self.current_temperature, self.relaxed = self.temperature(step, steps), step < steps

    def clamp(self, params: Params) -> Params:
        """The same parameters with log δ ≤ 10 and log(r δ) ≤ 5."""
        most = min(LOG_RATIO, LOG_RATE - math.log(self.rate))
        return {"log_rate_ratio": params["log_rate_ratio"].clamp(max=most)}

    def rates(self, params: Params) -> Tensor:
        """r δ: (B, K)."""
        return self.rate * params["log_rate_ratio"].exp()

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """Gaps ~ Exponential(1), as many as any count reaches but one in 10⁶: (S, B, K) each."""
        like = params["log_rate_ratio"]
        most = float(self.rates(params).detach().max().nan_to_num(nan=1.0))
        shape = (samples, *like.shape)
        return {f"gap_{m}": -uniform(shape, like, rng).log_() for m in range(math.ceil(most + 5 * math.sqrt(most) + 5))}

    def transport(self, params: Params) -> Transport:
        """The count of arrivals before time 1, or its relaxation."""
        rates = self.rates(params).clamp(min=LEAST_RATE)

        def codes(noise: Noise) -> Tensor:
            graph = torch.is_grad_enabled()
            time = count = soft = torch.zeros_like(next(iter(noise.values())))
            for gap in noise.values():
                time = time + gap
                left = 1 - time / rates
                count = count + (left.detach() > 0)
                if graph or self.relaxed:
                    soft = soft + torch.sigmoid(left / self.current_temperature)
            if self.relaxed:
                return soft
            return count + (soft - soft.detach()) if graph else count

        return codes

    def draw(self, params: Params, noise: Noise) -> Draw:
        """Counts, also where training relaxes them."""
        with torch.no_grad():
            return Draw(self.at_final_schedule().codes(params, noise))

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """z log(r δ) - r δ - log z! of counts z: (S, B, K), nats."""
        log_rate = params["log_rate_ratio"] + math.log(self.rate)
        return codes * log_rate - log_rate.exp() - torch.lgamma(codes + 1)

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """-z log δ - r + r δ, linear in the code, whose gradient is that of the relaxation: (S, B, K), nats."""
        return self.rates(params) - self.rate - self.codes(params, noise) * params["log_rate_ratio"]

    def kl(self, params: Params) -> Tensor:
        """r (1 - δ + δ log δ): (B, K), nats."""
        log_ratio = params["log_rate_ratio"]
        return self.rate * (log_ratio * log_ratio.exp() - torch.expm1(log_ratio))

    def prior(self) -> dict[str, float]:
        """δ = 1."""
        return {"log_rate_ratio": 0.0}

    def mean(self, params: Params) -> Tensor:
        """E[z] = r δ: (B, K)."""
        return self.rates(params)

    def second_moment(self, params: Params) -> Tensor:
        """E[z²] = r δ + (r δ)²: (B, K)."""
        rates = self.rates(params)
        return rates + rates.square()

    def active_prob(self, params: Params) -> Tensor:
        """1 - exp(-r δ): (B, K)."""
        return -torch.expm1(-self.rates(params))
