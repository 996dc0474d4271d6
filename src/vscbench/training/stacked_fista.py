"""The authors' FISTA for R dictionaries at once, in pieces of ten iterations that nothing of the host goes into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from vscbench.coders.map_solver import MapSolver
from vscbench.errors import UserError
from vscbench.networks.dictionary import Dictionary
from vscbench.training.captured import CapturedTrainer
from vscbench.training.stacked import StackedDictionary, apart, stack_models, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vscbench.coders.fista import Fista
    from vscbench.data import Data
    from vscbench.model import Model

SWEEP = 10
"""Iterations between two looks at convergence; the authors look after each, so that theirs may end nine earlier."""
SQUARINGS = 6
"""Of AᵀA, to its 64th power, by which its largest eigenvalue is found."""


class StackedFista(MapSolver):
    """R coders that stop by the published rule: argmin ½‖x - A z‖² + λ‖z‖₁ from Aᵀx, each until its batch settles.

    It is `published_fista` with z in units of λ/L, in which the threshold is 1 and an iteration three kernels:
    z ← soft(y (1 - AᵀA/L) + xᵀA/λ, 1), y ← z_old + (1 + β) (z - z_old).
    """

    def __init__(self, coders: Sequence[Fista]) -> None:
        first = coders[0]
        dictionaries = [coder.generator for coder in coders if type(coder.generator) is Dictionary]
        if first.stop != "published" or len(dictionaries) < len(coders):
            raise UserError("FISTA trains as one model by the rule `stop: published` and with a dictionary")
        super().__init__(StackedDictionary(dictionaries), first.penalty, first.penalty_warmup)
        self.runs, self.tolerance = len(coders), first.tolerance
        self.sweeps = -(-first.max_iterations // SWEEP)
        momentum, weights = 1.0, []
        for _ in range(self.sweeps * SWEEP):
            grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            weights.append(1 + (momentum - 1) / grown)
            momentum = grown
        self.register_buffer("weights", torch.tensor(weights).view(self.sweeps, SWEEP), persistent=False)
        self.solved: Tensor | None = None
        """Codes that `encode` gives instead of looking for them."""

    @torch.no_grad()
    def begin(self, x: Tensor) -> dict[str, Tensor]:
        """Where the iterations for data (B·R, P) start, and all that they read."""
        atoms = self.generator.get_parameter("atoms")
        gram, correlation = torch.bmm(atoms.mT, atoms), torch.bmm(apart(x, self.runs), atoms)
        step, penalty = 1 / largest_eigenvalue(gram), self.multiplier * self.penalty
        unit = penalty * step
        start = correlation / unit
        return {
            "unit": unit,
            "rest": torch.eye(gram.shape[1], device=gram.device) - gram * step,
            "pull": correlation / penalty,
            "codes": start,
            "look": start.clone(),
            "done": torch.zeros_like(unit, dtype=torch.bool),
            "swept": torch.zeros(1, dtype=torch.int64, device=x.device),
        }

    @torch.no_grad()
    def sweep(self, at: dict[str, Tensor]) -> None:
        """Ten iterations, in place, of the runs that have not converged."""
        weights = self.get_buffer("weights").index_select(0, at["swept"])[0]
        last = codes = at["codes"]
        look = at["look"]
        for weight in weights:
            last, codes = codes, F.softshrink(torch.baddbmm(at["pull"], look, at["rest"]), 1.0)
            look = torch.lerp(last, codes, weight)
        norms = torch.linalg.vector_norm(torch.stack((codes - last, last)), dim=(2, 3)).view(2, -1, 1, 1)
        for name, value in (("codes", codes), ("look", look)):
            at[name].copy_(torch.where(at["done"], at[name], value))
        at["done"].logical_or_(~(norms[0] > self.tolerance * norms[1]))  # nan ends it, too
        at["swept"].add_(1)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The solutions for data (B·R, P): (B·R, K)."""
        if self.solved is not None:
            return self.solved
        at = self.begin(x)
        for _ in range(self.sweeps):
            self.sweep(at)
            if at["done"].all():
                break
        return together(at["codes"] * at["unit"])


def largest_eigenvalue(gram: Tensor) -> Tensor:
    """That of positive semidefinite matrices (R, K, K): (R, 1, 1), by the power method without a host's look at it.

    The 64th power is applied to as many vectors as there are, and the one that it stretches most is taken.
    """
    scale = torch.linalg.vector_norm(gram, dim=(1, 2), keepdim=True)
    power = unit = gram / scale
    for _ in range(SQUARINGS):
        power = torch.bmm(power, power)
        power = power / torch.linalg.vector_norm(power, dim=(1, 2), keepdim=True)
    vectors = torch.bmm(unit, power)
    longest = torch.linalg.vector_norm(vectors, dim=1, keepdim=True).argmax(2, keepdim=True)  # (R, 1, 1)
    vector = power.gather(2, longest.expand(-1, power.shape[1], -1))
    moved = torch.bmm(unit, vector)
    quotient: Tensor = (vector * moved).sum(1, keepdim=True) / vector.square().sum(1, keepdim=True)
    return quotient.mul(scale)


class CapturedFista(CapturedTrainer):
    """`CapturedTrainer` for FISTA: three graphs, the middle one repeated until all runs have converged."""

    coder: StackedFista

    def build(self, data: Data) -> Model:
        """One model of all runs."""
        return stack_models(self.plain_models(data), StackedFista)

    def first(self) -> None:
        """Choose the batch, and begin."""
        self.coder.set_step(self.clock, self.steps)  # type: ignore[arg-type]
        self.x_now = self.next_batch()
        self.at = self.coder.begin(self.x_now)

    def last(self) -> None:
        """The gradient step of the dictionaries at the codes that were found."""
        self.coder.solved = together(self.at["codes"] * self.at["unit"])
        self.learn(self.x_now)
        self.coder.solved = None

    def on_device(self) -> None:
        """A step; the host looks after each sweep."""
        self.first()
        for _ in range(self.coder.sweeps):
            self.coder.sweep(self.at)
            if self.at["done"].all():
                break
        self.last()

    def capture(self) -> None:
        """Record the three parts."""
        pool = torch.cuda.graph_pool_handle()
        for place, part in enumerate((self.first, lambda: self.coder.sweep(self.at), self.last)):
            self.graphs[place] = self.graph_of(part, pool=pool)
        self.usual = 1

    def make(self, steps: int) -> None:
        """Take so many steps of the epoch."""
        if not self.graphs:
            super().make(steps)
            return
        for _ in range(steps):
            self.graphs[0].replay()
            for sweeps in range(1, self.coder.sweeps + 1):
                self.graphs[1].replay()
                # The host waits only where the runs may have converged; that they had is known on the device.
                if sweeps >= self.usual - 1 and self.at["done"].all():
                    break
            self.usual = sweeps
            self.graphs[2].replay()
