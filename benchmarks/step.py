"""A training step: against the plain one, and against its own matrix products."""

from __future__ import annotations

from itertools import cycle
from multiprocessing import get_context
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as profiler

import study
from plain import PlainStep
from rounds import Row, divide, interleave, milliseconds
from vscbench import model as models
from vscbench.config import merge
from vscbench.linear import product
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import Any

    from vscbench.training.loop import Trainer

Weights: TypeAlias = "dict[str, Any]"
"""Of a model, by name."""

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
REPEATS = {"plain": 5, "suite": 20}
"""Calls in a round: a step follows a step in practice, and finds caches and memory as that one left them."""
SHORT_ROUNDS, FEW = 20, 5
"""For each round, as many of a few calls to compare the suite's step with its products: both are short, and a busy
neighbour slows one and not the other where they lie far apart."""
STEPS = 400
"""Steps before anything is timed: by then a tenth to a third of the codes of sparse posteriors are active."""
LEARNING_RATE = 4e-8
"""So that the weights stay what they are: the last rate of the published schedule."""


def trained(method: str, samples: int) -> Trainer:
    """A trainer of the suite with weights from a short, gentle training.

    What a new network draws is no step of practice: half of its codes are active, and half of its learned thresholds
    have α < 1, which are the dearest to draw and to differentiate.
    """
    spec = study.spec(method, samples)
    gentle = {"training": {"clip_norm": 1, "encoder_rate": {"peak": 0.01}, "dictionary_rate": {"peak": 0.2}}}
    short = study.trainer(merge(spec, gentle), STEPS * spec["training"]["batch_size"])
    short.train()
    trainer = study.trainer(spec)
    trainer.model.load_state_dict(short.model.state_dict())
    return trainer


def suite_step(trainer: Trainer) -> Callable[[], object]:
    """The step of the suite's training loop, as at the end of training: nothing is warming up any more."""
    trainer.step = trainer.steps
    order = trainer.order(0)
    batches = cycle(order.split(trainer.batch))
    return lambda: trainer.train_step(trainer.batch_of(next(batches)))


def matrix_products(trainer: Trainer) -> Callable[[], object]:
    """The products that no implementation can do without: encoder and heads both ways, J samples decoded once.

    By the library that the suite takes them from.
    """
    model, size = trainer.model, trainer.batch
    weights = [p.detach() for p in model.coder.parameters() if p.ndim == 2]
    inputs = [torch.randn(size, weight.shape[1]) for weight in weights]
    gradients = [torch.randn(size, weight.shape[0]) for weight in weights]
    atoms = model.generator.get_parameter("atoms").detach()
    codes = torch.randn(trainer.spec["objective"]["samples"] * size, atoms.shape[1])

    def run() -> None:
        for x, weight in zip(inputs, weights, strict=True):
            product(x, weight)
        product(codes, atoms)
        for layer, (x, weight, gradient) in enumerate(zip(inputs, weights, gradients, strict=True)):
            product(gradient.T, x.T)
            if layer:  # nobody asks for the gradient of the data
                product(gradient, weight.T)

    return run


def plain_step(method: str, samples: int, weights: Weights) -> PlainStep:
    """The plain step on the same data."""
    spec = study.spec(method, samples)
    model = models.build(spec, study.splits().train.shape[1:])
    model.load_state_dict(weights)
    return PlainStep(model, spec, study.splits().train.astype(np.float64), LEARNING_RATE, 0.0)


def serve(method: str, samples: int, weights: Weights, line: Connection) -> None:
    """Make a plain step whenever `line` asks for one."""
    plain = plain_step(method, samples, weights)
    line.send(None)
    while line.recv():
        plain.step()
        line.send(None)


class InProcess:
    """The plain step in a process of its own, with the allocator as it comes: what a user of it would wait for.

    How the suite treats freed memory is part of its step, and a setting of the whole process.
    """

    def __init__(self, method: str, samples: int, weights: Weights) -> None:
        context = get_context("spawn")
        self.line, far = context.Pipe()
        self.process = context.Process(target=serve, args=(method, samples, weights, far), daemon=True)

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
    trainer = trained(method, samples)
    weights = trainer.model.state_dict()
    plain = plain_step(method, samples, weights)
    x = plain.batch()
    with InProcess(method, samples, weights) as alone:
        variants: dict[str, Callable[[], object]] = {
            "plain": alone,
            "plain, memory kept": plain.step,
            "its encoder alone": lambda: plain.descend(x),
            "suite": suite_step(trainer),
        }
        times = interleave(variants, rounds, REPEATS)
    own = {"suite": suite_step(trainer), "products": matrix_products(trainer)}
    short = interleave(own, SHORT_ROUNDS * rounds, dict.fromkeys(own, FEW))
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
            divide(short["suite"], short["products"]),
            at_most=2 if many and not learnt else None,
            detail=milliseconds(short),
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
    advance = suite_step(trained(method, MANY))
    for _ in range(3):
        advance()
    with profiler(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            advance()
    averages = found.key_averages()
    return str(averages.table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))
