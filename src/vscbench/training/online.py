"""Online dictionary learning: the dictionary is solved for, from sums over all codes so far, without a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vscbench.ramps import OneCycle
from vscbench.settings import Positive, Rate
from vscbench.training.atoms import start_at_data
from vscbench.training.optimizer import Optimizer, inference_parameters

if TYPE_CHECKING:
    from vscbench.coders import Coder

UNUSED = 1e-3
"""Of the mean E[z_k²], below which an atom counts as unused."""


class Online(Optimizer):
    """min_D Σ ‖x - D z‖² over atoms of length at most 1, by a sweep of block coordinate descent a step; Adam elsewhere.

    With A = Σ z zᵀ and C = Σ x zᵀ, d_k ← d_k + (C_k - D A_k)/A_kk, then d_k/max(1, ‖d_k‖), for one k after the other.
    Before each step both sums are multiplied by β = (θ + 1 - B)/(θ + 1), θ = tB while t < B, then B² + t - B: codes of
    old dictionaries are forgotten. An unused atom becomes the data point of the batch that is coded worst.

    Mairal, Bach, Ponce and Sapiro 2010, "Online Learning for Matrix Factorization and Sparse Coding", JMLR 11.

    Args:
        coder: what learns, with a dictionary for generator.
        rate: of Adam, for the encoder of a coder that has one.
        clip_norm: the longest gradient of that; None where it may have any length.
        atoms_from_data: whether atoms start at training data, scaled to unit length, instead of at random.
    """

    def __init__(
        self,
        coder: Coder,
        rate: Rate = OneCycle(1e-3),
        clip_norm: Positive | None = 1.0,
        *,
        atoms_from_data: bool = True,
    ) -> None:
        self.coder, self.atoms_from_data = coder, atoms_from_data
        learnt = inference_parameters(coder)
        optimizer = torch.optim.Adam([{"name": "encoder", "scale": 1.0, "params": learnt}], lr=0.0, fused=True)
        self.start(optimizer, {"encoder": rate}, learnt, clip_norm)
        atoms = coder.atoms
        assert atoms is not None  # noqa: S101  (`unfit` says so before)
        pixels, latents = atoms.shape
        self.second = atoms.new_zeros(latents, latents)  # A
        self.cross = atoms.new_zeros(latents, pixels)  # Cᵀ

    def begin(self, x: Tensor, seed: int) -> None:
        """Start the atoms at the training data x (N, P), where that is wanted."""
        if self.atoms_from_data:
            start_at_data(self.coder, x, seed)

    def step(self, loss: Tensor) -> None:
        """One step of the encoder down the gradient of `loss`; none where nothing encodes."""
        if self.clipped:
            self.optimizer.zero_grad()
            loss.backward(inputs=list(self.clipped))
            if self.clip_norm:
                self.clip(self.clip_norm)
            self.optimizer.step()

    @torch.no_grad()
    def after(self, x: Tensor, codes: Tensor, step: int, steps: int) -> None:  # noqa: ARG002
        """Add the batch (B, P) and its codes (S, B, K) to the sums, and solve for each atom once."""
        decay = decay_at(step + 1, len(x))
        atoms, z = self.coder.atoms, codes.flatten(0, 1)
        assert atoms is not None  # noqa: S101
        data = x.expand(len(codes), *x.shape).flatten(0, 1)
        self.second.mul_(decay).addmm_(z.T, z, alpha=1 / len(z))
        self.cross.mul_(decay).addmm_(z.T, data, alpha=1 / len(z))
        atoms.copy_(solved(atoms, self.second, self.cross))
        unused = (self.second.diagonal() < UNUSED * self.second.diagonal().mean()).nonzero().squeeze(1)[: len(x)]
        if len(unused):
            residual = x - self.coder.decode(codes[0])
            worst = residual.square().sum(1).topk(len(unused)).indices
            self.coder.set_atoms(unused, F.normalize(x[worst], dim=1))
            self.second[unused], self.second[:, unused], self.cross[unused] = 0.0, 0.0, 0.0

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments and the sums."""
        return {"adam": super().state_dict(), "second": self.second, "cross": self.cross}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        super().load_state_dict(state["adam"])
        self.second.copy_(state["second"])
        self.cross.copy_(state["cross"])

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot learn by it."""
        return "" if linear else "online solves for a dictionary; a network learns by adam"


def decay_at(step: int, batch: int) -> float:
    """β at step t = 1, 2, ... of batches of B.

    Example:
        >>> decay_at(1, 100), round(decay_at(1000, 100), 3)
        (0.0099..., 0.991)
    """
    theta = step * batch if step < batch else batch**2 + step - batch
    return (theta + 1 - batch) / (theta + 1)


def solved(atoms: Tensor, second: Tensor, cross: Tensor) -> Tensor:
    """One sweep over atoms (P, K), given A (K, K) and Cᵀ (K, P): new ones (P, K); what no code used stays.

    Example:
        >>> solved(torch.tensor([[1.0], [0.0]]), torch.tensor([[2.0]]), torch.tensor([[0.0, 6.0]])).T
        tensor([[0., 1.]])
    """
    rows = atoms.T.contiguous()  # an atom in one piece
    used = (second.diagonal() > 0).tolist()
    for k in (k for k, there in enumerate(used) if there):
        moved = rows[k] + (cross[k] - second[k] @ rows) / second[k, k]
        rows[k] = moved / moved.norm().clamp(min=1)
    return rows.T
