"""Sparse coding by an evidence bound that has converged to entropies: no draws, and no weight to choose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.amortised import Amortised
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.noise import laplace
from vscbench.objectives.loss import Loss

if TYPE_CHECKING:
    from vscbench.coders.posterior import Noise, Params
    from vscbench.objectives.rule import Objective

MEMORY = 0.99
"""Of the running means that a trained model is evaluated by."""


@dataclass
class LaplacePrior(Gaussian):
    """q(z|x) = N(μ, σ²) against p(z_k) = Laplace(0, λ_k): that of a Gaussian's family is no posterior of its own."""

    def __post_init__(self) -> None:
        self.scales = torch.ones(())

    def kl(self, params: Params) -> Tensor:
        """log 2λ + E|z|/λ - ½ log(2πe σ²): (B, K), nats."""
        entropy = 0.5 * (params["log_variance"] + math.log(2 * math.pi * math.e))
        return (2 * self.scales).log() + mean_absolute(params) / self.scales - entropy

    def log_ratio(self, params: Params, noise: Noise) -> Tensor:
        """log p(z) - log q(z|x): (S, B, K), nats."""
        codes = self.codes(params, noise)
        return -codes.abs() / self.scales - (2 * self.scales).log() - self.log_prob_at(params, codes)


class EntropyBound(Amortised):
    """q(z|x) = N(μ, σ²), p(z_k) = Laplace(0, λ_k), p(x|z) = N(Az, s² I), with λ and s² at their optimum at each step.

    There the evidence bound of a data set is a sum of entropies, mean_n H[q_n] - Σ_k log(2e λ_k) - (P/2) log(2πe s²),
    with λ_k = mean E|z_k| and s² = mean E‖x - Az‖²/P in closed form (Velychko, Damm, Fischer and Lücke 2024, arXiv
    2311.01888). Here the means are over a batch. The loss is -2/P of it, without constants: log s² + (2/P) KL; scaling
    an atom and its code changes nothing, so the atoms need no unit length. Codes are dense.

    Args:
        encoder: data (B, P) to features (B, F).
        generator: a dictionary.
        objective: its sampling rule, its draws and its weight have no part in this loss.

    Example:
        >>> from vscbench.model import build_coder
        >>> spec = {"seed": 0, "coder": {"family": "entropy_bound"}, "encoder": {"kind": "mlp", "widths": [8]}}
        >>> spec |= {"generator": {"kind": "dictionary", "latents": 4}, "objective": {}}
        >>> build_coder(spec, (16,)).loss(torch.randn(3, 16), None).value.shape
        torch.Size([3])
    """

    family: LaplacePrior
    scales: Tensor

    def __init__(self, encoder: nn.Module, generator: nn.Module, objective: Objective) -> None:
        super().__init__(encoder, generator, LaplacePrior(), objective)
        self.register_buffer("scales", torch.ones(self.latents))

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot be trained with it."""
        return "" if linear else "entropy_bound knows the mean error of a dictionary alone"

    @property
    def bounded(self) -> bool:
        """No: its noise variance is none that the weight of an objective stands for."""
        return False

    def params(self, x: Tensor) -> Params:
        """Parameters of the posterior of data (B, P): (B, K) each."""
        self.family.scales = self.scales
        return super().params(x)

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:  # noqa: ARG002  (no draws)
        """-2/P times the bound of data (B, P), whose mean over the batch is that of entropies."""
        params, atoms = self.params(x), self.atoms
        assert atoms is not None  # noqa: S101  (a dictionary)
        spread = params["log_variance"].exp() @ atoms.square().sum(0)
        mse = ((x - self.decode(params["loc"])).square().sum(-1) + spread) / x.shape[-1]
        # At the optimum the bound is flat in λ and s²: they need no gradient.
        tiny = torch.finfo(mse.dtype).tiny
        variance = mse.detach().mean().clamp(min=tiny)
        self.family.scales = mean_absolute(params).detach().mean(0).clamp(min=tiny)
        kl = self.family.kl(params).sum(-1)
        if self.training:
            self.scales.lerp_(self.family.scales, 1 - MEMORY)
        value = mse / variance - 1 + variance.log() + 2 / x.shape[-1] * kl
        return Loss(value, mse, kl, params["loc"].unsqueeze(0))

    @torch.no_grad()
    def sample_prior(self, count: int, rng: Generator | None) -> Tensor:
        """Codes of Laplace(0, λ): (count, K)."""
        return laplace((count, self.latents), self.scales, rng) * self.scales


def mean_absolute(params: Params) -> Tensor:
    """E|z| = σ √(2/π) exp(-μ²/2σ²) + μ erf(μ/σ√2) of z ~ N(μ, σ²): (B, K).

    Example:
        >>> mean_absolute({"loc": torch.tensor([0.0, 3.0]), "log_variance": torch.tensor([0.0, -20.0])})
        tensor([0.7979, 3.0000])
    """
    loc, sigma = params["loc"], torch.exp(params["log_variance"] / 2)
    ratio = loc / sigma
    return sigma * math.sqrt(2 / math.pi) * torch.exp(-0.5 * ratio.square()) + loc * torch.erf(ratio / math.sqrt(2))
