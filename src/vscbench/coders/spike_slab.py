"""The concrete spike-and-slab posterior (Jang et al., Maddison et al., 2017; Tonolini et al., 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from vscbench.coders.divergences import spike_slab_kl
from vscbench.coders.masks import below
from vscbench.coders.noise import normal, uniform
from vscbench.coders.posterior import Draw, Noise, Params, Posterior, Transport
from vscbench.coders.scaled import PriorScale  # noqa: TC001  (read at run time, as the settings are)
from vscbench.ramps import Ramp
from vscbench.settings import Density, Probability

INNER_SAMPLES = 20

LOG_LIMITS = math.log(1e-6), math.log1p(-1e-6)
"""Bounds on log γ."""


def _clipped(log_active: Tensor) -> Tensor:
    """log γ of γ clipped to [1e-6, 1 - 1e-6]."""
    return F.hardtanh(log_active, *LOG_LIMITS)


class _Gated(torch.autograd.Function):
    """gate · slab, (S, B, K), where the slab's derivative is the hard gate and that of the gate's logit a `slope`."""

    @staticmethod
    def forward(ctx: Any, slab: Tensor, logit: Tensor, hard: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(hard, slab, slope)
        ctx.logit = logit.shape
        return hard * slab

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hard, slab, slope = ctx.saved_tensors
        return gradient * hard, (gradient * slab).mul_(slope).sum_to_size(ctx.logit), None, None


@dataclass
class SpikeSlab(Posterior):
    r"""z = gate · slab, gate ~ Bernoulli(γ), slab ~ N(wμ, (wσ + √(1-w))²) (Tonolini et al. 2020).

    The gate is on where a - logit u > 0, u ~ U(0, 1), which is u < P(on); its relaxation is sigmoid((a - logit u)/T).
    """

    prior_scale: PriorScale = math.sqrt(0.1)
    """s, the standard deviation of the slab's prior, or `learned` for each latent."""
    prior_active: Probability = 0.1
    """γ₀, the prior probability that a latent is active."""
    density: Density | None = None
    """The same, by the name that it has for all sparse methods; instead of `prior_active`."""
    gate: Literal["logit", "published"] = "logit"
    """`logit`: a = logit γ, so P(on) = γ. `published`: a = log γ, so P(on) = γ/(1+γ) ≤ ½ while the KL uses γ."""
    head: Literal["sigmoid", "rectified"] = "sigmoid"
    """γ of the encoder's head h: sigmoid(h); or, as published, exp(-ReLU(-h)), which has no gradient where h > 0."""
    gate_estimator: Literal["straight_through", "gumbel", "gumbel_rao"] = "straight_through"
    """Gradient of the gate: relaxed backward of a hard gate; the relaxed gate itself; Rao-Blackwellised."""
    noise_warmup: Ramp = Ramp(1.0, 1.0)
    """w, the weight of the encoder's slab against standard noise while training starts."""
    temperature: Ramp = Ramp(1.0, 0.5, shape="geometric")
    """T of the relaxation."""

    heads: ClassVar[tuple[str, ...]] = ("loc", "log_variance", "log_active")  # type: ignore[misc]

    def __post_init__(self) -> None:
        if self.density is not None:
            self.prior_active = self.density
        self.warmup, self.current_temperature = self.noise_warmup.final, self.temperature.final
        self.relaxed = False

    def set_step(self, step: float, steps: int) -> None:
        """Set w and T to their values at `step` of `steps`; only at the end is a `gumbel` gate hard."""
        self.relaxed = self.gate_estimator == "gumbel" and step < steps
        self.warmup, self.current_temperature = self.noise_warmup(step, steps), self.temperature(step, steps)

    def clamp(self, params: Params) -> Params:
        """The same parameters with log γ of the head, γ clipped to [1e-6, 1 - 1e-6] unless the gate is published."""
        head = params["log_active"]
        log_active = F.logsigmoid(head) if self.head == "sigmoid" else -F.relu(-head)
        return params | {"log_active": log_active if self.gate == "published" else _clipped(log_active)}

    def noise(self, params: Params, samples: int, rng: Generator | None) -> Noise:
        """ε ~ N(0, 1) for the slab and u ~ U(0, 1) for the gate: (S, B, K)."""
        like = params["loc"]
        shape = (samples, *like.shape)
        return {"normal": normal(shape, like, rng), "uniform": uniform(shape, like, rng)}

    def gate_logit(self, params: Params) -> Tensor:
        """a: (B, K)."""
        log_active = params["log_active"]
        if self.gate == "published":
            return log_active
        return log_active - torch.log(-torch.expm1(log_active))  # log γ - log(1 - γ), exact where γ is nearly 1

    def active_prob(self, params: Params) -> Tensor:
        """P(gate on) = sigmoid(a), which is γ where a = logit γ: (B, K)."""
        log_active = params["log_active"]
        return torch.sigmoid(log_active) if self.gate == "published" else log_active.exp()

    def soft(self, logit: Tensor, uniform: Tensor) -> Tensor:
        """The relaxed gate sigmoid((a - logit u)/T): (S, B, K)."""
        return torch.sigmoid((logit - torch.logit(uniform, eps=1e-7)) / self.current_temperature)

    def slope(self, logit: Tensor, uniform: Tensor) -> Tensor:
        """Its derivative in a, soft (1 - soft)/T: (S, B, K)."""
        soft = self.soft(logit, uniform)
        return (1 - soft).mul_(soft).div_(self.current_temperature)

    def mean_slope(self, logit: Tensor, uniform: Tensor, hard: Tensor, probability: Tensor) -> Tensor:
        """E[slope | gate] (Paulus et al., 2021), of gates (S, B, K) that are on with `probability` (B, K): (S, B, K).

        Given the gate, u is uniform on the interval that leads to it. Its position there is rotated through a
        lattice of 20 points, each uniform: unbiased as 20 independent draws are, with less variance and no
        draw of its own.
        """
        low, width = (1 - hard) * probability, torch.where(hard > 0, probability, 1 - probability)
        position, total = (uniform - low) / width, torch.zeros_like(uniform)
        for inner in range(INNER_SAMPLES):
            total += self.slope(logit, low + width * torch.frac(position + inner / INNER_SAMPLES))
        return total / INNER_SAMPLES

    def moments(self, params: Params) -> tuple[Tensor, Tensor]:
        """The slab's mean w μ and standard deviation w σ + √(1-w): (B, K) each."""
        loc, spread = params["loc"], torch.exp(params["log_variance"] * 0.5)
        if isinstance(self.warmup, Tensor):  # in a captured step it is not known here
            return self.warmup * loc, self.warmup * spread + (1 - self.warmup).sqrt()
        if self.warmup == 1:  # as for the greater part of a training
            return loc, spread
        return self.warmup * loc, self.warmup * spread + math.sqrt(1 - self.warmup)

    def transport(self, params: Params) -> Transport:
        """gate · slab."""
        (loc, spread), probability = self.moments(params), self.active_prob(params)

        def codes(noise: Noise) -> Tensor:
            slab, uniform = torch.addcmul(loc, noise["normal"], spread), noise["uniform"]
            if self.relaxed:
                return self.soft(self.gate_logit(params), uniform) * slab
            hard = below(uniform, probability)
            if not torch.is_grad_enabled():
                return hard.mul_(slab)
            logit = self.gate_logit(params)
            with torch.no_grad():
                if self.gate_estimator == "gumbel_rao":
                    slope = self.mean_slope(logit, uniform, hard, probability)
                else:
                    slope = self.slope(logit, uniform)
            return _Gated.apply(slab, logit, hard, slope)  # type: ignore[no-any-return]

        return codes

    def draw(self, params: Params, noise: Noise) -> Draw:
        """Codes of a hard gate, also where training relaxes it; the slab comes on wherever it was drawn."""
        (loc, spread), probability = self.moments(params), self.active_prob(params)
        slab = torch.addcmul(loc, noise["normal"], spread)
        codes = below(noise["uniform"], probability) * slab
        if not torch.is_grad_enabled():
            return Draw(codes)
        return Draw(codes, active_prob=probability.unsqueeze(0), boundary=slab.detach())

    def log_prob_at(self, params: Params, codes: Tensor, threshold: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """log P(on) + log N(z; wμ, (wσ + √(1-w))²) where z ≠ 0, else log P(off): (S, B, K), nats."""
        (loc, spread), logit = self.moments(params), self.gate_logit(params)
        distance = (codes - loc) / spread
        slab = -0.5 * (distance.square() + math.log(2 * math.pi)) - spread.log()
        return torch.where(codes != 0, F.logsigmoid(logit) + slab, F.logsigmoid(-logit))

    def kl(self, params: Params) -> Tensor:
        """γ KL(slab ‖ N(0, s²)) + KL(Bernoulli(γ) ‖ Bernoulli(γ₀)): (B, K), nats."""
        loc, log_variance, log_active = (params[name] for name in self.heads)
        if self.gate == "published":  # else it is clipped already
            log_active = _clipped(log_active)
        return spike_slab_kl(loc, log_variance, log_active, self.prior_scale, self.prior_active)

    def prior(self) -> dict[str, float]:
        """Bernoulli(γ₀) · N(0, s²)."""
        return {
            "loc": 0.0,
            "log_variance": 2 * math.log(self.prior_scale),
            "log_active": math.log(self.prior_active),
        }

    def mean(self, params: Params) -> Tensor:
        """E[z] = P(on) w μ: (B, K)."""
        return self.active_prob(params) * self.warmup * params["loc"]
