"""How parameters learn: the two gradient steps of the linear generator as one optimiser, or Adam on a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vscbench.ramps import OneCycle, Ramp, schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from vscbench.model import Model


@dataclass
class Learning:
    """Gradient steps of all parameters."""

    optimizer: torch.optim.Optimizer
    """Its groups have a `name`."""
    rates: dict[str, OneCycle | Ramp]
    """By the name of the group; the rate is multiplied by the `scale` of the group."""
    clipped: Sequence[nn.Parameter]
    """Those whose gradient is clipped: the coder's, none for a solver."""
    clip_norm: float | None
    """The longest gradient of them; None where it may have any length."""

    def set_rates(self, step: int, steps: int) -> None:
        """Give each group its learning rate at `step` of `steps`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[group["name"]](step, steps) * group["scale"]

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, a number."""
        self.optimizer.zero_grad()
        loss.backward()
        if self.clipped and self.clip_norm:
            nn.utils.clip_grad_norm_(self.clipped, self.clip_norm)
        self.optimizer.step()


@dataclass
class InBackward(Learning):
    """SGD whose parameters move as soon as their gradient is there, while both are in the cache; to the same values.

    The memory of a gradient is then that of the next. It takes 1 to 3 % off a step at J = 20.
    """

    def __post_init__(self) -> None:
        self.descending = False
        for number, group in enumerate(self.optimizer.param_groups):
            for parameter in group["params"]:
                parameter.register_post_accumulate_grad_hook(partial(self.move, number))

    def move(self, number: int, parameter: nn.Parameter) -> None:
        """What `SGD.step` does to a parameter of group `number`."""
        gradient = parameter.grad
        if not self.descending or gradient is None:
            return
        group, state = self.optimizer.param_groups[number], self.optimizer.state[parameter]
        if group["momentum"] and "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        # Not by torch.optim.sgd.sgd, which calls it: that takes four times as long for a small parameter.
        torch._fused_sgd_(
            [parameter],
            [gradient],
            [state["momentum_buffer"]] if group["momentum"] else [],
            **{name: group[name] for name in ("lr", "weight_decay", "momentum", "dampening", "nesterov", "maximize")},
            is_first_step=False,
        )
        parameter.grad = None

    def descend(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, a number."""
        self.optimizer.zero_grad()  # of whoever else asked for one
        self.descending = True
        loss.backward()
        self.descending = False


def learning(model: Model, pixels: int, training: dict[str, Any]) -> Learning:
    """The optimiser that the `training` part of a specification names, for data of P = `pixels` numbers."""
    return _adam(model, training) if training["optimizer"] == "adam" else _two_rates(model, pixels, training)


def _adam(model: Model, training: dict[str, Any]) -> Learning:
    """Adam with β = (0.5, 0.999) on generator and encoder together (spec 2.2)."""
    group = {"name": "all", "scale": 1.0, "params": list(model.parameters())}
    decay = training["weight_decay"]
    optimizer = torch.optim.Adam([group], lr=0.0, betas=(0.5, 0.999), weight_decay=decay, fused=True)
    rates = {"all": schedule(training["rate"])}
    return Learning(optimizer, rates, list(model.coder.parameters()), training.get("clip_norm"))


def _two_rates(model: Model, pixels: int, training: dict[str, Any]) -> Learning:
    """Plain SGD on the dictionary, Nesterov SGD with momentum 0.9 on the encoder (spec 2.1).

    A ← A + η (mean_b (x - A z) zᵀ - 2 c A). The loss is a mean over P pixels, so its gradient in A is
    -(2/P) mean_b (x - A z) zᵀ: the published step η on the bare residual term is a learning rate of η P/2, and its
    decay 2 c A a weight decay of 4 c/P.
    """
    dictionary = {
        "name": "dictionary",
        "scale": pixels / 2,
        "params": list(model.generator.parameters()),
        "weight_decay": 4 * training["dictionary_decay"] / pixels,
    }
    groups: list[dict[str, Any]] = [dictionary]
    rates = {"dictionary": schedule(training["dictionary_rate"])}
    if learnt := list(model.coder.parameters()):
        groups.append({"name": "encoder", "scale": 1.0, "params": learnt, "momentum": 0.9, "nesterov": True})
        rates["encoder"] = schedule(training["encoder_rate"])
    optimizer = torch.optim.SGD(groups, lr=0.0, fused=True)
    clip_norm = training.get("clip_norm")
    on_cpu = all(parameter.device.type == "cpu" for parameter in model.parameters())
    return (InBackward if on_cpu and not clip_norm else Learning)(optimizer, rates, learnt, clip_norm)
