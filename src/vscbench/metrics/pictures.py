"""What do images, samples, atoms and single latents look like?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

IMAGES = 8
"""Test images that are shown beside their reconstructions."""

SAMPLES = 32

ATOMS = 64

LATENTS = 6
"""R, traversed."""

STEPS = torch.linspace(-3, 3, 7)
"""Of a traversal, in standard deviations of the latent."""


def recovered_atoms(chunks: Iterable[Tensor], codes: Tensor) -> Tensor:
    """C_xz pinv(C_zz) with C_xz = XᵀZ/N and C_zz = ZᵀZ/N, images regressed on codes, uncentred: (P, K) in float64.

    The dictionary that a generator acts like (Fallah and Rozell 2022); float64 because codes may be nearly
    dependent.

    Args:
        chunks: the images (B, C, H, W), B at a time.
        codes: theirs, (N, K).
    """
    codes = codes.double()
    cross, at = None, 0
    for images in chunks:
        part = images.flatten(1).double().T @ codes[at : at + len(images)]
        cross = part if cross is None else cross.add_(part)
        at += len(images)
    # The 1/N of the two cancel.
    atoms: Tensor = cross @ torch.linalg.pinv(codes.T @ codes, hermitian=True)
    return atoms


def traversals(code: Tensor, codes: Tensor, latents: Tensor, steps: Tensor = STEPS) -> Tensor:
    """Codes (R, S, K): `code` (K,) with one of R latents moved by S `steps`, in deviations of its codes (N, K)."""
    moved = code.repeat(len(latents), len(steps), 1)
    shift = codes[:, latents].std(0)[:, None] * steps.to(codes)
    moved[torch.arange(len(latents), device=code.device), :, latents] += shift
    return moved


def to_traverse(ends: Tensor, count: int) -> Tensor:
    """Up to `count` of K latents, first those that change the image most: by falling ‖x̂₊ − x̂₋‖².

    Args:
        ends: (K, 2, C, H, W), images at both ends of the traversal of each latent.
        count: R.
    """
    return (ends[:, 1] - ends[:, 0]).square().flatten(1).sum(1).argsort(descending=True, stable=True)[:count]


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Arrays for figures of images (C, H, W): test images, reconstructions, samples, recovered atoms, traversals.

    The recovered atoms are the 64 of largest norm; traversals move the latents of `traversal_latents`, those that
    change the image most, by `traversal_values` standard deviations of their draws from the mean code of the first test
    image. Left out: vectors, and the samples of a coder that has no prior to draw from.
    """
    if not e.is_images:
        return {}

    def decoded(codes: Tensor) -> NDArray[np.float32]:
        return torch.cat(list(e.decoded(codes))).float().contiguous().cpu().numpy()

    measures: Measures = {"input": next(iter(e.chunks()))[:IMAGES].float().contiguous().cpu().numpy()}
    for name, codes in e.codes.items():
        measures[f"reconstruction_{name}"] = decoded(codes[:IMAGES])
    prior = e.prior_codes(SAMPLES)
    if prior is not None:
        measures["prior_samples"] = decoded(prior)
    atoms = recovered_atoms(e.chunks(), e.best)
    largest = torch.linalg.vector_norm(atoms, dim=0).argsort(descending=True)[:ATOMS]
    measures["recovered_atoms"] = atoms[:, largest].T.reshape(-1, *e.shape).float().cpu().numpy()
    # In units of the drawn codes: the posterior mean of a sparse latent hardly moves.
    ends = traversals(e.mean[0], e.draw, torch.arange(e.mean.shape[1], device=e.device), STEPS[[0, -1]])
    images = torch.cat(list(e.decoded(ends.flatten(0, 1))))
    latents = to_traverse(images.unflatten(0, (-1, 2)), LATENTS)
    moved = traversals(e.mean[0], e.draw, latents)
    measures["traversals"] = decoded(moved.flatten(0, 1)).reshape(len(latents), len(STEPS), *e.shape)
    measures["traversal_latents"] = latents.float().cpu().numpy()
    measures["traversal_values"] = STEPS.numpy()
    return measures
