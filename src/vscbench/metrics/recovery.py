"""Does a run find the dictionary and the codes that made-up data were made from?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from vscbench.coders.fista import fista

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

FOUND = 0.9
"""|cos| above which an atom counts as found."""
BINS = 10
ORACLE_PENALTIES = 0.4 * 0.7 ** torch.arange(12)
"""λ that the oracle chooses from, in units of the mean over data of max_k |aₖᵀx|, from which on a code is zero."""


class Matching(NamedTuple):
    """Learnt atoms paired with true ones: pairs m of min(K, K*)."""

    learnt: Tensor
    """(M,) the learnt atom of each pair."""
    true: Tensor
    """(M,) the true atom of each pair."""
    scale: Tensor
    """(M,) sign(cos) ‖a‖/‖a*‖, which turns a learnt code into the units of the true one."""
    cosine: Tensor
    """(M,) |cos| of each pair."""


def match(atoms: Tensor, truth: Tensor) -> Matching:
    """The pairing of atoms (P, K) with true ones (P, K*) of the largest sum of |cos| (Hungarian method).

    Example:
        >>> match(torch.tensor([[0.0, -2.0], [3.0, 0.0]]), torch.eye(2)).learnt
        tensor([1, 0])
    """
    cosines = F.normalize(truth, dim=0).T @ F.normalize(atoms, dim=0)  # (K*, K); 0 for an atom of zero
    pairs = linear_sum_assignment(cosines.abs().cpu().numpy(), maximize=True)
    true, learnt = (torch.from_numpy(index).to(atoms.device) for index in pairs)
    matched = cosines[true, learnt]
    lengths = torch.linalg.vector_norm(atoms, dim=0)[learnt] / torch.linalg.vector_norm(truth, dim=0)[true]
    return Matching(learnt, true, matched.sign() * lengths, matched.abs())


def aligned(codes: Tensor, matching: Matching, latents: int) -> Tensor:
    """Learnt codes (N, K) in the units and at the places of the K* true ones, 0 where there is no partner: (N, K*)."""
    there = codes.new_zeros(len(codes), latents)
    there[:, matching.true] = matching.scale * codes[:, matching.learnt]
    return there


def correlation(codes: Tensor, truth: Tensor) -> float:
    """MCC: the mean over true latents of |correlation| with the learnt latent paired with each, by codes alone.

    The pairing is that of the largest sum of |correlation| over data (Hungarian method); a true latent without a
    partner, or that is constant in either, counts 0. It is 1 for codes up to order, sign, scale and shift. As of
    non-linear ICA (Hyvärinen and Morioka, Unsupervised feature extraction by time-contrastive learning, 2016,
    arXiv:1605.06336).

    Args:
        codes: learnt (N, K).
        truth: true codes (N, K*).

    Example:
        >>> z = torch.tensor([[0.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
        >>> round(correlation(3 - 2 * z.flip(1), z), 6)
        1.0
    """
    learnt, true = (F.normalize(each.double() - each.double().mean(0), dim=0) for each in (codes, truth))
    correlations = (true.T @ learnt).abs().cpu().numpy()
    return float(correlations[linear_sum_assignment(correlations, maximize=True)].sum() / truth.shape[1])


def f1(support: Tensor, truth: Tensor) -> float:
    """2 TP/(|found| + |true|) of supports, both (N, K).

    Example:
        >>> f1(torch.tensor([[True, True]]), torch.tensor([[True, False]]))
        0.6666666865348816
    """
    return float(2 * (support & truth).sum() / (support.sum() + truth.sum()))


def reliability(probability: Tensor, event: Tensor) -> NDArray[np.float32]:
    """Mean probability, relative frequency of the event and number of cases in each of 10 equal bins: (3, 10).

    Where a bin has no case all three are 0.

    Args:
        probability: of the event in each case, any shape.
        event: whether it happened, of the same shape.
    """
    probability, event = probability.flatten().double(), event.flatten().double()
    place = (probability * BINS).long().clamp(max=BINS - 1)
    count, foreseen, happened = (
        torch.bincount(place, weight, BINS) for weight in (torch.ones_like(event), probability, event)
    )
    cases = count.clamp(min=1)
    return torch.stack((foreseen / cases, happened / cases, count)).cpu().numpy().astype(np.float32)


def calibration_error(bins: NDArray[np.float32]) -> float:
    """Σ_b n_b/N |mean probability - frequency| over the bins (3, 10) that have cases (Naeini et al. 2015)."""
    foreseen, happened, count = bins.astype(np.float64)
    return float((count / count.sum() * np.abs(foreseen - happened)).sum())


@torch.no_grad()
def oracle(x: Tensor, atoms: Tensor, truth: Tensor) -> float:
    """The largest F1 that the supports of FISTA's codes of data (N, P) reach on the true atoms, over a grid of λ."""
    zero_from = float((x @ atoms).abs().amax(1).mean())
    return max(f1(fista(x, atoms, float(share) * zero_from).codes != 0, truth) for share in ORACLE_PENALTIES)


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Recovery of the true atoms, and of the true codes of the test data by one draw (J = 1) of the codes.

    - `recovery_cosine`: |cos| between true atoms and those matched with them, mean over the true atoms, 0 for one that
      has no partner; `recovery_atoms`: those above 0.9, in percent.
    - `recovery_precision`, `recovery_recall`, `recovery_f1` of the supports, over all codes of all data points. A code
      of a learnt atom without a partner is a false one, a true code of an atom without a partner a missed one.
    - `recovery_amplitude_bias`: Σ (ẑ - z) z / Σ z² over true positives, the slope of ẑ on z through 0 less 1, with ẑ in
      the units of z, sign(cos) ‖a‖/‖a*‖ times the learnt code: negative where codes are shrunk.
    - `recovery_calibration`: expected calibration error of the posterior's P(z ≠ 0) as a probability that the true
      code is non-zero; `recovery_reliability` are the bins that it is made of.
    - `recovery_f1_best`: F1 of the best of J; `recovery_f1_oracle`: of FISTA on the true dictionary at its best λ,
      which is chosen with the true codes: what is reached where the atoms are known.
    - `recovery_mcc_draw`, `recovery_mcc_mean`: `correlation` of codes with the true ones, paired by themselves, not by
      their atoms; `recovery_mcc_null`: of mean codes with those of other data points, what pairing finds by chance.

    Left out where the data have no known atoms, all but the MCC where the generator is not linear, and the calibration
    where there is no posterior.
    """
    truth, learnt = e.data.truth, e.coder.atoms
    if not truth:
        return {}
    codes = torch.from_numpy(truth["codes.test"]).to(e.device)
    others = torch.randperm(len(codes), generator=e.rng("recovery"), device=e.device)
    measures: Measures = {
        "recovery_mcc_draw": correlation(e.draw, codes),
        "recovery_mcc_mean": correlation(e.mean, codes),
        "recovery_mcc_null": correlation(e.mean[others], codes),
    }
    if learnt is None:
        return measures
    atoms = torch.from_numpy(truth["atoms"]).to(e.device)
    matching, latents = match(learnt, atoms), codes.shape[1]
    found = torch.zeros(latents, device=e.device)
    found[matching.true] = matching.cosine

    estimate, on, drawn = aligned(e.draw, matching, latents), codes != 0, e.draw.ne(0).sum()
    both = (estimate != 0) & on
    hits, amplitudes = estimate[both].double(), codes[both].double()
    measures |= {
        "recovery_cosine": float(found.mean()),
        "recovery_atoms": 100 * float((found > FOUND).float().mean()),
        "recovery_precision": float(both.sum() / drawn),
        "recovery_recall": float(both.sum() / on.sum()),
        "recovery_f1": float(2 * both.sum() / (drawn + on.sum())),
        "recovery_f1_best": f1(aligned(e.best, matching, latents) != 0, on),
        "recovery_amplitude_bias": float((hits * amplitudes).sum() / amplitudes.square().sum() - 1),
        "recovery_f1_oracle": oracle(e.inputs(e.x), atoms, on),
    }
    posteriors = [q for x in e.chunks() if (q := e.coder.posterior(x)) is not None]
    if posteriors:
        active = torch.cat([q.active_prob for q in posteriors])
        # As many cases as learnt latents: one without a partner is never truly active.
        happened = torch.zeros_like(active, dtype=torch.bool)
        happened[:, matching.learnt] = on[:, matching.true]
        bins = reliability(active, happened)
        measures |= {"recovery_calibration": calibration_error(bins), "recovery_reliability": bins}
    return measures
