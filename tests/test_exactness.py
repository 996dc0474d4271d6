"""Thresholded Laplacian codes are spike-and-slab distributed, and the distance that says so sees what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator

from battery import draw_params
from vscbench.coders import build_posterior
from vscbench.coders.threshold import Thresholded
from vscbench.metrics.exactness import distance_from_uniform, spike_slab_ranks

SIZE, DRAWS = (400, 50), 25
LAPLACIAN: dict[str, Any] = {"family": "laplacian", "threshold": "fixed", "threshold_value": 0.3}


def distance(spec: dict[str, Any], scale: float = 1.0) -> float:
    """Of the codes of `spec`, multiplied by `scale`, at random parameters."""
    posterior, rng = build_posterior(spec), Generator().manual_seed(1)  # not that of the parameters
    assert isinstance(posterior, Thresholded)
    params = draw_params(posterior, *SIZE, spread=0.3)  # much alike: the ranks of others blur what one would show
    codes = posterior.codes(params, posterior.noise(params, DRAWS, rng)) * scale
    return distance_from_uniform(spike_slab_ranks(posterior, params, codes, rng))


@pytest.mark.parametrize("threshold", ["fixed", "gamma"])
def test_thresholded_laplacian_is_spike_and_slab(threshold: str) -> None:
    assert distance(LAPLACIAN | {"threshold": threshold}) < 1.63 / np.sqrt(DRAWS * np.prod(SIZE))  # 1 % of all samples


@pytest.mark.parametrize("threshold", ["fixed", "gamma"])
def test_thresholded_gaussian_is_not(threshold: str) -> None:
    assert distance(LAPLACIAN | {"family": "gaussian", "threshold": threshold}) > 0.01


def test_codes_of_another_scale_are_not() -> None:
    assert distance(LAPLACIAN, scale=1.2) > 0.01


def test_distance_is_that_of_scipy() -> None:
    ranks = torch.rand(1000, generator=Generator().manual_seed(0), dtype=torch.float64) ** 1.1
    expected = stats.kstest(ranks.numpy(), "uniform").statistic
    assert distance_from_uniform(ranks.view(10, 100)) == pytest.approx(expected, abs=1e-12)
