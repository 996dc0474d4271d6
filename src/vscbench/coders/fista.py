"""Maximum a-posteriori codes by FISTA (Beck and Teboulle, 2009) with adaptive restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import torch

from vscbench.coders.deep_fista import deep_fista
from vscbench.coders.duality import Gap, duality_gap, gap_of_products
from vscbench.coders.map_solver import MapSolver, Solution
from vscbench.coders.published_fista import published_fista
from vscbench.ramps import Ramp
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor, nn

Stop: TypeAlias = Literal["gap", "change", "published"]

CHECK_EVERY = 5
"""Iterations between two looks at convergence: a look costs about one iteration."""


class Prepared(NamedTuple):
    """What FISTA needs of a dictionary, whatever the data."""

    atoms: Tensor
    """A, (P, K)."""
    gram: Tensor | None
    """AᵀA, (K, K): K² operations an iteration instead of 2PK; None where that is more."""
    step: Tensor
    """1/L, of the largest eigenvalue L of AᵀA."""
    rest: Tensor
    """1 - AᵀA/L, (K, K), or A/L, (P, K), where there is no Gram matrix."""

    @classmethod
    def of(cls, atoms: Tensor) -> Self | None:
        """Of atoms (P, K); None of a dictionary that diverged."""
        pixels, latents = atoms.shape
        wide = latents > 2 * pixels
        gram = atoms @ atoms.T if wide else atoms.T @ atoms  # of the same largest eigenvalue
        if not gram.isfinite().all():
            return None
        step = 1 / torch.linalg.eigvalsh(gram)[-1].clamp(min=torch.finfo(gram.dtype).tiny)
        if wide:
            return cls(atoms, None, step, atoms * step)
        return cls(atoms, gram, step, torch.eye(len(gram), dtype=gram.dtype, device=gram.device) - gram * step)

    def descended(self, codes: Tensor) -> Tensor:
        """Codes y (B, K) after a step down ½‖A y‖²: y - AᵀA y/L."""
        return codes - (codes @ self.atoms.T) @ self.rest if self.gram is None else codes @ self.rest

    def gap(self, x: Tensor, power: Tensor, products: Tensor, codes: Tensor, penalty: float) -> Gap:
        """The duality gap of codes (B, K) of data (B, P), ‖x‖² (B,) and xᵀA (B, K) being known."""
        if self.gram is None:
            return duality_gap(x, self.atoms, codes, penalty)
        return gap_of_products(power, products, self.gram, codes, penalty)


@torch.no_grad()
def fista(
    x: Tensor,
    atoms: Tensor,
    penalty: float,
    max_iterations: int = 500,
    tolerance: float = 1e-3,
    *,
    gap: float | None = None,
    prepared: Prepared | None = None,
) -> Solution:
    """Minimise ½‖x - A z‖² + λ‖z‖₁ over z for data (B, P) and atoms (P, K).

    Each data point stops by itself and leaves the batch, when at a look ‖z - z_old‖ ≤ tolerance · ‖z_old‖ holds; with a
    `gap`, when its duality gap is at most that share of its objective. The momentum of a data point restarts when it
    points uphill (O'Donoghue and Candès, 2015). What of it depends on the atoms alone may be `prepared`.
    """
    prepared = prepared or Prepared.of(atoms)
    if prepared is None:  # the dictionary diverged: no codes, so that the run ends as diverged
        return Solution.of_no_dictionary(x, atoms.shape[1])
    products = x @ atoms  # (B, K)
    power = x.square().sum(1)
    correlation, shrink = products * prepared.step, penalty * prepared.step

    solution = torch.zeros_like(correlation)
    iterations = torch.full((len(x),), max_iterations, device=x.device)
    rows = torch.arange(len(x), device=x.device)  # who is still in the batch
    codes = look_ahead = solution
    momentum = x.new_ones(len(x), 1)
    for iteration in range(1, max_iterations + 1):
        # z = soft(y - (y AᵀA - x A)/L, λ/L), with one product and one sum: y (1 - AᵀA/L) + x A/L.
        target = prepared.descended(look_ahead).add_(correlation)
        new = target - target.clamp(-shrink, shrink)
        change = new - codes
        uphill = torch.linalg.vecdot(look_ahead - new, change).unsqueeze(-1) > 0
        momentum = torch.where(uphill, 1.0, momentum)
        grown = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        look_ahead = torch.addcmul(new, change, (momentum - 1) / grown)
        momentum, codes = grown, new
        if iteration % CHECK_EVERY and iteration < max_iterations:
            continue
        if gap is None:
            size = torch.linalg.vector_norm(codes - change, dim=-1)
            done = torch.linalg.vector_norm(change, dim=-1) <= tolerance * size
        else:
            done = prepared.gap(x, power, products, codes, penalty).relative <= gap
        # Repacking the batch costs as much as an iteration: wait until enough of it has converged.
        if iteration < max_iterations and done.sum() * 8 < len(done):
            continue
        solution[rows] = codes
        iterations[rows[done]] = iteration
        keep = ~done
        if not keep.any():
            break
        rows, correlation, products, power = rows[keep], correlation[keep], products[keep], power[keep]
        x = x[keep]
        codes, look_ahead, momentum = codes[keep], look_ahead[keep], momentum[keep]
    return Solution(solution, iterations)


class Fista(MapSolver):
    """Codes z = argmin ½‖x - G(z)‖² + λ‖z‖₁ (Beck and Teboulle 2009); autograd's gradient where G is a network.

    Args:
        generator: G.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        max_iterations: limit for one data point.
        tolerance: relative change of a code at which it has converged, where that is the rule.
        stop: `gap`: a code has converged when its duality gap is small against its objective. `change`: when it no
            longer changes. `published`: from Aᵀx, until the codes of the batch together no longer change. A network's
            codes have no gap: their rule is `change`.
        gap: the duality gap, as a share of the objective, at which a code has converged.
    """

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 20.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        max_iterations: Count = 500,
        tolerance: Positive = 1e-3,
        stop: Stop = "gap",
        gap: Positive = 1e-2,
    ) -> None:
        super().__init__(generator, penalty, penalty_warmup)
        self.max_iterations, self.tolerance, self.stop, self.gap = max_iterations, tolerance, stop, gap

    def encode(self, x: Tensor) -> Tensor:
        """The solution of each data point of x (B, P...), under the generator as it would be evaluated: (B, K)."""
        penalty, atoms = self.multiplier * self.penalty, self.atoms
        limits = self.max_iterations, self.tolerance
        if atoms is not None and self.stop == "published":
            return published_fista(x, atoms.detach(), penalty, *limits).codes
        if atoms is not None:
            return fista(x, atoms.detach(), penalty, *limits, gap=self.gap if self.stop == "gap" else None).codes
        training = self.generator.training
        self.generator.eval()
        try:
            return deep_fista(x, self.generator, penalty, *limits)
        finally:
            self.generator.train(training)
