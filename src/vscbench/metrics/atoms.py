"""What do the atoms of a dictionary look like, how alike are they, and how far are their codes shrunk?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from vscbench.metrics.gabor import BROAD, GABOR_LIKE, fit
from vscbench.settings import Count

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

SMALLEST = 4
"""Least side of a patch, in pixels: across fewer no wave can be told."""
POINTS_AT_ONCE = 100


def largest_cosines(atoms: Tensor) -> Tensor:
    """|cos| of each atom (P, K) with the one most like it: (K,); atoms of zero are left out.

    Their maximum is the mutual coherence μ: every code of fewer than (1 + 1/μ)/2 non-zeros is the only one as sparse
    (Donoho and Elad, 2003).

    Example:
        >>> largest_cosines(torch.tensor([[1.0, 0.0, 3.0], [0.0, 1.0, 4.0]]))
        tensor([0.6000, 0.8000, 0.8000])
    """
    units = F.normalize(atoms[:, atoms.norm(dim=0) > 0], dim=0)
    return (units.T @ units).abs().fill_diagonal_(0).amax(0)


def least_squares(x: Tensor, atoms: Tensor, support: Tensor) -> Tensor:
    """The codes (N, K) of least ‖x - Az‖² of data (N, P) among those of a support (N, K); 0 off it.

    Example:
        >>> least_squares(torch.tensor([[3.0, 4.0]]), torch.eye(2), torch.tensor([[True, False]])).round()
        tensor([[3., 0.]])
    """
    size = int(support.sum(1).max())
    on, place = support.to(torch.int8).topk(size, dim=1)  # the active latents of each point, then others to fill up
    active = on.bool()
    gram = atoms.T @ atoms
    pairs = gram[place[:, :, None], place[:, None]] * (active[:, :, None] & active[:, None])
    # Atoms that are alike, or zero, have no amplitudes of their own: the ridge shares them out.
    ridge = 1e-6 * gram.diagonal().mean() + (~active).to(gram)
    wanted = (x @ atoms).gather(1, place) * active
    solved = torch.linalg.solve(pairs + torch.diag_embed(ridge), wanted)
    return torch.zeros_like(x @ atoms).scatter(1, place, solved)


def shrinkage(x: Tensor, atoms: Tensor, codes: Tensor) -> float | None:
    """Slope through 0 of least-squares amplitudes on a code's support against the code, Σ ẑ z / Σ z²; 1: not shrunk.

    Points whose codes are zero, or have more non-zeros than pixels, say nothing; None where all are such.
    """
    count = codes.ne(0).sum(1)
    told = (count > 0) & (count <= len(atoms))
    if not told.any():
        return None
    x, codes = x[told].double(), codes[told].double()
    parts = zip(x.split(POINTS_AT_ONCE), codes.split(POINTS_AT_ONCE), strict=True)
    best = torch.cat([least_squares(rows, atoms.double(), its != 0) for rows, its in parts])
    return float((best * codes).sum() / codes.square().sum())


@torch.no_grad()
def measure(e: Evaluation, *, points: Count = 200) -> Measures:
    """Gabor fits, coherence and norms of the atoms of a linear generator, and the shrinkage of its codes.

    - Of grey patches: `gabor_like`, percentage of atoms of which a Gabor function explains 80 % of the
      variance or more; `gabor_fit`, the median share that it explains, of all atoms. Of the Gabor-like, medians
      `gabor_n_x` = σ_x f and `gabor_n_y` = σ_y f, their widths across and along the stripes in cycles (Ringach, J.
      Neurophysiol. 88:455, 2002); `gabor_broad`, the percentage with n_x < 1/2π, blobs and edges: the two lobes that an
      even one has in its spectrum are one there, and f is no frequency of it; and of the others `gabor_frequency`, the
      median f in cycles a pixel. `gabor_fits` and `gabor_parameters` are those of each atom, the latter in the order of
      `gabor.Gabors`; an atom of zero explains nothing.
    - `coherence`: the largest |cos| of two atoms; `coherence_mean`: of an atom with the one most like it, mean over
      atoms; `coherence_null`: the mean of random directions, as many.
    - `atom_norm` and `atom_norm_spread`: mean norm and its standard deviation as a share of it.
    - `shrinkage`: factor by which least squares on the support makes the codes of one draw larger; 1 where they are not
      shrunk. Noise in a draw's amplitudes makes it smaller, down to 0 for amplitudes that have nothing to do with x.

    Args:
        e: the coder and the data.
        points: test points for the shrinkage.
    """
    atoms, shape = e.coder.atoms, e.data.patch_shape
    if atoms is None or not atoms.any():
        return {}
    alike, norms = largest_cosines(atoms), atoms.norm(dim=0)
    chance = torch.randn(atoms.shape, generator=e.rng("atoms"), device=atoms.device)
    measures: Measures = {
        "coherence": float(alike.max()),
        "coherence_mean": float(alike.mean()),
        "coherence_null": float(largest_cosines(chance).mean()),
        "atom_norm": float(norms.mean()),
        "atom_norm_spread": float(norms.std(correction=0) / norms.mean()),
    }
    rows = e.spread(points)
    found = shrinkage(e.inputs(e.x[rows]), atoms, e.draw[rows])
    if found is not None:
        measures["shrinkage"] = found
    if shape is None or shape[0] != 1 or min(shape[1:]) < SMALLEST:
        return measures
    gabors, explained = fit(atoms.T.reshape(-1, *shape[1:]).cpu().numpy())
    like = explained >= GABOR_LIKE
    measures |= {
        "gabor_like": 100 * float(like.mean()),
        "gabor_fit": float(np.median(explained)),
        "gabor_fits": explained.astype(np.float32),
        "gabor_parameters": np.stack(gabors).astype(np.float32),
    }
    across, along = gabors.sigma_x * gabors.frequency, gabors.sigma_y * gabors.frequency
    broad = across < BROAD
    if like.any():
        measures |= {
            "gabor_n_x": float(np.median(across[like])),
            "gabor_n_y": float(np.median(along[like])),
            "gabor_broad": 100 * float(broad[like].mean()),
        }
    if (like & ~broad).any():
        measures["gabor_frequency"] = float(np.median(gabors.frequency[like & ~broad]))
    return measures
