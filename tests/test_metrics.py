"""Metrics: each against a closed form, a direct computation or a simulation, and all of them on trained runs."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import distance
from sklearn.decomposition import PCA
from sklearn.metrics import mutual_info_score
from torch import Generator, Tensor, nn

from battery import BASE_SPECS, CODER_SPECS, SOLVER_SPECS, Spec, made_up, name
from conftest import STUDY
from vscbench import config as configs
from vscbench import model as models
from vscbench.coders import build_posterior
from vscbench.coders.amortised import Amortised
from vscbench.coders.fista import Fista, fista
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.threshold import Thresholded
from vscbench.data import Splits
from vscbench.data.splits import standardise
from vscbench.networks import Dictionary
from vscbench.metrics import (
    QUESTIONS,
    RESOURCES,
    Evaluation,
    collapse,
    dependence,
    evaluate,
    exactness,
    sparsity,
    stability,
)
from vscbench.metrics.baselines import baselines
from vscbench.metrics.collapse import collapsed
from vscbench.metrics.dependence import copula_total_correlation, entropy_bits, multi_information
from vscbench.metrics.gradients import Moments, Noise, bootstrap_median, noise, stream
from vscbench.metrics.gradients import measure as measure_gradients
from vscbench.metrics.sparsity import gini, hoyer, lifetime_sparsity
from vscbench.metrics.stability import jaccard
from vscbench.reporting.columns import TABLES
from vscbench.training.loop import train

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Codes = Any
CPU = torch.device("cpu")
IMAGE_QUESTIONS = ("generation", "attributes", "pictures")
SETTINGS = configs.EVALUATION_DEFAULTS | {
    "samples": 3,
    "penalties": [0.2, 2.0],
    "gradient_passes": 6,
    "gradient_batches": 2,
    "gradient_samples": [1, 3],
    "stability_draws": 4,
    "stability_patches": 10,
}


def run_spec(coder: Spec, **training: Any) -> dict[str, Any]:
    """The specification of a run of seconds with the coder of `coder`."""
    study = deepcopy(STUDY)
    study["methods"]["fista"] = coder
    study["experiments"]["recovery"]["training"] |= training
    return configs.run_spec(configs.check(study), "recovery", "fista", 0)


def trained(spec: dict[str, Any], splits: Splits, out: Path) -> Path:
    """The folder of a run, trained and evaluated."""
    train(spec, splits, out, out / "checkpoint.pt", CPU)
    evaluate(out, splits, SETTINGS, CPU)
    return out


def loaded(run: Path, splits: Splits, **settings: Any) -> Evaluation:
    """The evaluation of a trained run."""
    spec = json.loads((run / "config.json").read_text())
    model = models.load(spec, run / "weights.safetensors", splits.test.shape[1:], CPU)
    return Evaluation(model, splits, SETTINGS | settings, spec["seed"], CPU)


def content(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return found


@pytest.fixture(scope="module", params=CODER_SPECS, ids=name)
def run(request: pytest.FixtureRequest, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and evaluated run of each coder of the battery."""
    return trained(run_spec(request.param), splits, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def spike_slab(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and evaluated run of a sparse posterior."""
    return trained(run_spec({"family": "spike_slab"}), splits, tmp_path_factory.mktemp("spike_slab"))


def evaluation_of(codes: NDArray[np.float64], **settings: Any) -> Evaluation:
    """An evaluation whose every code is known: on an identity dictionary the lasso's solution is the data, shrunk."""
    size, shrink = codes.shape[1], 2.0**-20
    dictionary = Dictionary((size,), size)
    dictionary.atoms.data = torch.eye(size)
    x = torch.from_numpy(codes + shrink * np.sign(codes)).float()
    e = Evaluation(models.Model(dictionary, Fista(penalty=shrink)), made_up(x), SETTINGS | settings, 0, CPU)
    torch.testing.assert_close(e.best.numpy(), codes.astype(np.float32), rtol=0, atol=1e-6)
    assert torch.equal(e.best != 0, torch.from_numpy(codes != 0))
    return e


# -------------------------------------------------------------------- sparsity

K = 16


def some_equal(count: int, size: int = K) -> Tensor:
    return torch.cat((torch.ones(count), torch.zeros(size - count))).double()


@pytest.mark.parametrize(
    ("codes", "expected_hoyer", "expected_gini"),
    [
        (torch.ones(K), 0, 0),
        (some_equal(1), 1, 1 - 1 / K),
        (some_equal(4), (4 - 2) / (4 - 1), 1 - 4 / K),
        (torch.arange(1, K + 1.0), (4 - (3 * K * (K + 1) / (2 * (2 * K + 1))) ** 0.5) / 3, (K - 1) / (3 * K)),
    ],
    ids=["uniform", "one", "four_equal", "ramp"],
)
@pytest.mark.parametrize("scale", [1, -7.5, 1e-6])
def test_hoyer_and_gini_of_known_vectors(
    codes: Tensor, expected_hoyer: float, expected_gini: float, scale: float, rng: Generator
) -> None:
    """Whatever the scale, the order and the signs of the entries."""
    signs = torch.randint(2, (K,), generator=rng) * 2 - 1
    changed = scale * (codes.double() * signs)[torch.randperm(K, generator=rng)]
    assert hoyer(changed).item() == pytest.approx(expected_hoyer, abs=1e-12)
    assert gini(changed).item() == pytest.approx(expected_gini, abs=1e-12)


def test_gini_is_the_mean_difference(rng: Generator) -> None:
    """Σ_ij |a_i - a_j| / (2 K Σ a), of each row."""
    codes = torch.randn(5, K, generator=rng, dtype=torch.float64)
    size = codes.abs()
    differences = (size[:, :, None] - size[:, None, :]).abs().sum((1, 2))
    torch.testing.assert_close(gini(codes), differences / (2 * K * size.sum(1)))


@pytest.mark.parametrize("measure", [hoyer, gini, lambda codes: lifetime_sparsity(codes.T)])
def test_the_zero_code_has_no_sparsity(measure: Any) -> None:
    codes = torch.stack((torch.zeros(K), some_equal(2).float()))
    assert measure(codes).isnan().tolist() == [True, False]


@pytest.mark.parametrize("active", [1, 3, 20])
def test_lifetime_sparsity_of_known_latents(active: int) -> None:
    """(1 - m/N)/(1 - 1/N) for m equal responses to N data points: 1 for one, 0 for all."""
    codes = some_equal(active, 20)[:, None] * torch.tensor([1.0, -3.0, 1e-3])
    expected = (1 - active / 20) / (1 - 1 / 20)
    np.testing.assert_allclose(lifetime_sparsity(codes), expected, atol=1e-12)


def test_measures_of_sparsity_of_known_codes() -> None:
    """Four data points of four latents: a dead unit, a zero code, a coefficient that is small."""
    codes = np.array([[0, 2.0, 0, 0], [0, 0, 0, 0], [0, 1, -0.005, 0], [0, 1, 0, -3]])
    found = sparsity.measure(evaluation_of(codes))
    expected = {
        "density": 5 / 16,
        "density_spread": np.std([1, 0, 2, 2], ddof=1) / 4,
        "density_best": 5 / 16,
        "density_above_small": 4 / 16,
        "zero_codes": 25,
        "l1": (2 + 0 + 1.005 + 4) / 4,
        "hoyer": np.mean([1, 2 - 1.005 / np.hypot(1, 0.005), 2 - 4 / 10**0.5]),
        "gini": np.mean([3 / 4, 1 - 2 * (0.005 * 1.5 + 0.5) / 4 / 1.005, 1 - 2 * (1.5 + 3 * 0.5) / 4 / 4]),
        "lifetime_sparsity": np.mean([(1 - 1 / 1.5) / 0.75, 1, 1]),
        "dead_units": 25,
        "active_units": 50,
    }
    assert found.keys() == expected.keys()
    for measure, value in expected.items():
        assert found[measure] == pytest.approx(value, abs=2e-5), measure


# -------------------------------------------------------------------- collapse


def test_collapse_of_made_up_values() -> None:
    """A latent has collapsed where 95 % of its values are 0.01 or less."""
    values = torch.full((100, 8), 5.0)
    for latent, small in enumerate((100, 96, 95, 94, 50, 5, 1, 0)):
        values[:small, latent] = 0.01 if latent % 2 else -3.0
    assert collapsed(values) == 100 * 3 / 8
    assert collapsed(torch.full((10, 4), 0.0101)) == 0


def test_collapse_of_single_draws_and_of_selected_ones(splits: Splits) -> None:
    """Near a density of 5 % the two differ; the posterior's is of its divergence."""
    spec = run_spec({"family": "gaussian", "threshold": "fixed", "threshold_value": 2.0})
    model = models.build(spec, splits.train.shape[1:])
    e = Evaluation(model, splits._replace(test=splits.train), SETTINGS, 0, CPU)
    found = collapse.measure(e)
    assert e.kl is not None
    expected = {"coefficient_collapse": e.best, "coefficient_collapse_draw": e.draw, "posterior_collapse": e.kl}
    for measure, values in expected.items():
        small = (values.abs() <= 0.01).double().mean(0)
        assert found[measure] == pytest.approx(100 * (small >= 0.95).double().mean().item()), measure
    assert len({found[measure] for measure in expected}) == 3


# -------------------------------------------------------------------- dependence

AUTHORS_EDGES = np.sort([*np.linspace(-2, 2, 20), -1e-50, 1e-50])


def direct_multi_information(codes: NDArray[np.float64]) -> float:
    """Σ H(z_k) - H(z) by scipy's entropy of digitised codes."""
    symbols = np.digitize(codes, AUTHORS_EDGES)

    def entropy(rows: NDArray[np.int64]) -> float:
        return float(stats.entropy(np.unique(rows, axis=0, return_counts=True)[1], base=2))

    return sum(entropy(column) for column in symbols.T) - entropy(symbols)


@pytest.mark.parametrize(
    ("codes", "bits"),
    [
        ([[0, 0], [0, 0], [1, 1], [1, 1]], 1),
        ([[0, 0], [0, 1], [1, 0], [1, 1]], 0),
        ([[0.0, 0.05], [0.05, 0.0], [0.0, 0.05], [0.05, 0.0]], 1),
        ([[0.02, 0.05], [0.05, 0.02], [0.02, 0.02], [0.05, 0.05]], 0),
        ([[-0.01, 1], [0, 0], [0.01, -1], [3, 5]], 2),
        ([[2.5, -7], [9, -3]], 0),
        ([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]], 1),
    ],
    ids=["equal", "independent", "zero_has_a_bin", "one_bin_around_zero", "signs", "tails", "parity"],
)
def test_multi_information_by_hand(codes: Codes, bits: float) -> None:
    assert multi_information(np.array(codes, dtype=float)) == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize(("count", "latents"), [(50, 2), (400, 3), (300, 9)])
def test_multi_information_computed_directly(count: int, latents: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(count, latents)) * (rng.random((count, latents)) < 0.4)
    codes[:, 1] = np.where(rng.random(count) < 0.5, codes[:, 0], codes[:, 1])
    found = multi_information(codes)
    assert found == pytest.approx(direct_multi_information(codes), abs=1e-9)
    if latents == 2:
        nats = mutual_info_score(*np.digitize(codes, AUTHORS_EDGES).T)
        assert found == pytest.approx(nats / np.log(2), abs=1e-9)


def test_entropy_of_counts() -> None:
    assert entropy_bits(np.array([4, 0, 2, 2])) == 1.5
    assert entropy_bits(np.array([7])) == 0


def test_joint_entropy_saturates_at_the_number_of_samples() -> None:
    """With many latents each code is unique: dependence changes nothing, independent latents score hundreds of bits."""
    rng = np.random.default_rng(0)
    independent = rng.normal(scale=0.3, size=(1000, 200))
    dependent = independent[:, :1] + 1e-3 * rng.normal(size=(1000, 200))
    for codes in (independent, dependent):
        codes[:, :3] = rng.normal(size=(1000, 3))  # enough to make each code unique
        symbols = np.digitize(codes, AUTHORS_EDGES)
        marginal = sum(entropy_bits(np.bincount(column)) for column in symbols.T)
        assert multi_information(codes) == pytest.approx(marginal - np.log2(1000), abs=1.0)
    shuffled = rng.permuted(dependent, axis=0)
    assert multi_information(independent) > 300
    assert multi_information(dependent) - multi_information(shuffled) < 1.0
    assert copula_total_correlation(dependent, rng) - copula_total_correlation(shuffled, rng) > 1000


PRIORS: dict[str, tuple[Spec, dict[str, float], float]] = {
    "gaussian": ({"family": "gaussian"}, {"log_variance": np.log(0.1)}, 733.6),
    "laplacian": ({"family": "laplacian"}, {"log_scale": np.log(0.1)}, 535.3),
    "spike_slab": ({"family": "spike_slab"}, {"log_variance": np.log(0.1), "spike": np.log(0.1)}, 180.9),
    "gaussian_thresh": (
        {"family": "gaussian", "threshold": "fixed", "threshold_value": 0.52},
        {"log_variance": np.log(0.1)},
        166.6,
    ),
}


@pytest.mark.parametrize(("spec", "prior", "bits"), PRIORS.values(), ids=PRIORS.keys())
def test_independent_prior_draws_score_the_published_bits(
    spec: Spec, prior: dict[str, float], bits: float, rng: Generator
) -> None:
    """The published multi-information of 16,000 codes of 256 latents is that of no dependence at all (spec 3)."""
    posterior = build_posterior(spec)
    params = {head: torch.full((16_000, 256), prior.get(head, 0.0)) for head in posterior.heads}
    with torch.no_grad():
        codes = posterior.codes(params, posterior.noise(params, 1, rng))[0]
    assert multi_information(codes.double().numpy()) == pytest.approx(bits, rel=0.01)


def test_excess_over_shuffled_codes() -> None:
    """Near zero for independent latents, which multi-information alone is not; positive for dependent ones."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 4)) * (rng.random((2000, 4)) < 0.5)
    independent = dependence.measure(evaluation_of(codes))
    together = np.repeat(codes[:, :2], 2, axis=1)
    dependent = dependence.measure(evaluation_of(together * [1, 0.5, 1, -1]))
    for measure in ("multi_information", "copula_correlation"):
        for found in (independent, dependent):
            difference = float(found[measure]) - float(found[f"{measure}_null"])
            assert found[f"{measure}_excess"] == pytest.approx(difference)
        assert abs(float(independent[f"{measure}_excess"])) < 0.15
        assert float(dependent[f"{measure}_excess"]) > 0.5
    assert float(independent["multi_information"]) > 0.5  # the bias that the null takes away


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.3, 0.9])
def test_copula_total_correlation_of_a_gaussian(correlation: float) -> None:
    """-½ log₂ det R; of any increasing function of the latents too."""
    R = np.eye(4)
    R[0, 1] = R[1, 0] = correlation
    R[2, 3] = R[3, 2] = 0.4
    codes = np.random.default_rng(0).multivariate_normal(np.zeros(4), R, size=20_000)
    expected = -0.5 * np.log2(np.linalg.det(R))
    found = copula_total_correlation(codes, np.random.default_rng(1))
    assert found == pytest.approx(expected, rel=0.05, abs=0.002)
    bent = np.stack((np.exp(codes[:, 0]), codes[:, 1] ** 3, 5 * codes[:, 2] - 2, np.arctan(codes[:, 3])), axis=1)
    assert copula_total_correlation(bent, np.random.default_rng(1)) == pytest.approx(found, abs=1e-9)


def test_copula_leaves_constant_latents_out() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 3)) * (rng.random((500, 3)) < 0.3)
    with_constants = np.column_stack((np.zeros(500), codes, np.ones(500)))
    one, other = (copula_total_correlation(each, np.random.default_rng(1)) for each in (codes, with_constants))
    assert one == pytest.approx(other, abs=1e-12)
    assert copula_total_correlation(with_constants[:, [0, 1, 4]], rng) == 0


@pytest.mark.parametrize("density", [0.05, 0.3])
def test_copula_of_independent_sparse_codes_is_near_zero(density: float) -> None:
    """Exact zeros are ties: an order that latents share would correlate them."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(4000, 5)) * (rng.random((4000, 5)) < density)
    by_chance = 10 / (2 * 4000 * np.log(2))  # a bit for each of the ten pairs: r² is 1/N on average
    assert 0 < copula_total_correlation(codes, rng) < 4 * by_chance


# -------------------------------------------------------------------- gradients


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
        assert result.snr_unbiased == pytest.approx((max(power, 0) / variance.sum()) ** 0.5)
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
        assert result.snr_unbiased < 0.3 * result.snr_null
        assert result.variance == pytest.approx(9, rel=0.03)
    assert min(result.snr_unbiased for result in results) == 0
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
    spike_slab: Path, splits: Splits, tmp_path: Path, gate_estimator: str
) -> None:
    """Mean over batches of the statistics of a stored matrix; objective and ramps are put back.

    As at the end of training: a relaxed gate, which is hard at evaluation, is still relaxed.
    """
    run = shutil.copytree(spike_slab, tmp_path / "run")
    spec = json.loads((run / "config.json").read_text())
    spec["coder"]["gate_estimator"] = gate_estimator
    (run / "config.json").write_text(json.dumps(spec))
    e = loaded(run, splits, gradient_batches=1)
    assert isinstance(e.coder, Amortised)
    before, heat = e.coder.objective, vars(e.coder.posterior).copy()
    found = measure_gradients(e)
    assert e.coder.objective is before
    assert vars(e.coder.posterior) == heat
    e.coder.at(1 - 1e-9, 1)
    for samples in (1, 3):
        source = e.rng(f"gradients {samples}")
        e.coder.objective = before.with_samples(samples)
        parameters = {"inference": list(e.coder.parameters()), "generator": list(e.generator.parameters())}
        rows: dict[str, list[Tensor]] = {group: [] for group in parameters}
        for _ in range(SETTINGS["gradient_passes"]):
            e.model.zero_grad()
            e.coder.loss(e.x, e.generator, source).value.mean().backward()
            for group, members in parameters.items():
                rows[group].append(torch.cat([p.grad.flatten() for p in members if p.grad is not None]))
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


