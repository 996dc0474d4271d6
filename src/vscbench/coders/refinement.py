"""Semi-amortised inference: the encoder's answer, refined for each data point by gradient steps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from vscbench.coders.amortised import Amortised
    from vscbench.coders.posterior import Params


@contextmanager
def as_evaluated(module: nn.Module | None) -> Iterator[None]:
    """Keep what a noise variance knows of the data as it is."""
    training = module is not None and module.training
    if module is not None:
        module.eval()
    try:
        yield
    finally:
        if module is not None:
            module.train(training)


@dataclass(frozen=True)
class Refinement:
    """R steps of Adam on the outputs of the heads of each data point, down the objective, from the encoder's answer.

    Kim et al. 2018, "Semi-Amortized Variational Autoencoders" (arXiv 1802.02550); Marino, Yue and Mandt 2018 (arXiv
    1807.09356). The draws of all steps are the same, so that a code is a function of its data and of its place in the
    batch. In training the generator learns at the refined parameters; the encoder has the gradient there, passed
    straight through the steps, whose own derivatives are left out. What the steps gain is the amortisation gap
    (Cremer, Li and Duvenaud 2018, arXiv 1801.03558).

    Example:
        >>> from vscbench.model import build_coder
        >>> coder = {"family": "gaussian", "refinement": {"kind": "gradient", "steps": 5}}
        >>> spec = {"seed": 0, "coder": coder, "encoder": {"kind": "mlp", "widths": [8]}, "objective": {}}
        >>> build_coder(spec | {"generator": {"kind": "dictionary", "latents": 4}}, (16,)).refinement.steps
        5
    """

    steps: Count = 5
    """R."""
    rate: Positive = 0.1
    """Of Adam, in units of the heads' outputs."""

    @staticmethod
    def unfit(spec: dict[str, dict[str, object]], **_: object) -> str:
        """Why a run cannot be refined."""
        return "a learned prior reads pseudo-inputs as data: it has no refinement" if spec["coder"].get("prior") else ""

    def __call__(self, coder: Amortised, x: Tensor, outputs: Params) -> Params:
        """The outputs (B, K) of the heads after R steps, for data (B, P...)."""
        refined = descend(coder, x, outputs, [self.rate] * self.steps, lambda _: Generator(x.device).manual_seed(0))
        return {head: value + (refined[head] - value.detach()) for head, value in outputs.items()}


def descend(
    coder: Amortised, x: Tensor, outputs: Params, rates: Sequence[float], rng: Callable[[int], Generator]
) -> Params:
    """The outputs (B, K) of the heads behind a step of Adam down the objective at each of the rates, without a graph.

    Args:
        coder: whose objective it is.
        x: data (B, P...).
        outputs: where the steps begin.
        rates: of Adam.
        rng: what each step draws with, by its number.
    """
    from vscbench.coders.amortised import frozen_statistics

    refined = {head: value.detach().clone().requires_grad_() for head, value in outputs.items()}
    optimizer = torch.optim.Adam(refined.values())
    with torch.enable_grad(), frozen_statistics(coder.generator), as_evaluated(coder.variance):
        for step, rate in enumerate(rates):
            optimizer.param_groups[0]["lr"] = rate
            value = coder.loss_at(x, coder.family.clamp(refined), rng(step)).value.sum()
            gradients = torch.autograd.grad(value, list(refined.values()))
            for parameter, gradient in zip(refined.values(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
    return {head: value.detach() for head, value in refined.items()}
