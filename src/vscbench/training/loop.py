"""The training loop, the same for every method."""

from __future__ import annotations

import csv
import io
import logging
import math
import time
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor

from vscbench import model as models
from vscbench.coders.masks import nonzero
from vscbench.config import run_key, run_name
from vscbench.data.batches import flipped, inputs
from vscbench.files import atomic, write_json, write_text
from vscbench.objectives.lasso import lasso_objective
from vscbench.training import checkpoint
from vscbench.training.memory import keep_freed_memory, peak_memory_mb
from vscbench.training.optimizer import learning

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Splits
    from vscbench.model import Model

log = logging.getLogger(__name__)

SUMS = ("loss", "mse", "kl", "density")
LOOK_EVERY = 20
"""Steps between two looks at the loss: each look waits for the device."""
REPORT_EVERY_S = 10
"""Seconds between two lines of progress."""
VALIDATION_POINTS = 1000
"""Data points that the curves are measured on after each epoch."""


class Diverged(Exception):  # noqa: N818  (a result, not an error)
    """The loss stopped being finite."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"loss {loss} at step {step}")
        self.step, self.loss = step, loss


class Trainer:
    """One run, from its specification to its weights.

    All that is random comes from `spec["seed"]`: initial weights, the order of the patches in each epoch, and one
    stream of noise whose state is kept in the checkpoint. A run that was killed and started again therefore ends
    bit-identical to one left alone, on the same machine.

    Args:
        spec: the specification of the run (see `vscbench.config.run_spec`).
        splits: its data.
        checkpoint_path: where the run saves itself and looks for an earlier self.
        device: where to train.
        checkpoint_seconds: how often the run saves itself.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        splits: Splits,
        checkpoint_path: Path,
        device: torch.device,
        checkpoint_seconds: float,
    ) -> None:
        self.spec, self.training = spec, spec["training"]
        self.key, self.name = run_key(spec), run_name(spec)
        self.checkpoint_path, self.checkpoint_seconds = checkpoint_path, checkpoint_seconds
        self.device = device
        self.x = torch.from_numpy(splits.train).to(self.device)  # (N, P) or (N, C, H, W); on a CPU still on disk
        self.validation = inputs(torch.from_numpy(splits.validation[:VALIDATION_POINTS]), self.device)
        self.batch = min(self.training["batch_size"], len(self.x))
        self.steps_per_epoch = len(self.x) // self.batch
        self.steps = self.training["epochs"] * self.steps_per_epoch
        self.model: Model = models.build(spec, self.x.shape[1:]).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # (what convolutions read fastest)
        self.learning = learning(self.model, self.x[0].numel(), self.training)
        self.optimizer = self.learning.optimizer
        # Half the bits where a GPU is made for them; the sums of a loss stay in single precision.
        self.half = self.training.get("precision") == "mixed" and self.device.type == "cuda"
        self.rng = Generator(self.device).manual_seed(spec["seed"])
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, float]] = []
        self.sums = torch.zeros(len(SUMS), device=self.device, dtype=torch.float64)

    # ------------------------------------------------------------------ state

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "key": self.key,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "sums": self.sums,
        }
        checkpoint.save(self.checkpoint_path, state)

    def resume(self) -> None:
        """Take up the checkpoint of the same run, if there is one."""
        state = checkpoint.load(self.checkpoint_path, self.key)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]
        self.sums = state["sums"].to(self.device)
        log.info("[%s] resuming at step %d of %d", self.name, self.step, self.steps)

    # --------------------------------------------------------------- training

    def order(self, epoch: int) -> Tensor:
        """The order of the training data in `epoch`: a function of the seed, so that no state of it is kept."""
        rng = Generator().manual_seed(self.spec["seed"] + epoch)
        return torch.randperm(len(self.x), generator=rng).to(self.device)

    def batch_of(self, rows: Tensor) -> Tensor:
        """The batch (B, P) or (B, C, H, W) at `rows` of the training data, as the networks read it."""
        x = inputs(self.x.index_select(0, rows), self.device)  # a third of the time of x[rows]
        return flipped(x, self.rng) if self.training.get("flip") else x

    def train_step(self, x: Tensor) -> Tensor:
        """One step on a batch (B, P) or (B, C, H, W): the sums of loss, mse, kl and density over the batch."""
        self.model.coder.at(self.step, self.steps)
        self.learning.set_rates(self.step, self.steps)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss = self.model.coder.loss(x, self.model.generator, self.rng)
        density = nonzero(loss.codes).to(loss.value.dtype).mean((0, 2))
        self.learning.descend(loss.value.mean())
        return torch.stack((loss.value.detach(), loss.mse.detach(), loss.kl.detach(), density)).sum(1)

    def train(self) -> None:
        """Train to the end, from wherever the run stands.

        Raises:
            Diverged: a loss was not finite.
        """
        recent: list[Tensor] = []
        order, ordered = self.x, -1
        started = saved = reported = time.monotonic()
        before = self.seconds
        while self.step < self.steps:
            epoch, position = divmod(self.step, self.steps_per_epoch)
            if epoch != ordered:
                order, ordered = self.order(epoch), epoch
            rows = order[position * self.batch : (position + 1) * self.batch]
            recent.append(self.train_step(self.batch_of(rows)))
            self.step += 1
            end_of_epoch = self.step % self.steps_per_epoch == 0
            if len(recent) < LOOK_EVERY and not end_of_epoch:
                continue

            self.look(recent)
            recent = []
            self.seconds = before + time.monotonic() - started
            if end_of_epoch:
                self.end_epoch(epoch + 1)
            if time.monotonic() - reported > REPORT_EVERY_S or self.step == self.steps:
                reported = time.monotonic()
                self.report()
            if time.monotonic() - saved > self.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.seconds = before + time.monotonic() - started
        if not all(p.isfinite().all() for p in self.model.parameters()):  # the last step itself went wrong
            raise Diverged(self.step, math.nan)

    def look(self, recent: list[Tensor]) -> None:
        """Add the last steps to the sums of the epoch, and stop where one of them is not finite."""
        steps = torch.stack(recent)
        bad = (~steps[:, 0].isfinite()).nonzero()
        if len(bad):
            first = int(bad[0])
            raise Diverged(self.step - len(recent) + first + 1, float(steps[first, 0]) / self.batch)
        self.sums += steps.double().sum(0)

    def end_epoch(self, epoch: int) -> None:
        """Close the epoch: one row of history."""
        means = (self.sums / (self.steps_per_epoch * self.batch)).tolist()
        self.sums.zero_()
        row = {"epoch": float(epoch), "step": float(self.step)}
        row |= {f"train_{name}": value for name, value in zip(SUMS, means, strict=True)}
        self.history.append(row | self.validate(epoch))

    @torch.no_grad()
    def validate(self, epoch: int) -> dict[str, float]:
        """Reconstruction, lasso objective and density on validation data, of one draw (J = 1) and of best-of-J."""
        rng = Generator(self.device).manual_seed(epoch)
        coder, generator = self.model.coder, self.model.generator
        penalty, samples = self.training.get("validation_penalty"), self.spec["objective"]["samples"]
        coder.at(1, 1)  # as at evaluation: nothing is still warming up
        self.model.eval()
        row: dict[str, float] = {}
        draws = {"draw": coder.sample(self.validation, generator, 1, rng)[0]}
        draws["best"] = coder.best(self.validation, generator, samples, rng) if coder.stochastic else draws["draw"]
        for name, codes in draws.items():
            x_hat = generator(codes)
            row[f"validation_mse_{name}"] = float((x_hat - self.validation).square().mean())
            if penalty is not None:
                row[f"validation_lasso_{name}"] = float(lasso_objective(self.validation, x_hat, codes, penalty).mean())
        row["validation_density"] = float(draws["draw"].ne(0).float().mean())
        self.model.train()
        return row

    def report(self) -> None:
        """One line of progress."""
        left = self.seconds / self.step * (self.steps - self.step)
        last = self.history[-1] if self.history else None
        loss = f", loss {last['train_loss']:.4f}, density {last['train_density']:.3f}" if last else ""
        log.info("[%s] step %d/%d%s, %.0f s left", self.name, self.step, self.steps, loss, left)