def test_gradients_are_means_over_batches(spike_slab: Path, splits: Splits) -> None:
    """Two batches of 100, each with the noise that follows the one before."""
    splits = splits._replace(test=splits.train[:200])
    one = measure_gradients(loaded(spike_slab, splits, gradient_batches=1, gradient_samples=[1]))
    two = measure_gradients(loaded(spike_slab, splits, gradient_batches=2, gradient_samples=[1]))
    e = loaded(spike_slab, splits)
    assert isinstance(e.coder, Amortised)
    e.coder.objective = e.coder.objective.with_samples(1)
    source = e.rng("gradients 1")
    parameters = list(e.generator.parameters())
    variances = []
    for batch in e.x.split(100):
        rows = [
            torch.autograd.grad(e.coder.loss(batch, e.generator, source).value.mean(), parameters)[0].flatten()
            for _ in range(SETTINGS["gradient_passes"])
        ]
        variances.append(torch.stack(rows).double().var(0).mean().item())
    assert one["gradient_variance_generator_j1"] == pytest.approx(variances[0], rel=1e-4)
    assert two["gradient_variance_generator_j1"] == pytest.approx(np.mean(variances), rel=1e-4)


# -------------------------------------------------------------------- stability


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


def test_support_agreement_of_a_run(spike_slab: Path, splits: Splits) -> None:
    """Of draws, of selected draws and, for the null, of draws that never belong to the same data point."""
    e = loaded(spike_slab, splits)
    found = stability.measure(e)
    rng, x = e.rng("stability"), e.x[: SETTINGS["stability_patches"]]
    draws = (e.coder.sample(x, e.generator, SETTINGS["stability_draws"], rng) != 0).numpy()
    best = [e.coder.best(x, e.generator, SETTINGS["samples"], rng) != 0 for _ in range(SETTINGS["stability_draws"])]

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
        assert by_patch.shape == (SETTINGS["stability_patches"],)
        assert by_patch.mean() == pytest.approx(found[f"jaccard_{each}"], abs=1e-6)


