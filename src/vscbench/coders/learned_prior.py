"""Priors that are made of posteriors: those of the method's own family at learned pseudo-inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import torch
from torch import Generator, Tensor, nn

from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vscbench.coders.posterior import Draw, Params, Posterior


LogPrior: TypeAlias = "Callable[[Draw], Tensor]"
"""Log-density of draws (S, B, K) under a learned prior: (S, B), nats."""
PSEUDO_INPUTS = 500
"""M, the authors'."""


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

    Nothing is scheduled in a prior: the pseudo-posteriors are those of the end of training. Pseudo-inputs start as
    N(0, 1), as z-scored as the data, where these are patches, and as U(0, 1) where they are images.

    Args:
        shape: of a data point, (P,) or (C, H, W).
        pseudo_inputs: M.
    """

    bounded: ClassVar[bool]
    """Whether it is a prior that does not look at x, so that the evidence has a bound."""

    def __init__(self, shape: Sequence[int], pseudo_inputs: Count = PSEUDO_INPUTS) -> None:
        super().__init__()
        is_images = len(shape) > 1
        self.pseudo_inputs = nn.Parameter(
            torch.rand(pseudo_inputs, *shape) if is_images else torch.randn(pseudo_inputs, *shape)
        )

    @abstractmethod
    def log_prob_for(
        self, x: Tensor, pseudo: Params, posterior: Posterior, rng: Generator | None, *, marginal: bool = False
    ) -> LogPrior:
        """The log-density of draws for data (B, P...) under the prior: (S, B), or of each latent alone: (S, B, K).

        `pseudo` are the parameters (M, K) at the pseudo-inputs, `posterior` the family at its final schedule.
        """

    @abstractmethod
    def pick(self, count: int, rng: Generator | None) -> Tensor:
        """Indices of pseudo-inputs whose posteriors draws of the prior come from: (count,)."""

    def set_step(self, step: float, steps: int) -> None:
        """Set what is scheduled during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""
