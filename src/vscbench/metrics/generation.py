"""How far are reconstructions and samples from real images?"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vscbench.config import derive_seed
from vscbench.data.torchvision_ops import import_torchvision

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """
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


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """FID and KID against test images, of best-of-J and mean reconstructions and of samples from the prior.

    The name says whose features: `classifier`, our own network trained on the data set, or `inception`. Values of
    different features, data sets or numbers of images (`generation_images`) cannot be compared. A MAP solver has no
    prior to sample.
    """
    if e.features is None:
        return {}
    count = min(len(e.x), e.settings["generation_images"])
    codes = {"best": e.best[:count], "mean": e.mean[:count], "prior": e.prior_codes(count)}
    real = torch.cat([e.features(images) for images in first(e.chunks(), count)])
    measures: Measures = {}
    for what, chosen in codes.items():
        if chosen is None:
            continue
        fake = torch.cat([e.features(images) for images in e.decoded(chosen)])
        fid, kid = distances(real, fake, derive_seed(e.seed, "kid", what))
        measures[f"fid_{e.features_name}_{what}"] = fid
        measures[f"kid_{e.features_name}_{what}"] = kid
    return measures
