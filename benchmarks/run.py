"""Speed as ratios of what was timed turn about in one run, never a time by itself: a busy machine slows both sides.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/run.py

`step`: a training step of the default study's photographs against that of an earlier commit, each in its own process.
`measures`: the metrics that have controls, beside all others.
`fista`: codes of the study's test patches against scikit-learn's.
`dictionary`: a dictionary learned online until it is as good as scikit-learn's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Self

import numpy as np

import dictionary
import fista
import measures
from vscbench import config as configs
from vscbench.data import Data

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
BEFORE = "da54d27"
METHODS = ("fista", "spike_slab", "gaussian_thresh", "gaussian_thresh_gamma", "laplacian_thresh_gamma")
LIMIT = 1.1
"""The most that a step may take, as a multiple of that before."""
MEASURES_LIMIT = 1.2
"""The most that the measures with controls may make of the time of all others."""
DICTIONARY_LIMIT = 0.2
"""The most of scikit-learn's time that learning a dictionary as good may take."""
WARM_UP, STEPS = 200, 10
"""Steps before anything is timed, by when the codes of sparse methods are sparse, and of each turn."""


class Steps:
    """A training of the default study under the package of the source tree `root`, a few steps at a time."""

    def __init__(self, root: Path, method: str, patches: Path) -> None:
        here = Path(__file__)
        config = here.with_name("step.yaml") if root == ROOT else root / "config.yaml"
        command = [sys.executable, here.with_name("step.py"), config, method, patches]
        env = os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
        self.source = root / "src"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(list(map(str, command)), env=env, text=True, stdin=pipe, stdout=pipe)

    def __call__(self, steps: int) -> float:
        """Make so many steps: the seconds that they took."""
        to, answers = self.process.stdin, self.process.stdout
        if to is None or answers is None:
            raise TypeError("both are pipes")
        to.write(f"{steps}\n")
        to.flush()
        took, _, where = answers.readline().partition(" ")
        if self.source not in Path(where.strip()).parents:
            raise RuntimeError(f"the steps are not those of {self.source}: {where or 'the process ended'}")
        return float(took)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def step_ratios(before: Path, method: str, patches: Path, rounds: int) -> list[float]:
    """Seconds of this tree's steps over those of the tree `before`: one ratio a round."""
    with Steps(before, method, patches) as old, Steps(ROOT, method, patches) as new:
        old(WARM_UP), new(WARM_UP)
        ratios = []
        for turn in range(rounds):
            if turn % 2:  # neither is always the one that runs after the other
                below, above = old(STEPS), new(STEPS)
            else:
                above, below = new(STEPS), old(STEPS)
            ratios.append(above / below)
    return ratios


def show(what: str, ratios: Sequence[float], limit: float | None = None) -> bool:
    """Print a comparison's median and range as a row of the table; whether it is within its limit."""
    met = limit is None or median(ratios) <= limit
    target = "" if limit is None else f"≤ {limit:g}: {'met' if met else 'MISSED'}"
    print(f"| {what:58} | {median(ratios):6.3f} | {min(ratios):.3f} to {max(ratios):.3f} | {target:13} |", flush=True)
    return met


def main() -> int:
    """Print all comparisons; 1 where a step takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=METHODS, help="of which a step is timed")
    parser.add_argument("--rounds", type=int, default=40, help="turns of each (40)")
    parser.add_argument("--before", default=BEFORE, help=f"the commit that is compared with ({BEFORE})")
    options = parser.parse_args()
    data = configs.source(configs.load([ROOT / "config.yaml"]), "natural_images").load()
    assert isinstance(data, Data)  # noqa: S101  (patches fit in memory)
    print(f"| {'comparison':58} | median | {f'{options.rounds} rounds':14} | {'target':13} |")
    print(f"|{'-' * 60}|-------:|{'-' * 16}|{'-' * 15}|", flush=True)
    met = True
    with tempfile.TemporaryDirectory() as folder:
        before, patches = Path(folder, "before"), Path(folder, "patches.npy")
        before.mkdir()
        archive = subprocess.run(["git", "archive", options.before], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", before], input=archive, check=True)
        np.save(patches, data.train)
        for method in options.methods:
            ratios = step_ratios(before, method, patches, options.rounds)
            met &= show(f"step of {method}: now / {options.before}", ratios, LIMIT)
    measured = measures.compare(configs.load([ROOT / "config.yaml"]), rounds=2)
    met &= show("evaluation of the study: all metrics / without controls", measured, MEASURES_LIMIT)
    for what, ratios in fista.compare(data, options.rounds).items():
        show(what, ratios)
    for what, ratios in dictionary.compare(data, rounds=2).items():
        met &= show(what, ratios, DICTIONARY_LIMIT if what.endswith("time") else 1)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
