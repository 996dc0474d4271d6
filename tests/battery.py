"""What every registered coder is tested with: a family is in the battery by being registered.

A family without a line in `CONSTANTS` is tested with its defaults; a line adds to or replaces that. Symmetric bases
are tested under every threshold and estimator too. A family that states its densities in `LOG_DENSITIES` has its
divergence tested against a Monte Carlo estimate.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Generator, Tensor
from torch.distributions import Laplace, Normal

from vscbench.coders import LEARNED_SOLVERS, POSTERIORS, SOLVERS, build_coder, build_posterior
from vscbench.coders.base import Base
from vscbench.coders.threshold import Estimator
from vscbench.data import Splits
from vscbench.networks import Dictionary, build_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from vscbench.coders import Coder, Posterior
    from vscbench.coders.base import Params

Spec = dict[str, Any]

WARMUP = {"initial": 0.1, "final": 1, "start": 0.2, "end": 0.8}
PENALTY_WARMUP = {"initial": 0.1, "final": 1, "end": 0.5}

CONSTANTS: dict[str, list[Spec]] = {
    "laplacian": [{"noise_warmup": WARMUP}],
    "spike_slab": [
        {"noise_warmup": WARMUP},
        {"gate": "published"},
        {"gate_estimator": "gumbel"},
        {"gate_estimator": "gumbel_rao"},
    ],
    "fista": [{"penalty": 0.1, "penalty_warmup": PENALTY_WARMUP}],
    "admm": [{"penalty": 0.1, "penalty_warmup": PENALTY_WARMUP, "rho": 1.0}],
    "lista": [
        {"penalty": 0.1, "penalty_warmup": PENALTY_WARMUP, "mode": "supervised", "layers": 5},
        {"penalty": 0.1, "penalty_warmup": PENALTY_WARMUP, "mode": "unrolled", "layers": 3, "tied": False},
    ],
}
"""Constants that a family is tested with, a dictionary for each variant."""

THRESHOLDS: list[Spec] = [
    {"threshold": threshold, "threshold_value": 0.3, "estimator": estimator}
    for threshold in ("fixed", "gamma")
    for estimator in get_args(Estimator)
]


def variants(family: str) -> list[Spec]:
    """The specifications that `family` is tested with, before thresholds."""
    return [{"family": family, **constants} for constants in CONSTANTS.get(family, [{}])]


def thresholded(family: str) -> list[Spec]:
    """The same under every threshold, if the family is symmetric."""
    if not issubclass(POSTERIORS[family], Base):
        return []
    return [base | threshold for base in variants(family) for threshold in THRESHOLDS]


BASE_SPECS: list[Spec] = [spec for family in POSTERIORS for spec in variants(family)]
EXACT_SPEC: Spec = {"family": "laplacian", "threshold": "fixed", "threshold_value": 0.3, "kl": "exact"}
POSTERIOR_SPECS: list[Spec] = [
    *BASE_SPECS,
    *(spec for family in POSTERIORS for spec in thresholded(family)),
    EXACT_SPEC,
]
SOLVER_SPECS: list[Spec] = [spec for family in SOLVERS for spec in variants(family)]
LEARNED_SPECS: list[Spec] = [spec for family in LEARNED_SOLVERS for spec in variants(family)]
PRIOR_SPECS: list[Spec] = [
    {"family": "spike_slab", "prior": "clf", "pseudo_inputs": 3},
    {"family": "laplacian", "threshold": "gamma", "threshold_value": 0.3, "prior": "vamp", "pseudo_inputs": 3},
]
CODER_SPECS: list[Spec] = POSTERIOR_SPECS + PRIOR_SPECS + SOLVER_SPECS + LEARNED_SPECS


def name(spec: Spec) -> str:
    """A name for a specification: its family and the constants that are words."""
    return "_".join(value for value in spec.values() if isinstance(value, str))


# -------------------------------------------------------------------- densities


def gaussian_densities(posterior: Any, params: Params, z: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(z|x) and log p(z) of the Gaussian."""
    q = Normal(params["location"], torch.exp(params["log_variance"] / 2))
    return q.log_prob(z), Normal(0.0, posterior.spread_prior**0.5).log_prob(z)


