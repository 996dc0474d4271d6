from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from metrics import planted
from vscbench.data.batches import inputs
from vscbench.metrics.attributes import carried_once, chance, correlation, found, measure, probe, standardised
from vscbench.metrics.features import balanced_accuracy


def sample(count: int = 300, latents: int = 7, labels: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Sparse codes (N, K) float32 and labels (N, A), some of which depend on them."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(count, latents)) * (rng.random((count, latents)) < 0.4)
    noise = rng.normal(size=(count, labels))
    y = codes[:, :labels] * np.array([1, -2, 0, 0.2])[:labels] + noise > 0.5
    return torch.from_numpy(codes + 3).float(), torch.from_numpy(y.astype(np.uint8))


# ------------------------------------------------------------------ correlation


def test_correlation_is_scipys_with_its_sign() -> None:
    codes, labels = sample()
    r = correlation(codes, labels)
    assert r.shape == (7, 4)
    for k in range(7):
        for a in range(4):
            expected = stats.pointbiserialr(labels[:, a].bool().numpy(), codes[:, k].double().numpy()).statistic
            assert float(r[k, a]) == pytest.approx(expected, abs=1e-12)
    assert float(r[0, 0]) > 0.2  # the attribute is present where the latent is large
    assert float(r[1, 1]) < -0.2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constants_correlate_with_nothing(dtype: torch.dtype) -> None:
    """The mean of 3.3's is not 3.3 in float64: its error must not be blown up to a correlation."""
    codes, labels = sample()
    codes = codes.to(dtype)
    codes[:, 2], codes[:, 5] = 3.3, 0.0
    labels[:, 3] = 1
    r = correlation(codes, labels)
    assert r.isfinite().all()
    assert (r[[2, 5]] == 0).all()
    assert (r[:, 3] == 0).all()
    assert (r[[0, 1, 3, 4, 6], :3] != 0).all()
    assert standardised(codes)[:, 2].abs().max() == 0


def test_correlation_is_bounded_and_blind_to_scale() -> None:
    codes, labels = sample()
    r = correlation(codes, labels)
    torch.testing.assert_close(correlation(-1e-6 * codes.double() + 40, labels), -r, rtol=1e-6, atol=1e-7)
    own = correlation(labels.float(), labels)
    torch.testing.assert_close(own.diagonal(), torch.ones(4, dtype=torch.float64))
    assert own.abs().max() <= 1 + 1e-12


# ------------------------------------------------------------------------- null


def test_chance_of_one_latent_is_that_of_a_correlation(rng: torch.Generator) -> None:
    """√N r of unrelated data is standard normal: its 95 % quantile of |r| is 1.96/√N."""
    codes, labels = torch.randn(2000, 1, generator=rng), torch.rand(2000, 30, generator=rng).gt(0.3)
    null = chance(codes, labels, rng)
    assert null.shape == (30,)
    assert float(null.mean()) == pytest.approx(1.96 / np.sqrt(2000), rel=0.05)


def test_chance_against_permutations_one_by_one(rng: torch.Generator) -> None:
    codes, labels = sample(100)
    labels[:, 1] = torch.arange(100) < 2  # a rare label meets an outlier more often
    null = np.mean([chance(codes, labels, rng).numpy() for _ in range(20)], 0)
    numpy = np.random.default_rng(1)
    largest = [
        [
            max(abs(np.corrcoef(codes[:, k], shuffled[:, a])[0, 1]) for k in range(7))
            for a, shuffled in enumerate([labels[numpy.permutation(100)].numpy()] * 4)
        ]
        for _ in range(400)
    ]
    np.testing.assert_allclose(null, np.quantile(largest, 0.95, axis=0), rtol=0.12)
    assert null[1] > 1.15 * null[[0, 2, 3]].max()


def test_chance_grows_with_the_number_of_latents(rng: torch.Generator) -> None:
    """The best of more latents is better by chance: 95 % of K independent |r| lie below Φ⁻¹((1 + 0.95^(1/K))/2)/√N."""
    codes, labels = torch.randn(1000, 400, generator=rng), torch.rand(1000, 30, generator=rng).gt(0.5)
    few, many = (float(chance(codes[:, :latents], labels, rng).mean()) for latents in (2, 400))
    for latents, value in ((2, few), (400, many)):
        expected = stats.norm.ppf((1 + 0.95 ** (1 / latents)) / 2) / np.sqrt(1000)
        assert value == pytest.approx(expected, rel=0.05)


def test_unrelated_labels_exceed_chance_in_one_of_twenty(rng: torch.Generator) -> None:
    codes, labels = torch.randn(500, 30, generator=rng), torch.rand(500, 400, generator=rng).gt(0.5)
    exceeding = correlation(codes, labels).abs().amax(0) > chance(codes, labels, rng)
    assert 5 < int(exceeding.sum()) < 40  # 20 are expected; their standard deviation is 4.4


# ------------------------------------------------------------------------ found


@pytest.mark.parametrize(
    ("r", "expected"),
    [
        ([[0.5, 0.0], [0.0, -0.5]], [True, True]),
        ([[0.5, 0.0], [0.0, 0.05]], [True, False]),
        ([[0.5, 0.4], [0.0, 0.3]], [False, False]),
        ([[0.5, -0.6], [0.4, 0.0]], [False, False]),
        ([[0.3, 0.5, 0.0], [0.2, 0.0, 0.7], [0.0, 0.6, 0.0]], [False, True, True]),
        ([[0.1, 0.1], [0.1, 0.1]], [False, False]),
    ],
    ids=["signs", "below_chance", "shared", "shared_by_another_sign", "own_best_is_another", "at_chance"],
)
def test_found_by_hand(r: list[list[float]], expected: list[bool]) -> None:
    null = torch.full((len(expected),), 0.1, dtype=torch.float64)
    assert found(torch.tensor(r, dtype=torch.float64), null).tolist() == expected


def test_a_label_that_two_latents_carry_has_none_of_its_own() -> None:
    """Audit C: the second latent of "shared" carries it as well as the first; that of "own" by chance."""
    r = torch.tensor([[0.7, 0.0], [0.69, 0.1], [0.0, 0.6]], dtype=torch.float64)
    null = torch.full((2,), 0.2, dtype=torch.float64)
    assert found(r, null).tolist() == [True, True]
    assert carried_once(r, null).tolist() == [False, True]
    assert carried_once(r[:1], null).tolist() == [True, False]


# ------------------------------------------------------------------------ probe


def test_probe_separates_what_can_be_separated() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(900, 20)).astype(np.float32)
    weights = rng.normal(size=(20, 3))
    labels = (codes @ weights > [0, 4, -5]).astype(np.uint8)  # rare and frequent ones too
    auc, accuracy = probe((codes[:600], labels[:600]), (codes[600:], labels[600:]))
    assert auc > 0.99
    assert accuracy > 0.93
    shift = 100 * rng.random(20) + 1
    scaled = (codes * shift + shift).astype(np.float32)
    same = probe((scaled[:600], labels[:600]), (scaled[600:], labels[600:]))
    assert same == pytest.approx((auc, accuracy), abs=2e-3)
    worse = probe((codes[:600, :10], labels[:600]), (codes[600:, :10], labels[600:]))
    assert worse[0] < auc - 0.05


