"""A run as a folder: its weights, and how it came to them."""

from __future__ import annotations

import csv
import io
import logging
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from vscbench.files import atomic, write_json, write_text
from vscbench.training.memory import peak_memory_mb
from vscbench.training.trainer import Diverged, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vscbench.data import Data

log = logging.getLogger(__name__)


def train(
    spec: Mapping[str, Any],
    data: Data,
    folder: Path,
    *,
    key: str,
    device: torch.device,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60,
) -> str:
    """Train a run; write weights.safetensors, history.csv, resources.json, config.json and status.json to `folder`.

    Args:
        spec: the specification of the run.
        data: its data.
        folder: where the files go.
        key: the fingerprint of `spec`, by which the checkpoint, weights and status are known.
        device: where to train.
        checkpoint: what it resumes from where it was stopped; None: from nothing.
        checkpoint_seconds: how often it is written.

    Returns:
        "completed", or "diverged" where the loss stopped being finite: a result, kept in every table.
    """
    name = "/".join(folder.parts[-3:])

    def progress(step: int, steps: int, last: Mapping[str, float]) -> None:
        left = trainer.seconds / step * (steps - step)
        said = f", loss {last['train_loss']:.4f}, density {last['train_density']:.3f}" if last else ""
        log.info("[%s] step %d/%d%s, %.0f s left", name, step, steps, said, left)

    trainer = Trainer(spec, data, device, checkpoint, checkpoint_seconds, key, progress)
    trainer.resume()
    status: dict[str, Any] = {"status": "completed", "key": key}
    try:
        trainer.train()
    except Diverged as end:
        log.warning("[%s] diverged: %s", name, end)
        status |= {"status": "diverged", "step": end.step, "loss": str(end.loss)}
    status["step"] = status.get("step", trainer.step)

    weights = {name: value.contiguous().cpu() for name, value in trainer.model.state_dict().items()}
    with atomic(folder / "weights.safetensors") as partial:
        save_file(weights, partial, {"key": key, "shape": " ".join(map(str, data.shape))})
    write_history(folder / "history.csv", trainer.history)
    resources = {
        "train_seconds": trainer.seconds,
        "steps_per_second": trainer.step / trainer.seconds if trainer.seconds else 0.0,
        "peak_memory_mb": peak_memory_mb(device),
        "device": device.type,
        "threads": torch.get_num_threads(),
    }
    write_json(folder / "resources.json", resources)
    write_json(folder / "config.json", spec)
    write_json(folder / "status.json", status)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    return str(status["status"])


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write one line per epoch as CSV; a run that ended in its first epoch has a header alone."""
    columns = list(history[0]) if history else ["epoch", "step"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
