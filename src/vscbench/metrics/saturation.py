"""How many gates no longer learn?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.amortised import Amortised

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


def measure(e: Evaluation) -> Measures:
    """Percentage of gates whose γ has a derivative of exactly zero in the encoder's output: they cannot move.

    `saturated_gates` is of gates, one for each data point and latent; `saturated_latents` of latents of which every
    gate is so. With `head: rectified` a gate is saturated as soon as its head is positive, about half of them before
    training; with `head: sigmoid` only where γ is clipped. Of the concrete spike-and-slab.
    """
    coder = e.coder
    if not isinstance(coder, Amortised) or "log_active" not in coder.family.heads:
        return {}
    family, rows = coder.family, []
    for x in e.chunks():
        with torch.no_grad():
            outputs = coder.outputs(x)
        head = outputs["log_active"].requires_grad_()
        with torch.enable_grad():
            total = family.clamp(outputs | {"log_active": head})["log_active"].sum()
        (slope,) = torch.autograd.grad(total, head)
        rows.append(slope == 0)
    saturated = torch.cat(rows)
    return {
        "saturated_gates": 100 * float(saturated.double().mean()),
        "saturated_latents": 100 * float(saturated.all(0).double().mean()),
    }
