"""Dependence of latents: by hand, computed directly, against its bias, and the copula against closed forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score

from metrics import planted
from metrics.runs import of_codes
from vscbench.metrics import dependence
from vscbench.metrics.dependence import copula_total_correlation, entropy_bits, multi_information
from vscbench.model import build_posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Generator

Codes = Any
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


PRIORS: dict[str, tuple[dict[str, Any], dict[str, float], float]] = {
    "gaussian": ({"family": "gaussian"}, {"log_variance": np.log(0.1)}, 733.6),
    "laplacian": ({"family": "laplacian"}, {"log_scale": np.log(0.1)}, 535.3),
    "spike_slab": ({"family": "spike_slab"}, {"log_variance": np.log(0.1), "log_active": np.log(0.1)}, 180.9),
    "gaussian_thresh": (
        {"family": "gaussian", "threshold": {"kind": "fixed", "value": 0.52}},
        {"log_variance": np.log(0.1)},
        166.6,
    ),
}


@pytest.mark.parametrize(("spec", "prior", "bits"), PRIORS.values(), ids=PRIORS.keys())
def test_independent_prior_draws_score_the_published_bits(
    spec: dict[str, Any], prior: dict[str, float], bits: float, rng: Generator
) -> None:
    """The published multi-information of 16,000 codes of 256 latents is that of no dependence at all."""
    posterior = build_posterior(spec)
    params = {head: torch.full((16_000, 256), prior.get(head, 0.0)) for head in posterior.heads}
    with torch.no_grad():
        codes = posterior.codes(params, posterior.noise(params, 1, rng))[0]
    assert multi_information(codes.double().numpy()) == pytest.approx(bits, rel=0.01)


def test_excess_over_shuffled_codes() -> None:
    """Near zero for independent latents, which multi-information alone is not; positive for dependent ones."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 4)) * (rng.random((2000, 4)) < 0.5)
    independent = dependence.measure(of_codes(codes))
    together = np.repeat(codes[:, :2], 2, axis=1)
    dependent = dependence.measure(of_codes(together * [1, 0.5, 1, -1]))
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


def test_bins_of_images_are_the_authors() -> None:
    """30 edges on [-2, 2] for codes of images, 20 for patches, and a bin of exact zeros."""
    e = planted.evaluation()
    codes = e.best.double().numpy()
    edges = np.sort([*np.linspace(-2, 2, 30), -1e-50, 1e-50])
    np.testing.assert_array_equal(dependence.IMAGE_EDGES, edges)

    def entropy(rows: np.ndarray) -> float:
        return float(stats.entropy(np.unique(rows, axis=0, return_counts=True)[1], base=2))

    symbols = np.digitize(codes, edges)
    expected = sum(entropy(column) for column in symbols.T) - entropy(symbols)
    found_bits = dependence.measure(e)["multi_information"]
    assert found_bits == pytest.approx(expected, abs=1e-9)
    assert found_bits != pytest.approx(dependence.multi_information(codes), abs=1e-3)


def test_copula_is_that_of_ranks_with_ties_at_random() -> None:
    """Against normal scores computed latent by latent, of codes whose zeros depend on one another."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(5000, 3))
    codes = base + 0.8 * base[:, [1, 2, 0]]
    codes[rng.random(5000) < 0.3] = 0  # zeros together: dependence that ranks at random do not see
    scores = []
    for column in codes.T:
        order = np.lexsort((rng.random(5000), column))
        ranks = np.empty(5000)
        ranks[order] = np.arange(1, 5001)
        scores.append(stats.norm.ppf(ranks / 5001))
    expected = -0.5 * np.log2(np.linalg.det(np.corrcoef(scores)))
    assert dependence.copula_total_correlation(codes, rng) == pytest.approx(expected, rel=0.05)
    before = codes.copy()
    dependence.copula_total_correlation(codes, rng)
    np.testing.assert_array_equal(codes, before)
