from __future__ import annotations

import numpy as np
import pytest
import torch

from metrics import planted
from vscbench.data.batches import inputs
from vscbench.metrics.pictures import measure, recovered_atoms, to_traverse, traversals

CPU = torch.device("cpu")


# --------------------------------------------------------------- recovered atoms


def test_atoms_of_a_linear_generator_are_recovered() -> None:
    e = planted.evaluation()
    found = recovered_atoms(e.chunks(), e.mean)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), planted.atoms(), atol=5e-3)  # pixels are rounded to bytes


@pytest.mark.parametrize("chunk", [7, 60])
def test_atoms_are_the_uncentred_regression(chunk: int, rng: torch.Generator) -> None:
    """C_xz pinv(C_zz), of codes of which one never is on, one repeats another, one nearly."""
    codes = torch.randn(60, 6, generator=rng, dtype=torch.float64) + 1
    codes[:, 2], codes[:, 4] = 0, codes[:, 1]
    codes[:, 5] = codes[:, 0] + 1e-3 * codes[:, 5]
    x = torch.rand(60, 3, 2, 2, generator=rng, dtype=torch.float64)
    found = recovered_atoms(iter(x.split(chunk)), codes).numpy()
    flat, z = x.flatten(1).numpy(), codes.numpy()
    np.testing.assert_allclose(found, (flat.T @ z / 60) @ np.linalg.pinv(z.T @ z / 60), atol=1e-5)
    np.testing.assert_allclose(found, np.linalg.lstsq(z, flat)[0].T, atol=1e-5)
    assert np.abs(found[:, 2]).max() < 1e-6
    np.testing.assert_allclose(found[:, 1], found[:, 4], atol=1e-6)


# ------------------------------------------------------------------- traversals


def spread(scale: list[float], count: int = 400) -> torch.Tensor:
    """Codes of given standard deviations."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(count, len(scale), generator=rng) * torch.tensor(scale)


def test_latents_of_largest_effect_are_traversed() -> None:
    """Of a linear generator the effect of a latent is its deviation times the norm of its atom."""
    codes = spread([1, 5, 2, 0.1, 4, 3])
    atoms = torch.eye(6) * torch.tensor([1.0, 1, 1, 90, 0.2, -3])
    ends = traversals(codes[0], codes, torch.arange(6), torch.tensor([-3.0, 3]))
    images = (ends @ atoms).reshape(6, 2, 1, 2, 3)
    assert to_traverse(images, 4).tolist() == [3, 5, 1, 2]
    assert to_traverse(images, 9).tolist() == [3, 5, 1, 2, 0, 4]


def test_traversal_moves_one_latent() -> None:
    codes = spread([1, 5, 2])
    moved = traversals(codes[0], codes, torch.tensor([2, 0]))
    assert moved.shape == (2, 7, 3)
    for row, latent in enumerate((2, 0)):
        others = [k for k in range(3) if k != latent]
        torch.testing.assert_close(moved[row][:, others], codes[0, others].expand(7, 2))
        steps = (moved[row][:, latent] - codes[0, latent]) / codes[:, latent].std()
        torch.testing.assert_close(steps, torch.tensor([-3.0, -2, -1, 0, 1, 2, 3]), rtol=0, atol=1e-4)


# ---------------------------------------------------------------------- measure


def test_arrays_of_the_figures() -> None:
    e = planted.evaluation()
    arrays = measure(e)
    shapes = {
        "input": (8, *planted.SHAPE),
        "reconstruction_draw": (8, *planted.SHAPE),
        "reconstruction_mean": (8, *planted.SHAPE),
        "reconstruction_best": (8, *planted.SHAPE),
        "prior_samples": (32, *planted.SHAPE),
        "recovered_atoms": (planted.LATENTS, *planted.SHAPE),
        "traversals": (planted.LATENTS, 7, *planted.SHAPE),
        "traversal_latents": (planted.LATENTS,),
        "traversal_values": (7,),
    }
    assert {name: np.shape(array) for name, array in arrays.items()} == shapes
    assert all(isinstance(array, np.ndarray) and array.dtype == np.float32 for array in arrays.values())


def test_arrays_hold_what_their_names_say() -> None:
    e = planted.evaluation()
    found = {name: torch.from_numpy(array) for name, array in measure(e).items()}
    torch.testing.assert_close(found["input"], inputs(e.x[:8], CPU))
    with torch.no_grad():
        for name, codes in e.codes.items():
            torch.testing.assert_close(found[f"reconstruction_{name}"], e.coder.decode(codes[:8]))
        torch.testing.assert_close(found["prior_samples"], e.coder.decode(e.prior_codes(32)))
        torch.testing.assert_close(found["traversals"][:, 3], e.coder.decode(e.mean[:1]).expand(5, -1, -1, -1))
    assert found["traversal_values"].tolist() == [-3, -2, -1, 0, 1, 2, 3]
    # A step along a latent of a linear generator adds its atom, times its standard deviation.
    step = found["traversals"][:, 5] - found["traversals"][:, 4]
    for row, latent in enumerate(found["traversal_latents"].int().tolist()):
        atom = torch.from_numpy(planted.atoms()[:, latent]).float().view(planted.SHAPE)
        torch.testing.assert_close(step[row], e.draw[:, latent].std() * atom, rtol=1e-4, atol=1e-5)
    # Those that change the image most come first.
    effect = torch.from_numpy(planted.atoms()).norm(dim=0) * e.draw.std(0)
    assert found["traversal_latents"].tolist() == effect.argsort(descending=True).tolist()


def test_recovered_atoms_are_sorted_by_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(planted.evaluation())["recovered_atoms"]
    assert isinstance(found, np.ndarray)
    expected = sorted(planted.atoms().T, key=np.linalg.norm, reverse=True)
    np.testing.assert_allclose(found.reshape(len(expected), -1), expected, atol=0.05)  # best codes have noise of 0.01
    monkeypatch.setattr("vscbench.metrics.pictures.ATOMS", 2)
    fewer = measure(planted.evaluation())["recovered_atoms"]
    np.testing.assert_array_equal(fewer, found[:2])


def test_without_a_prior_there_are_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted.Inverse, "sample_prior", lambda *_: None)
    assert "prior_samples" not in measure(planted.evaluation())


def test_patches_have_no_pictures() -> None:
    e = planted.evaluation()
    e.x = torch.zeros(4, 16)
    assert measure(e) == {}
