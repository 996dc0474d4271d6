"""Does each true feature have one latent of its own, wherever it is active, beside its parent and its children?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from vscbench.metrics.recovery import match

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures

DETECTS = 0.5
"""Hit rate less false-alarm rate from which on a latent is a good detector."""
FEWEST = 20
"""Data points below which a rate is not taken."""
PRECISE, USED = 0.75, 0.1
"""A latent is of a feature if so much of its activity is where the feature is active, and it covers so much of that."""


class Absorption(NamedTuple):
    """Of pairs of a parent and a child, and of their parents; nan where nothing could be judged."""

    with_child: float
    """Share of points where both are active and the parent's latent is silent."""
    without: float
    """Share of points where the latents are silent while their parents alone are active, parents weighed as before."""
    judged: float
    """Share of the parents that have a good detector."""


def absorption(learnt: Tensor, true: Tensor, parents: Tensor) -> Absorption:
    """How often the latent of a parent is silent where a child is active: P(silent | parent, child).

    The latent of parent p is the one of the largest P(active | p alone) - P(active | no p), where *alone* is without
    any of its children; p is judged if that is at least ½ and p is alone on 20 points or more. The first rate is over
    all points and pairs of a judged parent and one of its children; the second, of the same latents where the parents
    are alone, is what they miss anyway. Their difference is 0 for a perfect coder, for one that drops latents at
    random, and for a dense one, which judges nothing; it is 1 where each child's latent does its parent's work too.
    Absorption as Chanin et al. find it by probes (A is for Absorption, 2024, arXiv:2409.14507), with the truth in
    place of probes.

    Args:
        learnt: which latents are active, (N, K).
        true: which features are active, (N, K*).
        parents: of each feature, -1 where it has none: (K*,).

    Example:
        >>> alone, both, none = torch.eye(3).bool().repeat_interleave(20, 1)
        >>> true = torch.stack((alone | both, both), 1)
        >>> absorption(torch.stack((alone, both), 1), true, torch.tensor([-1, 0]))
        Absorption(with_child=1.0, without=0.0, judged=1.0)
    """
    points, silent, missed, judged = 0, 0.0, 0.0, 0
    those = parents[parents >= 0].unique().tolist()
    active = learnt.double()
    for parent in those:
        on, children = true[:, parent], true[:, parents == parent]
        alone = on & ~children.any(1)
        if min(alone.sum(), (~on).sum()) < FEWEST:
            continue
        hits = active[alone].mean(0)
        skill, latent = (hits - active[~on].mean(0)).max(0)
        if skill < DETECTS:
            continue
        judged += 1
        both = children[on].sum(1)  # pairs that each point is of
        points += int(both.sum())
        silent += float((both * (1 - active[on, latent])).sum())
        missed += float(both.sum() * (1 - hits[latent]))
    rates = (silent / points, missed / points) if points else (torch.nan, torch.nan)
    return Absorption(*rates, judged / len(those))


def parents_share(atoms: Tensor, truth: Tensor, parents: Tensor) -> float:
    """How much of the parent is in the atom d of a child: β/(|α| + |β|) of d ≈ ±(α a_child + β a_parent), α > 0.

    Least squares, mean over children; d is paired with the child as `recovery.match` does. 0 for a perfect atom, and
    on average for a random one; ½ where an atom has as much of one as of the other, as where absorption is complete and
    sizes are equal.

    Args:
        atoms: learnt (P, K).
        truth: true atoms (P, K*).
        parents: as of `absorption`.

    Example:
        >>> parents_share(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.eye(2), torch.tensor([-1, 0]))
        0.5
    """
    found = match(atoms, truth)
    kept = parents[found.true] >= 0
    child, learnt = found.true[kept], atoms[:, found.learnt[kept]]
    both = torch.stack((truth[:, child], truth[:, parents[child]]), -1).movedim(1, 0)  # (M, P, 2)
    own, of_parent = torch.linalg.lstsq(both, learnt.T.unsqueeze(-1)).solution.squeeze(-1).unbind(-1)  # (M,)
    return float((own.sign() * of_parent / (own.abs() + of_parent.abs())).nanmean())


def latents_of(learnt: Tensor, true: Tensor) -> Tensor:
    """How many latents are of each true feature: (K*,).

    A latent belongs to the feature whose support has the largest F1 with its own, and counts if three quarters of its
    activity are where that feature is active and it covers a tenth of those points.

    Args:
        learnt: which latents are active, (N, K).
        true: which features are active, (N, K*).

    Example:
        >>> half, other, none = torch.eye(3).bool()
        >>> latents_of(torch.stack((half, other), 1), (half | other)[:, None])  # one feature, two halves
        tensor([2])
    """
    a, b = learnt.double(), true.double()
    both, fires, there = a.T @ b, a.sum(0)[:, None], b.sum(0)  # (K, K*), (K, 1), (K*,)
    best, feature = (2 * both / (fires + there)).nan_to_num().max(1)
    chosen = both.gather(1, feature[:, None])[:, 0]
    mine = (best > 0) & (chosen >= PRECISE * fires[:, 0]) & (chosen >= USED * there[feature])
    return torch.bincount(feature[mine], minlength=true.shape[1])


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Splitting and absorption of the true features of made-up data, by one draw (J = 1) of the codes of test data.

    - `features_covered`: percentage of true features that at least one latent is of (`latents_of`); `splitting`: of
      these, the percentage that several latents are of; `splitting_latents`: latents of a covered feature, on average.
      A perfect coder has 100, 0 and 1.
    - `absorption`, `absorption_null` and their difference, `absorption_excess`: how often the latent of a parent is
      silent where a child is active, and where none is (`absorption`); `absorption_parents`: percentage of the parents
      that have a good detector, those that the others are over.
    - `absorption_atoms`: how much of the parent is in the atom of a child (`parents_share`).

    Features that are never active in the test data are left out, and so is what would be over nothing: splitting where
    no feature is covered, absorption where no parent has a detector. Without known codes nothing is measured, without
    parents no absorption, and without a dictionary not that of its atoms.
    """
    truth = e.data.truth
    if not truth:
        return {}
    true, learnt = torch.from_numpy(truth["codes.test"]).to(e.device) != 0, e.draw != 0
    counts = latents_of(learnt, true)[true.any(0)].double()
    covered = counts[counts > 0]
    measures: Measures = {"features_covered": 100 * float((counts > 0).double().mean())}
    if len(covered):
        measures["splitting"] = 100 * float((covered > 1).double().mean())
        measures["splitting_latents"] = float(covered.mean())
    if "parents" not in truth:
        return measures
    parents = torch.from_numpy(truth["parents"]).to(e.device)
    with_child, without, judged = absorption(learnt, true, parents)
    measures["absorption_parents"] = 100 * judged
    if judged:
        measures |= {"absorption": with_child, "absorption_null": without, "absorption_excess": with_child - without}
    if e.coder.atoms is not None:
        atoms = torch.from_numpy(truth["atoms"]).to(e.device)
        measures["absorption_atoms"] = parents_share(e.coder.atoms, atoms, parents)
    return measures
