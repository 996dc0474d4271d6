"""Amortised inference: an encoder network gives the parameters of a posterior in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.base import Coder, Params, Posterior
from vscbench.coders.learned_prior import LearnedPrior, running_statistics
from vscbench.linear import Linear
from vscbench.objectives.divergence import log_ratio
from vscbench.objectives.iwae import log_weights
from vscbench.objectives.loss import squared_error

if TYPE_CHECKING:
    from vscbench.objectives import Loss, Objective
    from vscbench.objectives.divergence import LogPrior

KL_DRAWS = 5
"""Draws that the divergence of each latent from a learned prior is estimated with."""


class Amortised(Coder):
    """q(z|x) with parameters from linear heads on an encoder's features.

    Args:
        encoder: data (B, P) to features (B, F), with F as its attribute `features`.
        latents: K.
        posterior: what the heads parametrise.
        objective: how samples make a loss.
        learned_prior: instead of the posterior's own.
    """

    stochastic: ClassVar[bool] = True

    def __init__(
        self,
        encoder: nn.Module,
        latents: int,
        posterior: Posterior,
        objective: Objective,
        learned_prior: LearnedPrior | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        # One product for all the heads; each row is initialised as in a layer of its own.
        self.heads = Linear(int(encoder.features), latents * len(posterior.heads))  # type: ignore[arg-type]
        self.posterior = posterior
        self.objective = objective
        self.learned_prior = learned_prior

    def encode(self, x: Tensor) -> Params:
        """Parameters of the posterior of data (B, P): (B, K) each."""
        # In the data's precision, though the networks may compute in half of it.
        outputs = self.heads(self.encoder(x)).to(x.dtype).chunk(len(self.posterior.heads), dim=-1)
        return self.posterior.within_range(dict(zip(self.posterior.heads, outputs, strict=True)))

    def loss(self, x: Tensor, generator: nn.Module, rng: Generator | None) -> Loss:
        """The objective of data (B, P), with a graph to encoder, heads and generator."""
        params = self.encode(x)
        return self.objective(x, self.posterior, params, generator, rng, self.log_prior(x, rng))

    def pseudo_params(self, prior: LearnedPrior) -> Params:
        """Parameters at the pseudo-inputs, read as data would be at evaluation: (M, K) each."""
        with running_statistics(self.encoder):
            return self.encode(prior.pseudo_inputs)

    def log_prior(self, x: Tensor, rng: Generator | None, *, marginal: bool = False) -> LogPrior | None:
        """The learned prior of data (B, P...), of whole codes or of each latent; None where the prior is fixed."""
        prior = self.learned_prior
        if prior is None:
            return None
        return prior.given(x, self.pseudo_params(prior), self.posterior.settled(), rng, marginal=marginal)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """Codes drawn from q(z|x): (S, B, K)."""
        params = self.encode(x)
        return self.posterior.codes(params, self.posterior.noise(params, samples, rng))

    @torch.no_grad()
    def best(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """The draw of least squared error among `samples`: (B, K)."""
        params = self.encode(x)
        transport = self.posterior.transport(params)
        return transport(self.objective.select(x, self.posterior, params, transport, generator, rng, samples))[0]

    @torch.no_grad()
    def mean(self, x: Tensor, generator: nn.Module) -> Tensor:  # noqa: ARG002
        """E_q[z]: (B, K)."""
        return self.posterior.mean(self.encode(x))

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor:
        """KL of each latent: (B, K), nats.

        Under a learned prior an estimate by five draws, the same whenever it is asked for, of the divergence from
        the prior of that latent alone: their sum is not the divergence of the code, of which `elbo` tells.
        """
        params = self.encode(x)
        rng = Generator(x.device).manual_seed(0)
        log_prior = self.log_prior(x, rng, marginal=True)
        if log_prior is None:
            return self.posterior.kl(params)
        settled = self.posterior.settled()
        draw = settled.draw(params, settled.noise(params, KL_DRAWS, rng))
        return (settled.log_density(params, draw) - log_prior(draw)).mean(0)

    @property
    def bounded(self) -> bool:
        """Whether its weights are those of a bound on the evidence."""
        return self.objective.kl_weight > 0 and (self.learned_prior is None or self.learned_prior.bounded)

    @torch.no_grad()
    def log_weights(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """log p(x, z)/q(z|x) of codes drawn from q(z|x), without the constant of the likelihood: (S, B), nats."""
        params = self.encode(x)
        noise = self.posterior.noise(params, samples, rng)
        mse = squared_error(x, generator(self.posterior.codes(params, noise)))
        ratio = log_ratio(self.posterior, params, noise, self.log_prior(x, rng))
        return log_weights(mse, ratio, self.objective.kl_weight)

    @torch.no_grad()
    def prior(self, count: int, latents: int, rng: Generator | None) -> Tensor:
        """Codes drawn from the prior, thresholded where the posterior is: (count, K)."""
        if self.learned_prior is not None:
            rows = self.learned_prior.pick(count, rng)
            params = {name: value[rows] for name, value in self.pseudo_params(self.learned_prior).items()}
        else:
            like = self.heads.weight.new_empty(count, latents)
            params = {name: torch.full_like(like, value) for name, value in self.posterior.prior().items()}
        return self.posterior.codes(params, self.posterior.noise(params, 1, rng))[0]

    def at(self, step: float, steps: int) -> None:
        """Set what ramps in the posterior and in its prior."""
        self.posterior.at(step, steps)
        if self.learned_prior is not None:
            self.learned_prior.at(step, steps)
