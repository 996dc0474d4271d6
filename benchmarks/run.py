"""Benchmarks of the suite: ratios of what was timed in turn in one run, never a time by itself.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/run.py

On a busy machine the ratios stay, within the range that is printed over the rounds. The plain step runs in a process of
its own, with the allocator as it comes; a second row has it with freed memory kept, as the suite's training does.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import fista
import gradients
import images
import step
import workflow
from rounds import Row, table
from vscbench.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: dict[str, Callable[[int], list[Row]]] = {
    "step": step.run,
    "fista": fista.run,
    "gradients": gradients.run,
    "images": images.run,
    "workflow": workflow.run,
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run (all)")
    parser.add_argument("--rounds", type=int, default=7, help="times that the variants take turns (7)")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file as well")
    parser.add_argument(
        "--profile", choices=step.METHODS, help="show where a step of this method spends its time, and stop"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def main() -> int:
    """Run the parts asked for."""
    options = arguments()
    if options.profile:
        print(step.profile(options.profile))
        return 0
    threads = torch.get_num_threads()
    heading = f"torch {torch.__version__}, {threads} thread{'s' * (threads > 1)}, {platform.machine()}"
    sections = [f"# Benchmark\n\n{heading}; {options.rounds} rounds, medians and range over them."]
    print(sections[0], flush=True)
    for part in options.only:
        section = f"## {part}\n\n{table(PARTS[part](options.rounds))}"
        print(f"\n{section}", flush=True)
        sections.append(section)
    if options.out:
        write_text(options.out, "\n\n".join(sections) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
