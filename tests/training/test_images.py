"""The training loop on images: batch-norm, Adam, flips, data that stay on disk."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from conftest import ROOT, STUDY
from vscbench import config as configs
from vscbench.data import Splits, read
from vscbench.data.splits import write
from vscbench.training.loop import Trainer, train

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
STEPS_PER_EPOCH = 5


@pytest.fixture(scope="module")
def images() -> Splits:
    """Squares at random places, 28×28."""
    rng = np.random.default_rng(0)
    x = np.zeros((60, 1, 28, 28), np.uint8)
    for image, (row, column) in zip(x, rng.integers(0, 20, (60, 2)), strict=True):
        image[0, row : row + 8, column : column + 8] = 255
    return Splits(x[:40], x[40:50], x[50:], {})


def spec(method: str = "spike_slab", **training: Any) -> dict[str, Any]:
    """A run of two epochs with narrow networks."""
    study = deepcopy(STUDY)
    study["datasets"]["images"] = {"kind": "fashion_mnist", "train": 40, "validation": 10, "test": 10}
    study["methods"]["gaussian"] = {"family": "gaussian"}
    study["experiments"]["images"] = {
        "dataset": "images",
        "methods": ["gaussian", "spike_slab", "laplacian_thresh_gamma", "fista"],
        "generator": {"kind": "convolutional", "latents": 6, "width": 0.1},
        "encoder": {"kind": "convolutional", "width": 0.1},
        "objective": {"sampling": "max_elbo", "samples": 3, "kl_weight": 0.001},
        "training": {"optimizer": "adam", "epochs": 2, "batch_size": 8, "rate": {"peak": 0.003}, **training},
        "evaluation": {},
    }
    study["methods"]["fista"] |= {"penalty": 0.05, "max_iterations": 5}
    return configs.run_spec(configs.check(study), "images", method, 0)


@pytest.mark.parametrize("method", ["gaussian", "spike_slab", "laplacian_thresh_gamma", "fista"])
def test_every_kind_of_coder_learns_a_network(method: str, images: Splits, tmp_path: Path) -> None:
    long = spec(method, epochs=12)
    assert train(long, images, tmp_path, tmp_path / "checkpoint.pt", CPU) == "completed"
    lines = (tmp_path / "history.csv").read_text().splitlines()
    mse = [float(line.split(",")[lines[0].split(",").index("train_mse")]) for line in lines[1:]]
    assert mse[-1] < 0.7 * mse[0]


def test_resumed_run_ends_bit_identical(images: Splits, tmp_path: Path) -> None:
    """Weights, running statistics, moments of Adam, noise and flips."""
    flips = spec(flip=True)
    whole = Trainer(flips, images, tmp_path / "whole.pt", CPU, 60)
    whole.train()
    first = Trainer(flips, images, tmp_path / "parts.pt", CPU, 60)
    first.steps, end = STEPS_PER_EPOCH + 2, first.steps
    first.train()
    first.steps = end
    first.save()
    second = Trainer(flips, images, tmp_path / "parts.pt", CPU, 60)
    second.resume()
    second.train()
    # The first part's rates are those of a shorter training: it must itself be repeated for the whole.
    again = Trainer(flips, images, tmp_path / "again.pt", CPU, 60)
    again.steps = STEPS_PER_EPOCH + 2
    again.train()
    again.steps = end
    again.train()
    for key, value in second.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key
    assert not all(torch.equal(v, whole.model.state_dict()[k]) for k, v in second.model.state_dict().items())


def test_data_stay_on_disk(images: Splits, tmp_path: Path) -> None:
    """Nothing of the array is copied but the batch."""
    write(images, tmp_path / "data.safetensors", {})
    splits = read(tmp_path / "data.safetensors")
    assert isinstance(splits.train, np.memmap)
    trainer = Trainer(spec(), splits, tmp_path / "checkpoint.pt", CPU, 60)
    assert trainer.x.data_ptr() == splits.train.ctypes.data
    x = trainer.batch_of(torch.tensor([3, 1]))
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), images.train[[3, 1]] / np.float32(255))


def test_only_asked_for_images_are_flipped(images: Splits, tmp_path: Path) -> None:
    rows = torch.arange(40)
    plain, mirrored = (
        Trainer(spec(flip=flip), images, tmp_path / "checkpoint.pt", CPU, 60).batch_of(rows) for flip in (False, True)
    )
    torch.testing.assert_close(plain, torch.from_numpy(images.train) / 255)
    turned = (mirrored != plain).flatten(1).any(1)
    assert 8 < int(turned.sum()) < 32
    assert torch.equal(mirrored[turned], plain[turned].flip(-1))


def test_validation_leaves_running_statistics_and_mode_alone(images: Splits, tmp_path: Path) -> None:
    trainer = Trainer(spec(), images, tmp_path / "checkpoint.pt", CPU, 60)
    trainer.train_step(trainer.batch_of(torch.arange(8)))
    before = deepcopy(trainer.model.state_dict())
    row = trainer.validate(1)
    assert trainer.model.training
    for key, value in trainer.model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert "validation_lasso_draw" not in row


def test_half_precision_is_close_to_single(images: Splits, tmp_path: Path) -> None:
    """Asked for, it is used on a GPU alone; forced here, a step costs nearly the same and learns in single."""
    losses = []
    for half in (False, True):
        trainer = Trainer(spec("gaussian", precision="mixed"), images, tmp_path / "checkpoint.pt", CPU, 60)
        assert not trainer.half
        trainer.half = half
        losses.append(trainer.train_step(trainer.batch_of(torch.arange(8))))
        assert all(p.dtype == p.grad.dtype == torch.float32 for p in trainer.model.parameters() if p.grad is not None)
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=0)
    assert not torch.equal(losses[1], losses[0])


def test_paper_study_holds_the_other_two() -> None:
    """config/paper.yaml repeats config/fashion_mnist.yaml and config/celeba.yaml to the letter."""
    base = ROOT / "config.yaml"
    paper = configs.load([base, ROOT / "config/paper.yaml"])
    for name in ("fashion_mnist", "celeba"):
        own = configs.load([base, ROOT / f"config/{name}.yaml"])
        assert set(configs.experiments(own)) == {name, f"{name}_density"}
        for experiment in configs.experiments(own):
            assert paper["experiments"][experiment] == own["experiments"][experiment]
        assert paper["datasets"][name] == own["datasets"][name]
