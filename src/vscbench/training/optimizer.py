"""The two gradient steps of spec 2.1 as one optimiser: encoder and dictionary learn from the same loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from vscbench.ramps import OneCycle, Ramp, schedule

if TYPE_CHECKING:
    from vscbench.model import Model


@dataclass(frozen=True)
class Rates:
    """How fast encoder and dictionary learn, as functions of the step."""

    encoder: OneCycle | Ramp
    """Learning rate of the encoder: SGD with Nesterov momentum 0.9."""
    dictionary: OneCycle | Ramp
    """η of A ← A + η (mean_b (x - A z) zᵀ - 2 · decay · A)."""
    dictionary_decay: float
    """Weight of the Frobenius norm."""

    @classmethod
    def of(cls, training: dict[str, Any]) -> Rates:
        """The rates that the `training` part of a specification gives."""
        encoder, dictionary = schedule(training["encoder_rate"]), schedule(training["dictionary_rate"])
        return cls(encoder, dictionary, training["dictionary_decay"])


def optimizer(model: Model, pixels: int, rates: Rates) -> torch.optim.SGD:
    """Plain SGD on the dictionary, Nesterov SGD on the encoder.

    The loss is a mean over P pixels, so its gradient in A is -(2/P) mean_b (x - A z) zᵀ: the published step η on
    the bare residual term is a learning rate of η P/2, and its decay 2 c A a weight decay of 4 c/P.
    """
    dictionary = {
        "name": "dictionary",
        "params": list(model.generator.parameters()),
        "weight_decay": 4 * rates.dictionary_decay / pixels,
    }
    groups: list[dict[str, Any]] = [dictionary]
    if learnt := list(model.coder.parameters()):
        groups.append({"name": "encoder", "params": learnt, "momentum": 0.9, "nesterov": True})
    return torch.optim.SGD(groups, lr=0.0, fused=True)


def set_rates(optimizer: torch.optim.SGD, rates: Rates, pixels: int, step: int, steps: int) -> None:
    """Give each group its learning rate at `step` of `steps`."""
    for group in optimizer.param_groups:
        if group["name"] == "encoder":
            group["lr"] = rates.encoder(step, steps)
        else:
            group["lr"] = rates.dictionary(step, steps) * pixels / 2
