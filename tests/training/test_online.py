"""Online dictionary learning against scikit-learn's, in a sweep and to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.decomposition._dict_learning import _update_dict
from torch import Generator

from training.runs import CPU, KEY, results, spec_of, trained, trainer_of
from vscbench.coders.fista import fista
from vscbench.data.synthetic import Synthetic
from vscbench.objectives.lasso import lasso_objective
from vscbench.training import checkpoint, online
from vscbench.training.online import Online, decay_at, solved
from vscbench.training.optimizer import inference_parameters
from vscbench.training.run import train
from vscbench.training.trainer import CHECK_EVERY

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data

PENALTY = 0.2


def spec(coder: str | dict[str, Any] = "fista", **training: Any) -> dict[str, Any]:
    made = spec_of(coder, **training)
    made["training"]["optimizer"] = {"kind": "online"}
    return made


def test_a_sweep_is_scikit_learns(rng: Generator) -> None:
    codes = torch.randn(60, 9, generator=rng, dtype=torch.float64) * (torch.rand(60, 9, generator=rng) < 0.3)
    x = torch.randn(60, 6, generator=rng, dtype=torch.float64)
    atoms = torch.nn.functional.normalize(torch.randn(6, 9, generator=rng, dtype=torch.float64), dim=0)
    second, cross = codes.T @ codes, codes.T @ x
    expected = np.ascontiguousarray(atoms.T.numpy())
    _update_dict(expected, x.numpy(), codes.numpy(), second.numpy().copy(), cross.T.numpy().copy())
    np.testing.assert_allclose(solved(atoms, second, cross).T, expected, rtol=0, atol=1e-12)


def test_weights_of_old_codes_are_scikit_learns() -> None:
    """θ = tB while t < B, then B² + t - B."""
    for step in range(25):
        theta = (step + 1) * 10 if step < 9 else 100 + step + 1 - 10
        assert decay_at(step + 1, 10) == (theta + 1 - 10) / (theta + 1)


def test_sums_are_those_of_all_codes_so_far(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "UNUSED", 0.0)
    trainer = trainer_of(spec(), data)
    optimizer = trainer.optimizer
    assert isinstance(optimizer, Online)
    trainer.model.double()
    optimizer.second, optimizer.cross = optimizer.second.double(), optimizer.cross.double()
    second, cross = torch.zeros(12, 12).double(), torch.zeros(12, 16).double()
    for step, rows in enumerate(torch.arange(30).split(10)):
        x = trainer.x[rows].double()
        codes = trainer.coder.encode(x)
        trainer.step = step
        trainer.train_step(x)
        second = decay_at(step + 1, 10) * second + codes.T @ codes / 10
        cross = decay_at(step + 1, 10) * cross + codes.T @ x / 10
    used = optimizer.second.diagonal() > 0
    assert used.sum() > 6
    torch.testing.assert_close(optimizer.second[used][:, used], second[used][:, used])
    torch.testing.assert_close(optimizer.cross[used], cross[used])


def test_it_learns_as_good_a_dictionary_as_scikit_learn() -> None:
    """The lasso's objective of new data, at the optimum of their codes."""
    data = Synthetic(train=800, validation=30, test=200, pixels=16, latents=24).load()
    run = spec({"family": "fista", "penalty": PENALTY, "tolerance": 1e-4}, epochs=3, batch_size=40)
    run["generator"]["latents"] = 24
    trainer = trainer_of(run, data)
    trainer.train()
    theirs = MiniBatchDictionaryLearning(
        24, alpha=PENALTY, batch_size=40, max_iter=3, tol=0, max_no_improvement=None, random_state=0
    ).fit(data.train)
    x = torch.from_numpy(data.test).float()

    def objective(atoms: torch.Tensor) -> float:
        codes = fista(x, atoms, PENALTY, 2000, 1e-4).codes
        return float(lasso_objective(x, codes @ atoms.T, codes, PENALTY).mean())

    ours = trainer.coder.atoms
    assert ours is not None
    assert (ours.norm(dim=0) < 1 + 1e-5).all()
    assert objective(ours.detach()) < 1.02 * objective(torch.from_numpy(theirs.components_.T).float())


def test_unused_atoms_become_data_that_are_coded_worst(data: Data) -> None:
    trainer = trainer_of(spec(), data)
    atoms = trainer.coder.atoms
    assert atoms is not None
    atoms.data[:, 3] = 0
    x = trainer.x[:40]
    trainer.train_step(x)
    likeness = torch.nn.functional.normalize(x, dim=1) @ atoms.detach()[:, 3]
    assert likeness.max().item() == pytest.approx(1, abs=1e-5)


def test_an_encoder_learns_by_adam_and_the_dictionary_has_no_gradient(data: Data) -> None:
    trainer = trainer_of(spec("laplacian_thresh_gamma"), data)
    atoms, before = trainer.coder.atoms, [p.detach().clone() for p in inference_parameters(trainer.coder)]
    trainer.step = 20
    trainer.train_step(trainer.x[:40])
    assert atoms is not None
    assert atoms.grad is None
    for old, new in zip(before, inference_parameters(trainer.coder), strict=True):
        assert not torch.equal(old, new)


@pytest.mark.parametrize("coder", ["fista", "laplacian_thresh_gamma"])
def test_a_resumed_run_ends_bit_identical(data: Data, coder: str, tmp_path: Path) -> None:
    trained(spec(coder), data, tmp_path / "whole")

    def stop(step: int, *_: object) -> None:
        if step > CHECK_EVERY:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(spec(coder), data, device=CPU, key=KEY, checkpoint=path, checkpoint_seconds=0, progress=stop)
    assert checkpoint.load(path, KEY) is not None
    trained(spec(coder), data, tmp_path / "again", path)
    assert results(tmp_path / "whole") == results(tmp_path / "again")


def test_it_is_for_dictionaries() -> None:
    assert "dictionary" in Online.unfit({}, linear=False)
    assert not Online.unfit({}, linear=True)
