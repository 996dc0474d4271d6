"""Small models of a specification, draws from them, and what is asserted of many draws."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from vscbench.model import build_coder, build_posterior
from vscbench.testing.specs import objective_of

if TYPE_CHECKING:
    from vscbench.coders import Coder, Params, Posterior
    from vscbench.testing.specs import Spec

BATCH, LATENTS, PIXELS, SAMPLES = 5, 6, 7, 4


def draw_params(
    posterior: Posterior, *shape: int, dtype: torch.dtype = torch.float64, seed: int = 0, spread: float = 0.7
) -> Params:
    """Parameters that are neither all positive nor large, (B, K) or of `shape`, in the range of the posterior."""
    rng = Generator().manual_seed(seed)
    outputs = {
        head: torch.randn(shape or (BATCH, LATENTS), generator=rng, dtype=dtype) * spread - 0.5
        for head in posterior.heads
    }
    return posterior.clamp(outputs)


def extreme_outputs(posterior: Posterior) -> Params:
    """Outputs of the heads that are 10 or -10 in all combinations, leaves of a graph: (2^H, K), float32."""
    combinations = itertools.product((-10.0, 10.0), repeat=len(posterior.heads))
    outputs = torch.tensor(list(combinations)).T.unsqueeze(-1).expand(-1, -1, LATENTS)
    return {head: output.clone().requires_grad_() for head, output in zip(posterior.heads, outputs, strict=True)}


def leaves(params: Params) -> Params:
    """The same parameters as leaves of a graph."""
    return {head: value.detach().clone().requires_grad_() for head, value in params.items()}


def make_posterior(spec: Spec) -> tuple[Posterior, Params]:
    """The posterior of `spec` as at evaluation, and float64 parameters (B, K) for it."""
    posterior = build_posterior(spec)
    return posterior, draw_params(posterior)


def run_spec(spec: Spec, **objective: Any) -> dict[str, Any]:
    """The specification of a run with this coder on vectors, as far as a model is made of it."""
    return {
        "seed": 0,
        "encoder": {"kind": "mlp", "widths": [8]},
        "generator": {"kind": "dictionary", "latents": LATENTS},
        "coder": spec,
        "objective": objective_of(spec) | objective,
    }


def make_coder(spec: Spec, dtype: torch.dtype = torch.float64, **objective: Any) -> tuple[Coder, Tensor]:
    """The coder of `spec` with a dictionary, and data (B, P), by a fixed seed."""
    x = torch.randn(BATCH, PIXELS, generator=Generator().manual_seed(0), dtype=dtype)
    return build_coder(run_spec(spec, **objective), (PIXELS,)).to(dtype), x


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
    if not off.max() < errors:
        raise AssertionError(f"the mean of {len(estimates)} draws is {off.max():.1f} standard errors off")
