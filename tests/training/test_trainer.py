"""The training loop: the published update, reproducibility, interruption, divergence."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from battery import CODER_SPECS, Spec, name
from vscbench import config as configs
from vscbench.coders import LEARNED_SOLVERS
from vscbench.data import Splits, synthetic
from vscbench.data.splits import write
from vscbench.ramps import schedule
from vscbench.training import checkpoint
from vscbench.training.loop import Trainer, train

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Config = dict[str, Any]
METHODS = ("fista", "laplacian_thresh_gamma", "spike_slab")
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("time_limit")


def run_spec(study: Config, method: str = "laplacian_thresh_gamma", repetition: int = 0) -> dict[str, Any]:
    return configs.run_spec(configs.check(study), "recovery", method, repetition)


def trained(spec: dict[str, Any], splits: Splits, out: Path) -> dict[str, Any]:
    """Train into `out`; the status that is written there."""
    status = train(spec, splits, out, out / "checkpoint.pt", CPU)
    written: dict[str, Any] = json.loads((out / "status.json").read_text())
    assert written["status"] == status
    return written


def results(out: Path) -> tuple[bytes, bytes]:
    """What must be the same where a run is repeated."""
    return (out / "weights.safetensors").read_bytes(), (out / "history.csv").read_bytes()


def history(out: Path) -> list[dict[str, float]]:
    with (out / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


# -------------------------------------------------------------------- one step


@pytest.mark.parametrize("sampling", ["max_elbo", "average"])
@pytest.mark.parametrize("method", METHODS)
def test_dictionary_follows_the_published_rule(
    study: Config, splits: Splits, tmp_path: Path, method: str, sampling: str
) -> None:
    """A ← A + η (mean (x - A z) zᵀ - 2 c A) on the codes that count, exactly (spec 2.1)."""
    study["experiments"]["recovery"]["objective"]["sampling"] = sampling
    study["experiments"]["recovery"]["training"] |= {
        "dictionary_rate": {"initial": 0.4, "final": 0.1},
        "dictionary_decay": 0.03,
    }
    doubles = Splits(*(part.astype(np.float64) for part in splits[:3]), truth={})
    trainer = Trainer(run_spec(study, method), doubles, tmp_path / "checkpoint.pt", CPU, 60)
    trainer.model.double()
    x, dictionary = trainer.x[:10], trainer.model.generator
    for step in (0, 11):
        trainer.step = step
        trainer.model.coder.set_step(step, trainer.steps)
        state = trainer.rng.get_state()
        with torch.no_grad():
            z = trainer.model.coder.loss(x, trainer.rng).codes  # (S, B, K)
        trainer.rng.set_state(state)
        before = dictionary.atoms.detach().clone()
        trainer.train_step(x)
        residual = x - z @ before.T
        mean = torch.einsum("sbp,sbk->pk", residual, z) / (z.shape[0] * z.shape[1])
        rate = schedule({"initial": 0.4, "final": 0.1})(step, trainer.steps)
        assert z.any()
        torch.testing.assert_close(dictionary.atoms.detach(), before + rate * (mean - 2 * 0.03 * before))


LONG = 1e9
"""No gradient is longer."""


@pytest.mark.parametrize("clip_norm", [None, LONG])
def test_encoder_follows_nesterov(study: Config, splits: Splits, tmp_path: Path, clip_norm: float | None) -> None:
    """v ← 0.9 v + g, θ ← θ - η (g + 0.9 v), without decay, at the scheduled rate."""
    study["experiments"]["recovery"]["training"]["clip_norm"] = clip_norm
    trainer = Trainer(run_spec(study), splits, tmp_path / "checkpoint.pt", CPU, 60)
    coder, x = trainer.model.coder, trainer.x[:10]
    weights = coder.heads.weight
    velocity = torch.zeros_like(weights)
    for step in range(4):
        trainer.step = step
        before, state = weights.detach().clone(), trainer.rng.get_state()
        coder.set_step(step, trainer.steps)
        loss = coder.loss(x, trainer.model.generator, trainer.rng).value.mean()
        (gradient,) = torch.autograd.grad(loss, weights)
        trainer.rng.set_state(state)
        trainer.train_step(x)
        velocity = 0.9 * velocity + gradient
        rate = schedule({"peak": 0.001})(step, trainer.steps)
        torch.testing.assert_close(weights.detach(), before - rate * (gradient + 0.9 * velocity))


@pytest.mark.parametrize("method", METHODS)
def test_steps_within_backward_are_those_after_it(study: Config, splits: Splits, tmp_path: Path, method: str) -> None:
    """Bit by bit: parameters that move as their gradients come, and all at the end, as where some are clipped."""
    models = []
    for clip_norm in (None, LONG):
        study["experiments"]["recovery"]["training"]["clip_norm"] = clip_norm
        trainer = Trainer(run_spec(study, method), splits, tmp_path / "checkpoint.pt", CPU, 60)
        models.append(trainer.model)
        for trainer.step in range(5):
            trainer.train_step(trainer.x[:10])
        assert clip_norm or all(parameter.grad is None for parameter in trainer.model.parameters())
    start = Trainer(run_spec(study, method), splits, tmp_path / "checkpoint.pt", CPU, 60).model
    for first, one, other in zip(*(model.parameters() for model in (start, *models)), strict=True):
        assert torch.equal(one, other)
        assert not torch.equal(one, first)


def test_a_gradient_is_a_step_in_training_alone(study: Config, splits: Splits, tmp_path: Path) -> None:
    """Whoever asks for the gradient of a model in training gets it; the model stays, and goes on as if nobody had."""
    asked, other = (Trainer(run_spec(study), splits, tmp_path / "checkpoint.pt", CPU, 60) for _ in range(2))
    x = asked.x[:10]
    asked.model.coder.loss(x, asked.model.generator, torch.Generator().manual_seed(0)).value.mean().backward()
    for mine, yours in zip(asked.model.parameters(), other.model.parameters(), strict=True):
        assert mine.grad is not None
        assert torch.equal(mine, yours)
    assert torch.equal(asked.train_step(x), other.train_step(x))
    for mine, yours in zip(asked.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(mine, yours)


def test_gradients_of_the_encoder_are_clipped(study: Config, splits: Splits, tmp_path: Path) -> None:
    """To a norm over all of the coder; the dictionary's is not."""
    study["experiments"]["recovery"]["training"]["clip_norm"] = 1e-3
    trainer = Trainer(run_spec(study), splits, tmp_path / "checkpoint.pt", CPU, 60)
    trainer.train_step(trainer.x[:10])
    gradients = [p.grad for p in trainer.model.coder.parameters() if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([gradient.norm() for gradient in gradients]))
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)
    atoms = trainer.model.generator.atoms.grad
    assert atoms is not None
    assert atoms.norm() > 1e-2


