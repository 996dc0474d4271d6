"""How noisy are the gradients?"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from vscbench.coders.amortised import Amortised
from vscbench.seeds import derive_seed
from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

BATCH = 100
PUBLISHED_EPSILON = 1e-9
BOOTSTRAP_DRAWS = 2000
LATE = 10**9
MEDIAN_OF_NOISE = 0.6745
"""Median of |ε|, ε ~ N(0, 1)."""


class Moments:
    """Mean and variance of a stream of gradients, one pass at a time (Welford 1962): two numbers a parameter.

    Example:
        >>> moments = Moments()
        >>> for gradient in ([1.0, 5.0], [3.0, 5.0]):
        ...     moments.add(torch.tensor(gradient))
        >>> moments.mean, moments.variance
        (tensor([2., 5.]), tensor([2., 0.]))
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.scatter = torch.zeros(())

    def add(self, gradient: Tensor) -> None:
        """Take in one gradient (D,)."""
        if self.count == 0:
            self.mean, self.scatter = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self.count += 1
        delta = gradient - self.mean
        self.mean.add_(delta, alpha=1 / self.count)
        self.scatter.addcmul_(delta, gradient - self.mean)

    @property
    def variance(self) -> Tensor:
        """Unbiased variance of each parameter's gradient: (D,)."""
        return self.scatter / (self.count - 1)


class Noise(NamedTuple):
    """How noisy the gradient of one group of parameters is."""

    variance: float
    """Variance of one pass, mean over parameters."""
    snr: float
    """|mean|/std, median over parameters whose gradient varies; biased upwards, see `snr_null`."""
    snr_low: float
    """Lower end of a 95 % bootstrap interval over parameters; how runs differ is in the spread over seeds."""
    snr_high: float
    """Upper end."""
    snr_null: float
    """What `snr` would be if the gradient were noise alone: 0.67/√passes."""
    snr_unbiased: float
    """√(‖E g‖²/E‖g - E g‖²), with ‖E g‖² freed of the noise of its estimate; where that leaves less than 0, -√|…|."""
    snr_published: float
    """|mean|/(std + 1e-9), mean over all parameters."""


def noise(moments: Moments, rng: np.random.Generator) -> Noise:
    """Summarise the moments of a group of parameters."""
    mean, variance = moments.mean.double(), moments.variance.double()
    std = variance.sqrt()
    ratio = (mean.abs() / std)[std > 0].cpu().numpy()
    low, high = bootstrap_median(ratio, rng)
    total = float(variance.sum())
    power = float(mean.square().sum()) - total / moments.count
    return Noise(
        variance=float(variance.mean()),
        snr=float(np.median(ratio)) if len(ratio) else math.nan,
        snr_low=low,
        snr_high=high,
        snr_null=MEDIAN_OF_NOISE / math.sqrt(moments.count),
        snr_unbiased=math.copysign(math.sqrt(abs(power) / total), power) if total else math.nan,
        snr_published=float((mean.abs() / (std + PUBLISHED_EPSILON)).mean()),
    )


def bootstrap_median(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the median of `values` (n,).

    The median of a resample is the order statistic at a rank distributed as n · Beta((n+1)/2, (n+1)/2): drawn
    directly, so that a million parameters cost one sort and no resampling.
    """
    n = len(values)
    if not n:
        return math.nan, math.nan
    ranks = rng.beta((n + 1) / 2, (n + 1) / 2, BOOTSTRAP_DRAWS)
    low, high = np.quantile(values, np.quantile(ranks, (0.025, 0.975)))
    return float(low), float(high)


def stream(loss: Callable[[], Tensor], groups: dict[str, list[nn.Parameter]], passes: int) -> dict[str, Moments]:
    """Moments of each group's gradient over `passes` evaluations of a random `loss`."""
    moments = {name: Moments() for name in groups}
    parameters = [p for group in groups.values() for p in group]
    for _ in range(passes):
        gradients = iter(torch.autograd.grad(loss(), parameters))
        for name, group in groups.items():
            moments[name].add(torch.cat([next(gradients).flatten() for _ in group]))
    return moments


def mean_loss(coder: Amortised, x: Tensor, rng: Generator) -> Tensor:
    """What a batch (B, P...) costs, mean over its data points."""
    return coder.loss(x, rng).value.mean()


def measure(
    e: Evaluation,
    *,
    passes: Annotated[int, Field(ge=2, le=10**9)] = 1000,
    batches: Count = 2,
    samples: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 20),
) -> Measures:
    """Variance and signal-to-noise ratio of the gradients of inference network and generator, for each J.

    `gradient_FIELD_GROUP_jJ` with the fields of `Noise`, `gradient_snr_null_...` among them, and the groups `inference`
    and `generator` (Fallah and Rozell 2022). The gradients are those of a fixed batch of 100 at the end of
    training, without momentum or decay; batch-norm is as at evaluation, so that they are those of the data points by
    themselves. Left out: a coder that is not an encoder with a posterior, and a loss without draws, whose gradient has
    no noise.

    Args:
        e: the coder and the data.
        passes: over each batch.
        batches: that the numbers are means over.
        samples: each J.
    """
    coder = e.coder
    if not isinstance(coder, Amortised):
        return {}
    rng = np.random.default_rng(derive_seed(e.seed, "gradients"))
    generator = list(coder.generator.parameters())
    shared = set(generator)
    groups = {"inference": [p for p in coder.parameters() if p not in shared], "generator": generator}
    original = coder.objective
    measures: Measures = {}
    # Just before the end of a long training: all that is scheduled is at its end, and a relaxed gate is still relaxed.
    coder.set_step(LATE - 1, LATE)
    for draws in samples:
        coder.objective = original.with_samples(draws)
        source = e.rng(f"gradients {draws}")
        found: dict[str, list[Noise]] = {name: [] for name in groups}
        for batch in e.x.split(BATCH)[:batches]:
            moments = stream(partial(mean_loss, coder, e.inputs(batch), source), groups, passes)
            for name in groups:
                found[name].append(noise(moments[name], rng))
        if not any(each.variance for noises in found.values() for each in noises):
            continue
        for name, noises in found.items():
            for field, value in zip(Noise._fields, np.mean(noises, axis=0), strict=True):
                measures[f"gradient_{field}_{name}_j{draws}"] = float(value)
    coder.objective = original
    coder.set_step(1, 1)
    return measures
