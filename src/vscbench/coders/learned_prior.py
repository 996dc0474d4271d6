"""Priors that are made of posteriors: those of the method's own family at learned pseudo-inputs (spec 1.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vscbench.coders.base import Params, Posterior
    from vscbench.objectives.divergence import LogPrior


@contextmanager
def running_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch-norms normalise by what they know of the data, which they then learn nothing new about."""
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()


class LearnedPrior(nn.Module, ABC):
    """Pseudo-inputs u_1 ... u_M that the encoder reads as it reads data, and what makes a prior of their posteriors.

    Nothing ramps in a prior: the pseudo-posteriors are those of the end of training. Pseudo-inputs start as N(0, 1), as
    z-scored as the data, where these are patches, and as U(0, 1) where they are images.

    Args:
        shape: of a data point, (P,) or (C, H, W).
        count: M.
    """

    bounded: ClassVar[bool]
    """Whether it is a prior that does not look at x, so that the evidence has a bound."""

    def __init__(self, shape: Sequence[int], count: int) -> None:
        super().__init__()
        is_images = len(shape) > 1
        self.pseudo_inputs = nn.Parameter(torch.rand(count, *shape) if is_images else torch.randn(count, *shape))

    @abstractmethod
    def given(
        self, x: Tensor, pseudo: Params, posterior: Posterior, rng: Generator | None, *, marginal: bool = False
    ) -> LogPrior:
        """The log-density of draws for data (B, P...) under the prior: (S, B), or of each latent alone: (S, B, K).

        `pseudo` are the parameters (M, K) at the pseudo-inputs, `posterior` the family with nothing left to ramp.
        """

    @abstractmethod
    def pick(self, count: int, rng: Generator | None) -> Tensor:
        """Indices of pseudo-inputs whose posteriors draws of the prior come from: (count,)."""

    def at(self, step: float, steps: int) -> None:
        """Set what ramps during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""
