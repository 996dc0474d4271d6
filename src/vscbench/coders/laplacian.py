"""The Laplacian posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from vscbench.coders.divergences import laplace_kl
from vscbench.coders.noise import laplace
from vscbench.coders.posterior import Base, Noise, Params
from vscbench.coders.scaled import PriorScale  # noqa: TC001  (read at run time, as the settings are)
from vscbench.ramps import Ramp
from vscbench.settings import Positive


@dataclass
class Laplacian(Base):
    """z = μ + w b ε, ε ~ Laplace(0, 1), against the prior Laplace(0, b₀) (paper, section 3.1).

    Example:
        >>> round(Laplacian().threshold_for(0.1), 2)
        0.23
    """

    prior_scale: PriorScale = 0.1
    """b₀, the prior's scale, or `learned` for each latent."""
    noise_warmup: Ramp = Ramp(1.0, 1.0)
    """w, the weight of the noise while training starts; the divergence does not see it, as published."""
    noise_bound: Positive | None = None
    """The largest |ε|, where one in e^bound draws is cut; the authors' log max(1 - 2|u|, 1e-6) ends at 13.8."""

    heads: ClassVar[tuple[str, ...]] = ("loc", "log_scale")  # type: ignore[misc]
    standard: ClassVar[str] = "laplace"

    def __post_init__(self) -> None:
        self.warmup = self.noise_warmup.final

    def set_step(self, step: float, steps: int) -> None:
        """Set w to its value at `step` of `steps`."""
        self.warmup = self.noise_warmup(step, steps)

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ Laplace(0, 1), |ε| cut at the bound: (S, B, K)."""
        like = params["loc"]
        draws = laplace((samples, *like.shape), like, rng)
        return {"laplace": draws if self.noise_bound is None else draws.clamp_(-self.noise_bound, self.noise_bound)}

    def scale(self, params: Params) -> Tensor:
        """w b: (B, K)."""
        return self.warmup * params["log_scale"].exp()

    def kl(self, params: Params) -> Tensor:
        """|μ|/b₀ + (b/b₀) exp(-|μ|/b) + log(b₀/b) - 1: (B, K), nats."""
        return laplace_kl(params["loc"], params["log_scale"], self.prior_scale)

    def prior(self) -> dict[str, float]:
        """Laplace(0, b₀)."""
        return {"loc": 0.0, "log_scale": math.log(self.prior_scale)}

    def tail(self, params: Params, threshold: Tensor | float) -> Tensor:
        """exp(-λ/(w b)): (B, K)."""
        return torch.exp(-threshold * torch.exp(-params["log_scale"]) / self.warmup)

    def threshold_for(self, density: float) -> float:
        """λ = -b₀ log(density)."""
        return -self.prior_scale * math.log(density)

    def log_inside(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log(1 - exp(-λ/(w b))): (B, K), or the shape of λ."""
        inside = -torch.expm1(-threshold * torch.exp(-params["log_scale"]) / self.warmup)
        return inside.clamp(min=torch.finfo(inside.dtype).tiny).log()

    def partial_moment(self, params: Params, beyond: Tensor, power: int) -> Tensor:
        """½ p! (w b)^p exp(-t/(w b)) for t ≥ 0; below it is E[(e - t)^p] - (-1)^p times that at -t: the shape of t."""
        scale = self.scale(params)
        outer = 0.5 * math.factorial(power) * scale**power * torch.exp(-beyond.abs() / scale)
        whole = (torch.ones_like(beyond), -beyond, beyond.square() + 2 * scale.square())[power]
        return torch.where(beyond < 0, whole - (-1) ** power * outer, outer)

    def log_within(self, params: Params, threshold: Tensor | float) -> Tensor:
        """log[1 - exp(-λ/(w b)) cosh(μ/(w b))] where |μ| ≤ λ, else log[exp(-|μ|/(w b)) sinh(λ/(w b))]: as of λ."""
        size, scale = params["loc"].abs(), self.scale(params)
        tiny = torch.finfo(size.dtype).tiny
        inner = (threshold - size).clamp(min=0)  # no overflow in the branch that is not taken
        inside = -torch.expm1(-inner / scale) - torch.expm1(-(threshold + size) / scale)
        outside = -torch.expm1(-2 * threshold / scale)
        beyond = (threshold - size) / scale + outside.clamp(min=tiny).log()
        return torch.where(size <= threshold, inside.clamp(min=tiny).log(), beyond) - math.log(2)

    def log_deviation(self, params: Params, deviation: Tensor) -> Tensor:
        """-|e|/(w b) - log(2 w b): (S, B, K), nats."""
        log_scale = params["log_scale"]
        # Where the density is 0 in single precision its logarithm stays a number, which has a derivative.
        distance = (deviation.abs() * torch.exp(-log_scale) / self.warmup).clamp(max=1e36)
        return -distance - log_scale - math.log(2 * self.warmup)

    def gamma_tail(self, params: Params, shape: Tensor, rate: Tensor) -> Tensor:
        """E exp(-λ/(w b)) = (1 + 1/(w b β))^-α, the Laplace transform of the Gamma: (B, K)."""
        return torch.exp(-shape * torch.log1p(torch.exp(-params["log_scale"]) / (self.warmup * rate)))
