"""Do latents stand for attributes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from vscbench.metrics.features import balanced_accuracy
from vscbench.settings import Count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

PERMUTATIONS = 200
"""Of the labels, for the null."""

AT_ONCE = 10
"""Permutations in one matrix product."""

QUANTILE = 0.95

PENALTIES = np.logspace(-4, 1, 6)
"""Ridge penalties that the probe chooses from, as a share of the variance of a code."""


def standardised(values: Tensor) -> Tensor:
    """(v - mean) / (sd √N) of columns (N, ·) in float64: products of such columns are correlations; constants are 0."""
    values = values.double()
    centred = values - values.mean(0)
    norm = torch.linalg.vector_norm(centred, dim=0)
    # The mean of equal numbers may be off by a rounding error: not to be blown up.
    varies = (values != values[0]).any(0) & (norm > 0)
    return torch.where(varies, centred / torch.where(varies, norm, 1), 0)


def correlation(codes: Tensor, labels: Tensor) -> Tensor:
    """Point-biserial correlation of codes (N, K) with labels (N, A) of 0 and 1: (K, A), with sign; 0 for constants.

    Example:
        >>> codes, labels = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[1], [1], [0], [0]])
        >>> correlation(codes, labels)
        tensor([[-0.8944]], dtype=torch.float64)
    """
    return standardised(codes).T @ standardised(labels)


def chance(codes: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """95 % quantile, over 200 permutations of the labels, of the largest |r| of any latent: (A,).

    Args:
        codes: (N, K).
        labels: (N, A).
        rng: of the permutations, on the device of the codes.
    """
    z, y = standardised(codes).float(), standardised(labels).float()
    largest = []
    for _ in range(PERMUTATIONS // AT_ONCE):
        orders = torch.rand(AT_ONCE, len(y), generator=rng, device=y.device).argsort(1)
        shuffled = y[orders].permute(1, 0, 2).flatten(1)  # (N, permutations × A)
        largest.append((z.T @ shuffled).abs().amax(0).view(AT_ONCE, -1))
    return torch.cat(largest).quantile(QUANTILE, dim=0)


def found(r: Tensor, null: Tensor) -> Tensor:
    """Which labels have a latent of their own, of correlations (K, A) and their null (A,): (A,) of bool.

    The best |r| exceeds the null, the best latent is no other label's best, and has this label as its own best.

    Example:
        >>> found(torch.tensor([[0.5, 0.0], [0.0, 0.05]]), torch.tensor([0.1, 0.1]))
        tensor([ True, False])
    """
    strength, best = r.abs().max(0)
    labels = torch.arange(r.shape[1], device=r.device)
    alone = torch.bincount(best, minlength=r.shape[0])[best] == 1
    mutual = r.abs().argmax(1)[best] == labels
    return (strength > null) & alone & mutual


def carried_once(r: Tensor, null: Tensor) -> Tensor:
    """Which labels one latent carries and no second, of correlations (K, A) and their null (A,): (A,) of bool.

    The best latent explains more of the label's variance than the second one by more than chance does, r₁² - r₂² >
    null²: a label that two latents share has none of its own. The gap is that of Kumar, Sattigeri and Balakrishnan,
    Variational inference of disentangled latent concepts, 2018 (arXiv 1711.00848).

    Example:
        >>> carried_once(torch.tensor([[0.8, 0.8], [0.1, 0.79]]), torch.tensor([0.2, 0.2]))
        tensor([ True, False])
    """
    best, second = torch.cat((r.square(), torch.zeros_like(r[:1]))).topk(2, dim=0).values
    once: Tensor = best - second > null.square()
    return once


def probe(train: tuple[NDArray[Any], NDArray[Any]], test: tuple[NDArray[Any], NDArray[Any]]) -> tuple[float, float]:
    """Area under the ROC curve and balanced accuracy of a linear probe on test codes, means over labels.

    The probe is ridge regression of each label on standardised codes, its penalty chosen by leave-one-out on train;
    it answers yes beyond the middle of its two class means on train. Labels of one value in either part are left out.

    Args:
        train: codes (n, K) and labels (n, A).
        test: codes (N, K) and labels (N, A).
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import StandardScaler

    (codes, labels), (test_codes, test_labels) = train, test
    usable = (labels != labels[0]).any(0) & (test_labels != test_labels[0]).any(0)
    if not usable.any():
        return np.nan, np.nan
    labels, test_labels = labels[:, usable].astype(bool), test_labels[:, usable].astype(bool)
    scaler = StandardScaler().fit(codes)
    ridge = RidgeCV(PENALTIES * len(codes), alpha_per_target=True)
    ridge.fit(scaler.transform(codes), labels.astype(np.float64))
    train_scores = ridge.predict(scaler.transform(codes)).reshape(labels.shape)
    scores = ridge.predict(scaler.transform(test_codes)).reshape(test_labels.shape)
    middle = 0.5 * sum((train_scores * each).sum(0) / each.sum(0) for each in (labels, ~labels))
    auc = roc_auc_score(test_labels, scores, average="macro")
    return float(auc), float(balanced_accuracy(scores > middle, test_labels).mean())


@torch.no_grad()
def measure(e: Evaluation, *, probe_images: Count = 5000) -> Measures:
    """Correlation of mean codes with labels, signed, against chance; labels with a latent of their own; linear probe.

    `attribute_r_LABEL` is that of the label's best latent, `attribute_null_LABEL` what the best latent reaches in 5 %
    of all permutations of the labels, `attributes_found` the number of labels that have a latent of their own, which
    is no other label's best and which no second latent repeats. `probe_auc` and `probe_accuracy` (balanced) are means
    over labels, their null ½. Left out where the data have no labels.

    Args:
        e: the coder and the data.
        probe_images: training points that the probe learns from.
    """
    if e.labels is None:
        return {}
    codes, labels, names = e.mean, e.labels, e.data.label_names
    r = correlation(codes, labels)
    null = chance(codes, labels, e.rng("attributes"))
    strength, best = r.abs().max(0)
    signed = r.gather(0, best[None])[0]
    train = e.inferred(e.coder.encode, torch.from_numpy(e.data.train[:probe_images])).cpu().numpy()
    auc, accuracy = probe((train, e.data.labels["train"][:probe_images]), (codes.cpu().numpy(), e.data.labels["test"]))
    return {
        **{f"attribute_r_{name}": float(value) for name, value in zip(names, signed, strict=True)},
        **{f"attribute_null_{name}": float(value) for name, value in zip(names, null, strict=True)},
        "attribute_r_mean": float(strength.mean()),
        "attributes_found": float((found(r, null) & carried_once(r, null)).sum()),
        "probe_auc": auc,
        "probe_accuracy": accuracy,
        "attribute_correlation": r.float().cpu().numpy(),
        "attribute_names": np.array(names),
    }
