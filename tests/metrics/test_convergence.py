"""The time to a share of the final value: closed forms, noise, and the curve of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from metrics.runs import CPU, PENALTIES, evaluation, spec_of, untrained
from vscbench.metrics import convergence
from vscbench.metrics.convergence import reached
from vscbench.metrics.evaluation import Evaluation, Past
from vscbench.training.run import train

if TYPE_CHECKING:
    from vscbench.data import Data


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_of_an_exponential_curve(share: float) -> None:
    """1 - exp(-t/τ) reaches a share at -τ log(1 - share); a line between points is off by less than 1/(8τ)."""
    curve = 1 - np.exp(-np.arange(1, 301) / 20)
    assert reached(curve.tolist(), share) == pytest.approx(-20 * np.log(1 - share), abs=1 / 100)
    assert reached((7 * curve).tolist(), share) == pytest.approx(reached(curve.tolist(), share))


def test_noise_and_an_outlier_hardly_move_it(rng: torch.Generator) -> None:
    """Noise of 2 % of the final value, whose least point in 200 is 6 % below it; an early spike is no arrival."""
    curve = 1 - torch.exp(-torch.arange(1, 301) / 20.0)
    noisy = curve + 0.02 * torch.randn(300, generator=rng)
    assert reached(noisy.tolist(), 0.9) == pytest.approx(20 * np.log(10), abs=6)
    for place, value in ((5, 1.0), (150, 0.0)):
        spiked = curve.clone()
        spiked[place] = value
        assert reached(spiked.tolist(), 0.9) == pytest.approx(20 * np.log(10), abs=0.1)


def test_a_dip_of_three_points_puts_it_off() -> None:
    """It counts from where the curve stays."""
    curve = [0.95, 1.0, 1.0, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0]
    assert reached(curve, 0.9) == pytest.approx(6 + 0.7 / 0.8)


@pytest.mark.parametrize(
    "curve", [[], [0.5], [0.2, 0.4], [-0.1] * 5, [0.5, 0.5, float("nan")], [1.0] * 9 + [0.2] * 3 + [3.0, 0.0, 0.0]]
)
def test_short_and_hopeless_curves(curve: list[float]) -> None:
    """The last ends below nine tenths of the mean of its last three points."""
    assert np.isnan(reached(curve, 0.9))


def past(explained: list[float], total: float, **known: Any) -> Past:
    rows = [{"step": 10.0 * (k + 1), "validation_mse_draw": (1 - value) * total} for k, value in enumerate(explained)]
    return Past({}, rows, **known)


def test_steps_and_seconds_are_read_off_the_same_curve(data: Data) -> None:
    """Half the way from the second epoch to the third; seconds need not be equal. Without a past nothing is said."""
    e = untrained({"family": "gaussian"}, data)
    assert not convergence.measure(e)
    total = float(np.square(data.validation.astype(float)).mean())
    explained = [0.25, 0.4, 0.5, 0.5, 0.5]
    e.past = past(explained, total, seconds=[1.0, 2.0, 5.0, 6.0, 7.0])
    expected = {"steps_to_90": 25, "seconds_to_90": 3.5, "steps_to_95": 27.5, "seconds_to_95": 4.25}
    assert convergence.measure(e) == pytest.approx(expected)
    e.past = past(explained, total, seconds=[])
    assert set(convergence.measure(e)) == {"steps_to_90", "steps_to_95"}
    e.past = past([-value for value in explained], total, seconds=[])
    assert not convergence.measure(e)


def test_of_a_training(data: Data) -> None:
    """FISTA's dictionary of these data has 90 % of its end within its 84 steps, and the seconds go with the steps."""
    spec = spec_of({"family": "fista", "penalty": 0.1}, epochs=4)
    run = train(spec, data, device=CPU)
    times = run.resources["epoch_seconds"]
    assert len(times) == len(run.history) == 4
    assert 0 < times[0] < times[3] <= run.resources["train_seconds"]
    e = Evaluation(run.model.coder, data, 0, CPU, samples=3, penalties=PENALTIES, past=Past(spec, run.history, times))
    found = convergence.measure(e)
    assert 0 < found["steps_to_90"] < found["steps_to_95"] <= 84
    inner = np.interp(found["steps_to_90"], [0, 21, 42, 63, 84], [0, *times])
    assert found["seconds_to_90"] == pytest.approx(inner)
    assert not convergence.measure(evaluation(run.model.coder, data))
