"""Amortised inference: an encoder network gives the parameters of a posterior in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.base import Coder, Params, Posterior
from vscbench.objectives.iwae import log_weights
from vscbench.objectives.loss import squared_error

if TYPE_CHECKING:
    from vscbench.objectives import Loss, Objective


class Amortised(Coder):
    """q(z|x) with parameters from linear heads on an encoder's features.

    Args:
        encoder: data (B, P) to features (B, F), with F as its attribute `features`.
        latents: K.
        posterior: what the heads parametrise.
        objective: how samples make a loss.
    """

    stochastic: ClassVar[bool] = True

    def __init__(self, encoder: nn.Module, latents: int, posterior: Posterior, objective: Objective) -> None:
        super().__init__()
        self.encoder = encoder
        # One product for all the heads; each row is initialised as in a layer of its own.
        self.heads = nn.Linear(int(encoder.features), latents * len(posterior.heads))  # type: ignore[arg-type]
        self.posterior = posterior
        self.objective = objective

    def encode(self, x: Tensor) -> Params:
        """Parameters of the posterior of data (B, P): (B, K) each."""
        # In the data's precision, though the networks may compute in half of it.
        outputs = self.heads(self.encoder(x)).to(x.dtype).chunk(len(self.posterior.heads), dim=-1)
        return dict(zip(self.posterior.heads, outputs, strict=True))

    def loss(self, x: Tensor, generator: nn.Module, rng: Generator | None) -> Loss:
        """The objective of data (B, P), with a graph to encoder, heads and generator."""
        return self.objective(x, self.posterior, self.encode(x), generator, rng)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """Codes drawn from q(z|x): (S, B, K)."""
        params = self.encode(x)
        return self.posterior.codes(params, self.posterior.noise(params, samples, rng))

    @torch.no_grad()
    def best(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """The draw of least squared error among `samples`: (B, K)."""
        params = self.encode(x)
        noise = self.objective.select(x, self.posterior, params, generator, rng, samples)
        return self.posterior.codes(params, noise)[0]

    @torch.no_grad()
    def mean(self, x: Tensor, generator: nn.Module) -> Tensor:  # noqa: ARG002
        """E_q[z]: (B, K)."""
        return self.posterior.mean(self.encode(x))

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor:
        """KL of each latent: (B, K), nats."""
        return self.posterior.kl(self.encode(x))

    @property
    def bounded(self) -> bool:
        """Whether its weights are those of a bound on the evidence."""
        return self.objective.kl_weight > 0

    @torch.no_grad()
    def log_weights(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:
        """log p(x, z)/q(z|x) of codes drawn from q(z|x), without the constant of the likelihood: (S, B), nats."""
        params = self.encode(x)
        noise = self.posterior.noise(params, samples, rng)
        mse = squared_error(x, generator(self.posterior.codes(params, noise)))
        return log_weights(mse, self.posterior.log_ratio(params, noise).sum(-1), self.objective.kl_weight)

    @torch.no_grad()
    def prior(self, count: int, latents: int, rng: Generator | None) -> Tensor:
        """Codes drawn from the prior, thresholded where the posterior is: (count, K)."""
        like = self.heads.weight.new_empty(count, latents)
        params = {name: torch.full_like(like, value) for name, value in self.posterior.prior().items()}
        return self.posterior.codes(params, self.posterior.noise(params, 1, rng))[0]

    def at(self, step: float, steps: int) -> None:
        """Set what ramps in the posterior."""
        self.posterior.at(step, steps)
