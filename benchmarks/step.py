"""Training steps of the default study by whichever vscbench is on the Python path, as many as are asked for.

    python benchmarks/step.py CONFIG METHOD PATCHES

Reads a number of steps from each line of the standard input, makes them, and answers with the processor time that they
took, which unlike the clock's leaves out the turns of other processes. It runs under this version and under the one
that it is compared with, whose configuration and trainer have other signatures.
"""

from __future__ import annotations

import inspect
import sys
import time
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vscbench import config as configs
from vscbench import data

EXPERIMENT = "natural_images"


def trainer(config: Path, method: str, patches: np.ndarray) -> Any:
    """The trainer of the default study's `method` on patches (N, P)."""
    package: Any = configs  # its functions and classes differ between the two versions
    study, device = package.load([config]), torch.device("cpu")
    parts: Any = (patches, patches[:100], patches[:100], {})
    if hasattr(package, "resolve"):
        from vscbench.training.trainer import Trainer

        spec = package.run_spec(study, package.resolve(study, f"{EXPERIMENT}/{method}/0"))
        return Trainer(spec, data.Data(*parts), device)
    old: Any = import_module("vscbench.training.loop")
    splits: Any = vars(data)["Splits"]
    spec = package.run_spec(package.check(study), EXPERIMENT, method, 0)
    return old.Trainer(spec, splits(*parts), Path("unused"), device, checkpoint_seconds=60)


def main() -> None:
    """Make steps until there is no more input."""
    config, method, path = sys.argv[1:]
    patches = np.load(path)
    made = trainer(Path(config), method, patches)
    batches = cycle(made.order(0).split(made.batch))
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            made.train_step(made.batch_of(next(batches)))
            made.step += 1
        print(time.process_time() - start, inspect.getfile(configs), flush=True)


if __name__ == "__main__":
    main()
