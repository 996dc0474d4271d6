"""Statistics of gradients: direct computations, simulations, and those of a run from a stored matrix."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor, nn

from metrics.runs import SETTINGS, loaded
from vscbench.coders.amortised import Amortised
from vscbench.files import read_json, write_json
from vscbench.metrics.gradients import Moments, Noise, bootstrap_median, measure, noise, stream

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from vscbench.data import Data

PASSES = SETTINGS["gradients"]["passes"]


def noisy_loss(parameters: list[nn.Parameter], rng: Generator) -> Tensor:
    """A loss whose gradient is noise around a mean; the first entry of the first parameter has no noise."""
    total = parameters[0].flatten()[0] * 3 - parameters[0].flatten()[0]
    for scale, parameter in enumerate(parameters, 1):
        direction = 0.3 * scale + scale * torch.randn(parameter.shape, generator=rng, dtype=parameter.dtype)
        keep = torch.ones_like(parameter)
        if scale == 1:
            keep.view(-1)[0] = 0
        total = total + (parameter * direction * keep).sum()
    return total


@pytest.mark.parametrize("passes", [2, 7, 300])
def test_gradient_statistics_computed_directly(passes: int) -> None:
    """Against a stored matrix of passes × parameters in float64."""
    rng = Generator().manual_seed(0)
    parameters = [
        nn.Parameter(torch.randn(shape, generator=rng, dtype=torch.float64)) for shape in ((3, 4), (5,), (2, 2))
    ]
    groups = {"first": parameters[:2], "second": parameters[2:]}
    source = Generator().manual_seed(1)
    found = stream(lambda: noisy_loss(parameters, source), groups, passes)
    source = Generator().manual_seed(1)
    rows: dict[str, list[NDArray[np.float64]]] = {"first": [], "second": []}
    for _ in range(passes):
        for parameter in parameters:
            parameter.grad = None
        noisy_loss(parameters, source).backward()
        for group, members in groups.items():
            rows[group].append(np.concatenate([p.grad.flatten().numpy() for p in members if p.grad is not None]))

    for group, moments in found.items():
        matrix = np.stack(rows[group])
        assert moments.count == passes
        mean, variance = matrix.mean(0), matrix.var(0, ddof=1)
        np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(moments.variance, variance, rtol=1e-10, atol=1e-14)
        vary = variance > 0
        assert vary.all() == (group == "second")
        ratio = np.abs(mean[vary]) / np.sqrt(variance[vary])
        result = noise(moments, np.random.default_rng(0))
        power = np.square(mean).sum() - variance.sum() / passes
        assert result.variance == pytest.approx(variance.mean())
        assert result.snr == pytest.approx(np.median(ratio))
        assert result.snr_low <= result.snr <= result.snr_high
        assert result.snr_null == pytest.approx(stats.norm.ppf(0.75) / passes**0.5, rel=1e-4)
        assert result.snr_unbiased == pytest.approx(np.sign(power) * (abs(power) / variance.sum()) ** 0.5)
        assert result.snr_published == pytest.approx((np.abs(mean) / (np.sqrt(variance) + 1e-9)).mean())


def test_moments_are_accurate_far_from_zero() -> None:
    """A sum of squares would lose the variance of gradients whose mean is large."""
    rng = Generator().manual_seed(0)
    rows = 1000 + 0.01 * torch.randn(500, 50, generator=rng, dtype=torch.float64)
    moments = Moments()
    for row in rows:
        moments.add(row)
    np.testing.assert_allclose(moments.variance, rows.var(0), rtol=1e-7)
    single = Moments()
    for row in rows.float():
        single.add(row)
    np.testing.assert_allclose(single.variance, rows.float().double().var(0), rtol=1e-2)


def moments_of(mean: NDArray[np.float64], std: float, passes: int, seed: int) -> Moments:
    """Moments of simulated gradients (D,)."""
    rng = np.random.default_rng(seed)
    moments = Moments()
    for _ in range(passes):
        moments.add(torch.from_numpy(mean + std * rng.normal(size=len(mean))))
    return moments


def test_signal_to_noise_of_pure_noise() -> None:
    """The null is the median of |mean|/std of noise alone; the unbiased ratio finds nothing there."""
    results = [noise(moments_of(np.zeros(5000), 3.0, 60, seed), np.random.default_rng(seed)) for seed in range(8)]
    for result in results:
        assert result.snr == pytest.approx(result.snr_null, rel=0.06)
        assert abs(result.snr_unbiased) < 0.3 * result.snr_null
        assert result.variance == pytest.approx(9, rel=0.03)
    # Cut at 0 their mean would be 0.02 or so: what is below 0 stays, and the mean is that of the truth.
    unbiased = [result.snr_unbiased for result in results]
    assert min(unbiased) < 0 < max(unbiased)
    assert abs(np.mean(unbiased)) < 3 * np.std(unbiased) / len(unbiased) ** 0.5
    assert np.mean([result.snr for result in results]) == pytest.approx(results[0].snr_null, rel=0.02)


@pytest.mark.parametrize("truth", [0.05, 0.5, 4.0])
def test_unbiased_signal_to_noise_is_near_the_truth(truth: float) -> None:
    """Also where the plain ratio is mostly bias."""
    mean = np.random.default_rng(1).normal(size=4000)
    std = float(np.sqrt(np.square(mean).mean())) / truth
    found = [noise(moments_of(mean, std, 50, seed), np.random.default_rng(0)) for seed in range(4)]
    assert np.mean([each.snr_unbiased for each in found]) == pytest.approx(truth, rel=0.1)
    if truth < 0.1:
        assert min(each.snr for each in found) > 1.5 * truth


def test_gradients_without_noise_have_no_ratio() -> None:
    moments = Moments()
    for _ in range(3):
        moments.add(torch.ones(4))
    result = noise(moments, np.random.default_rng(0))
    assert np.isnan([result.snr, result.snr_low, result.snr_high, result.snr_unbiased]).all()
    assert result.variance == 0


def test_bootstrap_interval_of_the_median() -> None:
    """Scipy's percentile interval of explicit resamples; it narrows as 1/√n and covers the truth 95 times in 100."""
    rng = np.random.default_rng(0)
    widths = {}
    for count in (101, 400, 6400):
        values = rng.exponential(size=count)
        low, high = bootstrap_median(values, rng)
        resampled = stats.bootstrap((values,), np.median, n_resamples=4000, method="percentile", rng=rng, batch=200)
        theirs = resampled.confidence_interval
        width = theirs.high - theirs.low
        assert low == pytest.approx(theirs.low, abs=0.15 * width)
        assert high == pytest.approx(theirs.high, abs=0.15 * width)
        assert low < np.median(values) < high
        widths[count] = np.mean([np.diff(bootstrap_median(rng.exponential(size=count), rng)) for _ in range(40)])
    assert widths[400] / widths[6400] == pytest.approx(4, rel=0.15)
    covered = np.mean(
        [low < np.log(2) < high for low, high in (bootstrap_median(rng.exponential(size=101), rng) for _ in range(500))]
    )
    assert 0.92 < covered < 0.98


