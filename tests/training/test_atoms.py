"""What a dictionary undergoes beside gradient steps, each alone: unit length, a start at data, revival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Generator, nn

from training.runs import CPU, KEY, results, spec_of, trained, trainer_of
from vscbench.coders.amortised import Amortised
from vscbench.training import atoms as module
from vscbench.training import checkpoint
from vscbench.training.adam import Adam
from vscbench.training.atoms import directions_of, make_tangent, normalise, revive
from vscbench.training.run import train
from vscbench.training.trainer import CHECK_EVERY

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.training.trainer import Trainer

ALL = {"unit_atoms": True, "atoms_from_data": True, "revive_every": 7}


def adam(data: Data, coder: str = "fista", *, encoder: str = "mlp", **options: Any) -> Trainer:
    spec = spec_of(coder)
    spec["training"]["optimizer"] = {"kind": "adam", "rate": {"initial": 0.05, "final": 0.05}, **options}
    spec["encoder"]["kind"] = encoder
    return trainer_of(spec, data)


def test_gradient_is_that_of_the_normalised_atoms() -> None:
    """The tangent part is the derivative through a/‖a‖."""
    rng = Generator().manual_seed(0)
    target = torch.randn(6, 4, generator=rng)
    free = torch.randn(6, 4, generator=rng)
    atoms = nn.Parameter(free / free.norm(dim=0))
    (atoms - target).square().sum().backward()
    make_tangent(atoms)
    again = nn.Parameter(atoms.detach().clone())
    (again / again.norm(dim=0) - target).square().sum().backward()
    torch.testing.assert_close(atoms.grad, again.grad)
    assert atoms.grad is not None
    assert (atoms * atoms.grad).sum(0).abs().max() < 1e-6


@pytest.mark.parametrize("unit", [True, False])
def test_atoms_stay_at_unit_length_only_where_that_is_asked(data: Data, unit: bool) -> None:
    trainer = adam(data, unit_atoms=unit)
    for _ in range(5):
        trainer.train_step(trainer.x[:10])
    atoms = trainer.coder.atoms
    assert atoms is not None
    assert (((atoms.norm(dim=0) - 1).abs() < 1e-5).all()) == unit


@pytest.mark.parametrize("asked", [True, False])
def test_start_at_data(data: Data, asked: bool) -> None:
    """Each atom is a data point of its own, scaled to unit length."""
    trainer = adam(data, atoms_from_data=asked)
    atoms = trainer.coder.atoms
    assert atoms is not None
    likeness = (nn.functional.normalize(trainer.x, dim=1) @ atoms).max(0)
    assert bool((likeness.values > 1 - 1e-5).all()) == asked
    assert not asked or len(likeness.indices.unique()) == atoms.shape[1]


def test_directions_of_few_points_and_of_none() -> None:
    rng = Generator().manual_seed(0)
    assert directions_of(torch.eye(3), 5, rng).unique(dim=0).shape == (3, 3)
    torch.testing.assert_close(directions_of(torch.zeros(4, 3), 2, rng).norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("encoder", ["linear_plus", "mlp"])
def test_locations_start_at_correlations_where_the_encoder_is_linear(data: Data, encoder: str) -> None:
    trainer = adam(data, "laplacian_thresh_gamma", encoder=encoder, atoms_from_data=True)
    coder, x = trainer.coder, trainer.x[:10]
    assert isinstance(coder, Amortised)
    assert coder.atoms is not None
    same = torch.allclose(coder.params(x)["loc"], x @ coder.atoms, atol=1e-5)
    assert same == (encoder == "linear_plus")


def test_the_dead_are_revived_and_no_other(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atoms that are zero code nothing: they become residuals, and then code something."""
    trainer = adam(data)
    coder, x = trainer.coder, trainer.x
    atoms = coder.atoms
    assert atoms is not None
    atoms.data[:, [2, 5]] = 0
    before = atoms.detach().clone()
    monkeypatch.setattr(module, "LOOKED_AT", len(x))
    residual = x - coder.decode(coder.encode(x))
    dead = revive(coder, x, Generator().manual_seed(0))
    assert dead.tolist() == [2, 5]
    others = [k for k in range(atoms.shape[1]) if k not in (2, 5)]
    assert torch.equal(atoms[:, others], before[:, others])
    likeness = nn.functional.normalize(residual, dim=1) @ atoms.detach()[:, [2, 5]]
    torch.testing.assert_close(likeness.max(0).values, torch.ones(2))
    assert not revive(coder, x, Generator().manual_seed(0)).numel()


def test_revival_comes_when_it_is_due_and_not_at_the_end(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("vscbench.training.adam.revive", lambda _coder, _x, rng: seen.append(rng.initial_seed()))
    adam(data, revive_every=7).train()
    assert seen == [6, 13, 20, 27]  # of 42 steps, up to three quarters
    seen.clear()
    adam(data).train()
    assert not seen


def test_a_resumed_run_ends_bit_identical(data: Data, tmp_path: Path) -> None:
    """Nothing of it is kept between steps."""
    spec = spec_of("laplacian_thresh_gamma", objective={"variance": "batch"})
    spec["encoder"]["kind"] = "linear_plus"
    spec["training"]["optimizer"] = {"kind": "adam", **ALL}
    trained(spec, data, tmp_path / "whole")

    def stop(step: int, *_: object) -> None:
        if step > CHECK_EVERY:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(spec, data, device=CPU, key=KEY, checkpoint=path, checkpoint_seconds=0, progress=stop)
    state = checkpoint.load(path, KEY)
    assert state is not None
    assert state["step"] == CHECK_EVERY
    trained(spec, data, tmp_path / "again", path)
    assert results(tmp_path / "whole") == results(tmp_path / "again")


def test_a_network_has_no_atoms() -> None:
    for option, value in ALL.items():
        spec = {"training": {"optimizer": {"kind": "adam", option: value}}}
        assert option in Adam.unfit(spec, linear=False)
        assert not Adam.unfit(spec, linear=True)
    assert not Adam.unfit({"training": {"optimizer": {"kind": "adam"}}}, linear=False)


def test_normalising_leaves_directions(rng: Generator) -> None:
    atoms = nn.Parameter(torch.randn(5, 3, generator=rng))
    expected = atoms.detach() / atoms.detach().norm(dim=0)
    normalise(atoms)
    torch.testing.assert_close(atoms.detach(), expected)
