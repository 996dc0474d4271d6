"""RELAX: gradients of gates by a control variate that learns to lessen their variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPERATURE = 0.5
"""T of the relaxed gates, at the start."""
RATE, MEMORY = 1e-2, (0.9, 0.999)
"""Of the control variate's own Adam."""
HIDDEN = 32
"""Width of its network."""


class Relax(nn.Module):
    """An unbiased estimate of ∂E[f(b)]/∂a of gates b = 1(s > 0), s = a - logit u, by a control variate c of s.

    g = (f(b) - c(s)) (b - p) + c'(s) w, with p = sigmoid(a) and w = (1 - p)/(1 - u) where b = 1, else p/u: of
    f(b) ∇ log q(b) is taken c(s̃) ∇ log q(b), whose mean is known through s̃ ~ q(s|b) up to c'(s) - c'(s̃) ∂s̃/∂a, and s̃
    is tied to s (Grathwohl, Choi, Wu, Roeder and Duvenaud 2018, "Backpropagation through the Void", arXiv 1711.00123).
    c = η f(sigmoid(s/T)) + r, the concrete relaxation of the error (Tucker et al. 2017, "REBAR", arXiv 1703.07370) and
    a network r of data and relaxed codes, which is 0 at the start.

    η, T and r follow the gradient of Σ g², which is that of the variance since the mean is fixed. They are buffers
    with an Adam of their own and learn while training: neither clipping nor decay of the model's sees them.

    Args:
        inputs: numbers that r reads: P of a data point and K codes.

    Example:
        >>> relax, a, x, slab = Relax(2).eval(), torch.zeros(1, 1), torch.zeros(1, 1), torch.ones(1, 1, 1)
        >>> def error_of(codes): return codes.sum(-1)
        >>> u, gate = torch.tensor([[[0.25]]]), torch.ones(1, 1, 1)
        >>> relax.gradient(error_of, x, slab, a, u, gate, error_of(gate))  # with s = log 3 and sigmoid(s/T) = 0.9
        tensor([[[0.1700]]])
    """

    values: Tensor
    moments: Tensor
    steps: Tensor

    def __init__(self, inputs: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        first = nn.Linear(inputs, hidden)
        start = [torch.ones(1), torch.tensor([TEMPERATURE]).log(), first.weight, first.bias, torch.zeros(hidden + 1)]
        self.shapes = [part.shape for part in start]
        self.register_buffer("values", torch.cat([part.detach().flatten() for part in start]))
        self.register_buffer("moments", torch.zeros(2, len(self.values)))
        self.register_buffer("steps", torch.zeros(()))

    def gradient(
        self,
        error_of: Callable[[Tensor], Tensor],
        x: Tensor,
        slab: Tensor,
        logit: Tensor,
        uniform: Tensor,
        gate: Tensor,
        error: Tensor,
    ) -> Tensor:
        """g of each draw, without a graph: (S, B, K); in training c learns a step from it.

        Args:
            error_of: f of codes (S, B, K): (S, B).
            x: data (B, P...).
            slab: codes of gates that are on, (S, B, K).
            logit: a, (B, K).
            uniform: u, (S, B, K).
            gate: b, 1 where u < sigmoid(a), else 0, (S, B, K).
            error: f of gate · slab, without a graph, (S, B).
        """
        learning = self.training and torch.is_grad_enabled()
        slab, gate, logit = slab.detach(), gate.detach(), logit.detach()
        active = torch.sigmoid(logit)
        tie = torch.where(gate > 0, (1 - active) / (1 - uniform), active / uniform)
        with torch.enable_grad():
            values = self.values.detach().clone().requires_grad_(learning)
            state = (logit - torch.logit(uniform, eps=1e-7)).requires_grad_()
            control = self.control(error_of, x, slab, state, values)  # (S, B)
            (slope,) = torch.autograd.grad(control.sum(), state, create_graph=learning)
            found = (error - control).unsqueeze(-1) * (gate - active) + slope * tie
            if learning:
                self.learn(*torch.autograd.grad(found.square().sum(-1).mean(), values))
        return found.detach()

    def control(
        self, error_of: Callable[[Tensor], Tensor], x: Tensor, slab: Tensor, state: Tensor, values: Tensor
    ) -> Tensor:
        """c(s) of states (S, B, K): (S, B)."""
        parts = values.split([shape.numel() for shape in self.shapes])
        scale, log_temperature, weight, bias, last = (
            part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)
        )
        codes = torch.sigmoid(state * torch.exp(-log_temperature)) * slab
        seen = torch.cat([x.flatten(1).expand(len(codes), -1, -1), codes], dim=-1)
        hidden = torch.tanh(nn.functional.linear(seen, weight, bias))
        return scale * error_of(codes) + hidden @ last[:-1] + last[-1]

    @torch.no_grad()
    def learn(self, gradient: Tensor) -> None:
        """One step of Adam (Kingma and Ba 2015)."""
        self.steps += 1
        for moment, power, memory in zip(self.moments, (1, 2), MEMORY, strict=True):
            moment.lerp_(gradient**power, 1 - memory)
        first, second = (moment / (1 - memory**self.steps) for moment, memory in zip(self.moments, MEMORY, strict=True))
        self.values -= RATE * first / (second.sqrt() + 1e-12)
