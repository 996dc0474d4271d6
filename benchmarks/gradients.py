"""Statistics of 1,000 gradients of the full-size encoder: how much memory, and how much time beside the gradients."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import torch
from torch import Generator

import study
from rounds import Row, divide, interleave, milliseconds
from vscbench import model as models
from vscbench.data import Splits
from vscbench.metrics import Evaluation, gradients
from vscbench.training.memory import peak_memory_mb

METHOD = "gaussian_thresh_gamma"
"""The one with most parameters."""
PIXELS, PASSES, SAMPLES = 256, 1000, 20
FEW = 5
"""Passes of a timed call."""
LIMIT_MB = 1000.0


def measure(passes: int) -> dict[str, float]:
    """Run the suite's question about gradients in this process and see what it takes."""
    spec = study.spec(METHOD, SAMPLES)
    model = models.build(spec, (PIXELS,))
    x = torch.randn(gradients.BATCH, PIXELS, generator=Generator().manual_seed(0))
    settings: dict[str, Any] = {
        "gradient_passes": passes,
        "gradient_batches": 1,
        "gradient_samples": [1, SAMPLES],
    }
    before = peak_memory_mb(torch.device("cpu"))
    part = x.numpy()
    e = Evaluation(model, Splits(part, part, part, {}), settings, spec["seed"], torch.device("cpu"))
    gradients.measure(e)
    return {
        "before": before,
        "peak": peak_memory_mb(torch.device("cpu")),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def run(rounds: int) -> list[Row]:
    """Memory in a process of its own, time in this one."""
    command = [sys.executable, __file__, str(PASSES)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    stored = PASSES * found["parameters"] * 8 / 1e6

    model = models.build(study.spec(METHOD, SAMPLES), (PIXELS,))
    x, rng = torch.randn(gradients.BATCH, PIXELS), Generator().manual_seed(0)
    groups = {name: list(getattr(model, name).parameters()) for name in ("coder", "generator")}
    parameters = [parameter for group in groups.values() for parameter in group]

    def loss() -> torch.Tensor:
        return model.coder.loss(x, model.generator, rng).value.mean()

    def alone() -> None:
        for _ in range(FEW):
            torch.autograd.grad(loss(), parameters)

    variants = {f"{FEW} passes": lambda: gradients.stream(loss, groups, FEW), "without statistics": alone}
    times = interleave(variants, rounds, dict.fromkeys(variants, 3))
    name = f"{METHOD}, {PASSES:,} passes, J = 1 and {SAMPLES}"
    return [
        Row(
            f"{name}: peak memory / 1 GB",
            [found["peak"] / LIMIT_MB],
            at_most=1,
            detail=f"process {found['peak']:.0f} MB, of which {found['before']:.0f} MB before the first pass",
        ),
        Row(
            f"{name}: all gradients in double precision / peak memory",
            [stored / found["peak"]],
            detail=f"{stored:,.0f} MB, computed",
        ),
        Row(
            f"{METHOD}, J = {SAMPLES}: passes with statistics / without",
            divide(*times.values()),
            detail=milliseconds(times),
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
