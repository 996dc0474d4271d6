"""A prior that a classifier picks for each data point among the posteriors at learned pseudo-inputs."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.learned_prior import PSEUDO_INPUTS, LearnedPrior
from vscbench.ramps import Ramp
from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vscbench.coders.learned_prior import LogPrior
    from vscbench.coders.posterior import Draw, Params, Posterior

HIDDEN = 256
MEMORY = 0.01
"""Weight of a batch in the running frequencies of the picks."""


class ClassifierPrior(LearnedPrior):
    """p(z|x) = q(z|u_m), m drawn by a hard Gumbel-softmax of logits that a small network gives x (Jang et al., 2017).

    It looks at x, so it is a regulariser and no prior: the evidence has no bound by it. Draws without an x come from
    the pseudo-inputs as often as training picked them of late.

    Args:
        shape: of a data point, (P,) or (C, H, W).
        pseudo_inputs: M.
        temperature: of the softmax; the authors' 1 x 0.9995 a step down to 0.01, as a fraction of 240,000 steps.
    """

    bounded: ClassVar[bool] = False

    def __init__(
        self,
        shape: Sequence[int],
        pseudo_inputs: Count = PSEUDO_INPUTS,
        temperature: Ramp = Ramp(1.0, 0.01, end=0.03837, shape="geometric"),
    ) -> None:
        super().__init__(shape, pseudo_inputs)
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(prod(shape), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, pseudo_inputs)
        )
        self.frequency: Tensor
        self.register_buffer("frequency", torch.full((pseudo_inputs,), 1 / pseudo_inputs))
        self.schedule, self.temperature = temperature, temperature.final

    def set_step(self, step: float, steps: int) -> None:
        """Set the temperature to its value at `step` of `steps`."""
        self.temperature = self.schedule(step, steps)

    def choose(self, x: Tensor, rng: Generator | None) -> Tensor:
        """One pseudo-input for each data point (B, P...), one-hot with the gradient of its relaxation: (B, M)."""
        logits: Tensor = self.classifier(x).to(x.dtype)
        gumbel = torch.empty_like(logits).exponential_(generator=rng).log_().neg_()
        soft = ((logits + gumbel) / self.temperature).softmax(-1)
        hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
        if self.training:
            self.frequency.lerp_(hard.mean(0), MEMORY)
        return hard + (soft - soft.detach())

    def log_prob_for(
        self, x: Tensor, pseudo: Params, posterior: Posterior, rng: Generator | None, *, marginal: bool = False
    ) -> LogPrior:
        """The log-density of the posterior at the pseudo-input that is picked for each data point."""
        choice = self.choose(x, rng)
        with torch.autocast(x.device.type, enabled=False):  # the parameters themselves, not half of their digits
            params = {name: choice @ value for name, value in pseudo.items()}  # (B, K)

        def log_prior(draw: Draw) -> Tensor:
            each = posterior.log_prob(params, draw)
            return each if marginal else each.sum(-1)

        return log_prior

    def pick(self, count: int, rng: Generator | None) -> Tensor:
        """Indices by their running frequency: (count,)."""
        return self.frequency.multinomial(count, replacement=True, generator=rng)
