"""Standard errors: what their intervals cover."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from vscbench.metrics.standard_errors import measure, over_data, over_repetitions

RUNS = 2000
"""Of which 95 % are within 1.5 points of 95 %, at three standard errors."""


def covered(sizes: list[int], *, clustered: bool, repetitions: bool = False) -> float:
    """Share of the intervals that have the true mean 0 in them, of values that clusters have half of in common."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    hits = 0
    for _ in range(RUNS):
        values = rng.standard_normal(len(sizes))[labels] + rng.standard_normal(len(labels))
        found = over_repetitions(values) if repetitions else over_data(values, labels if clustered else None)
        low, high = found.interval()
        hits += low < 0 < high
    return hits / RUNS


@pytest.mark.parametrize("sizes", [[1] * 30, [20] * 2, [20] * 10])
def test_intervals_by_cluster_keep_their_level_for_equal_sizes(sizes: list[int]) -> None:
    assert covered(sizes, clustered=True) == pytest.approx(0.95, abs=0.015)


def test_unequal_clusters_cover_less_and_ignoring_clusters_far_less() -> None:
    assert covered([5, 10, 20, 40, 80], clustered=True) == pytest.approx(0.85, abs=0.03)
    assert covered([20] * 10, clustered=False) < 0.6


@pytest.mark.parametrize("n", [3, 5])
def test_intervals_over_few_repetitions_keep_their_level(n: int) -> None:
    assert covered([1] * n, clustered=False, repetitions=True) == pytest.approx(0.95, abs=0.015)


def test_independent_points_have_the_textbook_error() -> None:
    values = np.random.default_rng(0).standard_normal(50)
    found = over_data(values)
    assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(50))
    assert over_data(values, np.arange(50)[::-1]) == pytest.approx(found)
    assert found.units == 50


def test_clusters_of_one_size_are_their_means() -> None:
    values = np.random.default_rng(0).standard_normal((6, 7))
    found = over_data(values.ravel(), np.repeat(["f", "b", "c", "d", "e", "a"], 7))
    assert found == pytest.approx(over_data(values.mean(1)))


def test_one_unit_has_no_error() -> None:
    assert math.isnan(over_data([1.0]).error)
    assert math.isnan(over_data([1.0, 2.0], [7, 7]).error)
    assert all(math.isnan(end) for end in over_repetitions([1.0]).interval())
    with pytest.raises(ValueError, match="no values"):
        over_data([])


def test_measures_of_a_run() -> None:
    values = torch.tensor([1.0, 2.0, 3.0])
    e: Any = SimpleNamespace(point_errors={"draw": values, "best": 2 * values}, clusters=None)
    assert measure(e) == pytest.approx({"mse_draw_se": 1 / 3**0.5, "mse_best_se": 2 / 3**0.5})
    e.clusters = np.array([0, 0, 1])
    assert measure(e)["mse_draw_se"] == over_data(values, e.clusters).error