def test_clipping_leaves_a_solver_alone(study: Config, splits: Splits, tmp_path: Path) -> None:
    """It has nothing to clip."""
    study["experiments"]["recovery"]["training"]["clip_norm"] = 1.0
    assert trained(run_spec(study, "fista"), splits, tmp_path)["status"] == "completed"


def test_every_epoch_sees_every_patch_once_in_another_order(study: Config, splits: Splits, tmp_path: Path) -> None:
    trainer = Trainer(run_spec(study), splits, tmp_path / "checkpoint.pt", CPU, 60)
    first, second = trainer.order(0), trainer.order(1)
    for order in (first, second):
        assert torch.equal(order.sort().values, torch.arange(len(splits.train)))
    assert not torch.equal(first, second)
    assert torch.equal(first, trainer.order(0))
    assert trainer.steps == 2 * 21


# -------------------------------------------------------------------- whole runs


@pytest.mark.parametrize("spec", CODER_SPECS, ids=name)
def test_every_coder_trains(study: Config, splits: Splits, tmp_path: Path, spec: Spec) -> None:
    """To the end, with finite weights and a row of history for each epoch."""
    study["methods"]["fista"] = spec
    run = run_spec(study, "fista")
    assert trained(run, splits, tmp_path) == {"status": "completed", "key": configs.run_key(run), "step": 42}
    weights = load_file(tmp_path / "weights.safetensors")
    assert all(value.isfinite().all() for value in weights.values())
    rows = history(tmp_path)
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 21), (2, 42)]
    for row in rows:
        assert np.isfinite(list(row.values())).all()
        if spec["family"] not in LEARNED_SOLVERS:  # they learn from more than the error
            assert row["train_loss"] == pytest.approx(row["train_mse"] + 0.01 * row["train_kl"])
        assert 0 <= row["validation_density"] <= 1
        assert 0 <= row["train_density"] <= 1
        assert row["validation_mse_best"] <= row["validation_mse_draw"] + 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_training_learns(study: Config, tmp_path: Path, method: str) -> None:
    study["experiments"]["recovery"]["training"] |= {"epochs": 5, "dictionary_rate": {"initial": 0.5, "final": 0.05}}
    splits = synthetic.load(1000, 100, 10, pixels=16, latents=12, density=0.1)
    trainer = Trainer(run_spec(study, method), splits, tmp_path / "checkpoint.pt", CPU, 60)
    before = trainer.validate(0)["validation_mse_best"]
    trainer.train()
    assert trainer.history[-1]["validation_mse_best"] < 0.8 * before


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_gives_the_same_run(study: Config, splits: Splits, tmp_path: Path, method: str) -> None:
    spec = run_spec(study, method)
    for folder in ("one", "two"):
        trained(spec, splits, tmp_path / folder)
        torch.rand(3)  # what others draw from torch's own generator does not matter
    trained(run_spec(study, method, repetition=1), splits, tmp_path / "other")
    assert results(tmp_path / "one") == results(tmp_path / "two")
    assert results(tmp_path / "one") != results(tmp_path / "other")


