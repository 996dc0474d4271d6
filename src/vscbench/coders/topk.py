"""TopK autoencoders: the k largest scores are the code, and dead latents learn from what is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.autoencoder import Autoencoder
from vscbench.objectives.loss import squared_error
from vscbench.settings import Count, Density, NonNegative

if TYPE_CHECKING:
    from torch import Tensor, nn


class TopK(Autoencoder):
    """z_k = a_k where |a_k| is among the k largest of a data point, else 0 (Gao et al. 2024, arXiv 2406.04093).

    The loss is ‖x - x̂‖²/P + α ‖e - ê‖²/P. AuxK, its second term, is there while latents are dead: ê decodes the P/2
    largest scores among those, and e = x - x̂ carries no gradient. Without a dictionary there is no AuxK.

    Args:
        generator: G.
        encoder: data to features.
        latents: K.
        density: k/K.
        signed: whether codes may be negative; if not, z_k = max(a_k, 0).
        aux_weight: α.
        dead_after: steps without a code by which a latent is dead.

    Example:
        >>> import torch
        >>> from vscbench.networks.dictionary import Dictionary
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> coder = TopK(Dictionary((16,), 20), LinearPlus((16,)), 20, density=0.1)
        >>> coder.encode(torch.randn(3, 16)).count_nonzero(1)
        tensor([2, 2, 2])
    """

    idle: Tensor

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
        super().__init__(generator, encoder, latents, signed=signed)
        self.kept = max(1, round(density * latents))
        self.aux_weight, self.dead_after = aux_weight, dead_after
        self.register_buffer("idle", torch.zeros(latents, dtype=torch.int64))  # steps since a code last used a latent

    def activate(self, scores: Tensor) -> Tensor:
        """The k largest: (B, K)."""
        return self.largest(scores, self.kept)

    def largest(self, scores: Tensor, count: int) -> Tensor:
        """Scores (..., K), all but the `count` of largest size in each row zero: (..., K)."""
        kept = self.size(scores).topk(count, dim=-1).indices
        values = scores if self.signed else scores.relu()
        return torch.zeros_like(scores).scatter(-1, kept, values.gather(-1, kept))

    def sparsity(self, x: Tensor, scores: Tensor, codes: Tensor) -> Tensor:
        """α ‖e - ê‖²/P: (B,)."""
        dead = self.idle >= self.dead_after
        if self.training:
            self.idle.copy_(torch.where(codes.detach().ne(0).any(0), 0, self.idle + 1))
        count = min(int(dead.sum()), max(1, x.shape[1] // 2))
        if self.atoms is None or count == 0 or self.aux_weight == 0:
            return codes.new_zeros(())
        left = x - self.decode(codes.detach()).detach()
        of_dead = self.largest(torch.where(dead, scores, 0.0), count)
        return self.aux_weight * squared_error(left, self.decode(of_dead).unsqueeze(0))[0]
