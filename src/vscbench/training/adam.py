"""Adam on generator and encoder together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from vscbench.ramps import OneCycle
from vscbench.settings import Count, NonNegative, Positive, Rate
from vscbench.training.atoms import revive, start_at_data
from vscbench.training.optimizer import Optimizer, inference_parameters

if TYPE_CHECKING:
    from vscbench.coders import Coder

LAST_REVIVAL = 0.75
"""Of training: an atom that is revived later has no time left to learn."""


class Adam(Optimizer):
    """Adam with β = (0.5, 0.999), as for the paper's networks (section 4.2; Kingma and Ba 2015, arXiv 1412.6980).

    Args:
        coder: what learns.
        rate: of all parameters.
        weight_decay: added to the gradient, times the parameter.
        clip_norm: the longest gradient of the coder beside its generator; None where it may have any length.
        unit_atoms: whether the atoms of a dictionary are kept at unit length.
        atoms_from_data: whether they start at training data, scaled to unit length, instead of at random.
        revive_every: steps between two revivals of atoms that no code uses; None: none is revived.
    """

    def __init__(
        self,
        coder: Coder,
        rate: Rate = OneCycle(1e-3),
        weight_decay: NonNegative = 1e-5,
        clip_norm: Positive | None = None,
        *,
        unit_atoms: bool = False,
        atoms_from_data: bool = False,
        revive_every: Count | None = None,
    ) -> None:
        self.coder, self.atoms_from_data, self.revive_every = coder, atoms_from_data, revive_every
        # The generator's parameters first: the sum of squares of a norm is in this order, whatever owns what.
        of_coder = inference_parameters(coder)
        of_generator = list(coder.generator.parameters()) if coder.generator is not None else []
        group = {"name": "all", "scale": 1.0, "params": [*of_generator, *of_coder]}
        optimizer = torch.optim.Adam([group], lr=0.0, betas=(0.5, 0.999), weight_decay=weight_decay, fused=True)
        self.start(optimizer, {"all": rate}, of_coder, clip_norm, coder.atoms if unit_atoms else None)  # type: ignore[arg-type]

    def begin(self, x: Tensor, seed: int) -> None:
        """Start the atoms at the training data x (N, P), where that is wanted."""
        self.x, self.seed = x, seed
        if self.atoms_from_data:
            start_at_data(self.coder, x, seed)

    def after(self, x: Tensor, codes: Tensor, step: int, steps: int) -> None:  # noqa: ARG002
        """Revive the atoms that no code uses, now and then; which is a function of weights, seed and step."""
        if self.revive_every and (step + 1) % self.revive_every == 0 and step < LAST_REVIVAL * steps:
            revive(self.coder, self.x, Generator(self.x.device).manual_seed(self.seed + step))

    @staticmethod
    def unfit(spec: dict[str, Any], *, linear: bool, **_: object) -> str:
        """Why a run cannot learn by it."""
        if linear:
            return ""
        optimizer = spec["training"]["optimizer"]
        said = [key for key in ("unit_atoms", "atoms_from_data", "revive_every") if optimizer.get(key)]
        return f"{said[0]} is for a dictionary; leave it out for a network" if said else ""
