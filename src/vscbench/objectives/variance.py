"""The noise variance of the likelihood, learned in place of a weight of the divergence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY = 0.99
"""Of the running mean of a batch's variance, by which a trained model is evaluated."""


class NoiseVariance(nn.Module):
    """s² of p(x|z) = N(x; x̂, s² I), found with all else: no weight of the divergence is left to choose.

    The negative bound ½‖x - x̂‖²/s² + (P/2) log s² + KL, times 2/P, is mse/s² + log s² + (2/P) KL: a `kl_weight` w is
    the fixed s² = w P/2. `learned` has log s² as a parameter; `batch` sets s² to its optimum for the batch,
    mean ‖x - x̂‖²/P, and remembers a running mean for evaluation (Rybkin, Daniilidis and Levine 2021, "Simple and
    Effective VAE Training with Calibrated Decoders", arXiv 2006.13202). Gradients need not pass that optimum: there
    the bound is flat in s².

    Args:
        shape: of a data point, with P numbers.
        kind: `learned` or `batch`.
        kl_weight: that of the variance at the start.

    Example:
        >>> variance = NoiseVariance((256,), "learned", kl_weight=0.01)
        >>> round(variance.variance.item(), 2), round(variance.kl_weight.item(), 3)
        (1.28, 0.01)
    """

    def __init__(self, shape: Sequence[int], kind: Literal["learned", "batch"], kl_weight: float) -> None:
        super().__init__()
        self.half_pixels, self.kind = math.prod(shape) / 2, kind
        log_variance = torch.tensor(math.log(kl_weight * self.half_pixels))
        if kind == "learned":
            self.log_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_variance", log_variance)

    @property
    def variance(self) -> Tensor:
        """s², squared units of a pixel: ()."""
        return self.log_variance.exp()

    @property
    def kl_weight(self) -> Tensor:
        """The weight of the divergence beside the mean squared error of a pixel that s² stands for, 2 s²/P: ()."""
        return self.variance / self.half_pixels

    def at(self, mse: Tensor) -> Tensor:
        """s² for a batch with the errors per pixel (S, B) of the codes that may count: ()."""
        if self.kind == "learned" or not self.training:
            return self.variance
        variance = mse.detach().mean()
        with torch.no_grad():
            self.log_variance.copy_(torch.lerp(variance, self.variance, MEMORY).log())
        return variance

    @staticmethod
    def bound(value: Tensor, variance: Tensor) -> Tensor:
        """2/P times the negative bound, without constants, of a rule's mse + kl_weight · KL (B,) at s²: (B,)."""
        return value / variance + variance.log()
