"""Are thresholded samples spike-and-slab distributed?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from scipy import stats
from torch import Generator, Tensor

from vscbench.coders.threshold import Thresholded

if TYPE_CHECKING:
    from vscbench.coders.posterior import Params
    from vscbench.metrics.evaluation import Evaluation, Measures

POINTS = 1000
"""Data points whose codes are compared."""
CODES = 128_000
"""Codes that are compared at least, each latent of each draw counted: a distance of 0.0024 is chance."""


def slab_ranks(posterior: Thresholded, params: Params, codes: Tensor) -> Tensor:
    """Q(z) of codes z (S, B, K), Q the distribution function of the base posterior: (S, B, K)."""
    deviation = codes - params["loc"]
    half = posterior.base.tail(params, deviation.abs()) / 2
    return torch.where(deviation > 0, 1 - half, half)


def spike_slab_ranks(posterior: Thresholded, params: Params, codes: Tensor, rng: Generator | None) -> Tensor:
    """F(z) of codes z (S, B, K) under γ q(z) + (1-γ) δ₀, q the base posterior and γ = P(z ≠ 0): (S, B, K).

    At z = 0 F jumps by 1-γ: the rank is drawn uniformly from the jump, so that all ranks are uniform on [0, 1] if and
    only if F is the distribution of z.

    Args:
        posterior: a thresholded posterior.
        params: its parameters, (B, K) each.
        codes: z.
        rng: of the ranks at z = 0.
    """
    active, slab = posterior.active_prob(params), slab_ranks(posterior, params, codes)
    jump = torch.rand(codes.shape, generator=rng, dtype=codes.dtype, device=codes.device)
    jump = torch.where(codes == 0, jump, (codes > 0).to(codes.dtype))
    return active * slab + (1 - active) * jump


def distance_from_uniform(ranks: Tensor) -> float:
    """sup |F̂(u) - u| of ranks in any shape, Kolmogorov's statistic; 0.87/√N on average where they are uniform.

    Example:
        >>> distance_from_uniform(torch.tensor([0.25, 0.75]))
        0.25
    """
    ordered = ranks.double().flatten().sort().values
    places = torch.arange(len(ordered) + 1, dtype=ordered.dtype, device=ordered.device) / len(ordered)
    return float(torch.maximum(places[1:] - ordered, ordered - places[:-1]).max())


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """`spike_slab_distance`: of the distribution of thresholded codes from the spike-and-slab with the base's slab.

    Exactly zero up to chance, 0.87/√N of N codes, for a Laplacian base, whose tail has no memory, fixed threshold or
    learned (Fallah and Rozell 2022, section 3.2); a Gaussian base shows what a distribution that is none scores. At a
    density of 5 % it is 0.05 at most, whatever the slab. So the parts are measured apart: `spike_slab_active_distance`
    is that of the codes given z ≠ 0 from the slab, with its `spike_slab_active_p` (Kolmogorov); `spike_slab_mass` the
    share of non-zero codes less the mean P(z ≠ 0|x), with its two-sided `spike_slab_mass_p`. Left out where the
    posterior is not thresholded.
    """
    q = e.coder.posterior(e.inputs(e.x[e.spread(POINTS)]))
    if q is None or not isinstance(e.family, Thresholded):
        return {}
    rng = e.rng("exactness")
    codes = q.sample((math.ceil(CODES / q.mean.numel()),), rng)
    measures: Measures = {
        "spike_slab_distance": distance_from_uniform(spike_slab_ranks(e.family, q.params, codes, rng))
    }
    on, expected = codes != 0, q.active_prob.double().expand_as(codes)
    if on.any():
        distance = distance_from_uniform(slab_ranks(e.family, q.params, codes)[on])
        p = float(stats.kstwo.sf(distance, int(on.sum())))
        measures |= {"spike_slab_active_distance": distance, "spike_slab_active_p": p}
    surplus, variance = float((on.double() - expected).sum()), float((expected * (1 - expected)).sum())
    if variance > 0:
        p = float(2 * stats.norm.sf(abs(surplus) / variance**0.5))
        measures |= {"spike_slab_mass": surplus / on.numel(), "spike_slab_mass_p": p}
    return measures