def laplacian_densities(posterior: Any, params: Params, z: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(z|x) and log p(z) of the Laplacian."""
    q = Laplace(params["location"], params["log_scale"].exp())
    return q.log_prob(z), Laplace(0.0, posterior.spread_prior).log_prob(z)


def spike_slab_densities(posterior: Any, params: Params, z: Tensor) -> tuple[Tensor, Tensor]:
    """Log q(z|x) and log p(z) of the spike-and-slab: a mass at zero, a density elsewhere."""
    slab_q, slab_p = gaussian_densities(posterior, params, z)
    spike_q, spike_p = params["spike"].exp(), torch.tensor(posterior.spike_prior)
    on = z != 0
    q = torch.where(on, spike_q.log() + slab_q, torch.log1p(-spike_q))
    return q, torch.where(on, spike_p.log() + slab_p, torch.log1p(-spike_p))


LOG_DENSITIES: dict[str, Callable[[Any, Params, Tensor], tuple[Tensor, Tensor]]] = {
    "gaussian": gaussian_densities,
    "laplacian": laplacian_densities,
    "spike_slab": spike_slab_densities,
}
"""log q(z|x) and log p(z) of codes z (S, B, K), masses included: what `kl` is the divergence of."""

# ------------------------------------------------------------------ small models

BATCH, LATENTS, PIXELS, SAMPLES = 5, 6, 7, 4


def draw_params(
    posterior: Posterior, *shape: int, dtype: torch.dtype = torch.float64, seed: int = 0, spread: float = 0.7
) -> Params:
    """Parameters that are neither all positive nor large, for shape (B, K), in the range of the posterior."""
    rng = Generator().manual_seed(seed)
    outputs = {
        head: torch.randn(shape or (BATCH, LATENTS), generator=rng, dtype=dtype) * spread - 0.5
        for head in posterior.heads
    }
    return posterior.within_range(outputs)


def extreme_outputs(posterior: Posterior) -> Params:
    """Outputs of the heads that are 10 or -10 in all combinations, leaves of a graph: (B, K), float32."""
    combinations = itertools.product((-10.0, 10.0), repeat=len(posterior.heads))
    outputs = torch.tensor(list(combinations)).T.unsqueeze(-1).expand(-1, -1, LATENTS)
    return {head: output.clone().requires_grad_() for head, output in zip(posterior.heads, outputs, strict=True)}


def make_posterior(spec: Spec) -> tuple[Posterior, Params]:
    """The posterior of `spec` as at evaluation, and float64 parameters (B, K) for it."""
    posterior = build_posterior(spec)
    return posterior, draw_params(posterior)


def make_coder(spec: Spec, dtype: torch.dtype, **objective: Any) -> tuple[Coder, Dictionary, Tensor]:
    """The coder of `spec`, a dictionary and data (B, P), initialised by a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = build_encoder({"kind": "mlp", "widths": [8]}, (PIXELS,))
        dictionary = Dictionary((PIXELS,), LATENTS)
        coder = build_coder(spec, encoder, dictionary, objective, (PIXELS,))
    rng = Generator().manual_seed(0)
    x = torch.randn(BATCH, PIXELS, generator=rng, dtype=dtype)
    return coder.to(dtype), dictionary.to(dtype), x


def made_up(x: Tensor) -> Splits:
    """A data set whose every part is `x` (N, P...)."""
    part = x.numpy()
    return Splits(part, part, part, {})


def draw_codes(posterior: Posterior, params: Params, samples: int, seed: int = 0) -> Tensor:
    """Codes (S, B, K) drawn without a graph."""
    with torch.no_grad():
        return posterior.codes(params, posterior.noise(params, samples, Generator().manual_seed(seed)))


def within(estimates: Tensor, expected: Tensor, errors: float = 5.0) -> None:
    """Assert that the mean of `estimates` (S, ...) lies within so many standard errors of `expected` everywhere."""
    mean = estimates.mean(0)
    error = estimates.std(0) / len(estimates) ** 0.5
    # A latent that was never (or always) active has no spread to judge by: one event is the least to allow.
    off = (mean - expected).abs() / (error + 1 / len(estimates))
    assert off.max() < errors, f"{off.max():.1f} standard errors off"
