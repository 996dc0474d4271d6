"""How parameters learn: what every optimiser does with a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from torch import nn

from vscbench.training.atoms import make_tangent, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from vscbench.coders import Coder
    from vscbench.ramps import Clock, OneCycle, Ramp


class Optimizer(ABC):
    """Gradient steps of all parameters of a coder and its generator.

    One of your own is a class with a line in `OPTIMIZERS`; the annotated arguments of its constructor beside `coder`
    and `pixels` (P, the numbers of a data point) are its keys in a configuration. It calls `start`.
    """

    optimizer: torch.optim.Optimizer
    """Its groups have a `name`, by which each has its rate, and a `scale` that the rate is multiplied by."""
    rates: dict[str, OneCycle | Ramp]
    clipped: Sequence[nn.Parameter]
    clip_norm: float | None
    unit: nn.Parameter | None
    """Atoms (P, K) that are kept at unit length."""

    @abstractmethod
    def __init__(self, coder: Coder, pixels: int) -> None: ...

    def start(
        self,
        optimizer: torch.optim.Optimizer,
        rates: dict[str, OneCycle | Ramp],
        clipped: Sequence[nn.Parameter] = (),
        clip_norm: float | None = None,
        unit: nn.Parameter | None = None,
    ) -> None:
        """Take the optimiser of torch, the rate of each of its groups, and whose gradient is clipped to which norm.

        The atoms `unit` are kept at unit length, by a gradient that is tangent and a projection behind each step.
        """
        self.optimizer, self.rates, self.clipped, self.clip_norm = optimizer, rates, clipped, clip_norm
        self.unit = unit
        if unit is not None:
            normalise(unit)

    def begin(self, x: Tensor, seed: int) -> None:  # noqa: B027  (most need to know nothing)
        """What is done once, before the first step, knowing the training data (N, P...) and the seed of the run."""

    def set_rates(self, step: int | Clock, steps: int) -> None:
        """Give each group its learning rate at `step` of `steps`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[group["name"]](step, steps) * group["scale"]

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, a number."""
        self.optimizer.zero_grad()
        loss.backward()
        if self.unit is not None:
            make_tangent(self.unit)
        if self.clipped and self.clip_norm:
            self.clip(self.clip_norm)
        self.optimizer.step()
        if self.unit is not None:
            normalise(self.unit)

    def after(self, x: Tensor, codes: Tensor, step: int, steps: int) -> None:  # noqa: B027
        """What is done behind step `step` of `steps`, knowing its batch (B, P...) and codes (S, B, K)."""

    def clip(self, norm: float) -> None:
        """Shorten the gradient of what is clipped to `norm`."""
        nn.utils.clip_grad_norm_(self.clipped, norm)

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.optimizer.load_state_dict(state)


def inference_parameters(coder: Coder) -> list[nn.Parameter]:
    """The parameters of a coder beside those of its generator."""
    of_generator = {id(p) for p in coder.generator.parameters()} if coder.generator is not None else set()
    return [p for p in coder.parameters() if id(p) not in of_generator]
