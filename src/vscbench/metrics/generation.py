"""How far are reconstructions and samples from real images?"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from vscbench.data.torchvision_ops import import_torchvision
from vscbench.errors import UserError
from vscbench.metrics.features import inception, load_classifier
from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vscbench.metrics.evaluation import Evaluation, Measures

SUBSET = 1000
"""Images in each of the 100 subsets that KID is the mean over."""


class _AsTheyAre(nn.Module):
    """Stands for the network where features have been extracted already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def distances(real: Tensor, fake: Tensor, seed: int) -> tuple[float, float]:
    """FID and KID between features (N, F) of real images and (M, F) of made ones, by torchmetrics in float64.

    FID = ‖μ - μ'‖² + tr(Σ + Σ' - 2 (Σ Σ')^½) of means and covariances; KID = unbiased MMD² of the kernel
    (xᵀy/F + 1)³, mean over 100 random subsets of 1,000 images (or one of all, where there are no more).

    Heusel et al., GANs trained by a two time-scale update rule, 2017 (arXiv 1706.08500); Binkowski et al.,
    Demystifying MMD GANs, 2018 (arXiv 1801.01401).

    Raises:
        UserError: a single image has no covariance.
    """
    if min(len(real), len(fake)) < 2:  # noqa: PLR2004
        raise UserError("FID and KID compare at least 2 test images: take more, or leave them out, `generation: false`")
    import_torchvision()  # torchmetrics imports it
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    network = _AsTheyAre(real.shape[1])
    size = min(SUBSET, len(real), len(fake))
    subsets = 100 if size < max(len(real), len(fake)) else 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save all extracted features")
        kid = KernelInceptionDistance(network, subsets, size)
    fid = FrechetInceptionDistance(network)
    for metric in (fid, kid):
        metric.update(real.double().cpu(), real=True)
        metric.update(fake.double().cpu(), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return float(fid.compute()), float(kid.compute()[0])


def first(parts: Iterable[Tensor], count: int) -> Iterable[Tensor]:
    """The first `count` rows of chunks of rows."""
    for part in parts:
        if count <= 0:
            return
        yield part[:count]
        count -= len(part)


def features_of(e: Evaluation, inception_weights: str | None) -> tuple[str, Callable[[Tensor], Tensor]] | None:
    """What images are compared by, and its name: Inception by the user's weights, else our own classifier; or None."""
    if inception_weights:
        return "inception", inception(Path(inception_weights), e.device)
    return ("classifier", load_classifier(e.classifier, e.device).features) if e.classifier else None


@torch.no_grad()
def measure(
    e: Evaluation, *, images: Annotated[int, Field(ge=2, le=10**9)] = 5000, inception_weights: str | None = None
) -> Measures:
    """FID and KID against test images, of best-of-J and mean reconstructions and of samples from the prior.

    `fid_FEATURES_best`, `_mean`, `_prior`, and `kid_...`. The name says whose features: `classifier`, our own network
    trained on the data set, or `inception`. Values of different features, data sets or numbers of images cannot be
    compared. The null of a distance is 0. Left out: vectors, images without a classifier or weights of Inception, and
    the prior of a coder that has none to draw from.

    Args:
        e: the coder and the data.
        images: test images that are compared.
        inception_weights: path of weights of Inception for FID and KID.
    """
    source = features_of(e, inception_weights) if e.is_images else None
    if source is None:
        return {}
    name, features = source
    count = min(len(e.x), images)
    codes = {"best": e.best[:count], "mean": e.mean[:count], "prior": e.prior_codes(count)}
    real = torch.cat([features(part) for part in first(e.chunks(), count)])
    measures: Measures = {}
    for what, chosen in codes.items():
        if chosen is None:
            continue
        fake = torch.cat([features(part) for part in e.decoded(chosen)])
        fid, kid = distances(real, fake, derive_seed(e.seed, "kid", what))
        measures |= {f"fid_{name}_{what}": fid, f"kid_{name}_{what}": kid}
    return measures
