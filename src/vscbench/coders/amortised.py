"""Amortised inference: an encoder network gives the parameters of a posterior in one pass."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.coder import Coder
from vscbench.coders.distribution import Distribution
from vscbench.coders.learned_prior import LearnedPrior, running_statistics
from vscbench.networks.detectors import set_detectors
from vscbench.objectives.loss import Loss, squared_error
from vscbench.objectives.variance import NoiseVariance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.coders.distances import Distance
    from vscbench.coders.learned_prior import LogPrior
    from vscbench.coders.posterior import Noise, Params, Posterior, Transport
    from vscbench.coders.refinement import Refinement
    from vscbench.objectives.rule import Objective

KL_DRAWS = 5
"""Draws that the divergence of each latent from a learned prior is estimated with."""


class Amortised(Coder):
    """q(z|x) with parameters from linear heads on an encoder's features (Fallah and Rozell 2022, section 3.1).

    `max_elbo` counts only the draw of smallest loss. By default its J candidates are decoded without a graph and the
    winner's noise alone is transported again with one: the value and gradient of back-propagating through all J, at a
    fraction of the cost (section 3.3).

    Batch-norm is the exception: it ties the codes of a batch together. A generator with batch-norm decodes its
    candidates one a data point, so that they are normalised as the chosen ones will be, by the statistics of B codes;
    those of `backward: all`, as published, are of B·J. Running statistics follow the chosen codes alone.

    Args:
        encoder: data (B, P...) to features (B, F), with F as its attribute `features`.
        generator: codes (..., K) to data (..., P...), with K as its attribute `latents`.
        posterior: what the heads parametrise.
        objective: how samples make a loss.
        learned_prior: instead of the posterior's own.
        variance: of the likelihood, where it is learned.
        refinement: of the encoder's answer.
        distance: of the codes of a batch from the prior, instead of the divergence in the loss.
    """

    generator: nn.Module

    def __init__(
        self,
        encoder: nn.Module,
        generator: nn.Module,
        posterior: Posterior,
        objective: Objective,
        learned_prior: LearnedPrior | None = None,
        variance: NoiseVariance | None = None,
        refinement: Refinement | None = None,
        distance: Distance | None = None,
    ) -> None:
        super().__init__(generator)
        self.encoder = encoder
        self.latents = int(generator.latents)  # type: ignore[arg-type]
        # One product for all the heads; each row is initialised as in a layer of its own.
        self.heads = nn.Linear(int(encoder.features), self.latents * len(posterior.heads))  # type: ignore[arg-type]
        self.family = posterior
        self.objective = objective
        self.learned_prior = learned_prior
        self.variance = variance
        self.refinement, self.distance = refinement, distance

    # ------------------------------------------------------------------- inference

    def outputs(self, x: Tensor) -> Params:
        """What the heads say of data (B, P...), before it is clamped to parameters: (B, K) each."""
        # In the data's precision, though the networks may compute in half of it.
        outputs = self.heads(self.encoder(x)).to(x.dtype).chunk(len(self.family.heads), dim=-1)
        return dict(zip(self.family.heads, outputs, strict=True))

    def params(self, x: Tensor) -> Params:
        """Parameters of the posterior of data (B, P...), refined where it says so: (B, K) each."""
        outputs = self.outputs(x)
        return self.family.clamp(outputs if self.refinement is None else self.refinement(self, x, outputs))

    def posterior(self, x: Tensor) -> Distribution:
        """q(z|x) of data (B, P...)."""
        return Distribution(self.family, self.params(x))

    def encode(self, x: Tensor) -> Tensor:
        """E_q[z]: (B, K)."""
        return self.posterior(x).mean

    @torch.no_grad()
    def sample(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:
        """Codes drawn from q(z|x): (S, B, K)."""
        return self.posterior(x).sample((samples,), rng)

    @torch.no_grad()
    def best(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:
        """The draw of least loss among `samples`, under a fixed prior that of least squared error: (B, K)."""
        params = self.params(x)
        transport = self.family.transport(params)
        return transport(self.select(x, params, transport, samples, rng))[0]

    # ------------------------------------------------------------------------ loss

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:
        """The objective of data (B, P...), with a graph to encoder, heads and generator."""
        return self.loss_at(x, self.params(x), rng)

    def loss_at(self, x: Tensor, params: Params, rng: Generator | None) -> Loss:
        """The objective of data (B, P...) at the parameters (B, K) of their posteriors."""
        rule, samples = self.objective.rule, self.objective.samples
        log_prior = self.log_prior(x, rng)
        noise, codes, mse = self.draws(x, params, samples, rng, log_prior)
        if self.distance is not None:
            kl = self.distance(codes, self.sample_prior(len(x), rng), rng)
        elif rule.of_each_draw:
            kl = -self.log_ratio(params, noise, log_prior)
        else:
            kl = self.divergence(params, noise, log_prior).expand_as(mse)
        variance = None if self.variance is None else self.variance.at(mse)
        weight = self.objective.kl_weight if variance is None else variance * 2 / x[0].numel()
        value, mse, kl, chosen = rule(mse, kl, weight, rng)
        value = value if variance is None else NoiseVariance.bound(value, variance)
        if chosen is not None:
            codes = codes[chosen, torch.arange(len(x), device=x.device)].unsqueeze(0)
        return Loss(value, mse, kl, codes)

    def draws(
        self, x: Tensor, params: Params, samples: int, rng: Generator | None, log_prior: LogPrior | None
    ) -> tuple[Noise, Tensor, Tensor]:
        """Noise and codes (S, B, K) that may count, and their errors (S, B), which have the gradient of their mean."""
        transport = self.family.transport(params)
        if self.objective.rule.one_counts and samples > 1 and self.objective.backward == "selected":
            noise = self.select(x, params, transport, samples, rng, log_prior)
        else:
            noise = self.family.noise(params, samples, rng)
        codes = transport(noise)
        return noise, codes, squared_error(x, self.decode(codes))

    @torch.no_grad()
    def select(
        self,
        x: Tensor,
        params: Params,
        transport: Transport,
        samples: int,
        rng: Generator | None,
        log_prior: LogPrior | None = None,
    ) -> Noise:
        """The noise (1, B, K) of the best of `samples` (J) codes drawn for each data point of `x` (B, P...).

        The best reconstructs best; under a learned prior, whose divergence differs by the draw, its loss is least.
        """
        with frozen_statistics(self.generator):
            noise = self.family.noise(params, samples, rng)
            once = int(self.generator.candidates_at_once)  # type: ignore[arg-type]
            error = torch.cat([distance(x, self.decode(transport(part))) for part in split(noise, once)])  # (J, B)
            if log_prior is not None:
                kl = self.divergence(params, noise, log_prior)
                error = error.square() / x[0].numel() + self.kl_weight * kl
            return best_draw(error, noise)

    # ------------------------------------------------------------------------ prior

    def log_prior(self, x: Tensor, rng: Generator | None, *, marginal: bool = False) -> LogPrior | None:
        """The learned prior of data (B, P...), of whole codes or of each latent; None where the prior is fixed."""
        prior = self.learned_prior
        if prior is None:
            return None
        pseudo, family = self.pseudo_params(prior), self.family.at_final_schedule()
        return prior.log_prob_for(x, pseudo, family, rng, marginal=marginal)

    def pseudo_params(self, prior: LearnedPrior) -> Params:
        """Parameters at the pseudo-inputs, read as data would be at evaluation: (M, K) each."""
        with running_statistics(self.encoder):
            return self.params(prior.pseudo_inputs)

    def divergence(self, params: Params, noise: Noise, log_prior: LogPrior | None) -> Tensor:
        """KL from a fixed prior, (B,); log q(z|x) - log p(z) of each draw under a learned one, (S, B); nats.

        Neither sees a warm-up of the noise: of the learned prior it is that of the codes that the noise gives without.
        """
        if log_prior is None:
            return self.family.kl(params).sum(-1)
        final = self.family.at_final_schedule()
        draw = final.draw(params, noise)
        return final.log_prob(params, draw).sum(-1) - log_prior(draw)

    def log_ratio(self, params: Params, noise: Noise, log_prior: LogPrior | None) -> Tensor:
        """log p(z) - log q(z|x) of the codes as they are drawn, warm-up included: (S, B), nats."""
        if log_prior is None:
            return self.family.log_ratio(params, noise).sum(-1)
        draw = self.family.draw(params, noise)
        return log_prior(draw) - self.family.log_prob(params, draw).sum(-1)

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor:
        """KL of each latent: (B, K), nats.

        Under a learned prior an estimate by five draws, the same whenever it is asked for, of the divergence from
        the prior of that latent alone: their sum is not the divergence of the code, of which `elbo` tells.
        """
        params = self.params(x)
        rng = Generator(x.device).manual_seed(0)
        log_prior = self.log_prior(x, rng, marginal=True)
        if log_prior is None:
            return self.family.kl(params)
        final = self.family.at_final_schedule()
        draw = final.draw(params, final.noise(params, KL_DRAWS, rng))
        return (final.log_prob(params, draw) - log_prior(draw)).mean(0)

    @torch.no_grad()
    def sample_prior(self, count: int, rng: Generator | None) -> Tensor:
        """Codes drawn from the prior, thresholded where the posterior is: (count, K)."""
        if self.learned_prior is not None:
            rows = self.learned_prior.pick(count, rng)
            params = {name: value[rows] for name, value in self.pseudo_params(self.learned_prior).items()}
        else:
            like = self.heads.weight.new_empty(count, self.latents)
            params = {name: torch.full_like(like, value) for name, value in self.family.prior().items()}
        return self.family.codes(params, self.family.noise(params, 1, rng))[0]

    # ----------------------------------------------------------------------- bounds

    @property
    def kl_weight(self) -> float | Tensor:
        """Weight of the divergence beside the mean squared error of a pixel; 2 s²/P where s² is learned."""
        return self.objective.kl_weight if self.variance is None else self.variance.kl_weight.detach()

    @property
    def bounded(self) -> bool:
        """Whether its weights are those of a bound on the evidence."""
        return self.objective.kl_weight > 0 and (self.learned_prior is None or self.learned_prior.bounded)

    @torch.no_grad()
    def log_weights(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:
        """log p(x, z)/q(z|x) of codes drawn from q(z|x), without the constant of the likelihood: (S, B), nats.

        With s² = kl_weight · P/2, what the weights of the training loss imply, the rest of log N(x; x̂, s²I) is
        -P mse/(2s²) = -mse/kl_weight.
        """
        params = self.params(x)
        noise = self.family.noise(params, samples, rng)
        mse = squared_error(x, self.decode(self.family.codes(params, noise)))
        return self.log_ratio(params, noise, self.log_prior(x, rng)) - mse / self.kl_weight

    def set_atoms(self, latents: Tensor, directions: Tensor) -> None:
        """Set atoms, and the locations of their latents to the correlations with them where the encoder is linear."""
        super().set_atoms(latents, directions)
        if "loc" in self.family.heads:
            rows = self.family.heads.index("loc") * self.latents + latents
            set_detectors(self.heads, rows, directions, self.encoder)

    def set_step(self, step: float, steps: int) -> None:
        """Set what is scheduled in the posterior and in its prior."""
        self.family.set_step(step, steps)
        if self.learned_prior is not None:
            self.learned_prior.set_step(step, steps)


def distance(x: Tensor, reconstruction: Tensor) -> Tensor:
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
