"""What a sampling rule returns, and the error that all of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Loss(NamedTuple):
    """What one batch costs, per data point."""

    value: Tensor
    """(B,) mse + kl_weight · kl: what is minimised, after a mean over the batch."""
    mse: Tensor
    """(B,) squared error per pixel of the codes that count."""
    kl: Tensor
    """(B,) divergence from the prior, summed over latents, in nats."""
    codes: Tensor
    """(S, B, K) the codes that count: the selected one (S = 1) under `max_elbo`, all J under the other rules."""


def squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """mean_d (x_d - x̂_d)² of data (B, P...) against reconstructions (S, B, P...): (S, B), mean over pixels."""
    residual = (reconstruction - x).flatten(2)
    return residual.square().mean(-1)
