"""How far from optimal can a code of the lasso be? The duality gap bounds it without knowing the optimum."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Gap(NamedTuple):
    """Objectives of each data point, (B,)."""

    primal: Tensor
    """½‖x - Az‖² + λ‖z‖₁ of the code."""
    dual: Tensor
    """½‖x‖² - ½‖x - θ‖² at a feasible θ: no code has a lower objective."""

    @property
    def gap(self) -> Tensor:
        """primal - dual ≥ primal - optimum ≥ 0: (B,)."""
        return (self.primal - self.dual).clamp(min=0)

    @property
    def relative(self) -> Tensor:
        """The gap as a share of the objective, 0 where the objective is 0: (B,)."""
        return torch.where(self.primal == 0, 0.0, self.gap / self.primal)


def duality_gap(x: Tensor, atoms: Tensor, codes: Tensor, penalty: float) -> Gap:
    """Primal and dual objective of the lasso at codes: min_z ½‖x - Az‖² + λ‖z‖₁ = max_θ ½‖x‖² - ½‖x - θ‖².

    The maximum is over ‖Aᵀθ‖_∞ ≤ λ. θ is the residual r, scaled to be feasible and, among those, to be best:
    θ = c r, c = ⟨x, r⟩/‖r‖² cut to ±λ/‖Aᵀr‖_∞. Its gap goes to 0 as the code becomes optimal. Fercoq, Gramfort and
    Salmon, Mind the duality gap: safer rules for the lasso, 2015, arXiv:1505.03410, section 2.

    Args:
        x: data (B, P).
        atoms: A, (P, K).
        codes: z, (B, K).
        penalty: λ.

    Example:
        >>> x, atoms = torch.tensor([[3.0, 0.5]]), torch.eye(2)
        >>> duality_gap(x, atoms, torch.tensor([[2.0, 0.0]]), 1.0).gap  # soft thresholding is optimal
        tensor([0.])
        >>> duality_gap(x, atoms, torch.zeros(1, 2), 1.0).gap  # the optimum is 2 less than the zero code
        tensor([2.0556])
    """
    residual = x - codes @ atoms.T
    return _gap(residual.square().sum(1), (x * residual).sum(1), residual @ atoms, codes, penalty)


def gap_of_products(power: Tensor, correlation: Tensor, gram: Tensor, codes: Tensor, penalty: float) -> Gap:
    """`duality_gap` from products that a solver has: one product with AᵀA more, where that takes three with A.

    ‖r‖² is a difference here: in float32 it is wrong by about 1e-6 ‖x‖², so stop by it no closer than that.

    Args:
        power: ‖x‖², (B,).
        correlation: xᵀA, (B, K).
        gram: AᵀA, (K, K).
        codes: z, (B, K).
        penalty: λ.

    Example:
        >>> z = torch.tensor([[2.0, 0.0]])
        >>> gap_of_products(torch.tensor([9.25]), torch.tensor([[3.0, 0.5]]), torch.eye(2), z, 1.0).gap
        tensor([0.])
    """
    slack = correlation - codes @ gram  # rᵀA
    overlap = power - (codes * correlation).sum(1)  # ⟨x, r⟩
    square = (overlap - (codes * slack).sum(1)).clamp(min=0)  # ‖r‖² = ⟨x, r⟩ - ⟨Az, r⟩
    return _gap(square, overlap, slack, codes, penalty)


def _gap(square: Tensor, overlap: Tensor, slack: Tensor, codes: Tensor, penalty: float) -> Gap:
    """Of ‖r‖² and ⟨x, r⟩, (B,), and rᵀA, (B, K)."""
    limit = penalty / slack.abs().amax(1)  # infinite where r is 0
    factor = (overlap / square.clamp(min=torch.finfo(square.dtype).tiny)).clamp(-limit, limit)
    # ½‖x‖² - ½‖x - c r‖², multiplied out.
    return Gap(0.5 * square + penalty * codes.abs().sum(1), factor * (overlap - 0.5 * factor * square))


def relative_gap(x: Tensor, atoms: Tensor, codes: Tensor, penalty: float) -> Tensor:
    """Duality gap over the objective of each code, 0 where the objective is 0: (B,).

    A solver that stops at ε has found codes whose objective is at most 1/(1 - ε) of the least. In float32 rounding
    leaves about 1e-6 of it.

    Args:
        x: data (B, P).
        atoms: A, (P, K).
        codes: z, (B, K).
        penalty: λ.

    Example:
        >>> relative_gap(torch.tensor([[3.0]]), torch.eye(1), torch.tensor([[2.0]]), 1.0)
        tensor([0.])
    """
    return duality_gap(x, atoms, codes, penalty).relative
