"""Evidence bounds at the noise variance that suits them best, not at the one that the weights of a loss imply."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

from vscbench.objectives.iwae import log_mean_exp

if TYPE_CHECKING:
    from torch import Tensor

GRID = 24
"""Variances tried before the search: with several draws a bound may have more than one maximum."""


class FittedBound(NamedTuple):
    """A bound at its best noise variance."""

    values: Tensor
    """Of each data point: (N,), nats."""
    variance: float
    """s²."""


def bound_at(variance: float, squares: Tensor, log_ratio: Tensor, pixels: int, group: int = 1) -> Tensor:
    """Mean over groups of log 1/K Σ_k N(x; x̂_k, s²I) p(z_k)/q(z_k|x), K = `group`: (N,), nats.

    Args:
        variance: s².
        squares: ‖x - x̂‖² of each draw, (S, N).
        log_ratio: log p(z) - log q(z|x) of each draw, (S, N).
        pixels: P.
        group: K; 1 is the ELBO. S is a multiple of it.

    Example:
        >>> bound_at(1.0, torch.zeros(2, 1), torch.zeros(2, 1), pixels=2)
        tensor([-1.8379])
    """
    constant = pixels / 2 * math.log(2 * math.pi * variance)
    log_weights = log_ratio - squares / (2 * variance) - constant
    return log_mean_exp(log_weights.unflatten(0, (-1, group)).transpose(0, 1)).mean(0)


def fitted_bound(squares: Tensor, log_ratio: Tensor, pixels: int, group: int = 1) -> FittedBound:
    """The bound of the same draws at the s² that makes its mean over data largest.

    For one draw, K = 1, in closed form: s² = mean ‖x - x̂‖²/P. For more, a search over log s²: at a maximum
    s² is a weighted mean of ‖x - x̂‖²/P, so it lies between the least and the largest, where a grid and then Brent's
    method look. The posterior stays what it was trained to be, so the bound holds at every s². One number is fitted
    to the data that it is measured on: that favours it by about half a nat over all data points together.

    Args:
        squares: ‖x - x̂‖² of each draw, (S, N).
        log_ratio: log p(z) - log q(z|x) of each draw, (S, N), which does not depend on s².
        pixels: P.
        group: K; S is a multiple of it.

    Example:
        >>> fitted_bound(torch.tensor([[2.0, 6.0]]), torch.zeros(1, 2), pixels=2).variance
        2.0
    """
    from scipy.optimize import minimize_scalar

    squares, log_ratio = squares.double(), log_ratio.double()
    if group == 1:
        variance = float(squares.mean()) / pixels
        return FittedBound(bound_at(variance, squares, log_ratio, pixels), variance)

    def loss(log_variance: float) -> float:
        return -float(bound_at(math.exp(log_variance), squares, log_ratio, pixels, group).mean())

    low, high = (math.log(float(end) / pixels) for end in (squares.min().clamp(min=1e-12), squares.max()))
    grid = torch.linspace(low, high, GRID).tolist()
    best = min(range(GRID), key=lambda index: loss(grid[index]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    found = minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": 1e-6})
    variance = math.exp(found.x if found.fun < loss(grid[best]) else grid[best])
    return FittedBound(bound_at(variance, squares, log_ratio, pixels, group), variance)
