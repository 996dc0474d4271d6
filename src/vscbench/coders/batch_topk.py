"""BatchTopK autoencoders: the k·B largest scores of a batch, so that a data point takes as many as it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.topk import TopK
from vscbench.settings import Count, Density, NonNegative

if TYPE_CHECKING:
    from torch import Tensor, nn

MEMORY = 0.99
"""Of the running mean of the threshold. Published is 0.999, of trainings that are ten times as long as those here."""


class BatchTopK(TopK):
    """z_k = a_k where |a_k| is among the k·B largest of the batch, else 0 (Bussmann et al. 2024, arXiv 2412.06410).

    Data points are coded by themselves with z_k = a_k 1(|a_k| ≥ θ): θ is a running mean of the least size that was
    kept in training.

    Args:
        generator: G.
        encoder: data to features.
        latents: K.
        density: k/K, of the mean over data points.
        signed: whether codes may be negative; if not, z_k = max(a_k, 0).
        aux_weight: that of AuxK, as of `TopK`.
        dead_after: steps without a code by which a latent is dead.

    Example:
        >>> import torch
        >>> from vscbench.networks.dictionary import Dictionary
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> coder = BatchTopK(Dictionary((16,), 20), LinearPlus((16,)), 20, density=0.1)
        >>> int(coder.loss(torch.randn(50, 16), None).codes.count_nonzero())
        100
    """

    threshold: Tensor

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        latents: int,
        density: Density = 0.1,
        *,
        signed: bool = True,
        aux_weight: NonNegative = 1 / 32,
        dead_after: Count = 200,
    ) -> None:
        super().__init__(
            generator, encoder, latents, density, signed=signed, aux_weight=aux_weight, dead_after=dead_after
        )
        self.register_buffer("threshold", torch.zeros(()))

    def activate(self, scores: Tensor) -> Tensor:
        """Those of at least θ: (B, K)."""
        kept = scores if self.signed else scores.relu()
        return torch.where(self.size(scores) >= self.threshold, kept, 0.0)

    def activate_batch(self, scores: Tensor) -> Tensor:
        """The k·B largest of the batch: (B, K)."""
        codes = self.largest(scores.flatten(), self.kept * len(scores)).view_as(scores)
        if self.training:
            with torch.no_grad():
                least = torch.where(codes == 0, torch.inf, codes.abs()).min()
                memory = torch.where(self.threshold == 0, 0.0, MEMORY)
                self.threshold.copy_(torch.where(least.isfinite(), torch.lerp(least, self.threshold, memory), 0.0))
        return codes
