"""Masks as numbers, and where they are: on a CPU a comparison that gives booleans costs as much as five products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor


def nonzero(x: Tensor) -> Tensor:
    """1 where x ≠ 0, else 0: shape and precision of x, no gradient."""
    return x.detach().sign().abs_()


def positive(x: Tensor) -> Tensor:
    """1 where x > 0, else 0: shape and precision of x, no gradient."""
    return x.detach().sign().clamp_(min=0)


def positions(x: Tensor) -> Tensor:
    """Places of the numbers of x, flattened, that are not zero (nan is not): (N,), whole numbers."""
    x = x.detach().flatten()
    if x.device.type == "cpu":  # NumPy takes half the time for a few, a tenth for many
        return torch.from_numpy(np.flatnonzero(x.numpy() != 0))
    return x.nonzero().squeeze(-1)
