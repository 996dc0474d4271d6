"""The VampPrior: an equal mixture of the posteriors at learned pseudo-inputs (Tomczak and Welling, 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor
from torch.utils.checkpoint import checkpoint

from vscbench.coders.learned_prior import LearnedPrior
from vscbench.coders.posterior import Draw
from vscbench.objectives.iwae import log_mean_exp

if TYPE_CHECKING:
    from vscbench.coders.learned_prior import LogPrior
    from vscbench.coders.posterior import Params, Posterior

BLOCK = 2**21
"""Numbers of a block of components × draws × latents: 8 MB, what stays in a cache's reach."""


def mixture_log_prob(posterior: Posterior, pseudo: Params, draw: Draw, *, marginal: bool = False) -> Tensor:
    """log 1/M Σ_m Π_k q(z_k|u_m) of draws (S, B, K), masses at zero included: (S, B), nats.

    `marginal`: log 1/M Σ_m q(z_k|u_m) of each latent, (S, B, K). Every draw meets every one of the M components (M, K):
    S·B·M·K numbers, a block at a time; the backward pass computes each block again instead of keeping it.
    """
    shape = draw.codes.shape
    components = {name: value.unsqueeze(1) for name, value in pseudo.items()}  # (M, 1, K)
    rows = max(1, BLOCK // next(iter(pseudo.values())).numel())

    def density(*fields: Tensor | None) -> Tensor:
        each = posterior.log_prob(components, Draw(*fields))  # type: ignore[arg-type]
        return log_mean_exp(each if marginal else each.sum(-1))

    flat = [field if field is None else field.expand(shape).flatten(0, 1).split(rows) for field in draw]
    count = -(-(shape[0] * shape[1]) // rows)
    parts = []
    for block in range(count):
        fields = [field if field is None else field[block] for field in flat]
        kept = torch.is_grad_enabled() and count > 1
        parts.append(checkpoint(density, *fields, use_reentrant=False) if kept else density(*fields))
    joined: Tensor = torch.cat(parts).unflatten(0, shape[:2])
    return joined


class VampPrior(LearnedPrior):
    """p(z) = 1/M Σ_m q(z|u_m), a mixture of whole codes; the authors mix each latent by itself.

    `max_elbo` weighs all its J candidates by it, S·B·M·K densities a step: on a CPU choose tens of pseudo-inputs.
    """

    bounded: ClassVar[bool] = True

    def log_prob_for(
        self,
        x: Tensor,  # noqa: ARG002
        pseudo: Params,
        posterior: Posterior,
        rng: Generator | None,  # noqa: ARG002
        *,
        marginal: bool = False,
    ) -> LogPrior:
        """The log-density of the mixture, the same for all data."""
        return lambda draw: mixture_log_prob(posterior, pseudo, draw, marginal=marginal)

    def pick(self, count: int, rng: Generator | None) -> Tensor:
        """Uniform indices: (count,)."""
        return torch.randint(len(self.pseudo_inputs), (count,), generator=rng, device=self.pseudo_inputs.device)