def test_bootstrap_of_few_values() -> None:
    assert np.isnan(bootstrap_median(np.array([]), np.random.default_rng(0))).all()
    assert bootstrap_median(np.array([3.0]), np.random.default_rng(0)) == (3, 3)


@pytest.mark.parametrize("gate_estimator", ["straight_through", "gumbel"])
def test_gradients_of_a_run_computed_directly(
    spike_slab: Path, data: Data, tmp_path: Path, gate_estimator: str
) -> None:
    """Mean over batches of the statistics of a stored matrix; objective and schedules are put back.

    As at the end of training: a relaxed gate, which is hard at evaluation, is still relaxed.
    """
    run = shutil.copytree(spike_slab, tmp_path / "run")
    spec = read_json(run / "config.json")
    spec["coder"]["gate_estimator"] = gate_estimator
    write_json(run / "config.json", spec)
    e = loaded(run, data)
    assert isinstance(e.coder, Amortised)
    before, scheduled = e.coder.objective, vars(e.coder.family).copy()
    found = measure(e, passes=PASSES, batches=1, samples=(1, 3))
    assert e.coder.objective is before
    assert vars(e.coder.family) == scheduled
    e.coder.set_step(1 - 1e-9, 1)
    members = {name: list(e.coder.get_submodule(name).parameters()) for name in ("encoder", "heads", "generator")}
    parameters = {"inference": members["encoder"] + members["heads"], "generator": members["generator"]}
    for samples in (1, 3):
        source = e.rng(f"gradients {samples}")
        e.coder.objective = before.with_samples(samples)
        rows: dict[str, list[Tensor]] = {group: [] for group in parameters}
        for _ in range(PASSES):
            e.coder.zero_grad()
            e.coder.loss(e.x, source).value.mean().backward()
            for group, each in parameters.items():
                rows[group].append(torch.cat([p.grad.flatten() for p in each if p.grad is not None]))
        for group, gradients in rows.items():
            matrix = torch.stack(gradients).double().numpy()
            mean, std = matrix.mean(0), matrix.std(0, ddof=1)
            vary = std > 1e-12
            assert found[f"gradient_variance_{group}_j{samples}"] == pytest.approx((std**2).mean(), rel=1e-4)
            expected = np.median(np.abs(mean[vary]) / std[vary])
            assert found[f"gradient_snr_{group}_j{samples}"] == pytest.approx(expected, rel=1e-3)
    assert set(found) == {
        f"gradient_{field}_{group}_j{samples}"
        for field in Noise._fields
        for group in ("inference", "generator")
        for samples in (1, 3)
    }


def test_gradients_are_means_over_batches(spike_slab: Path, data: Data) -> None:
    """Two batches of 100, each with the noise that follows the one before."""
    data = replace(data, test=data.train[:200])
    one = measure(loaded(spike_slab, data), passes=PASSES, batches=1, samples=(1,))
    two = measure(loaded(spike_slab, data), passes=PASSES, batches=2, samples=(1,))
    e = loaded(spike_slab, data)
    assert isinstance(e.coder, Amortised)
    e.coder.objective = e.coder.objective.with_samples(1)
    source = e.rng("gradients 1")
    parameters = list(e.coder.generator.parameters())
    variances = []
    for batch in e.x.split(100):
        rows = [
            torch.autograd.grad(e.coder.loss(batch, source).value.mean(), parameters)[0].flatten()
            for _ in range(PASSES)
        ]
        variances.append(torch.stack(rows).double().var(0).mean().item())
    assert one["gradient_variance_generator_j1"] == pytest.approx(variances[0], rel=1e-4)
    assert two["gradient_variance_generator_j1"] == pytest.approx(np.mean(variances), rel=1e-4)
