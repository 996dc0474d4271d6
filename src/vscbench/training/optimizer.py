"""How parameters learn: the two gradient steps of the linear generator as one optimiser, or Adam on a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from vscbench.ramps import OneCycle, Ramp, schedule

if TYPE_CHECKING:
    from vscbench.model import Model


class Learning(NamedTuple):
    """An optimiser, and the rate of each of its groups as a function of the step."""

    optimizer: torch.optim.Optimizer
    """Its groups have a `name`."""
    rates: dict[str, OneCycle | Ramp]
    """By the name of the group; the rate is multiplied by the `scale` of the group."""

    def set_rates(self, step: int, steps: int) -> None:
        """Give each group its learning rate at `step` of `steps`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[group["name"]](step, steps) * group["scale"]


def learning(model: Model, pixels: int, training: dict[str, Any]) -> Learning:
    """The optimiser that the `training` part of a specification names, for data of P = `pixels` numbers."""
    return _adam(model, training) if training["optimizer"] == "adam" else _two_rates(model, pixels, training)


def _adam(model: Model, training: dict[str, Any]) -> Learning:
    """Adam with β = (0.5, 0.999) on generator and encoder together (spec 2.2)."""
    group = {"name": "all", "scale": 1.0, "params": list(model.parameters())}
    decay = training["weight_decay"]
    optimizer = torch.optim.Adam([group], lr=0.0, betas=(0.5, 0.999), weight_decay=decay, fused=True)
    return Learning(optimizer, {"all": schedule(training["rate"])})


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
    return Learning(torch.optim.SGD(groups, lr=0.0, fused=True), rates)
