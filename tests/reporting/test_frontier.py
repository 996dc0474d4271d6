"""Frontiers of reconstruction against density: mathematics with known answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from vscbench.reporting.frontier import (
    curve,
    efficient,
    envelope,
    overlap,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NAN = math.nan


def some_points(seed: int) -> tuple[Array, Array]:
    """Points of any number and order, some of equal density."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    return np.round(rng.uniform(0.06, 1, count), 1 + seed % 3), rng.normal(size=count)


SEEDS = range(30)


# -------------------------------------------------------------------- one frontier


def test_points_that_another_beats_are_not_efficient() -> None:
    density = [0.1, 0.2, 0.2, 0.3, 0.4, 0.1]
    fve = np.array([0.5, 0.4, 0.7, 0.7, 0.9, 0.5])
    assert efficient(density, -fve).tolist() == [True, False, True, False, True, True]


@pytest.mark.parametrize("seed", SEEDS)
def test_efficient_points_by_the_definition(seed: int) -> None:
    """Of two costs and of three, with ties."""
    density, fve = some_points(seed)
    rate = np.random.default_rng(seed + 100).integers(0, 3, len(fve))
    for costs in ((density, -fve), (density, -fve, rate)):
        points = list(zip(*costs, strict=True))
        expected = [not any(all(p <= q for p, q in zip(a, b, strict=True)) and a != b for a in points) for b in points]
        assert efficient(*costs).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_frontier_does_not_depend_on_the_order_of_points(seed: int) -> None:
    density, fve = some_points(seed)
    order = np.random.default_rng(seed + 1).permutation(len(fve))
    found, shuffled = curve(density, fve), curve(density[order], fve[order])
    np.testing.assert_array_equal(found.density, shuffled.density)
    np.testing.assert_allclose(found.value, shuffled.value)
    assert (np.diff(found.density) > 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_frontier_passes_through_every_point(seed: int) -> None:
    """And through the mean of those of one density."""
    density, fve = some_points(seed)
    expected = [fve[density == d].mean() for d in density]
    np.testing.assert_allclose(curve(density, fve).at(density), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_envelope_is_the_isotonic_regression_on_the_points(seed: int) -> None:
    measured = curve(*some_points(seed))
    found = envelope(measured)
    expected = IsotonicRegression().fit_transform(np.log(measured.density), measured.value)
    np.testing.assert_array_equal(found.density, measured.density)
    np.testing.assert_allclose(found.value, expected, atol=1e-12)


def test_a_falling_curve_measured_at_other_points_is_the_same_curve() -> None:
    """Audit A4: by the best at no more than a density the two differed by 0.03, with no spread at all."""
    densities = np.array([0.05, 0.1, 0.2, 0.4]), np.array([0.05, 0.07, 0.15, 0.3, 0.4])
    one, other = (curve(d, 0.3 - 0.08 * np.log(d / 0.05)) for d in densities)
    assert one.mean(0.05, 0.4) - other.mean(0.05, 0.4) == pytest.approx(0, abs=1e-12)
    for density in (0.06, 0.1, 0.25):
        assert one.at(density) - other.at(density) == pytest.approx(0, abs=1e-12)


def test_noise_around_a_flat_truth_gives_no_bias() -> None:
    """Audit A4: by a running maximum noise of 0.01 looked like 0.006 explained."""
    rng, density = np.random.default_rng(0), np.array([0.05, 0.1, 0.2, 0.4])
    found = np.array([curve(density, row).mean(0.05, 0.4) for row in 0.01 * rng.standard_normal((4000, 4))])
    error = found.std() / len(found) ** 0.5
    assert error < 1.5e-4
    assert abs(found.mean()) < 4 * error


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_extrapolated(seed: int) -> None:
    found = curve(*some_points(seed))
    low, high = found.range
    assert np.isnan(found.at([low * (1 - 1e-9), high * (1 + 1e-9)])).all()
    assert np.isfinite(found.at([low, high])).all()
    assert math.isnan(found.mean(low / 2, high))
    assert math.isnan(found.mean(low, 2 * high))


def test_between_points_the_value_is_linear_in_log_density() -> None:
    found = curve([0.4, 0.1], [0.6, 0.2])
    assert found.at([0.1, 0.2, 0.4]) == pytest.approx([0.2, 0.4, 0.6])


def test_where_more_density_loses_the_frontier_falls() -> None:
    found = curve([0.1, 0.2, 0.4], [0.5, 0.3, 0.7])
    assert found.at([0.1, 0.2, 0.4, math.sqrt(0.02)]) == pytest.approx([0.5, 0.3, 0.7, 0.4])


def test_codes_without_a_non_zero_or_a_number_have_no_place() -> None:
    found = curve([0, 0.1, 0.2, 0.4], [0.9, 0.2, NAN, 0.6])
    assert found.density.tolist() == [0.1, 0.4]
    empty = curve([0.0], [0.0])
    assert np.isnan(empty.at(0.1))
    assert all(math.isnan(end) for end in empty.range)


def test_area_of_known_shapes() -> None:
    line = curve([0.1, 1], [0, 1])  # value = 1 + log₁₀ density
    assert line.mean(0.1, 1) == pytest.approx(0.5)
    assert line.mean(0.1, 10**-0.5) == pytest.approx(0.25)
    step = curve([0.01, 0.1, 1], [0.2, 0.2, 0.6])
    assert step.mean(0.01, 1) == pytest.approx((0.2 + 0.4) / 2)
    assert math.isnan(line.mean(0.3, 0.3))


@pytest.mark.parametrize("seed", SEEDS)
def test_area_by_a_fine_grid(seed: int) -> None:
    found = curve(*some_points(seed))
    low, high = found.range
    if low < high:
        inner = (low * (high / low) ** 0.1, low * (high / low) ** 0.8)
        grid = np.geomspace(*inner, 20_001)[1:-1]
        assert found.mean(*inner) == pytest.approx(found.at(grid).mean(), abs=1e-3)


def test_range_common_to_curves() -> None:
    curves = [curve(d, [0, 1]) for d in ([0.05, 0.3], [0.1, 0.5], [0.02, 0.4])]
    assert overlap(curves) == (0.1, 0.3)
    assert overlap([*curves, curve([0.3, 0.6], [0, 1])]) is None
    assert overlap([]) is None
    assert overlap([curve([1.0], [0.4])]) is None
