"""What is planted is there, in the stated size, and nothing else is; and the tests are judged by it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Generator

from vscbench.metrics.dependence_controls import (
    TESTS,
    controls,
    decides,
    entropy,
    measure,
    planted,
    support_overlap,
)
from vscbench.metrics.pairwise import LEVEL, pair_information, pair_tests, symbols
from vscbench.metrics.two_sample import two_sample_test

if TYPE_CHECKING:
    from vscbench.metrics.dependence_controls import Kind


def test_supports_of_the_planted_size() -> None:
    n, k, density, bits = 100_000, 4, 0.2, 0.5
    codes = planted(n, k, density, "supports", bits, np.random.default_rng(0))
    shared = pair_information(symbols(codes, 1), 1)[1]  # pairs 01 02 03 12 13 23
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
    assert pair_information(symbols(codes, 1), 1)[1].max() < 1e-4
    assert codes[codes != 0].std() == pytest.approx(1, rel=0.01)


def test_supports_can_share_no_more_than_their_entropy() -> None:
    with pytest.raises(ValueError, match=r"share at most 0\.469 bits"):
        support_overlap(0.5, 0.1)
    with pytest.raises(ValueError, match="3 latents are odd"):
        planted(9, 3, 0.1, "none", 0.0, np.random.default_rng(0))
    assert entropy(0.5) == 1


def test_controls_at_a_studys_size() -> None:
    """At N = 4,000, K = 128 and density 0.1 one bit in 128 latents is found, whether of supports or of values."""
    found = controls(4000, 128, 0.1, 0)
    assert [(kind, row.bits) for kind, row in found.items()] == [("none", 0), ("supports", 1), ("values", 1)]
    none, supports, values = found.values()
    assert max(none.detected.values()) < 0.5  # a mean statistic three standard errors above chance
    assert abs(none.excess) < 0.1
    assert min(supports.detected.values()) > 0.99
    assert supports.excess == pytest.approx(1, rel=0.15)
    assert supports.support_excess == pytest.approx(1, rel=0.1)
    assert values.detected["pair_bits"] > 0.9
    assert values.detected["support_pair_bits"] < 0.2
    decided = decides(found, dense=False)
    assert decided["pair_bits"]
    assert decided["support_pair_bits"]


def test_a_control_that_fails_decides_nothing() -> None:
    """At N = 1,000 ten codes have both latents of a pair on: what values share cannot be seen, nor 0.02 bits."""
    found = controls(1000, 64, 0.1, 0)
    assert found["values"].detected["pair_bits"] < 0.5
    assert decides(found, dense=False) == {"pair_bits": False, "support_pair_bits": True, "two_sample": False}
    few = controls(1000, 64, 0.1, 0, bits=0.02)
    assert not any(decides(few, dense=False).values())


def test_a_test_that_sees_what_is_not_there_decides_nothing() -> None:
    """And supports that cannot share what is planted, or that dense codes do not have, are no control passed."""
    found = controls(4000, 16, 1.0, 0)
    assert list(found) == ["none", "values"]
    assert decides(found, dense=True) == {"pair_bits": True, "support_pair_bits": False, "two_sample": True}
    assert not any(decides(found, dense=False).values())
    wrong = found | {"none": found["none"]._replace(detected=found["values"].detected)}
    assert not any(decides(wrong, dense=True).values())


@pytest.mark.parametrize(
    ("density", "kind", "bits"), [(0.2, "supports", 0.12), (1.0, "values", 0.2), (0.2, "none", 0.0)]
)
def test_the_power_is_that_of_many_trials(density: float, kind: Kind, bits: float) -> None:
    """Stated from a few codes, against how often tests of codes made anew detect; at half power where it matters."""
    n, k, runs = 600, 8, 120
    counted = np.zeros(3)
    for seed in range(runs):
        rng = np.random.default_rng((seed, 1))
        codes = planted(n, k, density, kind, bits, rng)
        tests = [*pair_tests(codes, rng), two_sample_test(codes, rng)]
        counted += [test.p < LEVEL for test in tests]
    stated = controls(n, k, density, 0, bits=bits or 1.0, repetitions=30)[kind].detected
    # The standard errors of the count, at most 0.046, and of the mean statistic, at most 0.4/√30 = 0.07.
    np.testing.assert_allclose(list(stated.values()), counted / runs, atol=0.15)


def test_measures_of_a_run() -> None:
    """By the size and density of its draws; latents that never change do not count."""
    codes = torch.from_numpy(planted(2000, 16, 0.3, "none", 0.0, np.random.default_rng(0)))
    e: Any = SimpleNamespace(x=codes, draw=codes, rng=lambda _: Generator().manual_seed(0))
    found = measure(e)
    assert found["control_bits"] == 1
    assert found["control_supports/pair_bits_excess"] == pytest.approx(1, rel=0.2)
    assert found["control_none/two_sample_accuracy"] == pytest.approx(0.5, abs=0.06)
    assert [found[f"{test}_decides"] for test in (*TESTS, "dependence")] == [1, 1, 1, 1]
    e.draw = torch.cat((codes, torch.zeros(2000, 16), torch.ones(2000, 1)), dim=1)
    assert measure(e) == found
    assert measure(e, bits=0.001)["dependence_decides"] == 0
    e.draw = codes[:, :1]
    assert measure(e) == {}
    e.draw = torch.zeros(2000, 3)
    e.draw[0, :2] = 1  # so sparse that codes of that density do not change at all
    assert not any(value for name, value in measure(e).items() if name.endswith("decides"))
    e.x = e.draw = codes[:31]
    assert not {name for name in measure(e) if name.endswith("accuracy")}
