"""A training step of the convolutional networks: against the plain one, and the share of its input."""

from __future__ import annotations

import math
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import study
from rounds import Row, divide, interleave, milliseconds
from vscbench.config import load, merge, run_spec
from vscbench.data import Splits, read
from vscbench.data.splits import write
from vscbench.training.loop import Trainer
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("gaussian", "gaussian_thresh_gamma")
MANY = 20
SIZES = {"Fashion-MNIST": (1, 28, 28, 512, 64), "CelebA": (3, 64, 64, 50, 512)}
"""Channels, height, width, batch and latents; CelebA's batch is a tenth of the published one, for time."""
CELEBA_IMAGES = 150_000
IMAGES = 4000


def spec(method: str, sizes: tuple[int, ...], **objective: Any) -> dict[str, Any]:
    """A run of config/fashion_mnist.yaml with images and batches of other sizes."""
    config = load([study.ROOT / "config.yaml", study.ROOT / "config" / "fashion_mnist.yaml"])
    found = run_spec(config, "fashion_mnist", f"{method}@latents=64", 0)
    generator = {"latents": sizes[4]}
    return merge(found, {"generator": generator, "objective": objective, "training": {"batch_size": sizes[3]}})


def trainer(of: dict[str, Any], data: Splits) -> Trainer:
    """A trainer that writes nothing, where every ramp has ended."""
    found = Trainer(of, data, Path("unused"), torch.device("cpu"), math.inf)
    found.step = found.steps
    return found


def suite_step(of: Trainer) -> Callable[[], object]:
    """The step of the training loop, with its input."""
    batches = cycle(of.order(0).split(of.batch))
    return lambda: of.train_step(of.batch_of(next(batches)))


def plain_step(of: Trainer) -> Callable[[], object]:
    """All J samples decoded and back-propagated, channels first, as published; on the same data and weights."""
    of.model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    batches = cycle(of.order(0).split(of.batch))

    def step() -> None:
        x = of.x[next(batches)].float().div(255)
        of.train_step(x)

    return step


def input_alone(of: Trainer) -> Callable[[], object]:
    """What a step reads."""
    batches = cycle(of.order(0).split(of.batch))
    return lambda: of.batch_of(next(batches))


def compare(name: str, method: str, data: Splits, rounds: int) -> list[Row]:
    """The rows of one method on data of one size."""
    sizes = SIZES[name]
    variants = {"suite": suite_step(trainer(spec(method, sizes, samples=MANY), data))}
    variants["input"] = input_alone(trainer(spec(method, sizes, samples=MANY), data))
    fashion = name == "Fashion-MNIST"
    if fashion:
        variants["plain"] = plain_step(trainer(spec(method, sizes, samples=MANY, backward="all"), data))
    times = interleave(variants, rounds, {"input": 5})
    label = f"{name}, {method}, batch {sizes[3]}, J = {MANY}"
    share = Row(
        f"{label}: input / step",
        divide(times["input"], times["suite"]),
        at_most=0.05,
        detail=milliseconds(times),
    )
    if not fashion:
        return [share]
    return [Row(f"{label}: plain step / suite's", divide(times["plain"], times["suite"]), at_least=2), share]


def made_up(shape: tuple[int, ...]) -> Splits:
    """Images of noise: what a step takes does not depend on what they show."""
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    return Splits(images, images[:10], images[:10], {})


def run(rounds: int) -> list[Row]:
    """Both data sets, read from disk as in a training."""
    keep_freed_memory()
    rows = []
    with TemporaryDirectory() as folder:
        for name, sizes in SIZES.items():
            path = Path(folder) / f"{name}.safetensors"
            write(made_up(sizes[:3]), path, {})
            for method in METHODS[: 1 if name == "CelebA" else None]:
                rows += compare(name, method, read(path), rounds)
    size = CELEBA_IMAGES * math.prod(SIZES["CelebA"][:3]) / 1e9
    rows.append(Row("CelebA, 150,000 images: array / 1 GB", [size], at_most=2, detail="computed: a byte a number"))
    return rows