# -------------------------------------------------------------------- baselines


@pytest.fixture(scope="module")
def white() -> Splits:
    """Correlated data, z-scored as real data are."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(20, 20)) * np.linspace(2, 0.1, 20)
    parts = [rng.laplace(size=(count, 20)) @ mixing.T + 3 for count in (500, 50, 100)]
    return Splits(*standardise(*parts), truth={})


@pytest.mark.parametrize("latents", [10, 20, 50])
def test_baselines_computed_directly(white: Splits, latents: int) -> None:
    """The zero code scores ½‖x‖²; PCA is sklearn's, with as many components as fit."""
    found = baselines(white, latents, [20, 0.5])
    x = white.test.astype(np.float64)
    energy = np.square(x).sum(1).mean()
    expected_components = {"zero_code": 0, "pca_same_size": min(latents, 20), "pca_same_density": latents // 10}
    curve = {10: (1, 2, 5, 10), 20: (1, 2, 4, 10, 20), 50: (2, 5, 10, 20)}[latents]  # of 5, 10, 20, 50, 100 %
    expected_components |= {f"pca@components={count}": count for count in curve}
    assert found.keys() == expected_components.keys()
    for method, components in expected_components.items():
        codes, rebuilt = np.zeros((len(x), 1)), np.zeros_like(x)
        if components:
            pca = PCA(components).fit(white.train)
            codes = pca.transform(x)
            rebuilt = pca.inverse_transform(codes)
        mse, l1 = np.square(x - rebuilt).mean(), np.abs(codes).sum(1).mean()
        measures = found[method]
        assert measures["density"] == pytest.approx(components / latents)
        assert measures["l1"] == pytest.approx(l1, rel=1e-4)
        for code in ("draw", "mean", "best"):
            assert measures[f"mse_{code}"] == pytest.approx(mse, abs=1e-5)
            assert measures[f"fve_{code}"] == pytest.approx(1 - mse / np.square(x).mean(), abs=1e-5)
            for penalty in (20, 0.5):
                objective = 0.5 * 20 * mse + penalty * l1
                assert measures[f"lasso{penalty:g}_{code}"] == pytest.approx(objective, rel=1e-4)
    assert found["zero_code"]["lasso20_best"] == pytest.approx(0.5 * energy)
    assert found["zero_code"]["lasso0.5_best"] == pytest.approx(0.5 * energy)


# -------------------------------------------------------------------- all questions on trained runs


def test_every_question_is_answered_with_finite_numbers(run: Path, splits: Splits) -> None:
    e = loaded(run, splits)
    answers = {question: answer(e) for question, answer in QUESTIONS.items()}
    for question, found in answers.items():
        stochastic_only, of_images = question in ("gradients", "stability", "bounds"), question in IMAGE_QUESTIONS
        unbounded = question == "bounds" and isinstance(e.coder, Amortised) and not e.coder.bounded
        expected = (e.coder.stochastic or not stochastic_only) and not of_images and not unbounded
        if question == "exactness":
            expected = isinstance(e.coder, Amortised) and isinstance(e.coder.posterior, Thresholded)
            if expected and isinstance(e.coder.posterior.base, Laplacian):  # 1 % of all samples are further away
                assert found["spike_slab_distance"] < 1.63 / exactness.CODES**0.5
        assert bool(found) == expected, question
        for measure, value in found.items():
            assert np.isfinite(value).all(), measure
    names = [measure for found in answers.values() for measure in found]
    assert len(names) == len(set(names))


def test_metrics_of_a_run_computed_directly(run: Path, splits: Splits) -> None:
    """Reconstruction, lasso objectives and collapse by their formulas, in float64."""
    found, e = content(run)["metrics"], loaded(run, splits)
    x, atoms = e.x.double(), e.generator.atoms.detach().double()
    power = x.square().mean().item()
    for code, z in e.codes.items():
        residual = x - z.double() @ atoms.T
        assert found[f"mse_{code}"] == pytest.approx(residual.square().mean().item(), rel=1e-4)
        assert found[f"fve_{code}"] == pytest.approx(1 - residual.square().mean().item() / power, abs=1e-4)
        for penalty in SETTINGS["penalties"]:
            objective = 0.5 * residual.square().sum(1) + penalty * z.double().abs().sum(1)
            assert found[f"lasso{penalty:g}_{code}"] == pytest.approx(objective.mean().item(), rel=1e-4)
    for measure, z in (("coefficient_collapse", e.best), ("coefficient_collapse_draw", e.draw)):
        small = (z.abs() <= 0.01).double().mean(0)
        assert found[measure] == pytest.approx(100 * (small >= 0.95).double().mean().item())
    nonzero = e.draw.ne(0).double()
    density, active = nonzero.mean().item(), e.mean.double().var(0) > 0.01
    assert found["density"] == pytest.approx(density)
    assert found["density_spread"] == pytest.approx(nonzero.mean(1).std().item(), abs=1e-6)
    assert found["density_best"] == pytest.approx(e.best.ne(0).double().mean().item())
    assert found["density_above_small"] == pytest.approx((e.draw.abs() > 0.01).double().mean().item())
    assert found["l1"] == pytest.approx(e.draw.double().abs().sum(1).mean().item(), rel=1e-4)
    assert found["dead_units"] == pytest.approx(100 * (nonzero.sum(0) == 0).double().mean().item())
    assert found["active_units"] == pytest.approx(100 * active.double().mean().item())
    if e.kl is None:
        assert not {"posterior_collapse", "kl"} & found.keys()
        return
    small = (e.kl <= 0.01).double().mean(0)
    assert found["posterior_collapse"] == pytest.approx(100 * (small >= 0.95).double().mean().item())
    assert found["kl"] == pytest.approx(e.kl.double().sum(1).mean().item(), rel=1e-4)
    assert found["mse_best"] <= found["mse_draw"] + 1e-6  # three draws against one, over 30 data points


def test_no_code_is_better_than_fistas(run: Path) -> None:
    """The lasso's optimum on the run's own dictionary, to the tolerance of the solver."""
    found = content(run)["metrics"]
    for penalty in SETTINGS["penalties"]:
        optimum = found[f"lasso{penalty:g}_fista"]
        assert optimum > 0
        for code in ("draw", "mean", "best"):
            assert found[f"lasso{penalty:g}_{code}"] > optimum * (1 - 1e-3)
        gap = found[f"lasso{penalty:g}_best"] - optimum
        assert found[f"lasso{penalty:g}_gap"] == pytest.approx(gap, abs=1e-6)


@pytest.mark.parametrize("spec", SOLVER_SPECS, ids=name)
def test_solver_has_no_gap_at_its_own_penalty(spec: Spec, splits: Splits, tmp_path: Path) -> None:
    run = trained(run_spec(spec | {"penalty": 0.2}), splits, tmp_path)
    found = content(run)["metrics"]
    exact = spec["family"] == "fista"
    assert found["lasso0.2_gap"] == pytest.approx(0, abs=0 if exact else 1e-3 * found["lasso0.2_fista"])
    assert found["lasso2_gap"] > 0
    assert found["mse_draw"] == found["mse_mean"] == found["mse_best"]
    e = loaded(run, splits)
    if exact:
        assert torch.equal(e.best, fista(e.x, e.generator.atoms.detach(), 0.2).codes)


def test_evaluation_repeats_itself(run: Path, splits: Splits, tmp_path: Path) -> None:
    """Same numbers and arrays from the same weights, whatever was drawn in between."""
    again = shutil.copytree(run, tmp_path / "again")
    for name_ in ("metrics.json", "arrays.npz"):
        (again / name_).unlink()
    torch.rand(3)
    evaluate(again, splits, SETTINGS, CPU)
    assert content(again) == content(run)
    with np.load(run / "arrays.npz") as one, np.load(again / "arrays.npz") as other:
        assert set(one) == set(other)
        for array in one:
            np.testing.assert_array_equal(one[array], other[array])


def test_same_run_trained_twice_differs_in_resources_alone(splits: Splits, spike_slab: Path, tmp_path: Path) -> None:
    found = content(trained(run_spec({"family": "spike_slab"}), splits, tmp_path))
    expected = content(spike_slab)
    for each in (found, expected):
        for resource in RESOURCES:
            assert each["metrics"].pop(resource) > 0
    assert found == expected


def test_files_of_an_evaluated_run(spike_slab: Path, splits: Splits) -> None:
    found, spec = content(spike_slab), json.loads((spike_slab / "config.json").read_text())
    assert (found["status"], found["key"], found["step"]) == ("completed", configs.run_key(spec), 42)
    assert found["settings"] == SETTINGS
    assert all(np.isfinite(value) for value in found["metrics"].values())
    assert found["metrics"]["train_seconds"] > 0
    with np.load(spike_slab / "arrays.npz") as arrays:
        assert set(arrays) == {"jaccard_draw_by_patch", "jaccard_best_by_patch", "recovery_reliability"}
    e = loaded(spike_slab, splits)
    for answer in QUESTIONS.values():
        for measure, value in answer(e).items():
            if not isinstance(value, np.ndarray):
                assert found["metrics"][measure] == value


def test_run_that_diverged_has_its_status_and_no_metrics(splits: Splits, tmp_path: Path) -> None:
    huge = {"initial": 1e12, "final": 1e12}
    run = trained(run_spec({"family": "gaussian"}, encoder_rate=huge, dictionary_rate=huge), splits, tmp_path)
    status, found = json.loads((run / "status.json").read_text()), content(run)
    assert status["status"] == "diverged"
    assert {key: found[key] for key in status} == status
    assert set(found["metrics"]) == set(RESOURCES)
    with np.load(run / "arrays.npz") as arrays:
        assert not list(arrays)


def test_what_is_not_a_number_is_left_out(splits: Splits, tmp_path: Path) -> None:
    """A penalty so large that every code is zero: there is no Hoyer sparsity, and the file stays valid JSON."""
    run = trained(run_spec({"family": "fista", "penalty": 1e6}), splits, tmp_path)
    found = content(run)["metrics"]
    assert not {"hoyer", "gini", "lifetime_sparsity"} & found.keys()
    assert found["zero_codes"] == found["dead_units"] == found["coefficient_collapse"] == 100
    assert found["density"] == 0
    assert found["lasso2_best"] == pytest.approx(0.5 * np.square(splits.test).sum(1).mean(), rel=1e-5)


RAMPS = [
    {"family": "laplacian", "noise_warmup": {"initial": 0.1, "final": 1, "start": 0.5}},
    {"family": "laplacian", "threshold": "fixed", "threshold_value": 0.1, "noise_warmup": {"initial": 0.1, "final": 1}},
    {
        "family": "spike_slab",
        "noise_warmup": {"initial": 0.1, "final": 1, "start": 0.5},
        "temperature": {"initial": 1, "final": 0.1, "shape": "geometric"},
    },
    {"family": "fista", "penalty": 1.0, "penalty_warmup": {"initial": 0.1, "final": 1, "end": 0.5}},
]


@pytest.mark.parametrize("spec", RAMPS, ids=name)
def test_ramps_in_steps_are_evaluated_where_training_leaves_them(spec: Spec, splits: Splits, tmp_path: Path) -> None:
    """A ramp in steps makes the same run as the same ramp in fractions of the 42 steps, curves and metrics included."""
    in_steps = deepcopy(spec)
    for ramp in in_steps.values():
        if isinstance(ramp, dict):
            ramp |= {"start": 42 * ramp.get("start", 0), "end": 42 * ramp.get("end", 1), "unit": "steps"}
    one = trained(run_spec(spec), splits, tmp_path / "fractions")
    other = trained(run_spec(in_steps), splits, tmp_path / "steps")
    weights = [loaded(each, splits).model.state_dict() for each in (one, other)]
    for first, second in zip(*(each.values() for each in weights), strict=True):
        assert torch.equal(first, second)
    assert (one / "history.csv").read_text() == (other / "history.csv").read_text()
    metrics = [
        {measure: value for measure, value in content(each)["metrics"].items() if measure not in RESOURCES}
        for each in (one, other)
    ]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-3)


