"""How the cost of a study grows with its runs: planned, assembled, tabled and tracked, in seconds of processor time.

    python benchmarks/scaling.py              # the plan at 10,000 runs, all else at fewer
    python benchmarks/scaling.py 100 200 400  # all at these

One run is trained and measured; the others are copies of it, at another point of a sweep or repetition.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vscbench import config as configs
from vscbench.files import read_json, write_json
from vscbench.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[1]
METHODS = ["gaussian", "laplacian", "spike_slab", "gaussian_thresh"]
REPETITIONS = 5
PLANNED, PLAN_LIMIT_S, GROWTH_LIMIT = 10_000, 60.0, 1.5
"""The runs of a study, the most that planning it may take; and how much more one more run may cost than one before."""
PLAN_SIZES, SIZES, LEAST = (2000, 5000, PLANNED), (400, 800, 1600), 3
"""Where it is measured: what reads the files of all runs at fewer, for tracking 10,000 would take half an hour."""
NOISE_S = 1.0
"""What the same process takes more at one time than at another, about."""


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


def environment() -> dict[str, str]:
    """What commands run in."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    env.pop("MLFLOW_TRACKING_URI", None)
    return env


def seconds(*command: str, folder: Path) -> float:
    """Processor time of a command."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start = spent()
    done = subprocess.run(command, cwd=folder, env=environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return spent() - start


def written(runs: int, folder: Path) -> Path:
    """The configuration of a study of so many runs."""
    config = folder / f"{runs}.yaml"
    config.write_text(yaml.safe_dump(study(runs, folder / str(runs))))
    return config


def planned(runs: int, folder: Path) -> dict[str, float]:
    """Seconds until the first job of a study of so many runs would start: the plan is done when the study is written.

    Snakemake is killed there. A dry run takes a quarter more, to print every job.
    """
    config, study_of = written(runs, folder), Layout(folder / str(runs)).config
    line = [sys.executable, "-m", "snakemake", "--quiet", "all", "--cores", "1"]
    line += ["-s", str(ROOT / "Snakefile"), "--configfile", str(config)]
    with (folder / "plan.log").open("w+") as log:
        running = subprocess.Popen(line, cwd=folder, env=environment(), stdout=log, stderr=log, start_new_session=True)
        while not study_of.is_file() and running.poll() is None:
            time.sleep(0.05)
        if running.returncode is not None:
            log.seek(0)
            raise RuntimeError(log.read()[-2000:])
        os.killpg(running.pid, signal.SIGKILL)
        used = os.wait4(running.pid, 0)[2]
    return {"plan": used.ru_utime + used.ru_stime}


def gathered(runs: int, folder: Path) -> dict[str, float]:
    """Seconds that each stage takes that reads so many runs."""
    config = written(runs, folder)
    vscbench, last = [sys.executable, "-m", "vscbench"], ["--config", str(config)]
    checked = configs.load([config])
    layout = Layout.of(checked)
    every = list(configs.runs(checked))
    first = layout.run(every[0].name)
    for command in (["data", "vectors"], ["train", every[0].name], ["evaluate", every[0].name], ["baselines", "sweep"]):
        seconds(*vscbench, *command, *last, folder=folder)
    status = read_json(first / "status.json")
    for run in every[1:]:
        copy = layout.run(run.name)
        copy.mkdir(parents=True)
        for file in first.iterdir():
            if file.name not in ("config.json", "status.json"):
                os.link(file, copy / file.name)
        spec = configs.run_spec(checked, run)
        write_json(copy / "config.json", spec)
        write_json(copy / "status.json", status | {"key": configs.run_key(spec)})
    stages = {"assemble": ["assemble"], "table1": ["table", "table1"], "corrected": ["table", "corrected"]}
    stages |= {"track": ["track"], "track again": ["track"]}
    return {stage: seconds(*vscbench, *command, *last, folder=folder) for stage, command in stages.items()}


def growth(sizes: Sequence[int], took: Sequence[float]) -> float:
    """What one more run costs between the last two sizes, as a multiple of that between the first two.

    What a process costs by itself is in neither; less than `NOISE_S` between the first two is taken for that.
    """
    (first, second), (last, largest) = took[:2], took[-2:]
    before = max(second - first, NOISE_S) / (sizes[1] - sizes[0])
    return (largest - last) / (sizes[-1] - sizes[-2]) / before


def within(stage: str, took: Mapping[int, float]) -> bool:
    """Print the seconds of a stage at each size, and how the cost of a run grows; whether both are within limits."""
    grown = growth([*took], [*took.values()])
    shown = ", ".join(f"{size:,}: {at:.1f}" for size, at in took.items())
    planned_in_time = stage != "plan" or max(took) < PLANNED or took[max(took)] <= PLAN_LIMIT_S
    met = planned_in_time and grown <= GROWTH_LIMIT
    print(f"| {stage} | {shown} | {grown:.2f} | {'' if met else '**over its limit**'} |", flush=True)
    return met


def compare(sizes: Mapping[Callable[[int, Path], dict[str, float]], Sequence[int]]) -> bool:
    """Measure stages, each at its sizes, and print them; whether all are within limits."""
    print(
        f"| stage | runs: seconds of processor time | growth, at most {GROWTH_LIMIT} | |\n|---|---|---|---|", flush=True
    )
    met = True
    for measure, at in sizes.items():
        with tempfile.TemporaryDirectory() as folder:
            found = {size: measure(size, Path(folder)) for size in at}
        for stage in found[at[0]]:
            met &= within(stage, {size: found[size][stage] for size in at})
    return met


def main() -> int:
    """0 where all is within limits."""
    given = sorted({int(size) for size in sys.argv[1:]})
    if 0 < len(given) < LEAST:
        print(
            f"{__file__}: {LEAST} sizes or more, for the growth between them, or none for those that limits are about"
        )
        return 2
    return 0 if compare({planned: given or PLAN_SIZES, gathered: given or SIZES}) else 1


if __name__ == "__main__":
    sys.exit(main())
