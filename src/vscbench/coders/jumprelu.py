"""JumpReLU autoencoders: a learned threshold that a score must exceed, and a penalty on how many do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from vscbench.coders.autoencoder import Autoencoder
from vscbench.settings import Density, NonNegative, Positive

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-30
"""What a score of 0 is taken for in logarithms."""


class _Gate(torch.autograd.Function):
    """1 where u > 0; backward as if the step were a ramp over |u| ≤ ε/2, to the threshold alone."""

    @staticmethod
    def forward(ctx: Any, over: Tensor, log_threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(over)
        ctx.bandwidth, ctx.shape = bandwidth, log_threshold.shape
        return (over > 0).to(over.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        (over,) = ctx.saved_tensors
        inside = (over.abs() <= ctx.bandwidth / 2).to(gradient.dtype)
        return None, (-gradient * inside / ctx.bandwidth).sum_to_size(ctx.shape), None


class JumpRelu(Autoencoder):
    r"""z_k = a_k 1(|a_k| > θ_k), by ‖x - x̂‖²/P + λ (L0/k - 1)² with L0 = mean ‖z‖₀ of the batch and a learned θ.

    Rajamanoharan et al. 2024, "Jumping Ahead", arXiv 2407.14435, appendix on a target L0. A step has no derivative:
    its mean over data has, -p(θ), estimated by a rectangle of width ε about θ. Here ε is relative to θ, in log |a|:
    ∂/∂ log θ of 1(|a| > θ) is -1/ε where |log |a| - log θ| ≤ ε/2, and of z it is -a/ε.

    Args:
        generator: G.
        encoder: data to features.
        latents: K.
        density: k/K, the target.
        signed: whether codes may be negative; if not, z_k = a_k 1(a_k > θ_k).
        l0_weight: λ.
        bandwidth: ε.
        initial_threshold: θ at the start.

    Example:
        >>> from vscbench.networks.dictionary import Dictionary
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> coder = JumpRelu(Dictionary((2,), 1), LinearPlus((2,)), 1, initial_threshold=1.0)
        >>> coder.activate(torch.tensor([[-2.0], [0.4]])).detach().T
        tensor([[-2.,  0.]])
    """

    def __init__(
        self,
        generator: nn.Module,
        encoder: nn.Module,
        latents: int,
        density: Density = 0.1,
        *,
        signed: bool = True,
        l0_weight: NonNegative = 1.0,
        bandwidth: Positive = 0.2,
        initial_threshold: Positive = 1.0,
    ) -> None:
        super().__init__(generator, encoder, latents, signed=signed)
        self.target, self.l0_weight, self.bandwidth = density * latents, l0_weight, bandwidth
        self.log_threshold = nn.Parameter(torch.full((latents,), math.log(initial_threshold)))

    def gate(self, scores: Tensor) -> Tensor:
        """1(|a| > θ), with a graph to θ: (B, K)."""
        over = self.size(scores).detach().clamp(min=SMALLEST).log() - self.log_threshold.detach()
        found: Tensor = _Gate.apply(over, self.log_threshold, self.bandwidth)
        return found

    def activate(self, scores: Tensor) -> Tensor:
        """a 1(|a| > θ): (B, K)."""
        return scores * self.gate(scores)

    def sparsity(self, x: Tensor, scores: Tensor, codes: Tensor) -> Tensor:  # noqa: ARG002
        """λ (L0/k - 1)², of the batch: ()."""
        return self.l0_weight * (self.gate(scores).sum(-1).mean() / self.target - 1).square()
