"""Adam on generator and encoder together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.ramps import OneCycle
from vscbench.settings import NonNegative, Positive, Rate
from vscbench.training.optimizer import Optimizer, inference_parameters

if TYPE_CHECKING:
    from vscbench.coders import Coder


class Adam(Optimizer):
    """Adam with β = (0.5, 0.999), as for the paper's networks (section 4.2; Kingma and Ba 2015, arXiv 1412.6980).

    Args:
        coder: what learns.
        rate: of all parameters.
        weight_decay: added to the gradient, times the parameter.
        clip_norm: the longest gradient of the coder beside its generator; None where it may have any length.
    """

    def __init__(
        self,
        coder: Coder,
        rate: Rate = OneCycle(1e-3),
        weight_decay: NonNegative = 1e-5,
        clip_norm: Positive | None = None,
    ) -> None:
        # The generator's parameters first: the sum of squares of a norm is in this order, whatever owns what.
        of_coder = inference_parameters(coder)
        of_generator = list(coder.generator.parameters()) if coder.generator is not None else []
        group = {"name": "all", "scale": 1.0, "params": [*of_generator, *of_coder]}
        optimizer = torch.optim.Adam([group], lr=0.0, betas=(0.5, 0.999), weight_decay=weight_decay, fused=True)
        self.start(optimizer, {"all": rate}, of_coder, clip_norm)
