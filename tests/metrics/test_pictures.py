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


def test_latents_of_largest_variance_are_traversed() -> None:
    codes = spread([1, 5, 2, 0.1, 4, 3, 0, 7]) + 9
    assert to_traverse(codes, None, 6).tolist() == [7, 1, 4, 5, 2, 0]
    assert to_traverse(codes[:, :3], None, 6).tolist() == [1, 2, 0]


def test_latents_of_labels_come_first_and_once() -> None:
    codes = spread([1, 5, 2, 0.1, 4, 3])
    noisy = codes[:, 0] + 0.5 * torch.randn(400, generator=torch.Generator().manual_seed(1))
    labels = torch.stack((noisy > 0, codes[:, 3] < 0, codes[:, 3] < 0.02, torch.ones(400, dtype=torch.bool)), 1)
    # Latent 3 is the best of two labels, latent 0 of a noisy one; a label of one value has no latent.
    assert to_traverse(codes, labels, 6).tolist() == [3, 0, 1, 4, 5, 2]
    assert to_traverse(codes, labels, 1).tolist() == [3]


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
    # Latents 0 and 1 make two labels.
    assert set(found["traversal_latents"][:2].int().tolist()) == {0, 1}


def test_recovered_atoms_are_sorted_by_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measure(planted.evaluation())["recovered_atoms"]
    assert isinstance(found, np.ndarray)
    expected = sorted(planted.atoms().T, key=np.linalg.norm, reverse=True)
    np.testing.assert_allclose(found.reshape(len(expected), -1), expected, atol=0.05)  # best codes have noise of 0.01
    monkeypatch.setattr("vscbench.metrics.pictures.ATOMS", 2)
    fewer = measure(planted.evaluation())["recovered_atoms"]
    np.testing.assert_array_equal(fewer, found[:2])


def test_without_labels_or_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    e = planted.evaluation(labelled=False)
    ranked = e.mean.var(0).argsort(descending=True)
    np.testing.assert_array_equal(measure(e)["traversal_latents"], ranked)
    monkeypatch.setattr(planted.Inverse, "sample_prior", lambda *_: None)
    assert "prior_samples" not in measure(planted.evaluation())


def test_patches_have_no_pictures() -> None:
    e = planted.evaluation()
    e.x = torch.zeros(4, 16)
    assert measure(e) == {}
