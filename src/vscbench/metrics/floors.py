"""What models that have nothing to learn reach: the empty model, and probabilistic PCA in closed form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from vscbench.metrics.standard_errors import over_data

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def empty_evidence(x: Tensor, variance: float) -> Tensor:
    """log p(x) = -P/2 log 2πs² - ‖x‖²/2s² of the model whose generator puts out 0 whatever the code: (N,), nats.

    With q the prior its bound is this, exactly. A trained model whose bound is below it has learned, by that measure,
    less than nothing. Images with a mean are given less that of the training data.

    Args:
        x: data (N, P...).
        variance: s² of a pixel; `fitted_variance` of the training data makes it most likely.

    Example:
        >>> empty_evidence(torch.zeros(1, 2), 1.0)  # -log 2π
        tensor([-1.8379])
    """
    flat = x.flatten(1)
    return -flat.shape[1] / 2 * math.log(2 * math.pi * variance) - flat.square().sum(1) / (2 * variance)


def fitted_variance(x: Tensor) -> float:
    """Mean x² over data and pixels: the s² at which the empty model is most likely.

    Example:
        >>> fitted_variance(torch.tensor([[1.0, 2.0]]))
        2.5
    """
    return float(x.double().square().mean())


class ProbabilisticPCA(NamedTuple):
    """A Gaussian N(m, W Wᵀ + s²I) with W of q columns."""

    mean: Tensor
    """m: (P,)."""
    axes: Tensor
    """The principal axes U: (P, q)."""
    variances: Tensor
    """Variance along each, noise included: (q,)."""
    noise: float
    """s², the variance along every other direction."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log N(x; m, W Wᵀ + s²I) of data (N, P...): (N,), nats."""
        away = x.flatten(1).double() - self.mean
        along = away @ self.axes
        pixels, components = self.axes.shape
        rest = (away.square().sum(1) - along.square().sum(1)).clamp(min=0)
        squares = (along.square() / self.variances).sum(1) + rest / self.noise
        spread = self.variances.log().sum() + (pixels - components) * math.log(self.noise)
        return -0.5 * (pixels * math.log(2 * math.pi) + spread + squares)


def probabilistic_pca(train: Tensor, components: int, noise: float | None = None) -> ProbabilisticPCA:
    """The most likely N(m, W Wᵀ + s²I): the first q eigenvectors of the covariance, s² the mean of the rest.

    Tipping and Bishop, Probabilistic principal component analysis, 1999, equations 7 and 8, in closed form. With s²
    given, the eigenvalues below it are raised to it. As the last eigenvalue alone is its own mean, P - 1 components
    are a Gaussian of full covariance, and P or more are taken for P - 1.

    Args:
        train: data (N, P...).
        components: q, at least 1.
        noise: s²; None: the most likely one.

    Raises:
        ValueError: the data do not vary in more than q directions, so the likelihood has no maximum.

    Example:
        >>> x = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> model = probabilistic_pca(x, 1)
        >>> model.variances, model.noise
        (tensor([4.5000], dtype=torch.float64), 0.5)
    """
    flat = train.flatten(1).double()
    count, pixels = flat.shape
    mean = flat.mean(0)
    away = flat - mean
    values, vectors = torch.linalg.eigh(away.T @ away / count)
    values, vectors = values.flip(0), vectors.flip(1)
    kept = min(components, pixels - 1)
    found = float(values[kept:].mean()) if noise is None else noise
    if found <= float(values[0]) * pixels * torch.finfo(torch.float64).eps:
        raise ValueError(f"the data vary in no more than {kept} directions: take fewer components, or give a noise")
    return ProbabilisticPCA(mean, vectors[:, :kept], values[:kept].clamp(min=found), found)


class Floor(NamedTuple):
    """The evidence that a model reaches on test data, nats a data point."""

    evidence: float
    error: float
    """Standard error over data points, or over clusters of them."""
    variance: float
    """s² of its noise."""


def floors(
    train: Tensor, test: Tensor, components: int, variance: float, clusters: ArrayLike | None = None
) -> dict[str, Floor]:
    """Rows below which a bound says nothing, fitted on train and measured on test.

    `empty` and `ppca` at the noise variance that the bounds of the study have, `empty_fitted` and `ppca_fitted` at
    the most likely one. Evidence, not a bound: a bound above it is a better model, one below it may not be a worse
    one.

    Args:
        train: data (N, P...).
        test: data (M, P...).
        components: q of probabilistic PCA, as many as the models have latents.
        variance: s².
        clusters: of the test data, (M,), for the standard errors.

    Example:
        >>> x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 1.0, 1.0])
        >>> rows = floors(x, x, 1, 0.1)
        >>> rows["empty"].evidence < rows["empty_fitted"].evidence < rows["ppca_fitted"].evidence
        True
    """
    best = fitted_variance(train)
    given, free = probabilistic_pca(train, components, variance), probabilistic_pca(train, components)
    rows = {
        "empty": (empty_evidence(test, variance), variance),
        "empty_fitted": (empty_evidence(test, best), best),
        "ppca": (given.log_prob(test), variance),
        "ppca_fitted": (free.log_prob(test), free.noise),
    }
    made = {}
    for name, (values, noise) in rows.items():
        estimate = over_data(values.numpy(), clusters)
        made[name] = Floor(estimate.mean, estimate.error, noise)
    return made
