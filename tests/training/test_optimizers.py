"""One step: the published update of a dictionary, Nesterov's of the encoder, what is clipped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from training.runs import CODERS, spec_of, trained, trainer_of
from vscbench.ramps import OneCycle, Ramp
from vscbench.training.optimizer import inference_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data

RATE = {"initial": 0.4, "final": 0.1}


@pytest.mark.parametrize("sampling", ["max_elbo", "average"])
@pytest.mark.parametrize("method", CODERS)
def test_dictionary_follows_the_published_rule(data: Data, method: str, sampling: str) -> None:
    """A ← A + η (mean (x - A z) zᵀ - 2 c A) on the codes that count, exactly."""
    rule = {"dictionary_rate": RATE, "dictionary_decay": 0.03}
    doubles = replace(data, **{part: getattr(data, part).astype(np.float64) for part in ("train", "validation")})
    trainer = trainer_of(spec_of(method, objective={"sampling": sampling}, optimizer=rule), doubles)
    trainer.model.double()
    x, atoms = trainer.x[:10], trainer.coder.atoms
    assert atoms is not None
    for step in (0, 11):
        trainer.step = step
        trainer.coder.set_step(step, trainer.steps)
        state = trainer.rng.get_state()
        with torch.no_grad():
            z = trainer.coder.loss(x, trainer.rng).codes  # (S, B, K)
        trainer.rng.set_state(state)
        before = atoms.detach().clone()
        trainer.train_step(x)
        residual = x - z @ before.T
        mean = torch.einsum("sbp,sbk->pk", residual, z) / (z.shape[0] * z.shape[1])
        rate = Ramp(**RATE)(step, trainer.steps)
        assert z.any()
        torch.testing.assert_close(atoms.detach(), before + rate * (mean - 2 * 0.03 * before))


@pytest.mark.parametrize("clip_norm", [None, 1e9], ids=["free", "never_clipped"])
def test_encoder_follows_nesterov(data: Data, clip_norm: float | None) -> None:
    """v ← 0.9 v + g, θ ← θ - η (g + 0.9 v), without decay, at the scheduled rate."""
    trainer = trainer_of(spec_of(optimizer={"clip_norm": clip_norm}), data)
    coder, x = trainer.coder, trainer.x[:10]
    weights = coder.get_parameter("heads.weight")
    velocity = torch.zeros_like(weights)
    for step in range(4):
        trainer.step = step
        before, state = weights.detach().clone(), trainer.rng.get_state()
        coder.set_step(step, trainer.steps)
        (gradient,) = torch.autograd.grad(coder.loss(x, trainer.rng).value.mean(), weights)
        trainer.rng.set_state(state)
        trainer.train_step(x)
        velocity = 0.9 * velocity + gradient
        rate = OneCycle(0.001)(step, trainer.steps)
        torch.testing.assert_close(weights.detach(), before - rate * (gradient + 0.9 * velocity))


def test_gradients_of_the_encoder_are_clipped(data: Data) -> None:
    """To a norm over all of it; the dictionary's is not."""
    trainer = trainer_of(spec_of(optimizer={"clip_norm": 1e-3}), data)
    trainer.train_step(trainer.x[:10])
    gradients = [p.grad for p in inference_parameters(trainer.coder) if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([gradient.norm() for gradient in gradients]))
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)
    atoms = trainer.coder.atoms
    assert atoms is not None
    assert atoms.grad is not None
    assert atoms.grad.norm() > 1e-2


def test_clipping_leaves_a_solver_alone(data: Data, tmp_path: Path) -> None:
    """It has nothing to clip."""
    assert trained(spec_of("fista", optimizer={"clip_norm": 1.0}), data, tmp_path)["status"] == "completed"