def train(
    spec: dict[str, Any],
    splits: Splits,
    out: Path,
    checkpoint_path: Path,
    device: torch.device,
    checkpoint_seconds: float = 60,
) -> str:
    """Train a run; write weights.safetensors, history.csv, resources.json, config.json and status.json to `out`.

    Other arguments as for `Trainer`.

    Returns:
        "completed", or "diverged" where the loss stopped being finite: a result, kept in every table.
    """
    keep_freed_memory()
    trainer = Trainer(spec, splits, checkpoint_path, device, checkpoint_seconds)
    trainer.resume()
    status: dict[str, Any] = {"status": "completed", "key": trainer.key}
    try:
        trainer.train()
    except Diverged as end:
        log.warning("[%s] diverged: %s", trainer.name, end)
        status |= {"status": "diverged", "step": end.step, "loss": str(end.loss)}
    status["step"] = status.get("step", trainer.step)

    with atomic(out / "weights.safetensors") as partial:
        state = {name: value.contiguous().cpu() for name, value in trainer.model.state_dict().items()}
        save_file(state, partial, {"key": trainer.key})
    write_history(out / "history.csv", trainer.history)
    resources = {
        "train_seconds": trainer.seconds,
        "steps_per_second": trainer.step / trainer.seconds if trainer.seconds else 0.0,
        "peak_memory_mb": peak_memory_mb(trainer.device),
        "device": trainer.device.type,
        "threads": torch.get_num_threads(),
    }
    write_json(out / "resources.json", resources)
    write_json(out / "config.json", spec)
    write_json(out / "status.json", status)
    checkpoint_path.unlink(missing_ok=True)
    return str(status["status"])


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one line per epoch as CSV; a run that ended in its first epoch has a header alone."""
    columns = list(history[0]) if history else ["epoch", "step"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
