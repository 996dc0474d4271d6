"""Gated autoencoders: whether a latent is active and how much are told apart, so that the penalty shrinks no code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.func import functional_call

from vscbench.coders.relu import Relu
from vscbench.objectives.loss import squared_error
from vscbench.ramps import Ramp
from vscbench.settings import Positive

if TYPE_CHECKING:
    from torch import Tensor


class Gated(Relu):
    """z = 1(π ≠ 0) sign(a) max(e^r |a| + b, 0) with the gate π = sign(a) max(|a| - θ, 0), r, b and θ learned.

    The loss is ‖x - x̂‖²/P + (2λ/P) Σ_k |π_k| ‖a_k‖ + ‖x - G(π)‖²/P: the gate learns to reconstruct by itself, under a
    generator that does not learn from it (Rajamanoharan et al. 2024, arXiv 2404.16014; there one-sided, with a bias of
    the gate for -θ). Gate and magnitude share the weights of a, as there. At the start e^r |a| + b = |a| - θ.

    Args:
        generator: G.
        encoder: data to features.
        latents: K.
        penalty: λ, at the start θ of every latent.
        penalty_warmup: multiplier of λ while training starts.
        signed: whether codes may be negative; if not, max(a, 0) stands for |a|.

    Example:
        >>> from vscbench.networks.dictionary import Dictionary
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> coder = Gated(Dictionary((2,), 1), LinearPlus((2,)), 1, penalty=0.5)
        >>> coder.activate(torch.tensor([[-2.0], [0.4]])).detach().T
        tensor([[-1.5000,  0.0000]])
    """

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        latents: int,
        penalty: Positive = 1.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        *,
        signed: bool = True,
    ) -> None:
        super().__init__(generator, encoder, latents, penalty, penalty_warmup, signed=signed)
        self.log_gain = nn.Parameter(torch.zeros(latents))
        self.offset = nn.Parameter(torch.full((latents,), -penalty))

    def gate(self, scores: Tensor) -> Tensor:
        """π, the code of the plain autoencoder: (B, K)."""
        return super().activate(scores)

    def activate(self, scores: Tensor) -> Tensor:
        """Magnitudes where the gate is open: (B, K)."""
        size = (self.log_gain.exp() * self.size(scores) + self.offset).relu()
        return torch.where(self.gate(scores) == 0, 0.0, torch.copysign(size, scores))

    def sparsity(self, x: Tensor, scores: Tensor, codes: Tensor) -> Tensor:  # noqa: ARG002  (the gate's count)
        """(2λ/P) Σ_k |π_k| ‖a_k‖ + ‖x - G(π)‖²/P: (B,)."""
        gate = self.gate(scores)
        frozen = {name: value.detach() for name, value in self.generator.named_parameters()}
        alone = functional_call(self.generator, frozen, (gate.unsqueeze(0),))
        return super().sparsity(x, scores, gate) + squared_error(x, alone)[0]
