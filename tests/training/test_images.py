"""The training loop on images: batch-norm, Adam, flips, data that stay on disk."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from training.runs import CODERS, spec_of, trained, trainer_of
from vscbench.data import Data, read, write
from vscbench.training.curves import validate
from vscbench.training.run import read_history

if TYPE_CHECKING:
    from pathlib import Path

STEPS_PER_EPOCH = 5


@pytest.fixture(scope="module")
def images() -> Data:
    """Squares at random places, 28×28."""
    rng = np.random.default_rng(0)
    x = np.zeros((60, 1, 28, 28), np.uint8)
    for image, (row, column) in zip(x, rng.integers(0, 20, (60, 2)), strict=True):
        image[0, row : row + 8, column : column + 8] = 255
    return Data(x[:40], x[40:50], x[50:])


OF_IMAGES = CODERS | {
    "gaussian": {"family": "gaussian"},
    "fista": {"family": "fista", "penalty": 0.05, "max_iterations": 5},
}


def spec(method: str = "spike_slab", **training: Any) -> dict[str, Any]:
    """A run of two epochs with narrow networks."""
    networks = {"kind": "convolutional", "width": 0.1}
    made = spec_of(OF_IMAGES[method], objective={"kl_weight": 0.001}, batch_size=8, validation_penalty=None, **training)
    made["training"]["optimizer"] = {"kind": "adam", "rate": {"peak": 0.003}}
    return made | {"encoder": networks, "generator": networks | {"latents": 6}}


@pytest.mark.parametrize("method", OF_IMAGES)
def test_every_kind_of_coder_learns_a_network(method: str, images: Data, tmp_path: Path) -> None:
    assert trained(spec(method, epochs=12), images, tmp_path)["status"] == "completed"
    mse = [row["train_mse"] for row in read_history(tmp_path / "history.csv")]
    assert mse[-1] < 0.7 * mse[0]


def test_resumed_run_ends_bit_identical(images: Data, tmp_path: Path) -> None:
    """Weights, running statistics, moments of Adam, noise and flips."""
    flips = spec(flip=True)
    whole = trainer_of(flips, images, tmp_path / "whole.pt")
    whole.train()
    first = trainer_of(flips, images, tmp_path / "parts.pt")
    first.steps, end = STEPS_PER_EPOCH + 2, first.steps
    first.train()
    first.steps = end
    first.save()
    second = trainer_of(flips, images, tmp_path / "parts.pt")
    second.resume()
    second.train()
    # The first part's rates are those of a shorter training: it must itself be repeated for the whole.
    again = trainer_of(flips, images, tmp_path / "again.pt")
    again.steps = STEPS_PER_EPOCH + 2
    again.train()
    again.steps = end
    again.train()
    for key, value in second.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key
    assert not all(torch.equal(v, whole.model.state_dict()[k]) for k, v in second.model.state_dict().items())


def test_data_stay_on_disk(images: Data, tmp_path: Path) -> None:
    """Nothing of the array is copied but the batch."""
    write(images, tmp_path / "data.safetensors")
    splits = read(tmp_path / "data.safetensors")
    assert isinstance(splits.train, np.memmap)
    trainer = trainer_of(spec(), splits)
    assert trainer.x.data_ptr() == splits.train.ctypes.data
    x = trainer.batch_of(torch.tensor([3, 1]))
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), images.train[[3, 1]] / np.float32(255))


def test_only_asked_for_images_are_flipped(images: Data) -> None:
    rows = torch.arange(40)
    plain, mirrored = (trainer_of(spec(flip=flip), images).batch_of(rows) for flip in (False, True))
    torch.testing.assert_close(plain, torch.from_numpy(images.train) / 255)
    turned = (mirrored != plain).flatten(1).any(1)
    assert 8 < int(turned.sum()) < 32
    assert torch.equal(mirrored[turned], plain[turned].flip(-1))


def test_validation_leaves_running_statistics_and_mode_alone(images: Data) -> None:
    trainer = trainer_of(spec(), images)
    trainer.train_step(trainer.batch_of(torch.arange(8)))
    before = deepcopy(trainer.model.state_dict())
    row = validate(trainer.coder, trainer.validation, 1, 3, None)
    assert trainer.model.training
    for key, value in trainer.model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert "validation_lasso_draw" not in row


def test_half_precision_is_close_to_single(images: Data) -> None:
    """Asked for, it is used on a GPU alone; forced here, a step costs nearly the same and learns in single."""
    losses = []
    for half in (False, True):
        trainer = trainer_of(spec("gaussian", precision="mixed"), images)
        assert not trainer.half
        trainer.half = half
        losses.append(trainer.train_step(trainer.batch_of(torch.arange(8))))
        assert all(p.dtype == p.grad.dtype == torch.float32 for p in trainer.model.parameters() if p.grad is not None)
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=0)
    assert not torch.equal(losses[1], losses[0])
