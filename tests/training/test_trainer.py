"""The training loop: reproducibility, interruption, divergence."""

from __future__ import annotations

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

from training.runs import CODERS, KEY, results, spec_of, trained, trainer_of
from vscbench.data import write
from vscbench.data.synthetic import Synthetic
from vscbench.testing.specs import Spec, every_spec, name, objective_of
from vscbench.training import checkpoint
from vscbench.training.curves import validate
from vscbench.training.run import read_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("time_limit")

LEARN_FROM_MORE = ("lista", "alista", "relu", "jumprelu", "gated", "entropy_bound")
"""Families whose loss is not the error and a divergence: it has a penalty, a bound of its own, or what FISTA finds."""
HUGE = {"initial": 1e12, "final": 1e12}


def validated(trainer: Trainer, epoch: int) -> dict[str, float]:
    return validate(trainer.coder, trainer.validation, epoch, 3, 20.0)


def test_every_epoch_sees_every_patch_once_in_another_order(data: Data) -> None:
    trainer = trainer_of(spec_of(), data)
    first, second = trainer.order(0), trainer.order(1)
    for order in (first, second):
        assert torch.equal(order.sort().values, torch.arange(len(data.train)))
    assert not torch.equal(first, second)
    assert torch.equal(first, trainer.order(0))
    assert trainer.steps == 2 * 21


# -------------------------------------------------------------------- whole runs


