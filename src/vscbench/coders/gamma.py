"""Gamma draws with implicit derivatives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor


def standard_gamma(shape: Tensor, samples: int, rng: Generator | None) -> Tensor:
    """Draw Gamma(α, 1) `samples` times for each α of `shape` (B, K), by Marsaglia and Tsang (2000): (S, B, K).

    Proposals d (1 + c ε)³ with d = α - 1/3, c = 1/√(9d) are accepted in at least 95 % of the cases; what is left
    is proposed again. For α < 1 a draw of Gamma(α + 1, 1) is multiplied by u^(1/α). No gradient. Vectorised, with
    what depends on α alone computed once: torch's own sampler draws one number at a time, three times slower on a CPU.
    """
    shape = shape.contiguous()
    small = shape < 1
    d = torch.where(small, shape + 2 / 3, shape - 1 / 3)
    c = (9 * d).rsqrt()
    draws = _propose(d.new_empty((samples, *d.shape)), d, c, rng)
    flat = draws.view(-1)
    pending = flat.isnan().nonzero().squeeze(-1)
    # What a diverged encoder asks for has no distribution: it stays nan instead of being proposed for ever.
    pending = pending[d.view(-1)[pending % d.numel()].isfinite()]
    while len(pending):
        owner = pending % d.numel()
        again = _propose(d.new_empty(len(pending)), d.view(-1)[owner], c.view(-1)[owner], rng)
        flat[pending] = again
        pending = pending[again.isnan()]
    columns = small.view(-1).nonzero().squeeze(-1)
    if len(columns):
        u = d.new_empty((samples, len(columns))).uniform_(generator=rng)
        draws.view(samples, -1)[:, columns] *= u.neg_().log1p_().div_(shape.view(-1)[columns]).exp_()
    return draws.clamp_(min=torch.finfo(draws.dtype).tiny)


def _propose(out: Tensor, d: Tensor, c: Tensor, rng: Generator | None) -> Tensor:
    """One proposal for each number of `out` (..., B, K), overwritten: nan where it is not accepted."""
    normal = out.normal_(generator=rng)
    u = torch.empty_like(normal).uniform_(generator=rng)
    square = normal.square()
    root = normal.mul_(c).add_(1)
    cube = root.square().mul_(root)
    # The squeeze accepts nine in ten without a logarithm.
    squeeze = torch.addcmul(u, square, square, value=0.0331)
    unsure = (squeeze >= 1).view(-1).nonzero().squeeze(-1)
    ratio = cube.view(-1)[unsure]
    bound = 0.5 * square.view(-1)[unsure] + d.view(-1)[unsure % d.numel()] * (1 - ratio + ratio.log())
    accept = u.view(-1)[unsure].log() < bound
    draws = torch.mul(cube, d, out=root)
    draws.view(-1)[unsure[~accept]] = torch.nan  # also where root ≤ 0: the logarithm is nan and compares false
    return draws


class StandardGamma(torch.autograd.Function):
    """A draw of Gamma(α, 1) with its implicit derivative in α (Figurnov et al., 2018)."""

    @staticmethod
    def forward(ctx: Any, shape: Tensor, draw: Tensor) -> Tensor:
        """The draw (S, B, K), for α (B, K)."""
        ctx.save_for_backward(shape, draw)
        return draw.view_as(draw)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """dL/dα = dL/dg · dg/dα with dg/dα = -∂F(g; α)/∂α / p(g; α), F and p the distribution and density."""
        shape, draw = ctx.saved_tensors
        # A threshold that let nothing pass has no gradient, and the derivative is dear: only where it is asked for.
        asked = gradient.ne(0).nonzero(as_tuple=True)
        result = torch.zeros_like(draw)
        result[asked] = gradient[asked] * torch._standard_gamma_grad(shape.expand_as(draw)[asked], draw[asked])  # noqa: SLF001
        return result.sum_to_size(shape.shape), None
