"""Shrinkage autoencoders with an ℓ₁ penalty: the plain baseline of the sparse ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vscbench.coders.autoencoder import Autoencoder
from vscbench.ramps import Ramp
from vscbench.settings import Positive

if TYPE_CHECKING:
    from torch import Tensor


class Relu(Autoencoder):
    """z = sign(a) max(|a| - θ, 0), one-sided max(a - θ, 0), by ‖x - x̂‖²/P + (2λ/P) Σ_k |z_k| ‖a_k‖.

    That is 2/P times the lasso's objective, in atoms of unit length (Bricken et al. 2023, "Towards Monosemanticity",
    with the penalty of Conerly et al. 2024). Before it learns, on `linear_plus`, the code is one step of ISTA.

    Args:
        generator: G.
        encoder: data to features.
        latents: K.
        penalty: λ, at the start θ of every latent.
        penalty_warmup: multiplier of λ while training starts.
        signed: whether codes may be negative.

    Example:
        >>> from vscbench.networks.dictionary import Dictionary
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> coder = Relu(Dictionary((2,), 1), LinearPlus((2,)), 1, penalty=0.5)
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
        super().__init__(generator, encoder, latents, signed=signed)
        self.penalty, self.penalty_warmup = penalty, penalty_warmup
        self.multiplier = penalty_warmup.final
        self.log_threshold = nn.Parameter(torch.full((latents,), penalty).log())  # a logarithm stays positive

    def activate(self, scores: Tensor) -> Tensor:
        """Scores (B, K), shrunk by θ."""
        shrunk = (self.size(scores) - self.log_threshold.exp()).relu()
        return torch.copysign(shrunk, scores)

    def sparsity(self, x: Tensor, scores: Tensor, codes: Tensor) -> Tensor:  # noqa: ARG002
        """(2λ/P) Σ_k |z_k| ‖a_k‖: (B,)."""
        return self.multiplier * self.penalty * (2 / x[0].numel()) * self.lengths(codes)

    def set_step(self, step: float, steps: int) -> None:
        """Set the multiplier of λ to its value at `step` of `steps`."""
        self.multiplier = self.penalty_warmup(step, steps)