def test_probe_is_as_good_as_logistic_regression() -> None:
    """Two Gaussians of one covariance: both estimate the same direction, and the best AUC is known."""
    rng = np.random.default_rng(0)
    labels = (rng.random((6000, 1)) < 0.3).astype(np.uint8)
    shift = np.array([0.8, -0.5, 0, 0.3])
    codes = rng.normal(size=(6000, 4)) + labels * shift
    auc, accuracy = probe((codes[:3000], labels[:3000]), (codes[3000:], labels[3000:]))
    distance = np.linalg.norm(shift)
    assert auc == pytest.approx(stats.norm.cdf(distance / np.sqrt(2)), abs=0.02)
    assert accuracy == pytest.approx(stats.norm.cdf(distance / 2), abs=0.02)
    logistic = LogisticRegression(class_weight="balanced").fit(codes[:3000], labels[:3000, 0])
    assert auc == pytest.approx(roc_auc_score(labels[3000:, 0], logistic.decision_function(codes[3000:])), abs=0.003)
    said = logistic.predict(codes[3000:])
    assert accuracy == pytest.approx(balanced_accuracy_score(labels[3000:, 0], said), abs=0.01)


def test_probe_of_codes_that_say_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((2000, 5)) < 0.4).astype(np.uint8)
    train, test = labels[:1000], labels[1000:]
    codes = rng.normal(size=(2000, 10)).astype(np.float32)
    assert probe((codes[:1000], train), (codes[1000:], test)) == pytest.approx((0.5, 0.5), abs=0.03)
    assert probe((0 * codes[:1000], train), (0 * codes[1000:], test)) == (0.5, 0.5)