@pytest.mark.parametrize("spec", every_spec(), ids=name)
def test_every_coder_trains(data: Data, tmp_path: Path, spec: Spec) -> None:
    """To the end, with finite weights and a row of history for each epoch."""
    assert trained(spec_of(spec, objective=objective_of(spec)), data, tmp_path) == {
        "status": "completed",
        "key": KEY,
        "step": 42,
    }
    weights = load_file(tmp_path / "weights.safetensors")
    assert all(value.isfinite().all() for value in weights.values())
    rows = read_history(tmp_path / "history.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 21), (2, 42)]
    for row in rows:
        assert np.isfinite(list(row.values())).all()
        if spec["family"] not in LEARN_FROM_MORE:
            assert row["train_loss"] == pytest.approx(row["train_mse"] + 0.01 * row["train_kl"])
        assert 0 <= row["validation_density"] <= 1
        assert 0 <= row["train_density"] <= 1
        assert row["validation_mse_best"] <= 1.1 * row["validation_mse_draw"]  # other draws, of 30 points


@pytest.mark.parametrize("method", CODERS)
def test_training_learns(method: str) -> None:
    data = Synthetic(train=1000, validation=100, test=10, pixels=16, latents=12, density=0.1).load()
    trainer = trainer_of(
        spec_of(method, epochs=5, optimizer={"dictionary_rate": {"initial": 0.5, "final": 0.05}}), data
    )
    before = validated(trainer, 0)["validation_mse_best"]
    trainer.train()
    assert trainer.history[-1]["validation_mse_best"] < 0.8 * before


@pytest.mark.parametrize("method", CODERS)
def test_same_seed_gives_the_same_run(data: Data, tmp_path: Path, method: str) -> None:
    for folder in ("one", "two"):
        trained(spec_of(method), data, tmp_path / folder)
        torch.rand(3)  # what others draw from torch's own generator does not matter
    trained(spec_of(method, seed=1), data, tmp_path / "other")
    assert results(tmp_path / "one") == results(tmp_path / "two")
    assert results(tmp_path / "one") != results(tmp_path / "other")


def test_files_of_a_run(data: Data, tmp_path: Path) -> None:
    spec = spec_of()
    trained(spec, data, tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"weights.safetensors", "history.csv", "resources.json", "config.json", "status.json"}
    assert json.loads((tmp_path / "config.json").read_text()) == spec
    resources = json.loads((tmp_path / "resources.json").read_text())
    assert resources["train_seconds"] > 0
    assert resources["steps_per_second"] == pytest.approx(42 / resources["train_seconds"])
    assert resources["peak_memory_mb"] > 10


def test_fewer_patches_than_a_batch(tmp_path: Path) -> None:
    data = Synthetic(train=5, validation=5, test=5, pixels=16).load()
    assert trained(spec_of(), data, tmp_path)["step"] == 2


def test_length_in_steps(data: Data, tmp_path: Path) -> None:
    """A last epoch may be a part of one, and has its row."""
    spec = spec_of(steps=30)
    del spec["training"]["epochs"]
    assert trained(spec, data, tmp_path)["step"] == 30
    rows = read_history(tmp_path / "history.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 21), (2, 30)]


def test_statistics_of_the_data_are_in_the_weights(data: Data, tmp_path: Path) -> None:
    """So that raw data can be coded by what is saved."""
    trained(spec_of(), data, tmp_path)
    weights = load_file(tmp_path / "weights.safetensors")
    for of in ("mean", "scale"):
        np.testing.assert_allclose(weights[of], getattr(data.standardisation, of), rtol=1e-6)


def test_progress_is_told(data: Data) -> None:
    """At the end of each epoch at the latest, with the last row of the history and what is left."""
    told: list[tuple[int, int, int, float]] = []
    trainer = trainer_of(spec_of(), data)
    trainer.progress = lambda step, steps, last, left: told.append((step, steps, len(last), left))
    trainer.train()
    assert [step for step, *_ in told] == [20, 21, 41, 42]
    assert all(steps == 42 and left >= 0 for _, steps, _, left in told)
    assert [bool(row) for *_, row, _ in told] == [False, True, True, True]
    assert told[-1][3] == 0


@pytest.mark.parametrize("method", CODERS)
def test_diverging_run_is_a_result(data: Data, tmp_path: Path, method: str) -> None:
    """Status and step of the first loss that is not finite, and all the files of a run."""
    spec = spec_of(method, optimizer={"encoder_rate": HUGE, "dictionary_rate": HUGE, "clip_norm": None})
    status = trained(spec, data, tmp_path)

    trainer = trainer_of(spec, data)
    order = trainer.order(0)
    first = next(
        trainer.step + 1
        for trainer.step in range(20)
        if not trainer.train_step(trainer.x[order[10 * trainer.step :][:10]])[0].isfinite()
    )
    assert first > 1
    assert status == {"status": "diverged", "key": KEY, "step": first, "loss": status["loss"]}
    assert not np.isfinite(float(status["loss"]))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"weights.safetensors", "history.csv", "resources.json", "config.json", "status.json"}
    assert read_history(tmp_path / "history.csv") == []


# -------------------------------------------------------------------- interruption

EPOCHS = 15  # long enough to be killed on the way

RUN = """
import json, logging, sys
from pathlib import Path
import torch
from vscbench import data
from vscbench.training.run import train, write
spec, source, *folders = sys.argv[1:]
torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO)
spec, data = json.loads(spec), data.read(Path(source))
for out in map(Path, folders):
    saved = out / "checkpoint.pt"
    trained = train(spec, data, device=torch.device("cpu"), key="key", checkpoint=saved, checkpoint_seconds=0)
    write(trained, spec, data.shape, out)
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


def test_killed_run_ends_bit_identical(data: Data, tmp_path: Path) -> None:
    spec, source = spec_of(epochs=EPOCHS), tmp_path / "data.safetensors"
    write(data, source)
    killed, whole = tmp_path / "killed", tmp_path / "whole"

    saved = killed / "checkpoint.pt"
    with training(spec, source, killed) as process:
        while not saved.exists() and process.poll() is None:
            time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    state = checkpoint.load(saved, KEY)
    assert state is not None
    assert 0 < state["step"] < 21 * EPOCHS

    with training(spec, source, killed, whole) as process:
        _, said = process.communicate()
    assert process.returncode == 0
    assert said.decode().count(f"resuming at step {state['step']} of {21 * EPOCHS}") == 1
    assert results(killed) == results(whole)
    assert len(read_history(killed / "history.csv")) == EPOCHS


def interrupt(trainer: Trainer, steps: int) -> None:
    """Train as far as `steps`, then save."""
    end, trainer.steps = trainer.steps, steps
    trainer.train()
    trainer.steps = end
    trainer.save()


def test_resumed_run_continues(data: Data, tmp_path: Path) -> None:
    """Where it was saved, with momentum, noise and half an epoch's sums."""
    path = tmp_path / "checkpoint.pt"
    trainer = trainer_of(spec_of(), data, path)
    order = trainer.order(0)
    sums = torch.stack([trainer.train_step(trainer.x[rows]) for rows in order[:50].split(10)]).double().sum(0)
    trainer.step, trainer.sums, trainer.seconds = 5, sums, 12.0
    trainer.save()
    again = trainer_of(spec_of(), data, path)
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
def test_damaged_checkpoint_is_ignored(data: Data, tmp_path: Path, damage: Any) -> None:
    spec, path = spec_of(), tmp_path / "checkpoint.pt"
    trainer_of(spec, data, path).save()
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.load(path, KEY) is None
    assert trained(spec, data, tmp_path, path)["status"] == "completed"


@pytest.mark.parametrize("content", [[1, 2], {"step": 3}, torch.zeros(3)], ids=["list", "no_key", "tensor"])
def test_file_of_something_else_is_no_checkpoint(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    assert checkpoint.load(tmp_path / "checkpoint.pt", "key") is None


def test_checkpoint_of_another_run_is_ignored(data: Data, tmp_path: Path) -> None:
    """It has another key, and so nothing of it is taken up."""
    path = tmp_path / "checkpoint.pt"
    trained(spec_of(), data, tmp_path / "fresh")
    other = trainer_of(spec_of(objective={"kl_weight": 0.5}), data, path)
    other.key = "another"
    interrupt(other, 21)
    assert checkpoint.load(path, "another") is not None
    assert checkpoint.load(path, KEY) is None
    trained(spec_of(), data, tmp_path / "beside", path)
    assert results(tmp_path / "beside") == results(tmp_path / "fresh")


def test_validation_does_not_disturb_training(data: Data) -> None:
    """Neither its noise nor its evaluation state."""
    one, other = (trainer_of(spec_of("spike_slab"), data) for _ in range(2))
    for step in range(3):
        one.step = other.step = step
        assert torch.equal(one.train_step(one.x[:10]), other.train_step(other.x[:10]))
        first, second = validated(one, 1), validated(one, 1)
        assert first == second


def test_validation_is_in_the_evaluation_state(data: Data) -> None:
    """Whatever is still warming up in training."""
    warmup = {"initial": 0.1, "final": 1}
    for method, key in (("spike_slab", "noise_warmup"), ("fista", "penalty_warmup")):
        trainer = trainer_of(spec_of(CODERS[method] | {key: warmup}), data)
        found = []
        for step in (0, 21, 42):
            trainer.coder.set_step(step, 42)
            found.append(validated(trainer, 1))
        assert found[0] == found[1] == found[2]
