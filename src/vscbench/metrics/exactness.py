"""Are thresholded samples spike-and-slab distributed?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from vscbench.coders import Amortised
from vscbench.coders.threshold import Thresholded

if TYPE_CHECKING:
    from vscbench.coders.base import Params
    from vscbench.metrics.evaluation import Evaluation, Measures

POINTS = 1000
"""Data points whose codes are compared."""
CODES = 128_000
"""Codes that are compared at least, each latent of each draw counted: a distance of 0.0024 is chance."""


def spike_slab_ranks(posterior: Thresholded, params: Params, codes: Tensor, rng: Generator | None) -> Tensor:
    """F(z) of codes z (S, B, K) under γ q(z) + (1-γ) δ₀, q the base posterior and γ = P(z ≠ 0): (S, B, K).

    At z = 0 F jumps by 1-γ: the rank is drawn uniformly from the jump, so that all ranks are uniform on [0, 1] if and
    only if F is the distribution of z.
    """
    active = posterior.active_probability(params)
    deviation = codes - params["location"]
    half = posterior.base.tail(params, deviation.abs()) / 2
    slab = torch.where(deviation > 0, 1 - half, half)
    jump = torch.rand(codes.shape, generator=rng, dtype=codes.dtype, device=codes.device)
    jump = torch.where(codes == 0, jump, (codes > 0).to(codes.dtype))
    return active * slab + (1 - active) * jump


def distance_from_uniform(ranks: Tensor) -> float:
    """sup |F̂(u) - u| of ranks in any shape, Kolmogorov's statistic; 0.87/√N on average where they are uniform."""
    ordered = ranks.double().flatten().sort().values
    places = torch.arange(len(ordered) + 1, dtype=ordered.dtype, device=ordered.device) / len(ordered)
    return float(torch.maximum(places[1:] - ordered, ordered - places[:-1]).max())


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """`spike_slab_distance`: of the distribution of thresholded codes from the spike-and-slab with the base's slab.

    Exactly zero up to chance for a Laplacian base, whose tail has no memory (spec 1.2), fixed threshold or
    learned; a Gaussian base shows what a distribution that is none scores.
    """
    if not isinstance(e.coder, Amortised) or not isinstance(e.coder.posterior, Thresholded):
        return {}
    rng, posterior = e.rng("exactness"), e.coder.posterior
    params = e.coder.encode(e.inputs(e.x[:POINTS]))
    draws = math.ceil(CODES / params["location"].numel())
    codes = posterior.codes(params, posterior.noise(params, draws, rng))
    return {"spike_slab_distance": distance_from_uniform(spike_slab_ranks(posterior, params, codes, rng))}