def test_probe_leaves_labels_of_one_value_out() -> None:
    codes, labels = sample()
    codes, labels = codes.numpy(), labels.numpy()
    expected = probe((codes[:200], labels[:200, :2]), (codes[200:], labels[200:, :2]))
    changed = labels.copy()
    changed[:200, 2], changed[200:, 3] = 1, 0
    assert probe((codes[:200], changed[:200]), (codes[200:], changed[200:])) == pytest.approx(expected)
    assert np.isnan(probe((codes, 0 * labels), (codes, labels))).all()


def test_balanced_accuracy_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    true, said = rng.random((50, 3)) < 0.3, rng.random((50, 3)) < 0.6
    expected = [balanced_accuracy_score(t, s) for t, s in zip(true.T, said.T, strict=True)]
    np.testing.assert_allclose(balanced_accuracy(said, true), expected)


# ---------------------------------------------------------------------- measure


def test_planted_latents_are_found() -> None:
    e = planted.evaluation()
    measures = measure(e, probe_images=300)
    r = measures["attribute_correlation"]
    assert (r.shape, r.dtype) == ((planted.LATENTS, 4), np.float32)
    assert measures["attribute_names"].tolist() == list(planted.NAMES)
    assert measures["attribute_names"].dtype.kind == "U"  # np.load reads it without pickle
    assert measures["attribute_r_hat"] > 0.9
    assert measures["attribute_r_beard"] < -0.9  # the label says that the latent is off
    best, labels = np.abs(r).argmax(0), e.data.labels["test"].astype(bool)
    assert best[:3].tolist() == [0, 1, best[2]]
    # "both" has a best latent, which is another label's; "noise" is below chance.
    assert measures["attributes_found"] == 1
    assert abs(measures["attribute_r_noise"]) < measures["attribute_null_noise"]
    assert measures["attribute_r_mean"] == pytest.approx(np.abs(r).max(0).mean())
    for a, name in enumerate(planted.NAMES):
        assert measures[f"attribute_r_{name}"] == pytest.approx(float(r[best[a], a]))
        expected = stats.pointbiserialr(labels[:, a], e.mean[:, best[a]].numpy())
        assert measures[f"attribute_r_{name}"] == pytest.approx(float(expected.statistic), abs=1e-5)
    x, answers = inputs(torch.from_numpy(e.data.train[:300]), e.device), e.data.labels["train"][:300]
    scores = probe((e.coder.encode(x).detach().numpy(), answers), (e.mean.numpy(), labels))
    assert (measures["probe_auc"], measures["probe_accuracy"]) == pytest.approx(scores, rel=1e-4)
    assert 0.8 < measures["probe_auc"] < 0.9  # three labels of four can be read off the codes
    assert measure(planted.evaluation()).keys() == measures.keys()
    assert measure(planted.evaluation())["attribute_null_hat"] == measures["attribute_null_hat"]


def test_without_labels_nothing_is_measured() -> None:
    assert measure(planted.evaluation(labelled=False)) == {}
