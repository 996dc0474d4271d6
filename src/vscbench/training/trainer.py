"""The training loop, the same for every method."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Generator, Tensor

from vscbench import model as models
from vscbench.coders.masks import nonzero
from vscbench.data.batches import flipped, inputs
from vscbench.registry import find
from vscbench.settings import construct
from vscbench.training import OPTIMIZERS, checkpoint
from vscbench.training.curves import VALIDATION_POINTS, validate
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.model import Model
    from vscbench.ramps import Clock
    from vscbench.training.optimizer import Optimizer

log = logging.getLogger(__name__)

Progress: TypeAlias = "Callable[[int, int, Mapping[str, float], float], None]"
"""Called with a step, the number of steps, the last row of the history, and the seconds that are left."""
SUMS = ("loss", "mse", "kl", "density")
CHECK_EVERY = 20
"""Steps between two checks that the loss is finite: each check waits for the device."""


class Diverged(Exception):  # noqa: N818  (a result, not an error)
    """The loss stopped being finite."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"loss {loss} at step {step}")
        self.step, self.loss = step, loss


class Trainer:
    """One run, from its specification to its weights.

    All that is random comes from `spec["seed"]`: initial weights, the order of the data in each epoch, and one stream
    of noise whose state is kept in the checkpoint. A run that was killed and started again therefore ends
    bit-identical to one left alone, on the same machine.

    Args:
        spec: the specification of the run (see `vscbench.config.run_spec`).
        data: its data.
        device: where to train.
        checkpoint_path: where the run saves itself and looks for an earlier self; None: nowhere.
        checkpoint_seconds: how often the run saves itself.
        key: what the checkpoint is known by.
        progress: called now and then with the step, the number of steps, the last row of the history and the seconds
            that are left.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        data: Data,
        device: torch.device,
        checkpoint_path: Path | None = None,
        checkpoint_seconds: float = 60,
        key: str = "",
        progress: Progress | None = None,
    ) -> None:
        keep_freed_memory()
        self.spec, self.training, self.device, self.key = spec, spec["training"], device, key
        self.checkpoint_path, self.checkpoint_seconds = checkpoint_path, checkpoint_seconds
        self.progress = progress
        self.x = torch.from_numpy(data.train).to(device)  # (N, P) or (N, C, H, W); on a CPU still on disk
        self.validation = inputs(torch.from_numpy(data.validation[:VALIDATION_POINTS]), device)
        self.batch = min(self.training["batch_size"], len(self.x))
        self.steps_per_epoch = len(self.x) // self.batch
        self.steps = self.training.get("steps") or self.training["epochs"] * self.steps_per_epoch
        self.model = self.build(data).to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # (fastest for convolutions)
        self.coder = self.model.coder
        settings = {key: value for key, value in self.training["optimizer"].items() if key != "kind"}
        optimizer = find(OPTIMIZERS, self.training["optimizer"]["kind"], "optimizer")
        self.optimizer: Optimizer = construct(optimizer, settings, coder=self.coder, pixels=self.x[0].numel())
        self.optimizer.begin(self.x, spec["seed"])
        # Half the bits where a GPU is made for them; the sums of a loss stay in single precision.
        self.half = self.training.get("precision") == "mixed" and device.type == "cuda"
        self.rng = Generator(device).manual_seed(spec["seed"])
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, float]] = []
        self.times: list[float] = []
        """Seconds at the end of each epoch: not in the history, whose bits do not hang on the clock."""
        self.sums = torch.zeros(len(SUMS), device=device, dtype=torch.float64)

    def build(self, data: Data) -> Model:
        """The untrained model."""
        return models.build(self.spec, data.shape, data.standardisation)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds beside its key."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "times": self.times,
            "sums": self.sums,
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]
        self.times = state.get("times", [])  # of a checkpoint of an older version: not known
        self.sums = state["sums"].to(self.device)

    def save(self) -> None:
        """Write the checkpoint, if there is a place for it."""
        if self.checkpoint_path is not None:
            checkpoint.save(self.checkpoint_path, {"key": self.key, **self.state()})

    def resume(self) -> None:
        """Take up the checkpoint of the same run, if there is one."""
        state = checkpoint.load(self.checkpoint_path, self.key) if self.checkpoint_path else None
        if state is not None:
            self.take_up(state)
            log.info("resuming at step %d of %d", self.step, self.steps)

    def order(self, epoch: int) -> Tensor:
        """The order of the training data in `epoch`: a function of the seed, so that no state of it is kept."""
        return self.order_of(self.spec["seed"] + epoch, len(self.x)).to(self.device)

    @staticmethod
    def order_of(seed: int, count: int) -> Tensor:
        """An order of `count` data points."""
        return torch.randperm(count, generator=Generator().manual_seed(seed))

    def batch_of(self, rows: Tensor) -> Tensor:
        """The batch (B, P) or (B, C, H, W) at `rows` of the training data, as the networks read it."""
        x = inputs(self.x.index_select(0, rows), self.device)  # a third of the time of x[rows]
        return flipped(x, self.rng) if self.training.get("flip") else x

    def train_step(self, x: Tensor) -> Tensor:
        """One step on a batch (B, P) or (B, C, H, W): the sums of loss, mse, kl and density over the batch."""
        return self.descend(x, self.step, 1).sum(1)

    def descend(self, x: Tensor, step: int | Clock, runs: int) -> Tensor:
        """One step on batches of so many runs, (B·R, P...): loss, mse, kl and density of each data point, (4, B·R)."""
        self.coder.set_step(step, self.steps)  # type: ignore[arg-type]  # (a schedule reads a clock, too)
        self.optimizer.set_rates(step, self.steps)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss = self.coder.loss(x, self.rng)
        density = nonzero(loss.codes).to(loss.value.dtype).mean((0, 2))
        mean = loss.value.mean()
        self.optimizer.step(mean if runs == 1 else mean * runs)
        self.optimizer.after(x, loss.codes.detach(), step, self.steps)  # type: ignore[arg-type]
        return torch.stack((loss.value.detach(), loss.mse.detach(), loss.kl.detach(), density))

    def train(self) -> None:
        """Train to the end, from wherever the run stands.

        Raises:
            Diverged: a loss was not finite.
        """
        recent: list[Tensor] = []
        order, ordered = self.x, -1
        started = saved = time.monotonic()
        before = self.seconds
        while self.step < self.steps:
            epoch, position = divmod(self.step, self.steps_per_epoch)
            if epoch != ordered:
                order, ordered = self.order(epoch), epoch
            rows = order[position * self.batch : (position + 1) * self.batch]
            recent.append(self.train_step(self.batch_of(rows)))
            self.step += 1
            ends = self.step % self.steps_per_epoch == 0 or self.step == self.steps
            if len(recent) < CHECK_EVERY and not ends:
                continue

            self.check_finite(recent)
            recent = []
            self.seconds = before + time.monotonic() - started
            if ends:
                self.end_epoch(epoch + 1, position + 1)
            if self.progress:
                left = self.seconds / self.step * (self.steps - self.step)
                self.progress(self.step, self.steps, self.history[-1] if self.history else {}, left)
            if time.monotonic() - saved > self.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.seconds = before + time.monotonic() - started
        if not all(p.isfinite().all() for p in self.model.parameters()):  # the last step itself went wrong
            raise Diverged(self.step, math.nan)

    def check_finite(self, recent: list[Tensor]) -> None:
        """Add the last steps to the sums of the epoch, and stop where one of them is not finite."""
        steps = torch.stack(recent)
        bad = (~steps[:, 0].isfinite()).nonzero()
        if len(bad):
            first = int(bad[0])
            raise Diverged(self.step - len(recent) + first + 1, float(steps[first, 0]) / self.batch)
        self.sums += steps.double().sum(0)

    def end_epoch(self, epoch: int, steps: int) -> None:
        """Close an epoch of so many steps, the last may be a part of one: one row of history."""
        self.times.append(self.seconds)
        means = (self.sums / (steps * self.batch)).tolist()
        self.sums.zero_()
        row = {"epoch": float(epoch), "step": float(self.step)}
        row |= {f"train_{name}": value for name, value in zip(SUMS, means, strict=True)}
        samples = self.spec["objective"]["samples"]
        penalty = self.training.get("validation_penalty")
        self.history.append(row | validate(self.coder, self.validation, epoch, samples, penalty))
