"""What is planted is there, in the stated size, and nothing else is; and the tests are judged by it."""

from __future__ import annotations

import numpy as np
import pytest

from vscbench.metrics.dependence_controls import controls, entropy, planted, support_overlap
from vscbench.metrics.pairwise import pair_information, symbols


def test_supports_of_the_planted_size() -> None:
    n, k, density, bits = 100_000, 4, 0.2, 0.5
    codes = planted(n, k, density, "supports", bits, np.random.default_rng(0))
    shared = pair_information(symbols(codes, 1), 1)  # pairs 01 02 03 12 13 23
    assert shared[[1, 4]].sum() == pytest.approx(bits, rel=0.03)
    assert shared[[0, 2, 3, 5]].max() < 1e-4
    assert np.mean(codes != 0) == pytest.approx(density, rel=0.01)
    on = (codes[:, 0] != 0) & (codes[:, 2] != 0)
    assert abs(np.corrcoef(codes[on, 0], codes[on, 2])[0, 1]) < 3 / on.sum() ** 0.5


def test_values_of_the_planted_size() -> None:
    """Where both are on they are Gaussian with a correlation ρ, of -½ log₂(1 - ρ²) bits."""
    n, k, density, bits = 100_000, 4, 0.3, 0.1
    codes = planted(n, k, density, "values", bits, np.random.default_rng(0))
    on = (codes[:, 0] != 0) & (codes[:, 2] != 0)
    rho = np.corrcoef(codes[on, 0], codes[on, 2])[0, 1]
    assert k / 2 * density**2 * -0.5 * np.log2(1 - rho**2) == pytest.approx(bits, rel=0.05)
    assert pair_information(symbols(codes, 1), 1).max() < 1e-4
    assert codes[codes != 0].std() == pytest.approx(1, rel=0.01)


def test_supports_can_share_no_more_than_their_entropy() -> None:
    with pytest.raises(ValueError, match=r"share at most 0\.469 bits"):
        support_overlap(0.5, 0.1)
    with pytest.raises(ValueError, match="3 latents are odd"):
        planted(9, 3, 0.1, "none", 0.0, np.random.default_rng(0))
    assert entropy(0.5) == 1


def test_controls_at_a_studys_size() -> None:
    """At N = 4,000, K = 64 and density 0.1 one bit in 64 latents is found, whether of supports or of values."""
    none, supports, values = controls(4000, 64, 0.1, 0, bits=(1.0,), repetitions=5)
    assert (none.kind, none.bits, supports.kind, values.kind) == ("none", 0, "supports", "values")
    assert max(none.pairwise, none.supports, none.two_sample) <= 0.2
    assert abs(none.excess) < 0.1
    assert min(supports.pairwise, supports.supports, supports.two_sample) == 1
    assert supports.excess == pytest.approx(1, rel=0.15)
    assert values.pairwise == 1
    assert values.two_sample >= 0.6
    assert values.supports <= 0.2


def test_a_control_that_fails_says_so() -> None:
    """Ten codes in a thousand have both latents of a pair on: what values share cannot be seen."""
    values = controls(1000, 64, 0.1, 0, bits=(0.1,), repetitions=3)[-1]
    assert max(values.pairwise, values.two_sample) < 0.8


def test_rows_that_cannot_be_are_left_out() -> None:
    assert [row.kind for row in controls(64, 2, 1.0, 0, bits=(1.0,), repetitions=1)] == ["none", "values"]
    assert [row.kind for row in controls(64, 2, 0.1, 0, bits=(1.0,), repetitions=1)] == ["none", "values"]
