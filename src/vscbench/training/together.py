"""Many runs at once on one GPU: those that differ by their seed alone as one model, each model on its own stream."""

from __future__ import annotations

import hashlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.errors import UserError
from vscbench.training.captured import CapturedTrainer
from vscbench.training.run import Trained, log_progress, name_of, resources
from vscbench.training.stacked_fista import CapturedFista

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import torch

    from vscbench.data import Data

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """A run to be trained."""

    spec: Mapping[str, Any]
    data: Data
    key: str
    checkpoint: Path
    """Of the first run of a stack, that of all."""


def stacks(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that differ by seed and repetition alone, in the order in which the first of each comes."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        alike = {key: value for key, value in job.spec.items() if key not in ("seed", "repetition")}
        found.setdefault(json.dumps([alike, id(job.data)], sort_keys=True), []).append(job)
    return list(found.values())


def train_together(
    jobs: Sequence[Job],
    *,
    device: torch.device,
    done: Callable[[Job, Trained], None],
    keep: Sequence[float] = (),
    kept: Callable[[Job, Trained], None] = lambda *_: None,
    seconds: float = float("inf"),
    checkpoint_seconds: float = 60,
) -> list[Job]:
    """Train runs at once; those that are left where time ends, or that do not stack, are returned.

    Args:
        jobs: the runs.
        device: where to train: a GPU, or to try it the CPU, where one stack follows the other.
        done: is given each run that has ended.
        keep: fractions of training, at whose epoch's end each run is given to `kept`.
        kept: see `keep`.
        seconds: after about so many the runs save themselves and stop.
        checkpoint_seconds: how often they are saved before that.
    """
    left: list[Job] = []
    ready: list[tuple[CapturedTrainer, list[Job]]] = []
    for stack in stacks(jobs):
        key = hashlib.sha256(" ".join(job.key for job in stack).encode()).hexdigest()[:12]
        specs, first = [job.spec for job in stack], stack[0]
        progress = log_progress(first.spec)
        try:
            kind = CapturedFista if first.spec["coder"]["family"] == "fista" else CapturedTrainer
            trainer = kind(specs, first.data, device, first.checkpoint, checkpoint_seconds, key, progress)
        except UserError as error:
            log.info("[%s] trains by itself: %s", name_of(first.spec), error)
            left += stack
            continue
        trainer.resume()
        trainer.prepare()
        ready.append((trainer, stack))

    def finish(trainer: CapturedTrainer, stack: list[Job]) -> list[Job]:
        marks = sorted({round(fraction * trainer.steps) for fraction in keep})
        trainer.at_epoch = lambda: _pass_marks(trainer, stack, marks, kept)
        trainer.epochs(seconds)
        if trainer.step < trainer.steps and len(trainer.diverged) < trainer.runs:
            trainer.save()
            return stack
        for run, job in enumerate(stack):
            done(job, trained(trainer, run, job))
        with suppress(FileNotFoundError):
            stack[0].checkpoint.unlink()
        return []

    with ThreadPoolExecutor(len(ready) or 1 if device.type == "cuda" else 1) as pool:
        for stopped in pool.map(lambda each: finish(*each), ready):
            left += stopped
    return left


def _pass_marks(
    trainer: CapturedTrainer, stack: list[Job], marks: list[int], kept: Callable[[Job, Trained], None]
) -> None:
    """Give each run to `kept` where the epoch that has ended is the first to reach a mark."""
    before = trainer.step - trainer.steps_per_epoch
    if any(before < mark <= trainer.step for mark in marks):
        for run, job in enumerate(stack):
            kept(job, trained(trainer, run, job))


def trained(trainer: CapturedTrainer, run: int, job: Job) -> Trained:
    """One run of a stack, as it stands."""
    status: dict[str, Any] = {"status": "completed", "key": job.key, "step": trainer.step}
    if run in trainer.diverged:
        step, loss = trainer.diverged[run]
        log.warning("[%s] diverged: loss %s at step %d", name_of(job.spec), loss, step)
        status |= {"status": "diverged", "step": step, "loss": str(loss)}
    took = {**resources(trainer), "runs_together": trainer.runs}
    return Trained(trainer.model_of(run, job.data), trainer.history_of(run), status, took)