def test_files_of_a_run(study: Config, splits: Splits, tmp_path: Path) -> None:
    spec = run_spec(study)
    trained(spec, splits, tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"weights.safetensors", "history.csv", "resources.json", "config.json", "status.json"}
    assert json.loads((tmp_path / "config.json").read_text()) == spec
    resources = json.loads((tmp_path / "resources.json").read_text())
    assert resources["train_seconds"] > 0
    assert resources["steps_per_second"] == pytest.approx(42 / resources["train_seconds"])
    assert resources["peak_memory_mb"] > 10


def test_fewer_patches_than_a_batch(study: Config, tmp_path: Path) -> None:
    splits = synthetic.load(5, 5, 5, pixels=16)
    assert trained(run_spec(study), splits, tmp_path)["step"] == 2


@pytest.mark.parametrize("method", METHODS)
def test_diverging_run_is_a_result(study: Config, splits: Splits, tmp_path: Path, method: str) -> None:
    """Status and step of the first loss that is not finite, and all the files of a run."""
    huge = {"initial": 1e12, "final": 1e12}
    study["experiments"]["recovery"]["training"] |= {"encoder_rate": huge, "dictionary_rate": huge}
    spec = run_spec(study, method)
    status = trained(spec, splits, tmp_path)

    trainer = Trainer(spec, splits, tmp_path / "none.pt", CPU, 60)
    order = trainer.order(0)
    first = next(
        trainer.step + 1
        for trainer.step in range(20)
        if not trainer.train_step(trainer.x[order[10 * trainer.step :][:10]])[0].isfinite()
    )
    assert first > 1
    assert status == {"status": "diverged", "key": configs.run_key(spec), "step": first, "loss": status["loss"]}
    assert not np.isfinite(float(status["loss"]))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"weights.safetensors", "history.csv", "resources.json", "config.json", "status.json"}
    assert history(tmp_path) == []


# -------------------------------------------------------------------- interruption

EPOCHS = 15  # long enough to be killed on the way

RUN = """
import json, logging, sys
from pathlib import Path
import torch
from vscbench import data
from vscbench.training.loop import train
spec, source, *folders = sys.argv[1:]
torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO)
for out in map(Path, folders):
    train(json.loads(spec), data.read(Path(source)), out, out / "checkpoint.pt", torch.device("cpu"), 0)
"""


