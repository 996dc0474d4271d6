"""Evidence of the empty model and of probabilistic PCA, against densities and code of others."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from vscbench.metrics.floors import empty_evidence, fitted_variance, floors, probabilistic_pca

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
    for noise in (None, 0.5):
        model = probabilistic_pca(train, 2, noise)
        top = model.log_prob(train).mean()
        turned = torch.linalg.qr(model.axes + 0.1 * torch.randn(P, 2, generator=rng, dtype=torch.float64))[0]
        others = [model._replace(axes=turned), model._replace(variances=model.variances * 1.2)]
        if noise is None:
            others += [model._replace(noise=model.noise * factor) for factor in (0.8, 1.2)]
        assert all(other.log_prob(train).mean() < top for other in others)
    # A given noise above every eigenvalue leaves nothing to the components.
    noisy = probabilistic_pca(train, 2, 100.0)
    torch.testing.assert_close(noisy.log_prob(train), empty_evidence(train - train.mean(0), 100.0).double())


def test_as_many_components_as_pixels_are_a_full_gaussian(data: tuple[Tensor, Tensor]) -> None:
    train, test = (x.double() for x in data)
    expected = MultivariateNormal(train.mean(0), torch.cov(train.T, correction=0)).log_prob(test)
    for components in (P - 1, P, 3 * P):
        torch.testing.assert_close(probabilistic_pca(train, components).log_prob(test), expected)


def test_data_in_a_subspace_have_no_most_likely_noise(rng: Generator) -> None:
    flat = torch.randn(50, 2, generator=rng) @ torch.randn(2, P, generator=rng)
    with pytest.raises(ValueError, match="no more than 2 directions"):
        probabilistic_pca(flat.double(), 2)
    assert probabilistic_pca(flat.double(), 1).noise > 0
    assert probabilistic_pca(flat.double(), 2, 0.1).log_prob(flat).isfinite().all()


def test_rows_and_their_errors(data: tuple[Tensor, Tensor]) -> None:
    train, test = data
    rows = floors(train, test, 2, 0.3)
    assert list(rows) == ["empty", "empty_fitted", "ppca", "ppca_fitted"]
    values = empty_evidence(test, 0.3)
    assert rows["empty"].evidence == pytest.approx(values.mean().item())
    assert rows["empty"].error == pytest.approx(values.std().item() / math.sqrt(100))
    assert (rows["empty"].variance, rows["ppca"].variance) == (0.3, 0.3)
    assert rows["empty_fitted"].variance == fitted_variance(train)
    assert rows["ppca_fitted"].evidence > rows["empty_fitted"].evidence > rows["empty"].evidence
    grouped = floors(train, test, 2, 0.3, clusters=np.arange(100) // 10)
    assert grouped["empty"].evidence == rows["empty"].evidence
    assert grouped["empty"].error != rows["empty"].error
