"""Draws from the exact posterior of a dictionary's codes: the truth that amortised posteriors approximate."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from vscbench.coders.coder import Coder
from vscbench.coders.fista import fista
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.noise import between, laplace, normal, uniform
from vscbench.objectives.loss import Loss, squared_error
from vscbench.settings import Count, Density, Positive

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = 0.574
"""Accepted proposals at which a Langevin step is best (Roberts and Rosenthal 1998)."""


class Model(NamedTuple):
    """x = A S_λ(u) + s ε of the soft threshold S_λ, with u of independent Gaussians or Laplacians and ε ~ N(0, I)."""

    atoms: Tensor
    """A, (P, K)."""
    variance: float
    """s²."""
    threshold: float
    """λ; 0 leaves u as it is."""
    scale: float = 1.0
    """Standard deviation of a Gaussian, b of a Laplacian."""
    base: Literal["gaussian", "laplacian"] = "gaussian"
    """What u is drawn from."""

    def sample(self, shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
        """u from the prior: `shape`."""
        return self.scale * (normal if self.base == "gaussian" else laplace)(shape, like, rng)

    def start(self, x: Tensor, rng: Generator | None) -> Tensor:
        """u of the lasso's codes of data (B, P), at the slope of the prior at λ; of a zero a draw within ±λ: (B, K)."""
        slope = self.threshold / self.scale**2 if self.base == "gaussian" else 1 / self.scale
        codes = fista(x, self.atoms, self.variance * slope).codes
        within = between(-1, 1, codes.shape, codes, rng) * self.threshold
        return torch.where(codes == 0, within, codes + codes.sign() * self.threshold)

    def prior(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """log p(u), without its constant, and its gradient: (B,) and (B, K)."""
        if self.base == "gaussian":
            force = -u / self.scale**2
            return 0.5 * (u * force).sum(-1), force
        return -u.abs().sum(-1) / self.scale, -u.sign() / self.scale


class Draws(NamedTuple):
    """What a chain gave."""

    codes: Tensor
    """z = S_λ(u), (S, B, K)."""
    accepted: Tensor
    """Share of the proposals that each data point's chain took, behind its burn-in: (B,)."""


@torch.no_grad()
def langevin(
    x: Tensor, model: Model, samples: int, burn_in: int = 500, thin: int = 10, rng: Generator | None = None
) -> Draws:
    """Codes from p(z|x) of data (B, P): a chain of Metropolis-adjusted Langevin steps for each, from the lasso's code.

    u' = u + h ∇ log p(x, u) + √(2h) ξ, taken or not so that p(u|x) is left as it is, whatever h. That is found for
    each data point during `burn_in` steps, so that 57 % are taken; then every `thin`-th state is a draw. Without the
    adjustment and without the threshold in the gradient: Fang et al. 2022, "Learning and Inference in Sparse Coding
    Models With Langevin Dynamics", arXiv 2204.11150. Roberts and Tweedie 1996 for the adjustment.

    Example:
        >>> model = Model(torch.eye(2), variance=0.1, threshold=0.5)
        >>> draws = langevin(torch.tensor([[2.0, 0.0]]), model, samples=200, rng=Generator().manual_seed(0))
        >>> draws.codes.ne(0).float().mean(0).round()
        tensor([[1., 0.]])
    """
    gram, drive = model.atoms.T @ model.atoms, x @ model.atoms
    if not gram.isfinite().all():  # the dictionary diverged: so will the run
        return Draws(drive.new_full((samples, *drive.shape), torch.nan), drive.new_zeros(len(x)))

    def target(u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log p(x, u) but for a constant, (B,), its gradient, and S_λ(u), (B, K) each."""
        codes = u - u.clamp(-model.threshold, model.threshold)
        left = drive - codes @ gram
        log_prior, force = model.prior(u)
        pull = torch.where(codes == 0, 0.0, left) / model.variance
        return (codes * (drive + left)).sum(-1) / (2 * model.variance) + log_prior, pull + force, codes

    stiffest = float(torch.linalg.eigvalsh(gram)[-1]) / model.variance + model.scale**-2
    log_step = drive.new_full((len(x), 1), 1 / stiffest).log()
    state = model.start(x, rng)
    value, gradient, codes = target(state)
    kept, accepted = [], torch.zeros_like(value)
    for iteration in range(1, burn_in + samples * thin + 1):
        step = log_step.exp()
        noise = normal(drive.shape, drive, rng)
        proposal = state + step * gradient + (2 * step).sqrt() * noise
        there = target(proposal)
        back = (state - proposal - step * there[1]) / (2 * step).sqrt()  # the noise of the way back
        log_ratio = there[0] - value + 0.5 * (noise.square() - back.square()).sum(-1)
        taken = uniform(value.shape, value, rng).log() < log_ratio
        state = torch.where(taken.unsqueeze(1), proposal, state)
        gradient = torch.where(taken.unsqueeze(1), there[1], gradient)
        codes = torch.where(taken.unsqueeze(1), there[2], codes)
        value = torch.where(taken, there[0], value)
        if iteration <= burn_in:
            log_step += (log_ratio.clamp(max=0).exp() - TARGET).unsqueeze(1) * iteration**-0.6
            continue
        accepted += taken
        if (iteration - burn_in) % thin == 0:
            kept.append(codes)
    return Draws(torch.stack(kept), accepted / (samples * thin))


@dataclass(frozen=True)
class Empirical:
    """A posterior that is known by draws of it (S, B, K), in the words of `Distribution`."""

    draws: Tensor

    @property
    def batch_shape(self) -> torch.Size:
        """(B, K)."""
        return self.draws.shape[1:]

    def sample(self, sample_shape: Sequence[int] = (), rng: Generator | None = None) -> Tensor:
        """Some of the draws, by chance, with replacement: (*sample_shape, B, K)."""
        count, size = prod(sample_shape), self.batch_shape[0]
        device = self.draws.device
        rows = torch.randint(len(self.draws), (count, size), generator=rng, device=device)
        return self.draws[rows, torch.arange(size, device=device)].view(*sample_shape, *self.batch_shape)

    rsample = sample

    @property
    def mean(self) -> Tensor:
        """E[z]: (B, K)."""
        return self.draws.mean(0)

    @property
    def active_prob(self) -> Tensor:
        """P(z ≠ 0): (B, K)."""
        return self.draws.ne(0).to(self.draws.dtype).mean(0)


class Langevin(Coder):
    """Codes drawn from the exact posterior of x = A z + s ε, z = S_λ(u), by Metropolis-adjusted Langevin steps.

    The model that a threshold on the sample amortises. Its mean and P(z ≠ 0) are those of draws that are the same
    whenever they are asked for. The dictionary learns from one draw, an EM step by Monte Carlo.

    Args:
        generator: a dictionary.
        base: `gaussian` or `laplacian`, what u is drawn from.
        prior_scale: the standard deviation of a Gaussian u, b of a Laplacian one.
        density: P(|u| > λ) under the prior, which sets λ.
        noise_variance: s².
        draws: that mean and P(z ≠ 0) are estimated with.
        burn_in: steps before the first draw.
        thin: steps from one draw to the next.
    """

    generator: nn.Module

    def __init__(
        self,
        generator: nn.Module,
        base: Literal["gaussian", "laplacian"] = "gaussian",
        prior_scale: Positive = 1.0,
        density: Density = 0.1,
        noise_variance: Positive = 0.5,
        draws: Count = 50,
        burn_in: Count = 200,
        thin: Count = 5,
    ) -> None:
        super().__init__(generator)
        self.base, self.scale, self.noise_variance = base, prior_scale, noise_variance
        family = Gaussian(prior_scale) if base == "gaussian" else Laplacian(prior_scale)
        self.threshold = family.threshold_for(density)
        self.draws, self.burn_in, self.thin = draws, burn_in, thin

    @property
    def model(self) -> Model:
        """The model at the current dictionary."""
        atoms = self.generator.get_parameter("atoms").detach()
        return Model(atoms, self.noise_variance, self.threshold, self.scale, self.base)

    def encode(self, x: Tensor) -> Tensor:
        """E[z|x] of data (B, P): (B, K)."""
        return self.posterior(x).mean

    def posterior(self, x: Tensor) -> Empirical:  # type: ignore[override]
        """p(z|x) of data (B, P), by draws."""
        return Empirical(self.sample(x, self.draws, Generator(x.device).manual_seed(0)))

    @torch.no_grad()
    def sample(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:
        """Codes drawn for data (B, P), of one chain a data point: (S, B, K)."""
        return langevin(x, self.model, samples, self.burn_in, self.thin, rng).codes

    @torch.no_grad()
    def best(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:
        """The best-reconstructing of `samples` draws: (B, K)."""
        codes = self.sample(x, samples, rng)
        chosen = squared_error(x, self.decode(codes)).argmin(0)
        return codes[chosen, torch.arange(len(x), device=x.device)]

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:
        """The squared error of one draw, with a graph to the dictionary."""
        codes = self.sample(x, 1, rng)
        mse = squared_error(x, self.decode(codes))[0]
        return Loss(mse, mse, torch.zeros_like(mse), codes)

    def sample_prior(self, count: int, rng: Generator | None) -> Tensor:
        """z = S_λ(u) of u from the prior: (count, K)."""
        atoms = self.generator.get_parameter("atoms").detach()
        return F.softshrink(self.model.sample((count, atoms.shape[1]), atoms, rng), self.threshold)

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot be coded by it."""
        return "" if linear else "langevin needs a dictionary"
