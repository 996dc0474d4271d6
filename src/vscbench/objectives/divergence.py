"""How far posteriors are from the prior, fixed or learned, and the log-ratio of a draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vscbench.coders.base import Draw, Noise, Params, Posterior

LogPrior: TypeAlias = "Callable[[Draw], Tensor]"
"""Log-density of draws (S, B, K) under a learned prior: (S, B), nats."""


def divergence(posterior: Posterior, params: Params, noise: Noise, log_prior: LogPrior | None) -> Tensor:
    """KL from a fixed prior in closed form, (B,); log q(z|x) - log p(z) of each draw under a learned one, (S, B); nats.

    Neither sees a warm-up of the noise: of the learned prior it is that of the codes that the noise gives without one.
    """
    if log_prior is None:
        return posterior.kl(params).sum(-1)
    settled = posterior.settled()
    draw = settled.draw(params, noise)
    return settled.log_density(params, draw).sum(-1) - log_prior(draw)


def log_ratio(posterior: Posterior, params: Params, noise: Noise, log_prior: LogPrior | None) -> Tensor:
    """log p(z) - log q(z|x) of the codes as they are drawn, warm-up included: (S, B), nats."""
    if log_prior is None:
        return posterior.log_ratio(params, noise).sum(-1)
    draw = posterior.draw(params, noise)
    return log_prior(draw) - posterior.log_density(params, draw).sum(-1)
