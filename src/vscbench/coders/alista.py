"""Analytic LISTA: the weights of the shrinkage steps are solved for, and only step sizes and thresholds are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from vscbench.coders.lista import Mode, Unrolled, soft
from vscbench.ramps import Ramp
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from torch import Tensor


def analytic_weights(atoms: Tensor) -> Tensor:
    """W = argmin ‖WᵀA‖_F with w_kᵀa_k = 1 for each of the atoms A (P, K): (P, K).

    Each column by itself: min wᵀAAᵀw, so w_k is (AAᵀ)⁺a_k up to its length. (AAᵀ)⁺A is the transpose of A⁺.

    Example:
        >>> atoms = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        >>> torch.allclose(analytic_weights(atoms).T @ atoms, torch.eye(2), atol=1e-6)
        True
    """
    weights: Tensor = torch.linalg.pinv(atoms).T
    return weights / (weights * atoms).sum(0)


class Alista(Unrolled):
    """z ← soft(z - γ_t Wᵀ(Az - x), θ_t), T times from z = 0, with the `analytic_weights` W of the current dictionary.

    Liu, Chen, Wang and Yin 2019, "ALISTA: Analytic Weights Are As Good As Learned Weights in LISTA" (ICLR), without
    its selection of a support. 2T numbers are learned; before, γ = 1/‖WᵀA‖₂ and θ = λγ. While λ warms up, θ is
    multiplied as λ is. A dictionary of no more atoms than pixels has WᵀA = I: one step is then a regression.

    Args:
        generator: a dictionary.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        layers: T.
        mode: as of `Lista`: `supervised` regresses FISTA's codes, `unrolled` minimises the lasso of its own.
    """

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 20.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        layers: Count = 16,
        *,
        mode: Mode = "supervised",
    ) -> None:
        super().__init__(generator, penalty, penalty_warmup, layers, mode=mode)
        atoms = generator.get_parameter("atoms").detach()
        step = 1 / torch.linalg.matrix_norm(analytic_weights(atoms).T @ atoms, 2)
        # Logarithms: what learns stays positive.
        self.log_step = nn.Parameter(step.log().repeat(layers))
        self.log_threshold = nn.Parameter((penalty * step).log().repeat(layers))

    def encode(self, x: Tensor) -> Tensor:
        """The network's codes (B, K) of data (B, P), with a graph to its parameters."""
        atoms = self.generator.get_parameter("atoms").detach()
        if not atoms.isfinite().all():  # the dictionary diverged: so will the run
            return x.new_full((len(x), atoms.shape[1]), torch.nan)
        weights = analytic_weights(atoms)
        driven, lateral = x @ weights, atoms.T @ weights
        codes = torch.zeros_like(driven)
        for step, threshold in zip(self.log_step.exp(), self.log_threshold.exp(), strict=True):
            codes = soft(codes + step * (driven - codes @ lateral), self.multiplier * threshold)
        return codes
