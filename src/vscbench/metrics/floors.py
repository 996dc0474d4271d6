"""What models that have nothing to learn reach: the empty model and probabilistic PCA, the zero code and PCA."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from vscbench.metrics.baselines import DENSITY
from vscbench.metrics.reconstruction import variance as total_variance

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


def empty_evidence(x: Tensor, variance: float) -> Tensor:
    """log p(x) = -P/2 log 2πs² - ‖x‖²/2s² of the model whose generator puts out 0 whatever the code: (N,), nats.

    With q the prior its bound is this, exactly. A trained model whose bound is below it has learned, by that measure,
    less than nothing. Images with a mean are given less that of the training data.

    Args:
        x: data (N, P...).
        variance: s² of a pixel; `fitted_variance` of the data makes it most likely.

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

    def at(self, noise: float) -> ProbabilisticPCA:
        """The most likely one with a given s²: variances below it are raised to it."""
        return self._replace(variances=self.variances.clamp(min=noise), noise=noise)

    def parts(self, x: Tensor, components: int | None = None) -> tuple[Tensor, Tensor]:
        """(x - m) along the first axes, (N, q), and the squared norm of the rest, (N,), of data (N, P...)."""
        away = x.flatten(1).to(self.mean) - self.mean
        along = away @ self.axes[:, :components]
        return along, (away.square().sum(1) - along.square().sum(1)).clamp(min=0)

    def log_prob(self, x: Tensor) -> Tensor:
        """log N(x; m, W Wᵀ + s²I) of data (N, P...): (N,), nats."""
        along, rest = self.parts(x)
        pixels, components = self.axes.shape
        squares = (along.square() / self.variances).sum(1) + rest / self.noise
        spread = self.variances.log().sum() + (pixels - components) * math.log(self.noise)
        return -0.5 * (pixels * math.log(2 * math.pi) + spread + squares)


def probabilistic_pca(train: Tensor, components: int) -> ProbabilisticPCA:
    """The most likely N(m, W Wᵀ + s²I): the first q eigenvectors of the covariance, s² the mean of the rest.

    Tipping and Bishop, Probabilistic principal component analysis, 1999, equations 7 and 8, in closed form. As the
    last eigenvalue alone is its own mean, P - 1 components are a Gaussian of full covariance, and P or more are taken
    for P - 1. Of large pictures the components are those of a randomised decomposition.

    Args:
        train: data (N, P...).
        components: q, at least 1; at most N - 1 are taken.

    Example:
        >>> x = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> model = probabilistic_pca(x, 1)
        >>> model.variances, round(model.noise, 6)
        (tensor([4.5000], dtype=torch.float64), 0.5)
    """
    from sklearn.decomposition import PCA

    flat = train.flatten(1)
    count, pixels = flat.shape
    large = pixels > 2000  # noqa: PLR2004  (float64 would not fit beside the data)
    kept = min(components, pixels - 1, count - 1)
    found = PCA(kept, random_state=0).fit((flat if large else flat.double()).numpy())
    scale = (count - 1) / count  # the most likely covariance has N where an unbiased one has N - 1
    variances = torch.from_numpy(found.explained_variance_).double() * scale
    total = float(flat.var(0, correction=0).double().sum())
    noise = max(total - float(variances.sum()), 0.0) / (pixels - kept)
    mean, axes = (torch.from_numpy(each).double() for each in (found.mean_, found.components_.T))
    return ProbabilisticPCA(mean, axes, variances, noise)


def evidence(model: ProbabilisticPCA, x: Tensor, *, variance: float, centred: bool) -> dict[str, Tensor]:
    """log p of data under the empty model and probabilistic PCA, at two noises: (N,) each, nats.

    `empty_model` and `ppca` at the noise variance that the bounds of the study have; `…_fitted` at that which suits
    these data best, as that of a fitted bound is: s² = mean x², and the mean of what the axes leave. Evidence, not a
    bound: a bound above it is a better model, one below it may not be a worse one. Left out is what is certain: PCA
    that explains the data in full has no density.

    Args:
        model: PCA of the training data.
        x: data (N, P...).
        variance: s².
        centred: whether the empty model puts out the mean of the training data, as for images, or 0.

    Example:
        >>> x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 1.0, 1.0])
        >>> found = evidence(probabilistic_pca(x, 1), x, variance=0.1, centred=False)
        >>> means = {name: float(values.mean()) for name, values in found.items()}
        >>> means["empty_model"] < means["empty_model_fitted"] < means["ppca_fitted"]
        True
    """
    pixels, components = model.axes.shape
    away = x.flatten(1).double() - (model.mean if centred else 0)
    found = {
        "empty_model": empty_evidence(away, variance),
        "empty_model_fitted": empty_evidence(away, fitted_variance(away)),
        "ppca": model.at(variance).log_prob(x),
    }
    rest = float(model.parts(x)[1].mean())
    if rest > torch.finfo(torch.float32).eps * float(model.variances.sum()):
        found["ppca_fitted"] = model.at(rest / (pixels - components)).log_prob(x)
    return found


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Errors of codes that learn nothing, as rows of their own: `zero_code/mse_CODE`, `pca_same_size/…`, and `fve_`.

    The zero code is decoded to the mean of the training data of images, to 0 of vectors; PCA has as many components as
    there are latents, `pca_same_density` as many as a code of 10 % has non-zeros. Each has one code, and the same
    number as draw, mean and best. Fitted to the training data, 10,000 of them at most.
    """
    latents, squares, rest = e.draw.shape[1], 0.0, {"pca_same_size": 0.0, "pca_same_density": 0.0}
    sizes = {"pca_same_size": latents, "pca_same_density": round(DENSITY * latents)}
    for chunk in e.chunks():
        x = chunk.cpu()
        squares += float((x.flatten(1).double() - (e.principal.mean if e.is_images else 0)).square().sum())
        for name, size in sizes.items():
            rest[name] += float(e.principal.parts(x, size)[1].sum())
    numbers = math.prod(e.shape) * len(e.x)
    mse = {"zero_code": squares / numbers} | {name: rest[name] / numbers for name, size in sizes.items() if size}
    total = total_variance(e)
    found: Measures = {}
    for name, value in mse.items():
        for code in e.codes:
            found |= {f"{name}/mse_{code}": value, f"{name}/fve_{code}": 1 - value / total}
    return found
