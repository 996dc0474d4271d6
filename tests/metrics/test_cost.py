"""The cost of a code: FISTA at equal error in closed form, and times that are those of the calls."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Generator

from metrics.runs import CPU, PENALTIES, spec_of, untrained
from vscbench import model as models
from vscbench.coders.fista import Prepared, fista
from vscbench.metrics import cost
from vscbench.metrics.cost import equal_error, of_size, turn_about
from vscbench.metrics.evaluation import Evaluation, Past

if TYPE_CHECKING:
    from collections.abc import Callable

    from vscbench.data import Data


# -------------------------------------------------------------------- FISTA at equal error


def test_on_an_orthonormal_dictionary_one_iteration_is_enough(rng: Generator) -> None:
    """There FISTA's first iterate is the solution, soft(Aᵀx, λ): λ is a quantile of |Aᵀx|, the error a closed form."""
    atoms = torch.linalg.qr(torch.randn(32, 32, generator=rng)).Q
    x = torch.randn(300, 32, generator=rng)
    sizes = (x @ atoms).abs()
    penalty = float(sizes.flatten().sort().values[-960])  # of 9,600
    error = float(sizes.clamp(max=penalty).square().mean())
    found = equal_error(x, Prepared.of(atoms), 0.1, error * 1.001)
    assert found is not None
    assert found.iterations == 1
    assert found.penalty == pytest.approx(penalty, rel=2e-3)


def test_codes_that_no_lasso_is_as_good_as_are_not_reached(rng: Generator) -> None:
    """The same codes, not shrunk: hard thresholding is the best at a density, and soft thresholding off by Nλ² more."""
    atoms = torch.linalg.qr(torch.randn(32, 32, generator=rng)).Q
    x = torch.randn(300, 32, generator=rng)
    sizes = (x @ atoms).abs()
    kept = sizes >= sizes.flatten().sort().values[-960]
    assert equal_error(x, Prepared.of(atoms), 0.1, float((sizes * ~kept).square().mean())) is None


@pytest.mark.parametrize("iterations", [3, 17])
def test_the_iterations_of_fista_itself_are_found(rng: Generator, iterations: int) -> None:
    """Of its own codes after so many: as many, or a few less, as one percent more error is allowed."""
    atoms = torch.nn.functional.normalize(torch.randn(16, 40, generator=rng), dim=0)
    x = torch.randn(200, 40, generator=rng) * (torch.rand(200, 40, generator=rng) < 0.1) @ atoms.T
    prepared = Prepared.of(atoms)
    codes = fista(x, atoms, 0.05, iterations, 0.0).codes
    density, error = float(codes.ne(0).float().mean()), float((codes @ atoms.T - x).square().mean())
    found = equal_error(x, prepared, density, error * 1.01)
    assert found is not None
    assert 2 / 3 * iterations <= found.iterations <= max(iterations, 1.05 * iterations)
    again = fista(x, atoms, found.penalty, found.iterations, 0.0, prepared=prepared).codes
    assert float((again @ atoms.T - x).square().mean()) <= error * 1.02
    assert float(again.ne(0).float().mean()) == pytest.approx(density, rel=0.03)


# -------------------------------------------------------------------- times


def working(seconds: float, turns: list[int]) -> Callable[[int], None]:
    """A call that computes for so long, and notes its turn."""

    def call(turn: int) -> None:
        turns.append(turn)
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    return call


def test_times_are_of_the_calls_in_turn() -> None:
    """Waiting is no work; the first round is not counted, and there are as many as the time asks for."""
    one, three = [], []
    times = turn_about([working(0.001, one), working(0.003, three), lambda _: time.sleep(0.002)], 0.1, CPU)
    assert one == three == list(range(len(times) + 1))
    assert 15 <= len(times) <= 25
    assert np.median(times[:, 1] / times[:, 0]) == pytest.approx(3, rel=0.1)
    assert np.median(times[:, 2]) < 0.001
    assert len(turn_about([working(0, [])], 0, CPU)) == cost.FEWEST


def test_a_call_that_takes_too_long_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "PATIENCE", 0.002)
    turns: list[int] = []
    assert turn_about([working(0.003, turns)], 10, CPU).item() == pytest.approx(0.003, rel=0.5)
    assert turns == [0]


def evaluation(data: Data, coder: str, **settings: float) -> Evaluation:
    """An untrained coder whose specification is known."""
    spec = spec_of({"family": coder, **settings})
    made = models.build(spec, data.shape).eval()
    past = Past(spec, [], [])
    return Evaluation(made.coder, data, 0, CPU, samples=3, penalties=PENALTIES, past=past)


def test_a_run_is_timed_beside_fista_at_each_size(data: Data) -> None:
    """Each number once, and the threads are left as they were."""
    before = torch.get_num_threads()
    found = cost.measure(evaluation(data, "gaussian"), seconds=0.01, sizes=(64, 16))
    assert torch.get_num_threads() == before
    plain = {f"cost_{what}_{batch}" for what in ("seconds", "fista_seconds", "ratio") for batch in (1, 1000)}
    sized = {f"{name}_K{size}" for name in plain for size in (16, 64)}
    assert found.keys() == {"cost_fista_iterations", *plain, *sized}
    assert all(value > 0 for value in found.values())
    assert found["cost_seconds_1000"] < found["cost_seconds_1"]  # a batch shares what a call costs
    assert found["cost_ratio_1"] == pytest.approx(found["cost_fista_seconds_1"] / found["cost_seconds_1"], rel=1)


def test_sizes_stop_where_calls_take_too_long(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "PATIENCE", 0.0)
    found = cost.measure(evaluation(data, "gaussian"), seconds=0.01, sizes=(16, 32, 64))
    assert "cost_seconds_1_K16" in found
    assert not any(name.endswith(("K32", "K64")) for name in found)


def test_a_coder_of_another_size_is_of_the_same_settings(data: Data) -> None:
    coder = of_size(evaluation(data, "fista", penalty=0.3), 20)
    assert coder.penalty == 0.3
    assert coder.atoms is not None
    torch.testing.assert_close(coder.atoms.norm(dim=0), torch.ones(20))


def test_what_is_not_known_is_left_out(data: Data) -> None:
    """Sizes without a specification. Batches are of other data in each turn, repeated where they are few."""
    few = replace(data, test=data.test[:7])
    found = cost.measure(untrained({"family": "gaussian"}, few), seconds=0.01, sizes=(16,))
    assert not any("K16" in name for name in found)
    e = untrained({"family": "gaussian"}, few)
    np.testing.assert_array_equal(
        torch.cat([cost.following(e, 1)(turn) for turn in range(9)]), few.test[[*range(7), 0, 1]]
    )
    np.testing.assert_array_equal(cost.following(e, 10)(0), few.test[[*range(7), 0, 1, 2]])
    assert len(cost.following(e, 10)(3)) == 10
