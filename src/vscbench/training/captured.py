"""Runs that differ by their seed alone, trained as one model; on a GPU by replaying a captured graph of their step.

A step is about 200 kernels of a few microseconds, which to launch from Python takes ten times as long as they do. So
nothing of a step is decided on the host: the rows of its batches, its schedules and its noise are those of a counter
on the device, and what it costs stays there until the end of the epoch. The same function of that counter runs step by
step on a CPU, where it is tested against `Trainer`.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from vscbench import model as models
from vscbench.errors import UserError
from vscbench.ramps import Clock, Schedule
from vscbench.seeds import derive_seed
from vscbench.training.curves import validate_each
from vscbench.training.stacked import stack, stack_models, unstack
from vscbench.training.trainer import SUMS, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.model import Model
    from vscbench.training.trainer import Progress

log = logging.getLogger(__name__)

WARM_UP = 3
"""Steps before one is captured: what a first step alone does, such as making momenta, is then done."""
AT_ONCE = 20
"""Steps in the longer of the two graphs; each launch of a graph takes the host some ten microseconds."""


class DeviceClock(Clock):
    """The step as a counter on the device, and schedules as tables that are read there."""

    def __init__(self, device: torch.device) -> None:
        self.step = torch.zeros(1, dtype=torch.int64, device=device)
        self.tables: dict[Schedule, Tensor] = {}

    def read(self, schedule: Schedule, steps: int) -> Tensor:
        """The value now: ()."""
        if schedule not in self.tables:
            self.tables[schedule] = table(schedule, steps).to(self.step.device)
        return self.tables[schedule].index_select(0, self.step).squeeze(0)


@cache
def table(schedule: Schedule, steps: int) -> Tensor:
    """The value at each step: (steps,)."""
    return torch.tensor([schedule.at(step, steps) for step in range(steps)], dtype=torch.float32)


class CapturedTrainer(Trainer):
    """R runs whose specifications differ by seed and repetition alone.

    Weights and the order of the data are those that each run has by itself. Its noise is not: one stream serves all R,
    so that a run is repeated by training it with the same others.

    Args:
        specs: the specification of each.
        data: as of `Trainer`.
        device: as of `Trainer`.
        checkpoint_path: as of `Trainer`; it is written at the end of an epoch.
        checkpoint_seconds: as of `Trainer`.
        key: as of `Trainer`.
        progress: as of `Trainer`.

    Raises:
        UserError: they are of parts that do not stack.
    """

    def __init__(
        self,
        specs: Sequence[Mapping[str, Any]],
        data: Data,
        device: torch.device,
        checkpoint_path: Path | None = None,
        checkpoint_seconds: float = 60,
        key: str = "",
        progress: Progress | None = None,
    ) -> None:
        if specs[0]["training"]["optimizer"]["kind"] != "two_rates":
            raise UserError("only by the optimizer two_rates do runs train as one model")
        self.specs, self.runs = specs, len(specs)
        super().__init__(specs[0], data, device, checkpoint_path, checkpoint_seconds, key, progress)
        self.rng = Generator(device).manual_seed(derive_seed(*(spec["seed"] for spec in specs)) % 2**62)
        self.optimizer.clip = self.clip  # type: ignore[method-assign]
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self.clock = DeviceClock(device)
        self.position = torch.zeros_like(self.clock.step)
        """Of the step in its epoch, on the device."""
        self.rows = torch.zeros(self.steps_per_epoch, self.batch * self.runs, dtype=torch.int64, device=device)
        self.costs = torch.zeros(self.steps_per_epoch, self.runs, len(SUMS), device=device)
        self.taken = 0
        """Steps of the epoch that are made already."""
        self.at_epoch: Callable[[], None] = lambda: None
        """Called at the end of each epoch."""
        self.diverged: dict[int, tuple[int, float]] = {}
        """Of each run that diverged, the step and its loss."""

    def build(self, data: Data) -> Model:
        """One model of all runs."""
        return stack_models(self.plain_models(data), stack)

    def plain_models(self, data: Data) -> list[Model]:
        """An untrained model for each run."""
        return [models.build(spec, data.shape, data.standardisation) for spec in self.specs]

    def clip(self, norm: float) -> None:
        """Shorten the gradient of each run to `norm`."""
        gradients = [p.grad for p in self.optimizer.clipped if p.grad is not None]
        lengths = torch.stack([torch.linalg.vector_norm(each.flatten(1), dim=1) for each in gradients])
        factor = (norm / (torch.linalg.vector_norm(lengths, dim=0) + 1e-6)).clamp(max=1)
        for each in gradients:
            each.mul_(factor.view(-1, *[1] * (each.dim() - 1)))

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds beside its key."""
        return super().state() | {"diverged": self.diverged}

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        super().take_up(state)
        self.diverged = state["diverged"]

    # ------------------------------------------------------------------------ steps

    def on_device(self) -> None:
        """The step that the counters stand at: a function of what is on the device, and of nothing else."""
        self.learn(self.next_batch())

    def next_batch(self) -> Tensor:
        """The batches that the counters stand at, (B·R, P)."""
        return self.batch_of(self.rows.index_select(0, self.position).squeeze(0))

    def learn(self, x: Tensor) -> None:
        """The gradient step on batches (B·R, P); what it costs is noted, and the counters move on."""
        costs = self.descend(x, self.clock, self.runs).unflatten(1, (-1, self.runs)).sum(1)
        self.costs.index_copy_(0, self.position, costs.T.unsqueeze(0).float())
        self.position.add_(1)
        self.clock.step.add_(1)

    def begin_epoch(self) -> None:
        """Give the device the order of the data, and where it stands."""
        orders = [
            Trainer.order_of(spec["seed"] + self.step // self.steps_per_epoch, len(self.x)) for spec in self.specs
        ]
        used = torch.stack(orders, 1)[: self.steps_per_epoch * self.batch]  # (n·B, R)
        self.rows.copy_(used.reshape(self.rows.shape))
        self.position.zero_()
        self.clock.step.fill_(self.step)

    def prepare(self) -> None:
        """On a GPU make the first steps of the epoch, then record a step, and several in a row, as graphs."""
        if self.stream is None:
            return
        with self.on_stream():
            self.begin_epoch()
            self.taken = min(WARM_UP, self.steps_per_epoch, self.steps - self.step)
            for _ in range(self.taken):
                self.on_device()
            self.stream.synchronize()
            self.capture()

    def capture(self) -> None:
        """Record the graphs; what is recorded is not done."""
        for steps in (AT_ONCE, 1):
            self.graphs[steps] = self.graph_of(self.on_device, steps)

    def graph_of(self, part: Callable[[], None], times: int = 1, pool: Any = None) -> torch.cuda.CUDAGraph:
        """The graph of what `part` does, so many times."""
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.rng)
        with torch.cuda.graph(graph, pool=pool, stream=self.stream):
            for _ in range(times):
                part()
        return graph

    def make(self, steps: int) -> None:
        """Take so many steps of the epoch."""
        if not self.graphs:
            for _ in range(steps):
                self.on_device()
        for length, graph in self.graphs.items():  # the longer one first
            for _ in range(steps // length):
                graph.replay()
            steps %= length

    def on_stream(self) -> AbstractContextManager[Any]:
        """On a GPU a stream of their own: what others do there goes on beside it."""
        if self.stream is None:
            return nullcontext()
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        return torch.cuda.stream(self.stream)

    # ----------------------------------------------------------------------- epochs

    def epochs(self, seconds: float = math.inf) -> None:
        """Train on from wherever the runs stand, to the end, or to the end of an epoch after so many seconds."""
        started = saved = time.monotonic()
        before = self.seconds
        with self.on_stream():
            while self.step < self.steps and len(self.diverged) < self.runs:
                steps = min(self.steps_per_epoch, self.steps - self.step)
                if not self.taken:
                    self.begin_epoch()
                self.make(steps - self.taken)
                self.taken = 0
                self.step += steps
                self.close_epoch(steps)
                self.seconds = before + time.monotonic() - started
                self.times.append(self.seconds)
                self.at_epoch()
                if self.progress:
                    left = self.seconds / self.step * (self.steps - self.step)
                    self.progress(self.step, self.steps, self.history[-1], left)
                if time.monotonic() - saved > self.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if time.monotonic() - started > seconds:
                    return

    def close_epoch(self, steps: int) -> None:
        """Read what the epoch cost, and add a row of history for each run that goes on."""
        costs = self.costs[:steps].double().cpu()  # (n, R, 4)
        finite = costs[:, :, 0].isfinite()
        finite[-1] &= self.finite()
        samples, penalty = self.spec["objective"]["samples"], self.training.get("validation_penalty")
        epoch = math.ceil(self.step / self.steps_per_epoch)
        measured = validate_each(self.coder, self.validation, epoch, samples, penalty, self.runs)
        for run in range(self.runs):
            if run in self.diverged:
                continue
            if not finite[:, run].all():
                first = int((~finite[:, run]).nonzero()[0])
                self.diverged[run] = (self.step - steps + first + 1, float(costs[first, run, 0]) / self.batch)
                continue
            means = (costs[:, run].sum(0) / (steps * self.batch)).tolist()
            row = {"run": float(run), "epoch": float(epoch), "step": float(self.step)}
            row |= {f"train_{name}": value for name, value in zip(SUMS, means, strict=True)}
            self.history.append(row | measured[run])

    def finite(self) -> Tensor:
        """Which runs have weights that are all finite: (R,), on the CPU."""
        return torch.stack([p.isfinite().flatten(1).all(1) for p in self.model.parameters()]).all(0).cpu()

    def history_of(self, run: int) -> list[dict[str, float]]:
        """The rows of one run."""
        rows = [row for row in self.history if row["run"] == run]
        return [{name: value for name, value in row.items() if name != "run"} for row in rows]

    def model_of(self, run: int, data: Data) -> Model:
        """One run's model."""
        return unstack(self.model, run, models.build(self.specs[run], data.shape, data.standardisation).to(self.device))
