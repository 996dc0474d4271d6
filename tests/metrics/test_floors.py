"""Evidence of the empty model and of probabilistic PCA, against densities and code of others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from metrics import planted
from vscbench.coders.fista import Fista
from vscbench.data import Data
from vscbench.metrics.baselines import baselines
from vscbench.metrics.evaluation import Evaluation
from vscbench.metrics.floors import empty_evidence, evidence, fitted_variance, measure, probabilistic_pca
from vscbench.networks.dictionary import Dictionary

P = 6


@pytest.fixture
def data(rng: Generator) -> tuple[Tensor, Tensor]:
    """Training and test data of a correlated Gaussian with a mean."""
    mix = torch.randn(P, P, generator=rng)
    train, test = (torch.randn(n, P, generator=rng) @ mix + 0.5 for n in (400, 100))
    return train, test


def test_the_empty_model_is_a_normal_density(data: tuple[Tensor, Tensor]) -> None:
    x = data[1]
    expected = MultivariateNormal(torch.zeros(P), 0.7 * torch.eye(P)).log_prob(x)
    torch.testing.assert_close(empty_evidence(x, 0.7), expected)
    torch.testing.assert_close(empty_evidence(x.reshape(-1, 1, 2, 3), 0.7), expected)


def test_no_variance_makes_the_empty_model_more_likely_than_the_fitted(data: tuple[Tensor, Tensor]) -> None:
    x = data[0]
    best = fitted_variance(x)
    assert best == pytest.approx(x.square().mean().item())
    top = empty_evidence(x, best).mean()
    assert all(empty_evidence(x, best * factor).mean() < top for factor in (0.5, 0.9, 1.1, 2))


@pytest.mark.parametrize("components", [1, 3, 5])
def test_probabilistic_pca_is_that_of_scikit_learn(data: tuple[Tensor, Tensor], components: int) -> None:
    """Which divides by N - 1 where the most likely covariance has N."""
    train, test = (x.double() for x in data)
    ours = probabilistic_pca(train, components)
    scale = len(train) / (len(train) - 1)
    ours = ours._replace(variances=ours.variances * scale, noise=ours.noise * scale)
    theirs = PCA(components, svd_solver="full").fit(train.numpy())
    np.testing.assert_allclose(ours.log_prob(test).numpy(), theirs.score_samples(test.numpy()), rtol=1e-9)
    assert ours.log_prob(test).mean().item() == pytest.approx(theirs.score(test.numpy()))


def test_its_density_is_that_of_its_covariance(data: tuple[Tensor, Tensor]) -> None:
    model = probabilistic_pca(data[0], 2)
    covariance = model.noise * torch.eye(P) + (model.axes * (model.variances - model.noise)) @ model.axes.T
    expected = MultivariateNormal(model.mean, covariance.double()).log_prob(data[1].double())
    torch.testing.assert_close(model.log_prob(data[1]), expected)


def test_it_is_the_most_likely_one(data: tuple[Tensor, Tensor], rng: Generator) -> None:
    """At its own noise and at a given one, against other noise, other axes and other variances."""
    train = data[0]
    fitted = probabilistic_pca(train, 2)
    for model in (fitted, fitted.at(0.5)):
        top = model.log_prob(train).mean()
        turned = torch.linalg.qr(model.axes + 0.1 * torch.randn(P, 2, generator=rng, dtype=torch.float64))[0]
        others = [model._replace(axes=turned), model._replace(variances=model.variances * 1.2)]
        if model is fitted:
            others += [model._replace(noise=model.noise * factor) for factor in (0.8, 1.2)]
        assert all(other.log_prob(train).mean() < top for other in others)
    # A given noise above every eigenvalue leaves nothing to the components.
    noisy = fitted.at(100.0)
    torch.testing.assert_close(noisy.log_prob(train), empty_evidence(train - train.mean(0), 100.0).double())


def test_as_many_components_as_pixels_are_a_full_gaussian(data: tuple[Tensor, Tensor]) -> None:
    train, test = (x.double() for x in data)
    expected = MultivariateNormal(train.mean(0), torch.cov(train.T, correction=0)).log_prob(test)
    for components in (P - 1, P, 3 * P):
        torch.testing.assert_close(probabilistic_pca(train, components).log_prob(test), expected)


def test_pictures_with_more_pixels_than_examples(rng: Generator) -> None:
    """Of a randomised decomposition, against the eigenvectors of all."""
    x = torch.randn(40, 3, generator=rng) @ torch.randn(3, 2500, generator=rng) + 0.1 * torch.randn(
        40, 2500, generator=rng
    )
    model = probabilistic_pca(x.view(40, 1, 50, 50), 3)
    away = (x - x.mean(0)).double()
    values = torch.linalg.eigvalsh(away @ away.T).flip(0) / 40  # those of the covariance that are not 0
    torch.testing.assert_close(model.variances, values[:3], rtol=1e-3, atol=0.0)
    assert model.noise == pytest.approx(float(values[3:].sum()) / 2497, rel=1e-2)
    assert model.log_prob(x).isfinite().all()


def test_evidence_at_both_noises(data: tuple[Tensor, Tensor]) -> None:
    train, test = data
    model = probabilistic_pca(train, 2)
    found = evidence(model, test, variance=0.3, centred=False)
    assert list(found) == ["empty_model", "empty_model_fitted", "ppca", "ppca_fitted"]
    torch.testing.assert_close(found["empty_model"], empty_evidence(test.double(), 0.3))
    torch.testing.assert_close(found["ppca"], model.at(0.3).log_prob(test))
    # Fitted is fitted: no other noise is more likely on these data.
    for factor in (0.9, 1.1):
        variance = factor * fitted_variance(test)
        assert empty_evidence(test, variance).mean() < found["empty_model_fitted"].mean()
        rest = factor * float(model.parts(test)[1].mean()) / (P - 2)
        assert model.at(rest).log_prob(test).mean() < found["ppca_fitted"].mean()
    away = test.double() - train.double().mean(0)
    centred = evidence(model, test, variance=0.3, centred=True)["empty_model"]
    torch.testing.assert_close(centred, empty_evidence(away, 0.3))


def test_data_in_a_subspace_have_no_most_likely_noise(rng: Generator) -> None:
    flat = torch.randn(50, 2, generator=rng) @ torch.randn(2, P, generator=rng)
    found = evidence(probabilistic_pca(flat.double(), 2), flat, variance=0.1, centred=False)
    assert "ppca_fitted" not in found
    assert found["ppca"].isfinite().all()


def test_of_a_lower_contrast_pca_at_the_trained_noise_is_below_nothing(rng: Generator) -> None:
    """As on Olshausen's test images, a third as bright: what PCA expects along its axes is not there."""
    train = torch.randn(500, P, generator=rng) * torch.tensor([5.0, 4.0, 3.0, 1.0, 1.0, 1.0])
    found = evidence(probabilistic_pca(train, 3), train / 9, variance=1.0, centred=False)
    assert found["ppca"].mean() < found["empty_model"].mean()
    assert found["ppca_fitted"].mean() > found["empty_model"].mean() - 10


