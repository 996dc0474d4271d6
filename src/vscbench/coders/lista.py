"""Learned ISTA (Gregor and LeCun, 2010): a network whose layers are shrinkage steps, trained to solve the lasso."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import nn

from vscbench.coders.fista import fista
from vscbench.coders.map_solver import MapSolver
from vscbench.objectives.lasso import lasso_objective
from vscbench.objectives.loss import Loss, squared_error
from vscbench.ramps import Ramp
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from torch import Generator, Tensor

Mode: TypeAlias = Literal["supervised", "unrolled"]


class Unrolled(MapSolver):
    """A network of shrinkage steps, and what it and its dictionary learn from.

    Args:
        generator: a dictionary.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        layers: T.
        mode: `supervised` regresses FISTA's codes on the current dictionary, and the dictionary learns from those;
            `unrolled` minimises the lasso objective of its own codes, through network and dictionary.
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
        super().__init__(generator, penalty, penalty_warmup)
        self.layers, self.mode = layers, mode

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:  # noqa: ARG002
        """What network and dictionary learn from, in units of the squared error per pixel.

        `unrolled`: 2/P times the lasso objective, ‖x - A z‖²/P + 2λ‖z‖₁/P. `supervised`: ‖x - A z*‖²/P + ‖z - z*‖²/P,
        with the codes z* of FISTA, which have no graph.
        """
        codes, pixels = self.encode(x), x.shape[1]
        penalty = self.multiplier * self.penalty
        if self.mode == "unrolled":
            reconstruction = self.decode(codes)
            value = lasso_objective(x, reconstruction, codes, penalty) * (2 / pixels)
            mse = (x - reconstruction.detach()).square().mean(-1)
        else:
            target = fista(x, self.generator.get_parameter("atoms").detach(), penalty).codes
            value = squared_error(x, self.decode(target.unsqueeze(0)))[0]
            value = value + (codes - target).square().sum(-1) / pixels
            with torch.no_grad():
                mse = squared_error(x, self.decode(codes.unsqueeze(0)))[0]
        return Loss(value, mse, torch.zeros_like(mse), codes.unsqueeze(0))

    @staticmethod
    def unfit(spec: dict[str, dict[str, object]], *, linear: bool, **_: object) -> str:
        """Why a run cannot be coded by it."""
        return "" if linear else f"{spec['coder']['family']} needs a dictionary; for a network there is fista"


class Lista(Unrolled):
    """z ← soft(W x + S z, θ), `layers` times from z = 0: ISTA on the dictionary that it starts with, before it learns.

    Untrained, W = Aᵀ/L, S = I - AᵀA/L and θ = λ/L, with L the largest eigenvalue of AᵀA. While λ warms up, θ is
    multiplied as λ is.

    Args:
        generator: a dictionary, of which the initial atoms are read once.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        layers: T.
        tied: whether all layers share W, S and θ, as in the paper.
        mode: `supervised` regresses FISTA's codes on the current dictionary, and the dictionary learns from those;
            `unrolled` minimises the lasso objective of its own codes, through network and dictionary.
    """

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 20.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        layers: Count = 16,
        *,
        tied: bool = True,
        mode: Mode = "supervised",
    ) -> None:
        super().__init__(generator, penalty, penalty_warmup, layers, mode=mode)
        atoms = generator.get_parameter("atoms").detach()
        gram = atoms.T @ atoms
        step = 1 / torch.linalg.eigvalsh(gram)[-1]
        copies = 1 if tied else layers
        steps = 1 if tied else layers - 1  # the first layer starts from zero and needs no S
        self.analysis = nn.Parameter((step * atoms.T).repeat(copies, 1, 1))  # W (T, K, P)
        self.lateral = nn.Parameter((torch.eye(len(gram)) - step * gram).repeat(steps, 1, 1))  # S (T - 1, K, K)
        # A logarithm: a threshold that learns stays positive.
        self.log_threshold = nn.Parameter((penalty * step).log().repeat(copies, len(gram)))  # log θ (T, K)

    def encode(self, x: Tensor) -> Tensor:
        """The network's codes (B, K) of data (B, P), with a graph to its parameters."""
        thresholds = self.multiplier * self.log_threshold.exp()
        driven = x @ self.analysis.mT  # (T, B, K)
        codes = soft(driven[0], thresholds[0])
        for layer in range(1, self.layers):
            k = min(layer, len(thresholds) - 1)
            lateral = self.lateral[min(layer, len(self.lateral)) - 1]
            codes = soft(torch.addmm(driven[k], codes, lateral.T), thresholds[k])
        return codes


def soft(values: Tensor, threshold: Tensor) -> Tensor:
    """sign(a) max(|a| - θ, 0) of values (B, K) and thresholds (K,): (B, K)."""
    return values - torch.maximum(torch.minimum(values, threshold), -threshold)
