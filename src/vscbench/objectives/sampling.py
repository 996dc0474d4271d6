"""Sampling rules: how J codes drawn for each data point become one loss (spec 1.3)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Generator, Tensor, nn

from vscbench.objectives.divergence import divergence, log_ratio
from vscbench.objectives.iwae import iwae
from vscbench.objectives.loss import Loss, squared_error
from vscbench.objectives.published_iwae import published_iwae
from vscbench.objectives.rejection import rejection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.coders.base import Noise, Params, Posterior, Transport
    from vscbench.objectives.divergence import LogPrior


def _distance(x: Tensor, reconstruction: Tensor) -> Tensor:
    """‖x - x̂‖ of data (B, P...) against reconstructions (S, B, P...), overwritten: (S, B)."""
    # The norm reads the residual once; squaring and averaging would write it twice.
    norm: Tensor = torch.linalg.vector_norm(reconstruction.sub_(x).flatten(2), dim=-1)
    return norm


@contextmanager
def frozen_statistics(generator: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch-norms as they are; what trains still normalises by its batch."""
    layers = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def split(noise: Noise, samples: int) -> Iterator[Noise]:
    """The noise (S, B, K) of all draws, `samples` of them at a time."""
    parts = zip(*(draws.split(samples) for draws in noise.values()), strict=True)
    return (dict(zip(noise, part, strict=True)) for part in parts)


def best_draw(error: Tensor, noise: Noise) -> Noise:
    """The noise (1, B, K) behind the draw of smallest `error` (S, B), from the noise (S, B, K) of all draws."""
    size = error.shape[1]
    rows = error.argmin(0) * size + torch.arange(size, device=error.device)
    # Rows of a matrix: four times as fast on a CPU as two indices.
    return {name: draws.flatten(0, 1).index_select(0, rows).unsqueeze(0) for name, draws in noise.items()}


@dataclass(frozen=True)
class Objective:
    """The negative evidence bound with the authors' weights, mean_d (x_d - x̂_d)² + kl_weight · Σ_k KL_k.

    `average` is the mean over the J samples. `max_elbo` counts only the sample of smallest loss, and only that
    one is back-propagated; with an analytic KL it is the one that reconstructs best. The J candidates are
    decoded without a graph and the winner's noise alone is transported again with one: the same value and
    gradient as back-propagating through all J, at a fraction of the cost (paper, section 3.3). `iwae`,
    `iwae_published` and `rejection` are in files of their own.

    Batch-norm is the exception: it ties the codes of a batch together. A generator with batch-norm decodes its
    candidates one a data point at a time, so that they are normalised as the chosen ones will be, by the statistics
    of B codes; those of `backward: all`, as published, are of B·J. Running statistics follow the chosen codes alone.
    """

    sampling: Literal["average", "max_elbo", "iwae", "iwae_published", "rejection"] = "max_elbo"
    """The rule."""
    samples: int = 20
    """J, codes drawn per data point."""
    kl_weight: float = 1e-2
    """Weight of the divergence; in units of ½‖x-x̂‖² the effective β is kl_weight · P/2."""
    backward: Literal["selected", "all"] = "selected"
    """`all` back-propagates through all J candidates of `max_elbo`, as published: the tests' reference."""

    def with_samples(self, samples: int) -> Objective:
        """The same objective at another J."""
        return replace(self, samples=samples)

    def select(
        self,
        x: Tensor,
        posterior: Posterior,
        params: Params,
        transport: Transport,
        generator: nn.Module,
        rng: Generator | None,
        samples: int | None = None,
        log_prior: LogPrior | None = None,
    ) -> Noise:
        """The noise (1, B, K) of the best of `samples` (J) codes drawn for each data point of `x` (B, P...).

        The best reconstructs best; under a learned prior, whose divergence differs by the draw, its loss is least.
        """
        with torch.no_grad(), frozen_statistics(generator):
            noise = posterior.noise(params, samples or self.samples, rng)
            parts = split(noise, int(generator.candidates_at_once))  # type: ignore[arg-type]
            error = torch.cat([_distance(x, generator(transport(part))) for part in parts])  # (J, B)
            if log_prior is not None:
                kl = divergence(posterior, params, noise, log_prior)
                error = error.square() / x[0].numel() + self.kl_weight * kl
            return best_draw(error, noise)

    def __call__(
        self,
        x: Tensor,
        posterior: Posterior,
        params: Params,
        generator: nn.Module,
        rng: Generator | None,
        log_prior: LogPrior | None = None,
    ) -> Loss:
        """The loss of each data point of `x` (B, P...) under `posterior` with parameters (B, K) and a generator.

        `log_prior` is a learned prior, where the posterior's own is not meant.
        """
        transport = posterior.transport(params)
        if self.sampling == "max_elbo" and self.samples > 1 and self.backward == "selected":
            noise = self.select(x, posterior, params, transport, generator, rng, log_prior=log_prior)
        else:
            noise = posterior.noise(params, self.samples, rng)
        codes = transport(noise)
        mse = squared_error(x, generator(codes))  # (S, B)
        if self.sampling == "iwae":
            return iwae(mse, log_ratio(posterior, params, noise, log_prior), self.kl_weight, codes)
        kl = divergence(posterior, params, noise, log_prior).expand_as(mse)
        if self.sampling == "iwae_published":
            return published_iwae(mse, kl, self.kl_weight, codes)
        if self.sampling == "rejection":
            return rejection(mse, kl, self.kl_weight, codes, rng)
        if self.sampling == "max_elbo" and len(mse) > 1:
            best = (mse + self.kl_weight * kl).argmin(0, keepdim=True)
            codes = codes[best, torch.arange(x.shape[0], device=x.device)]
            mse, kl = mse.gather(0, best), kl.gather(0, best)
        mse, kl = mse.mean(0), kl.mean(0)
        return Loss(mse + self.kl_weight * kl, mse, kl, codes)
