"""A run as a folder: its weights, and how it came to them."""

from __future__ import annotations

import csv
import io
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors.torch import save_file

from vscbench.errors import UserError
from vscbench.files import atomic, write_json, write_text
from vscbench.training.memory import peak_memory_mb
from vscbench.training.trainer import Diverged, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.model import Model
    from vscbench.training.trainer import Progress

log = logging.getLogger(__name__)


REPORT_EVERY_S = 10
"""Seconds between two lines of progress."""


class Trained(NamedTuple):
    """What a training gives."""

    model: Model
    history: Sequence[Mapping[str, float]]
    """One row an epoch."""
    status: Mapping[str, Any]
    """`status`: "completed", or "diverged" where the loss stopped being finite, a result too; `step`, `loss`, `key`."""
    resources: Mapping[str, Any]
    """What it took: seconds, of each epoch too, memory, device, threads."""


def train(
    spec: Mapping[str, Any],
    data: Data,
    *,
    device: torch.device,
    key: str = "",
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60,
    progress: Progress | None = None,
) -> Trained:
    """Train the run of a specification.

    Args:
        spec: the specification of the run.
        data: its data.
        device: where to train.
        key: the fingerprint of `spec`, by which the checkpoint, weights and status are known.
        checkpoint: what it resumes from where it was stopped; None: from nothing.
        checkpoint_seconds: how often it is written.
        progress: called now and then with the step, the number of steps, the last row of the history and the seconds
            that are left; None: a line in the log every ten seconds.
    """
    trainer = Trainer(spec, data, device, checkpoint, checkpoint_seconds, key, progress or log_progress(spec))
    trainer.resume()
    status: dict[str, Any] = {"status": "completed", "key": key}
    try:
        trainer.train()
    except Diverged as end:
        log.warning("[%s] diverged: %s", name_of(spec), end)
        status |= {"status": "diverged", "step": end.step, "loss": str(end.loss)}
    status["step"] = status.get("step", trainer.step)
    return Trained(trainer.model, trainer.history, status, resources(trainer))


def resources(trainer: Trainer) -> dict[str, Any]:
    """What a training took so far: seconds, memory, device, threads."""
    return {
        "train_seconds": trainer.seconds,
        "steps_per_second": trainer.step / trainer.seconds if trainer.seconds else 0.0,
        "epoch_seconds": list(trainer.times),
        "peak_memory_mb": peak_memory_mb(trainer.device),
        "device": trainer.device.type,
        "threads": torch.get_num_threads(),
    }


def write(trained: Trained, spec: Mapping[str, Any], shape: Sequence[int], folder: Path) -> None:
    """Write weights.safetensors, history.csv, resources.json, config.json and status.json to `folder`.

    Args:
        trained: what the training gave.
        spec: the specification of the run.
        shape: of a data point.
        folder: where the files go; made where it is missing.
    """
    weights = {name: value.contiguous().cpu() for name, value in trained.model.state_dict().items()}
    with atomic(folder / "weights.safetensors") as partial:
        save_file(weights, partial, {"shape": " ".join(map(str, shape))})  # one entry: the order of several is random
    write_history(folder / "history.csv", trained.history)
    write_json(folder / "resources.json", trained.resources)
    write_json(folder / "config.json", spec)
    write_json(folder / "status.json", trained.status)


def name_of(spec: Mapping[str, Any]) -> str:
    """A run as the lines of its log call it."""
    point = ",".join(f"{axis}={value}" for axis, value in spec["point"].items())
    return "/".join(str(part) for part in (spec["experiment"], spec["method"], point, spec["repetition"]) if part != "")


def log_progress(spec: Mapping[str, Any]) -> Progress:
    """One line of progress every ten seconds, and one at the end."""
    said = time.monotonic()

    def progress(step: int, steps: int, last: Mapping[str, float], left: float) -> None:
        nonlocal said
        if step < steps and time.monotonic() - said < REPORT_EVERY_S:
            return
        said = time.monotonic()
        loss = f", loss {last['train_loss']:.4f}, density {last['train_density']:.3f}" if last else ""
        log.info("[%s] step %d/%d%s, %.0f s left", name_of(spec), step, steps, loss, left)

    return progress


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write one line per epoch as CSV; a run that ended in its first epoch has a header alone."""
    columns = list(history[0]) if history else ["epoch", "step"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows that `write_history` wrote.

    Raises:
        UserError: the file is missing, or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: train the run again") from None
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: train the run again") from None
