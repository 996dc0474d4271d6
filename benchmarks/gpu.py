"""Training steps on a GPU: how fast a method's captured step is, alone and beside the others, and what it is made of.

    python benchmarks/gpu.py --runs 3

The methods of Table 1 at the sizes of config/published.yaml, so many runs of each as one model, on noise in place
of the images: what a step computes does not depend on them. That of FISTA does, and is left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from vscbench import config as configs
from vscbench.data import Data
from vscbench.training.captured import AT_ONCE, CapturedTrainer

ROOT = Path(__file__).parents[1]
METHODS = (
    "gaussian",
    "laplacian",
    "spike_slab",
    "gaussian_thresh",
    "gaussian_thresh_gamma",
    "laplacian_thresh",
    "laplacian_thresh_gamma",
)
PRODUCTS = ("gemm", "cutlass", "gemv", "cublas", "splitk")
"""Parts of the names of kernels that are matrix products."""
WHOLE = 240_000
"""Steps of a run of Table 1."""


def trainers(config: Path, experiment: str, runs: int, data: Data, backward: str | None) -> dict[str, CapturedTrainer]:
    """A stack of so many runs of each method, captured."""
    study, made = configs.load([config]), {}
    for method in METHODS:
        spec = configs.run_spec(study, configs.resolve(study, f"{experiment}/{method}/0"))
        if backward:
            spec["objective"]["backward"] = backward
        specs = [{**spec, "seed": seed} for seed in range(runs)]
        made[method] = CapturedTrainer(specs, data, torch.device("cuda"))
        made[method].prepare()
    return made


def seconds(chosen: list[CapturedTrainer], steps: int) -> float:
    """Of so many steps of each, all at once."""

    def take(trainer: CapturedTrainer) -> None:
        with trainer.on_stream():
            for _ in range(steps // AT_ONCE):
                trainer.position.zero_()
                trainer.make(AT_ONCE)
            torch.cuda.current_stream().synchronize()

    torch.cuda.synchronize()
    start = time.perf_counter()
    with ThreadPoolExecutor(len(chosen)) as pool:
        list(pool.map(take, chosen))
    return time.perf_counter() - start


def shares(trainer: CapturedTrainer) -> tuple[float, float, list[tuple[str, float]]]:
    """Kernels a step, the share of their time that is matrix products, and the dearest kernels with their shares."""
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as found:
        with trainer.on_stream():
            trainer.position.zero_()
            trainer.make(AT_ONCE)
        torch.cuda.synchronize()
    events: list[Any] = [each for each in found.key_averages() if each.device_time_total > 0]
    total = sum(each.device_time_total for each in events)
    products = sum(each.device_time_total for each in events if any(part in each.key.lower() for part in PRODUCTS))
    dearest = sorted(((each.key[:90], each.device_time_total / total) for each in events), key=lambda pair: -pair[1])
    return sum(each.count for each in events) / AT_ONCE, products / total, dearest[:8]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "config/published.yaml")
    parser.add_argument("--experiment", default="olshausen")
    parser.add_argument("--runs", type=int, nargs="+", default=[3], help="of each method (3)")
    parser.add_argument("--steps", type=int, default=2000, help="steps that are timed (2000)")
    parser.add_argument("--backward", choices=["selected", "all"], help="in place of the study's")
    parser.add_argument("--tf32", action="store_true", help="matrix products by the tensor cores, of 10 bits")
    parser.add_argument("--dearest", action="store_true", help="name the kernels that take longest")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("there is no CUDA device here: nothing was measured")
        return 0
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    print(torch.cuda.get_device_name(), f"torch {torch.__version__}", "tf32" if options.tf32 else "float32")
    x = np.random.default_rng(0).standard_normal((20_000, 256), dtype=np.float32)
    data = Data(x, x[:1000], x[:1000])
    for runs in options.runs:
        made = trainers(options.config, options.experiment, runs, data, options.backward)
        print(f"| {runs} runs of        | steps/s, each run | kernels a step | in matrix products |")
        print("|:-----------------------|------:|------:|------:|", flush=True)
        for method, trainer in made.items():
            seconds([trainer], 200)
            rate = options.steps / seconds([trainer], options.steps)
            kernels, products, dearest = shares(trainer)
            print(f"| {method:22} | {rate:5.0f} | {kernels:5.0f} | {products:5.0%} |", flush=True)
            for name, share in dearest if options.dearest else ():
                print(f"    {share:6.1%} {name}")
        everyone = list(made.values())
        rate = options.steps / seconds(everyone, options.steps)
        an_hour = rate * len(everyone) * runs * 3600 / WHOLE
        print(f"| all {len(everyone)} at once          | {rate:5.0f} |")
        print(f"{len(everyone) * runs} runs of {WHOLE} steps: {WHOLE / rate / 60:.1f} min; {an_hour:.0f} runs an hour")
        print(f"memory {torch.cuda.max_memory_allocated() / 1e9:.1f} GB", flush=True)
        del made, everyone
    return 0


if __name__ == "__main__":
    sys.exit(main())
