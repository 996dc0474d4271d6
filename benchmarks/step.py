"""A training step: against the plain one, and against its own matrix products."""

from __future__ import annotations

from itertools import cycle
from multiprocessing import get_context
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as profiler

import study
from plain import PlainStep
from rounds import Row, divide, interleave, milliseconds
from vscbench import model as models
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from vscbench.training.loop import Trainer

METHODS = (
    "gaussian",
    "laplacian",
    "spike_slab",
    "gaussian_thresh",
    "laplacian_thresh",
    "gaussian_thresh_gamma",
    "laplacian_thresh_gamma",
)
MANY = 20
REPEATS = {"suite": 5, "products": 5}
"""Calls in a round: a step follows a step in practice, and finds the caches as that one left them."""
LEARNING_RATE = 4e-8
"""So that the weights stay what they are: the last rate of the published schedule."""


def suite_step(trainer: Trainer) -> Callable[[], object]:
    """The step of the suite's training loop, as at the end of training: nothing is warming up any more."""
    trainer.step = trainer.steps
    order = trainer.order(0)
    batches = cycle(order.split(trainer.batch))
    return lambda: trainer.train_step(trainer.x[next(batches)])


def matrix_products(trainer: Trainer) -> Callable[[], object]:
    """The products that no implementation can do without: encoder and heads both ways, J samples decoded once."""
    model, size = trainer.model, trainer.batch
    weights = [p.detach() for p in model.coder.parameters() if p.ndim == 2]
    inputs = [torch.randn(size, weight.shape[1]) for weight in weights]
    gradients = [torch.randn(size, weight.shape[0]) for weight in weights]
    atoms = model.generator.get_parameter("atoms").detach()
    codes = torch.randn(trainer.spec["objective"]["samples"] * size, atoms.shape[1])

    def run() -> None:
        for x, weight in zip(inputs, weights, strict=True):
            torch.mm(x, weight.T)
        torch.mm(codes, atoms.T)
        for layer, (x, weight, gradient) in enumerate(zip(inputs, weights, gradients, strict=True)):
            torch.mm(gradient.T, x)
            if layer:  # nobody asks for the gradient of the data
                torch.mm(gradient, weight)

    return run


def plain_step(method: str, samples: int) -> PlainStep:
    """The plain step on the same data and from the same weights."""
    spec = study.spec(method, samples)
    model = models.build(spec, study.splits().train.shape[1:])
    return PlainStep(model, spec, study.splits().train.astype(np.float64), LEARNING_RATE, 0.0)


def serve(method: str, samples: int, line: Connection) -> None:
    """Make a plain step whenever `line` asks for one."""
    plain = plain_step(method, samples)
    line.send(None)
    while line.recv():
        plain.step()
        line.send(None)


class InProcess:
    """The plain step in a process of its own, with the allocator as it comes: what a user of it would wait for.

    How the suite treats freed memory is part of its step, and a setting of the whole process.
    """

    def __init__(self, method: str, samples: int) -> None:
        context = get_context("spawn")
        self.line, far = context.Pipe()
        self.process = context.Process(target=serve, args=(method, samples, far), daemon=True)

    def __enter__(self) -> Self:
        self.process.start()
        self.line.recv()
        return self

    def __call__(self) -> None:
        """One step."""
        self.line.send(True)
        self.line.recv()

    def __exit__(self, *_: object) -> None:
        self.line.send(False)
        self.process.join()


def compare(method: str, samples: int, rounds: int) -> list[Row]:
    """The rows of one method with J = `samples`."""
    trainer = study.trainer(study.spec(method, samples))
    plain = plain_step(method, samples)
    x = plain.batch()
    with InProcess(method, samples) as alone:
        variants: dict[str, Callable[[], object]] = {
            "plain": alone,
            "plain, memory kept": plain.step,
            "its encoder alone": lambda: plain.descend(x),
            "suite": suite_step(trainer),
            "products": matrix_products(trainer),
        }
        times = interleave(variants, rounds, REPEATS)
    many, learnt = samples > 1, method.endswith("gamma")
    target = (10 if learnt else 30) if many else 4
    name = f"{method}, J = {samples}"
    return [
        Row(
            f"{name}: plain step / suite's",
            divide(times["plain"], times["suite"]),
            at_least=target,
            detail=milliseconds(times),
        ),
        Row(
            f"{name}: suite's step / its matrix products",
            divide(times["suite"], times["products"]),
            at_most=2 if many and not learnt else None,
        ),
        Row(
            f"{name}: plain step that keeps freed memory too / suite's",
            divide(times["plain, memory kept"], times["suite"]),
        ),
        Row(
            f"{name}: all J back-propagated, without data and atoms / suite's",
            divide(times["its encoder alone"], times["suite"]),
        ),
    ]


def run(rounds: int) -> list[Row]:
    """All methods, J = 20 and J = 1."""
    keep_freed_memory()
    return [row for samples in (MANY, 1) for method in METHODS for row in compare(method, samples, rounds)]


def profile(method: str, steps: int = 20) -> str:
    """Where the time of a step goes, with J = 20: a table of torch's profiler."""
    keep_freed_memory()
    advance = suite_step(study.trainer(study.spec(method, MANY)))
    for _ in range(3):
        advance()
    with profiler(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            advance()
    averages = found.key_averages()
    return str(averages.table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))
