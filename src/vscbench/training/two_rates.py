"""The paper's two gradient steps for a linear generator: one for the dictionary, one for the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vscbench.ramps import OneCycle
from vscbench.settings import NonNegative, Positive, Rate
from vscbench.training.optimizer import Optimizer, inference_parameters

if TYPE_CHECKING:
    from vscbench.coders import Coder


class TwoRates(Optimizer):
    """Plain SGD on the dictionary, Nesterov SGD with momentum 0.9 on the encoder (paper, section 4.1).

    A ← A + η (mean_b (x - A z) zᵀ - 2 c A). The loss is a mean over P pixels, so its gradient in A is
    -(2/P) mean_b (x - A z) zᵀ: the published step η on the bare residual term is a learning rate of η P/2, and its
    decay 2 c A a weight decay of 4 c/P.

    Args:
        coder: what learns.
        pixels: P.
        encoder_rate: of the encoder.
        dictionary_rate: η.
        dictionary_decay: c.
        clip_norm: the longest gradient of the encoder; None where it may have any length.
    """

    def __init__(
        self,
        coder: Coder,
        pixels: int,
        encoder_rate: Rate = OneCycle(0.03, 0.3),
        dictionary_rate: Rate = OneCycle(2.0, 0.3),
        dictionary_decay: NonNegative = 1e-4,
        clip_norm: Positive | None = 5.0,
    ) -> None:
        learnt = inference_parameters(coder)
        groups: list[dict[str, Any]] = []
        rates: dict[str, Any] = {"dictionary": dictionary_rate, "encoder": encoder_rate}
        if coder.generator is not None:
            groups.append(
                {
                    "name": "dictionary",
                    "scale": pixels / 2,
                    "params": list(coder.generator.parameters()),
                    "weight_decay": 4 * dictionary_decay / pixels,
                }
            )
        if learnt:
            groups.append({"name": "encoder", "scale": 1.0, "params": learnt, "momentum": 0.9, "nesterov": True})
        self.start(torch.optim.SGD(groups, lr=0.0, fused=True), rates, learnt, clip_norm)

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot learn by it."""
        return "" if linear else "two_rates is for a dictionary; a network learns by adam"
