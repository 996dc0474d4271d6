"""Agreement of supports: against scipy, by hand, and of a run pair by pair."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.spatial import distance

from metrics.runs import CODERS, SAMPLES, SETTINGS, evaluation, loaded, untrained
from vscbench.metrics import stability, support
from vscbench.metrics.stability import jaccard

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Generator

    from vscbench.data import Data

DRAWS, POINTS = SETTINGS["stability"]["draws"], SETTINGS["stability"]["points"]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
def test_jaccard_index_by_explicit_pairs(density: float, rng: Generator) -> None:
    """1 - scipy's distance, mean over pairs of draws; two empty supports agree."""
    supports = torch.rand(5, 7, 9, generator=rng) < density
    found = jaccard(supports)
    for point in range(7):
        pairs = combinations(supports[:, point].numpy(), 2)
        expected = np.mean([1 - distance.jaccard(a, b) for a, b in pairs])
        assert found[point].item() == pytest.approx(expected, abs=1e-6)


def test_jaccard_index_by_hand() -> None:
    draws = torch.tensor([[[1, 1, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 0, 0]]]).bool()
    assert jaccard(draws).item() == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert jaccard(torch.zeros(3, 2, 4).bool()).tolist() == [1, 1]


def test_support_agreement_of_a_run(spike_slab: Path, data: Data) -> None:
    """Of draws, of selected draws and, for the null, of draws that never belong to the same data point."""
    e = loaded(spike_slab, data)
    found = stability.measure(e, draws=DRAWS, points=POINTS)
    rng, x = e.rng("stability"), e.x[e.spread(POINTS)]
    draws = (e.coder.sample(x, DRAWS, rng) != 0).numpy()
    best = [e.coder.best(x, SAMPLES, rng) != 0 for _ in range(DRAWS)]

    def index(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
        return float(np.mean([1 - distance.jaccard(a, b) for a, b in zip(first, second, strict=True)]))

    expected = np.mean([index(a, b) for a, b in combinations(draws, 2)])
    assert found["jaccard_draw"] == pytest.approx(expected, abs=1e-6)
    expected = np.mean([index(a.numpy(), b.numpy()) for a, b in combinations(best, 2)])
    assert found["jaccard_best"] == pytest.approx(expected, abs=1e-6)
    shifted = [np.roll(draw, shift, 0) for shift, draw in enumerate(draws)]
    expected = np.mean([index(a, b) for a, b in combinations(shifted, 2)])
    assert found["jaccard_null"] == pytest.approx(expected, abs=1e-6)
    for each in ("draw", "best"):
        by_patch = found[f"jaccard_{each}_by_patch"]
        assert isinstance(by_patch, np.ndarray)
        assert by_patch.shape == (POINTS,)
        assert by_patch.mean() == pytest.approx(found[f"jaccard_{each}"], abs=1e-6)


def test_codes_that_are_all_zero_agree_in_nothing(data: Data) -> None:
    """An index of 1 would say that they are as stable as can be."""
    e = untrained(CODERS["laplacian_thresh"], data)
    e.coder.family.level = 1e9
    assert not e.draw.any()
    assert stability.measure(e, draws=DRAWS, points=POINTS) == {}


def test_a_solver_has_one_support(data: Data) -> None:
    assert stability.measure(untrained(CODERS["fista"], data)) == {}


def test_bits_of_the_support_by_draws_are_those_of_its_probability(data: Data) -> None:
    """An encoder that decides half of its gates, and one that says nothing of x: whose bits are 0, less their null."""
    coder = untrained(CODERS["spike_slab"], data).coder
    e = evaluation(coder, data)
    with torch.no_grad():
        coder.heads.weight *= 20  # gates that differ between data points
    found, exact = stability.measure(e, draws=200, points=40), support.measure(e)
    assert found["support_bits_drawn"] == pytest.approx(exact["support_bits"], rel=0.15)
    with torch.no_grad():
        coder.heads.weight.zero_()
    found = stability.measure(e, draws=20, points=40)
    assert found["support_bits_drawn_null"] > 0.1
    assert abs(found["support_bits_drawn"]) < 0.5 * found["support_bits_drawn_null"]
