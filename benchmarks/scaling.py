"""How the cost of a study grows with its runs: planned, assembled, tabled and tracked, in seconds of processor time.

    python benchmarks/scaling.py 500 2000 10000

One run is trained and measured; the others are copies of it, at another point of a sweep or repetition.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vscbench import config as configs
from vscbench.files import write_json
from vscbench.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
METHODS = ["gaussian", "laplacian", "spike_slab", "gaussian_thresh"]
REPETITIONS = 5
PLAN_LIMIT_S, GROWTH_LIMIT = 60.0, 1.5
"""The most that planning 10,000 runs may take; and the cost of one more run may be as a multiple of that before."""


def study(runs: int, results: Path) -> dict[str, Any]:
    """A study of so many runs: four methods, five repetitions, and a sweep."""
    weights = [round(0.001 * (k + 1), 4) for k in range(runs // (len(METHODS) * REPETITIONS))]
    return {
        "study": "many",
        "results": str(results),
        "device": "cpu",
        "repetitions": REPETITIONS,
        "datasets": {"vectors": {"kind": "synthetic", "train": 200, "validation": 20, "test": 50, "pixels": 16}},
        "experiments": {
            "sweep": {
                "dataset": "vectors",
                "methods": METHODS,
                "generator": {"latents": 12},
                "encoder": {"widths": [16]},
                "objective": {"kl_weight": weights},
                "training": {"epochs": 5},
            }
        },
    }


def seconds(*command: str, folder: Path) -> float:
    """Processor time of a command."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start = spent()
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    env.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return spent() - start


def measure(runs: int, folder: Path) -> dict[str, float]:
    """Seconds of each stage of a study of so many runs."""
    config = folder / f"{runs}.yaml"
    config.write_text(yaml.safe_dump(study(runs, folder / str(runs))))
    vscbench = [sys.executable, "-m", "vscbench"]
    last = ["--config", str(config)]
    line = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all", "--cores", "1"]
    took = {"plan": seconds(*line, "-s", str(ROOT / "Snakefile"), "--configfile", str(config), folder=folder)}
    checked = configs.load([config])
    layout = Layout.of(checked)
    every = list(configs.runs(checked))
    first = layout.run(every[0].name)
    for command in (["data", "vectors"], ["train", every[0].name], ["evaluate", every[0].name], ["baselines", "sweep"]):
        seconds(*vscbench, *command, *last, folder=folder)
    for run in every[1:]:
        copy = layout.run(run.name)
        copy.mkdir(parents=True)
        for file in first.iterdir():
            if file.name != "config.json":
                os.link(file, copy / file.name)
        write_json(copy / "config.json", configs.run_spec(checked, run))
    took["assemble"] = seconds(*vscbench, "assemble", *last, folder=folder)
    for table in ("table1", "corrected"):
        took[table] = seconds(*vscbench, "table", table, *last, folder=folder)
    took["track"] = seconds(*vscbench, "track", *last, folder=folder)
    took["track again"] = seconds(*vscbench, "track", *last, folder=folder)
    print(runs, took, file=sys.stderr, flush=True)  # a size takes minutes: what is known is not lost
    return took


def compare(sizes: Sequence[int]) -> bool:
    """Print the seconds of each stage at each size, and how the cost of a run grows; whether all is within limits."""
    with tempfile.TemporaryDirectory() as folder:
        found = {size: measure(size, Path(folder)) for size in sizes}
    met = all(found[size]["plan"] <= PLAN_LIMIT_S for size in sizes)
    print(f"| seconds of processor time | {' | '.join(f'{size:,} runs' for size in sizes)} | growth of a run's cost |")
    print(f"|{'---|' * (len(sizes) + 2)}")
    for stage in found[sizes[0]]:
        at = [found[size][stage] for size in sizes]
        # Of one more run, between two sizes: what a process costs by itself is in neither.
        each = [(b - a) / (n - m) for a, b, m, n in zip(at, at[1:], sizes, sizes[1:], strict=False)]
        growth = each[-1] / each[0] if len(each) > 1 and each[0] > 0 else float("nan")
        met &= not growth > GROWTH_LIMIT
        print(f"| {stage} | {' | '.join(f'{t:.1f}' for t in at)} | {growth:.2f} |", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(0 if compare([int(size) for size in sys.argv[1:]] or [500, 2000, 5000]) else 1)
