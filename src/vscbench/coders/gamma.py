"""Gamma draws with implicit derivatives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from vscbench.coders.masks import below, positions
from vscbench.coders.noise import normal, uniform


def standard_gamma(shape: Tensor, samples: int, rng: Generator | None) -> Tensor:
    """Draw Gamma(α, 1) `samples` times for each α of `shape` (B, K), by Marsaglia and Tsang (2000): (S, B, K).

    Proposals d (1 + c ε)³ with d = α - 1/3, c = 1/√(9d) are accepted in at least 95 % of the cases; what is left
    is proposed again. For α < 1 a draw of Gamma(α + 1, 1) is multiplied by u^(1/α). No gradient. Vectorised, with
    what depends on α alone computed once: torch's own sampler draws one number at a time, four times slower on a CPU.
    On a GPU it is torch's own, which proposes and accepts in one kernel.
    """
    if shape.device.type != "cpu":
        drawn = torch._standard_gamma(shape.expand(samples, *shape.shape), rng)  # noqa: SLF001
        return drawn.clamp_(min=torch.finfo(drawn.dtype).tiny)
    latents, shape = shape.shape, shape.flatten()
    small = below(shape, shape.new_ones(()))
    # What a diverged encoder asks for has no distribution: it is drawn as if it had, and nan in the end.
    d = (shape + small - 1 / 3).nan_to_num(nan=1, posinf=1)
    c = (9 * d).rsqrt()
    draws, slack = (part.view(-1) for part in _propose(d, c, samples, rng))
    pending = positions(slack.clamp(max=0))
    while len(pending):
        owner = pending % len(d)
        again, room = (part[0] for part in _propose(d.index_select(0, owner), c.index_select(0, owner), 1, rng))
        draws.index_copy_(0, pending, again)
        slack.index_copy_(0, pending, room)
        pending = pending[positions(room.clamp(max=0))]

    power = small / shape + (shape - shape)  # nan where α is not finite
    draws, slack = draws.view(samples, -1), slack.view(samples, -1)
    if power.any():
        # The slack of an accepted proposal is -log u of a u that is uniform and independent of it.
        draws.mul_(slack.mul_(power).neg_().exp_()).clamp_(min=torch.finfo(draws.dtype).tiny)
    return draws.view(samples, *latents)


def _propose(d: Tensor, c: Tensor, samples: int, rng: Generator | None) -> tuple[Tensor, Tensor]:
    """Proposals for d and c (N,) and their slack, which is negative or nan where one is not accepted: (S, N) each."""
    shape = (samples, len(d))
    epsilon, log_u = normal(shape, d, rng), uniform(shape, d, rng).log_()
    root = torch.addcmul(d.new_ones(()), epsilon, c)
    cube = root.square().mul_(root)
    # ε²/2 + d (1 - v + log v) - log u; where v ≤ 0 its logarithm is nan.
    slack = cube.log().sub_(cube).add_(1).mul_(d).addcmul_(epsilon, epsilon, value=0.5).sub_(log_u)
    return cube.mul_(d), slack


class Threshold(torch.autograd.Function):
    """λ = g/β with g ~ Gamma(α, 1), and its implicit derivatives in log α and log β (Figurnov et al., 2018)."""

    @staticmethod
    def forward(ctx: Any, log_shape: Tensor, log_rate: Tensor, draw: Tensor) -> Tensor:
        """λ (S, B, K) of log α and log β (B, K) and the draws g (S, B, K)."""
        threshold = draw * torch.exp(-log_rate)
        ctx.save_for_backward(log_shape, log_rate, draw, threshold)
        return threshold

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """dλ/d log β = -λ and dλ/dα = dg/dα/β with dg/dα = -∂F(g; α)/∂α / p(g; α), F and p distribution and density."""
        log_shape, log_rate, draw, threshold = ctx.saved_tensors
        if gradient.device.type != "cpu":  # all of it: to look for what is asked for would take longer
            shape = log_shape.exp()
            derivative = torch._standard_gamma_grad(shape.expand_as(draw).contiguous(), draw)  # noqa: SLF001
            by_draw = torch.where(gradient == 0, 0.0, gradient * derivative).sum(0)
            return by_draw * shape * torch.exp(-log_rate), -(gradient * threshold).sum(0), None
        # A threshold that let nothing pass has no gradient, and the derivative is dear: only where it is asked for.
        asked = positions(gradient)
        latent = asked % log_shape.numel()
        shape = log_shape.exp().flatten()
        derivative = torch._standard_gamma_grad(  # noqa: SLF001
            shape.index_select(0, latent), draw.flatten().index_select(0, asked)
        )
        by_draw = gradient.flatten().index_select(0, asked).mul_(derivative)
        of_shape = torch.zeros_like(shape).index_add_(0, latent, by_draw).mul_(shape).view_as(log_shape)
        return of_shape.mul_(torch.exp(-log_rate)), -(gradient * threshold).sum(0), None
