"""What data say of the support: enumeration, and what a few draws seem to say."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vscbench.metrics.support import binary_entropy, measure, null_bits, stuck, support_information


def entropy(p: Tensor) -> float:
    return float(-(p[p > 0] * p[p > 0].log2()).sum())


def enumerated(p: Tensor) -> float:
    """I(s; x) of the whole support, x uniform over the rows of P(s_k = 1|x), by all 2^K supports."""
    supports = torch.tensor(list(product((0, 1), repeat=p.shape[1])), dtype=torch.bool)
    joint = torch.where(supports, p[:, None], 1 - p[:, None]).prod(2)  # (N, 2^K)
    return entropy(joint.mean(0)) - sum(entropy(row) for row in joint) / len(p)


def test_bits_are_those_of_enumeration() -> None:
    p = torch.tensor([[0.0, 0.3], [1.0, 0.3], [0.5, 0.9]]).double()
    found = support_information(p)
    for k in range(2):
        assert found.bits[k].item() == pytest.approx(enumerated(p[:, [k]]))
        assert found.spread[k].item() == pytest.approx(p[:, k].std(correction=0).item())
    assert found.entropy[0].item() == pytest.approx(1)


def test_the_sum_is_the_bits_of_the_whole_where_supports_are_independent_and_more_elsewhere() -> None:
    apart = torch.tensor([[a, b] for a in (0.1, 0.8) for b in (0.2, 0.6)]).double()
    assert support_information(apart).bits.sum().item() == pytest.approx(enumerated(apart))
    together = torch.tensor([[0.1, 0.2], [0.8, 0.6]]).double()
    assert support_information(together).bits.sum().item() > enumerated(together) + 0.01


def test_nothing_and_everything() -> None:
    """Controls: P that does not depend on x has exactly no bits, and a support that x decides has all there are."""
    constant = torch.rand(1, 50, generator=Generator().manual_seed(0)).expand(1000, -1)
    found = support_information(constant)
    assert found.bits.max() < 1e-12
    assert found.spread.max() < 1e-6
    decided = (torch.rand(1000, 50, generator=Generator().manual_seed(0)) < 0.1).float()
    found = support_information(decided)
    torch.testing.assert_close(found.bits, found.entropy)
    assert found.bits.mean().item() == pytest.approx(binary_entropy(torch.tensor(0.1)).item(), rel=0.05)


@pytest.mark.parametrize("draws", [1, 5, 20])
def test_what_draws_seem_to_say_of_nothing(draws: int, rng: Generator) -> None:
    p = torch.tensor([0.05, 0.3, 0.9])
    counts = torch.binomial(torch.full((20_000, 3), float(draws)), p.expand(20_000, 3), generator=rng)
    found = support_information(counts / draws)
    torch.testing.assert_close(null_bits(p, draws), found.bits, rtol=0.05, atol=0.002)
    # A planted dependence is what is left.
    high = torch.tensor([0.2, 0.6, 0.99])
    mixed = torch.stack((p, high)).repeat(10_000, 1)
    counts = torch.binomial(torch.full(mixed.shape, float(draws)), mixed, generator=rng)
    true = support_information(mixed)
    left = support_information(counts / draws).bits - null_bits(mixed.mean(0), draws)
    if draws == 20:
        torch.testing.assert_close(left, true.bits, rtol=0.2, atol=0.005)
    assert (left <= true.bits + 0.005).all()


def test_certainty_has_no_entropy_and_no_nan() -> None:
    assert support_information(torch.tensor([[0.0, 1.0]] * 3)).bits.tolist() == [0, 0]
    assert null_bits(torch.tensor([0.0, 1.0]), 5).abs().max() < 1e-12


def test_gates_that_are_stuck() -> None:
    """Stuck for 95 % of inputs; 94 % is not, and a gate that is open for half and shut for half is not."""
    p = torch.full((100, 5), 0.5)
    p[:95, 0], p[:94, 1], p[:, 2], p[:50, 3], p[50:, 3] = 0.999999, 0.999999, 1e-6, 1, 0
    assert stuck(p) == pytest.approx((20, 20))


class Coder:
    """A coder with a posterior whose P(z ≠ 0|x) is x itself, or with none."""

    def __init__(self, stochastic: bool) -> None:
        self.stochastic = stochastic

    def posterior(self, x: Tensor) -> Any:
        """What is asked of it."""
        return SimpleNamespace(active_prob=x, mean=x) if self.stochastic else None

    def encode(self, x: Tensor) -> Tensor:
        """Zero where x is a half."""
        return x - 0.5


def run(x: Tensor, stochastic: bool = True) -> Any:
    coder = Coder(stochastic)
    return SimpleNamespace(coder=coder, mean=coder.encode(x), chunks=lambda: x.split(3))


def test_measures_of_a_posterior() -> None:
    p = torch.tensor([[0.0, 0.25, 1.0, 0.0]] * 2 + [[1.0, 0.25, 1.0, 0.0]] * 2)
    found = measure(run(p))
    one = binary_entropy(torch.tensor(0.25)).item()
    assert found["support_bits"] == pytest.approx(1)
    assert found["support_bits_mean"] == pytest.approx(0.25)
    assert found["support_spread"] == pytest.approx(0.125)
    assert found["support_decided"] == pytest.approx(100 / (1 + one))
    assert (found["stuck_on"], found["stuck_off"]) == (25, 25)


def test_a_code_without_a_posterior_or_a_gate_has_no_stuck_gates() -> None:
    x = torch.tensor([[0.0, 0.5], [1.0, 1.0]])  # codes -0.5, 0; 0.5, 0.5
    found = measure(run(x, stochastic=False))
    assert found["support_bits"] == pytest.approx(1)
    assert found["support_decided"] == pytest.approx(100)
    assert "stuck_on" not in found
    dense = measure(run(torch.ones(4, 2)))
    assert dense == {"support_spread": 0, "support_bits": 0, "support_bits_mean": 0}
