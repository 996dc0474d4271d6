"""Thresholded Laplacian codes are spike-and-slab distributed, and the distance that says so sees what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator

from metrics.runs import untrained
from vscbench.coders.threshold import Thresholded
from vscbench.metrics.exactness import distance_from_uniform, measure, spike_slab_ranks
from vscbench.model import build_posterior

if TYPE_CHECKING:
    from vscbench.data import Data

SIZE, DRAWS = (400, 50), 25


def distance(family: str, kind: str, scale: float = 1.0) -> float:
    """Of thresholded codes, multiplied by `scale`, at random parameters."""
    posterior = build_posterior({"family": family, "threshold": {"kind": kind, "value": 0.3}})
    assert isinstance(posterior, Thresholded)
    rng = Generator().manual_seed(0)
    # Much alike: the ranks of others blur what one would show.
    params = {name: 0.3 * torch.randn(SIZE, generator=rng, dtype=torch.float64) - 0.5 for name in posterior.heads}
    codes = posterior.codes(params, posterior.noise(params, DRAWS, rng)) * scale
    return distance_from_uniform(spike_slab_ranks(posterior, params, codes, rng))


@pytest.mark.parametrize("kind", ["fixed", "gamma"])
def test_thresholded_laplacian_is_spike_and_slab(kind: str) -> None:
    assert distance("laplacian", kind) < 1.63 / np.sqrt(DRAWS * np.prod(SIZE))  # 1 % of all samples


@pytest.mark.parametrize("kind", ["fixed", "gamma"])
def test_thresholded_gaussian_is_not(kind: str) -> None:
    assert distance("gaussian", kind) > 0.01


def test_codes_of_another_scale_are_not() -> None:
    assert distance("laplacian", "fixed", scale=1.2) > 0.01


def test_distance_is_that_of_scipy() -> None:
    ranks = torch.rand(1000, generator=Generator().manual_seed(0), dtype=torch.float64) ** 1.1
    expected = stats.kstest(ranks.numpy(), "uniform").statistic
    assert distance_from_uniform(ranks.view(10, 100)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("family", "exact"), [("laplacian", True), ("gaussian", False)])
def test_slab_and_mass_apart(family: str, exact: bool, data: Data) -> None:
    """Audit A13: at a density of 5 % a Gaussian slab hides in the whole, and not by itself; its mass is right."""
    coder = {"family": family, "threshold": {"kind": "fixed", "density": 0.05}}
    found = measure(untrained(coder, data))
    assert (found["spike_slab_active_p"] > 1e-3) == exact
    assert (found["spike_slab_active_distance"] < 0.05) == exact
    assert found["spike_slab_distance"] < 0.05
    assert abs(float(found["spike_slab_mass"])) < 0.003
    assert float(found["spike_slab_mass_p"]) > 1e-3


def test_a_wrong_mass_is_seen(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    e = untrained({"family": "laplacian", "threshold": {"kind": "fixed", "density": 0.05}}, data)
    family = type(e.coder.family)
    right = family.active_prob
    monkeypatch.setattr(family, "active_prob", lambda self, params: 0.9 * right(self, params))
    assert float(measure(e)["spike_slab_mass_p"]) < 1e-3