@contextmanager
def training(spec: dict[str, Any], source: Path, *folders: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that trains into each of `folders`, saving itself as often as it can; killed at the end."""
    command = [sys.executable, "-c", RUN, json.dumps(spec), source, *folders]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_killed_run_ends_bit_identical(study: Config, splits: Splits, tmp_path: Path) -> None:
    study["experiments"]["recovery"]["training"]["epochs"] = EPOCHS
    spec, source = run_spec(study), tmp_path / "data.safetensors"
    write(splits, source, {})
    killed, whole = tmp_path / "killed", tmp_path / "whole"

    saved = killed / "checkpoint.pt"
    with training(spec, source, killed) as process:
        while not saved.exists() and process.poll() is None:
            time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    state = checkpoint.load(saved, configs.run_key(spec))
    assert state is not None
    assert 0 < state["step"] < 21 * EPOCHS

    with training(spec, source, killed, whole) as process:
        _, said = process.communicate()
    assert process.returncode == 0
    assert said.decode().count(f"resuming at step {state['step']} of {21 * EPOCHS}") == 1
    assert results(killed) == results(whole)
    assert len(history(killed)) == EPOCHS
    assert not saved.exists()
    assert {path.name for path in killed.iterdir() if not path.name.startswith(".")} == {
        path.name for path in whole.iterdir()
    }


def interrupt(trainer: Trainer, steps: int) -> None:
    """Train as far as `steps`, then save."""
    end, trainer.steps = trainer.steps, steps
    trainer.train()
    trainer.steps = end
    trainer.save()


def test_resumed_run_continues(study: Config, splits: Splits, tmp_path: Path) -> None:
    """Where it was saved, with momentum, noise and half an epoch's sums."""
    path = tmp_path / "checkpoint.pt"
    trainer = Trainer(run_spec(study), splits, path, CPU, 0)
    order = trainer.order(0)
    sums = torch.stack([trainer.train_step(trainer.x[rows]) for rows in order[:50].split(10)]).double().sum(0)
    trainer.step, trainer.sums, trainer.seconds = 5, sums, 12.0
    trainer.save()
    again = Trainer(run_spec(study), splits, path, CPU, 0)
    again.resume()
    assert (again.step, again.seconds) == (5, 12.0)
    assert torch.equal(again.sums, sums)
    assert torch.equal(again.rng.get_state(), trainer.rng.get_state())
    step = [each.train_step(each.x[order[50:60]]) for each in (trainer, again)]
    assert torch.equal(*step)
    for one, other in zip(trainer.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


DAMAGE = {
    "empty": lambda _: b"",
    "text": lambda _: b"this is no checkpoint",
    "random": lambda _: np.random.default_rng(0).bytes(5000),
    "half": lambda content: content[: len(content) // 2],
    "without_its_end": lambda content: content[:-1],
    "flipped": lambda content: bytes(byte ^ (0xFF if k % 97 == 0 else 0) for k, byte in enumerate(content)),
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_checkpoint_is_ignored(study: Config, splits: Splits, tmp_path: Path, damage: Any) -> None:
    spec, path = run_spec(study), tmp_path / "checkpoint.pt"
    Trainer(spec, splits, path, CPU, 0).save()
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.load(path, configs.run_key(spec)) is None
    assert trained(spec, splits, tmp_path)["status"] == "completed"


@pytest.mark.parametrize("content", [[1, 2], {"step": 3}, torch.zeros(3)], ids=["list", "no_key", "tensor"])
def test_file_of_something_else_is_no_checkpoint(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    assert checkpoint.load(tmp_path / "checkpoint.pt", "key") is None


def test_checkpoint_of_another_run_is_ignored(study: Config, splits: Splits, tmp_path: Path) -> None:
    """A changed constant is another run."""
    trained(run_spec(study), splits, tmp_path / "fresh")
    study["experiments"]["recovery"]["objective"]["kl_weight"] = 0.5
    other = Trainer(run_spec(study), splits, tmp_path / "checkpoint.pt", CPU, 0)
    interrupt(other, 21)
    study["experiments"]["recovery"]["objective"]["kl_weight"] = 0.01
    spec = run_spec(study)
    assert checkpoint.load(tmp_path / "checkpoint.pt", configs.run_key(spec)) is None
    train(spec, splits, tmp_path / "beside", tmp_path / "checkpoint.pt", CPU)
    assert results(tmp_path / "beside") == results(tmp_path / "fresh")
    assert not (tmp_path / "checkpoint.pt").exists()


def test_validation_does_not_disturb_training(study: Config, splits: Splits, tmp_path: Path) -> None:
    """Neither its noise nor its evaluation state."""
    one, other = (Trainer(run_spec(study, "spike_slab"), splits, tmp_path / "none.pt", CPU, 0) for _ in range(2))
    for step in range(3):
        one.step = other.step = step
        assert torch.equal(one.train_step(one.x[:10]), other.train_step(other.x[:10]))
        first, second = one.validate(1), one.validate(1)
        assert first == second


def test_validation_is_in_the_evaluation_state(study: Config, splits: Splits, tmp_path: Path) -> None:
    """Whatever is still warming up in training."""
    warmup = {"initial": 0.1, "final": 1}
    study["methods"]["spike_slab"]["noise_warmup"] = warmup
    study["methods"]["fista"]["penalty_warmup"] = warmup
    for method in ("spike_slab", "fista"):
        trainer = Trainer(run_spec(study, method), splits, tmp_path / "none.pt", CPU, 0)
        found = []
        for step in (0, 21, 42):
            trainer.model.coder.set_step(step, 42)
            found.append(trainer.validate(1))
        assert found[0] == found[1] == found[2]