def test_errors_of_codes_that_learn_nothing() -> None:
    """Of vectors the reference codes of the tables; of images around the mean of the training data."""
    rng = np.random.default_rng(0)
    data = Data.from_array(rng.normal(size=(300, 8)) @ rng.normal(size=(8, 8)), validation=0.1, test=0.2)
    found = measure(Evaluation(Fista(Dictionary((8,), 10), penalty=1.0), data, samples=2, penalties=(1.0,)))
    for row in baselines(data, 10, [1.0]):
        if row["method"] == "pca_same_density":
            expected = row["metrics"]
            assert found["pca_same_density/mse_draw"] == pytest.approx(expected["mse_draw"], rel=1e-3)
            assert found["pca_same_density/fve_best"] == pytest.approx(expected["fve_best"], abs=1e-3)
    assert found["zero_code/mse_mean"] == pytest.approx(np.square(data.test).mean(), rel=1e-6)
    assert found["zero_code/fve_mean"] == pytest.approx(0, abs=1e-6)
    e = planted.evaluation()
    found = measure(e)
    train, test = (each.astype(float).reshape(-1, 64) / 255 for each in (e.data.train, e.data.test))
    assert found["zero_code/mse_draw"] == pytest.approx(np.square(test - train.mean(0)).mean(), rel=1e-5)
    theirs = PCA(5).fit(train)
    rest = test - theirs.inverse_transform(theirs.transform(test))
    assert found["pca_same_size/mse_draw"] == pytest.approx(np.square(rest).mean(), rel=1e-4)
    assert not {name for name in found if name.startswith("pca_same_density")}  # a tenth of 5 is none
