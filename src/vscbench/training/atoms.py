"""What a dictionary undergoes beside gradient steps: unit length, a start at data, revival of the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    from vscbench.coders import Coder

LOOKED_AT = 1000
"""Training points in whose codes an atom must occur to be alive."""


@torch.no_grad()
def make_tangent(atoms: nn.Parameter) -> None:
    """Take from the gradient of unit atoms (P, K) its part along each: g ← g - a (aᵀg).

    The rest moves an atom on the sphere; the part along it would only feed the moments of an adaptive optimiser, since
    the projection behind each step undoes what it does (as in Gao et al. 2024, arXiv 2406.04093, appendix A).

    Example:
        >>> atoms = nn.Parameter(torch.tensor([[1.0], [0.0]]))
        >>> atoms.grad = torch.tensor([[3.0], [4.0]])
        >>> make_tangent(atoms)
        >>> atoms.grad.T
        tensor([[0., 4.]])
    """
    if atoms.grad is not None:
        atoms.grad -= atoms * (atoms * atoms.grad).sum(0)


@torch.no_grad()
def normalise(atoms: nn.Parameter) -> None:
    """Scale atoms (P, K) to unit length, in place.

    Example:
        >>> atoms = nn.Parameter(torch.tensor([[3.0], [4.0]]))
        >>> normalise(atoms)
        >>> atoms.detach().T
        tensor([[0.6000, 0.8000]])
    """
    atoms.copy_(F.normalize(atoms, dim=0))


@torch.no_grad()
def directions_of(x: Tensor, count: int, rng: Generator) -> Tensor:
    """`count` data points of x (N, P), scaled to unit length, each once where there are so many: (count, P).

    Points that are zero have no direction and are not drawn.

    Example:
        >>> directions_of(torch.tensor([[0.0, 2.0], [0.0, 0.0]]), 1, Generator().manual_seed(0))
        tensor([[0., 1.]])
    """
    looked_at = torch.randperm(len(x), generator=rng, device=rng.device)[: max(LOOKED_AT, 4 * count)]
    some = x[looked_at]
    there = some.ne(0).any(1)
    some = some[there] if there.any() else torch.randn(some.shape, generator=rng, device=rng.device, dtype=x.dtype)
    rows = torch.arange(count, device=some.device) % len(some)
    return F.normalize(some[rows], dim=1)


def start_at_data(coder: Coder, x: Tensor, seed: int) -> None:
    """Set every atom of a coder with a dictionary to the direction of a data point of x (N, P)."""
    assert coder.atoms is not None  # noqa: S101  (`unfit` says so before)
    latents = torch.arange(coder.atoms.shape[1], device=x.device)
    coder.set_atoms(latents, directions_of(x, len(latents), Generator(x.device).manual_seed(seed)))


@torch.no_grad()
def revive(coder: Coder, x: Tensor, rng: Generator) -> Tensor:
    """Turn each atom that no code of 1,000 data points of x (N, P) uses to the residual of one of them: which, (D,).

    Points are drawn with probabilities in proportion to their squared errors (after Bricken et al. 2023, Towards
    Monosemanticity, appendix "Neuron resampling"). Moments of the optimiser stay: a dead atom had no gradient.
    """
    some = x[torch.randperm(len(x), generator=rng, device=rng.device)[:LOOKED_AT]]
    codes = coder.sample(some, 1, rng)[0]
    dead = codes.eq(0).all(0).nonzero().squeeze(1)
    residual = some - coder.decode(codes)
    error = residual.square().sum(1)
    if len(dead) and error.isfinite().all() and error.any():
        chosen = torch.multinomial(error, len(dead), replacement=len(dead) > int(error.ne(0).sum()), generator=rng)
        coder.set_atoms(dead, F.normalize(residual[chosen], dim=1))
    return dead