def test_every_metric_of_the_tables_is_measured(splits: Splits, spike_slab: Path) -> None:
    """With the default settings; a column whose metric nobody measures would be empty. Images have tables of theirs."""
    settings = configs.EVALUATION_DEFAULTS | {"gradient_passes": 2, "stability_draws": 2}
    e = loaded(spike_slab, splits, **settings)
    measured = {measure for answer in QUESTIONS.values() for measure in answer(e)} | set(RESOURCES)
    measured |= {"dictionary_agreement", "dictionary_agreement_null"}  # of all repetitions, when they are gathered
    of_images = {"sweeps", "attributes"}
    shown = {column.metric for name, table in TABLES.items() if name not in of_images for column in table.columns}
    assert shown <= measured


def test_settings_change_what_they_name(splits: Splits, spike_slab: Path) -> None:
    """More draws to choose from reconstruct better; a metric's noise is its own."""
    few, many = (loaded(spike_slab, splits, samples=samples) for samples in (1, 50))
    error = [QUESTIONS["reconstruction"](e) for e in (few, many)]
    assert float(error[1]["mse_best"]) < float(error[0]["mse_best"])
    assert error[0]["mse_draw"] == error[1]["mse_draw"]
    assert torch.equal(few.draw, loaded(spike_slab, splits).draw)
    assert not torch.equal(few.draw, few.best)
    other = Evaluation(few.model, splits, few.settings, few.seed + 1, CPU)
    assert not torch.equal(few.draw, other.draw)


@pytest.mark.parametrize("spec", BASE_SPECS, ids=name)
def test_codes_are_inferred_in_chunks(spec: Spec, splits: Splits) -> None:
    """As many codes as data points, in their order."""
    model = models.build(run_spec(spec), splits.train.shape[1:])
    model.coder.at(1, 1)
    x = torch.from_numpy(np.tile(splits.train, (4, 1)))  # 840: more than a chunk
    e = Evaluation(model, made_up(x), SETTINGS, 0, CPU)
    for codes in e.codes.values():
        assert codes.shape == (840, 12)
    torch.testing.assert_close(e.mean, model.coder.mean(x, model.generator))
