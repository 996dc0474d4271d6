"""Runs trained as one model: step by step on a CPU they are what each is by itself; on a GPU a graph repeats itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.runs import CODERS, CPU, KEY, spec_of, trainer_of
from vscbench.errors import UserError
from vscbench.training.captured import CapturedTrainer
from vscbench.training.curves import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from vscbench.data import Data
    from vscbench.training.trainer import Trainer

SEEDS = (0, 5, 7)
WARMUP = {"initial": 0.2, "final": 1, "start": 0.1, "end": 0.6}
FAMILIES: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian"},
    "laplacian": {"family": "laplacian", "noise_warmup": WARMUP},
    "spike_slab": {"family": "spike_slab", "noise_warmup": WARMUP, "temperature": {"initial": 1, "final": 0.3}},
    "laplacian_thresh": {"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.1}, "noise_warmup": WARMUP},
    "gaussian_thresh_gamma": {"family": "gaussian", "threshold": {"kind": "gamma", "value": 0.3}},
}
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: graphs are captured on one alone")


def captured(specs: list[dict[str, Any]], data: Data, device: torch.device = CPU, **more: Any) -> CapturedTrainer:
    return CapturedTrainer(specs, data, device, key=KEY, **more)


def give_noise(trainer: Trainer, step: Callable[[], int], run: int | None) -> None:
    """Noise that is a function of the step: of one run, or of all of them side by side."""
    family = trainer.coder.family

    def noise(params: dict[str, Tensor], samples: int, rng: object) -> dict[str, Tensor]:  # noqa: ARG001
        rows, latents = params["loc"].shape
        points = rows // (1 if run is not None else len(SEEDS))
        stream = torch.Generator().manual_seed(step())
        drawn = torch.rand(3, samples, points, len(SEEDS), latents, generator=stream).clamp(1e-3, 1 - 1e-3)
        drawn = drawn.flatten(2, 3) if run is None else drawn[:, :, :, run]
        normal, laplace = torch.special.ndtri(drawn[0]), -torch.sign(drawn[0] - 0.5) * (1 - 2 * (drawn[0] - 0.5).abs()).log()
        return {"normal": normal, "laplace": laplace, "uniform": drawn[1], "gamma": 3 * drawn[2]}

    given = noise({"loc": torch.zeros(3, 1)}, 1, None).keys()
    used = set(trainer.coder.family.noise({n: torch.zeros(3, 1) for n in family.heads}, 1, torch.Generator())) & given
    family.noise = lambda *args: {name: value for name, value in noise(*args).items() if name in used}


@pytest.mark.parametrize("clip_norm", [None, 0.05], ids=["free", "clipped"])
@pytest.mark.parametrize("family", FAMILIES)
def test_stacked_runs_are_those_that_each_is_by_itself(data: Data, family: str, clip_norm: float | None) -> None:
    """Given the same noise: weights, curves, momentum and order of the data."""
    specs = [spec_of(FAMILIES[family], seed=seed, optimizer={"clip_norm": clip_norm}, epochs=3) for seed in SEEDS]
    stacked = captured(specs, data)
    give_noise(stacked, lambda: int(stacked.clock.step), None)
    stacked.epochs()
    assert stacked.step == 63
    for run, spec in enumerate(specs):
        alone = trainer_of(spec, data)
        give_noise(alone, lambda: alone.step, run)  # noqa: B023  (used within the turn)
        alone.train()
        found, expected = stacked.model_of(run, data).state_dict(), alone.model.state_dict()
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=lambda text: f"{name}: {text}")  # noqa: B023
        assert len(alone.history) == 3
        for row, other in zip(stacked.history_of(run), alone.history, strict=True):
            assert row.keys() == other.keys()
            assert row == pytest.approx(other, rel=1e-3, abs=1e-6)
