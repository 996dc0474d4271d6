"""The default study as a whole: what Snakemake, MLflow and imports take of its CPU time, and how soon it ends again.

Snakemake and the processes that it waits for are accounted for by the system. Forks (src/vscbench/preloading.py) are
nobody's children: /proc is read twenty times a second, and what each had used when it was last seen counts. Imports
are what Python itself reports, in every process of the study.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from rounds import Row
from study import ROOT

LIMIT = 0.15
AGAIN_S = 5.0
POLL_S = 0.05
TICKS = os.sysconf("SC_CLK_TCK")
IMPORT = re.compile(r"import time: +\d+ \| +\d+ \|.*")
"""Microseconds that a module took, without those that it imported, in a line of python -X importtime."""


def used() -> float:
    """CPU seconds of all processes that have ended and were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Process(NamedTuple):
    """A process that runs."""

    number: int
    parent: int
    session: int
    seconds: float
    """Of CPU, so far."""
    started: int


def processes() -> list[Process]:
    """All that run now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = stat.read_text().split(" (", 1)
        except OSError:  # it has just ended
            continue
        field = [int(each) for each in rest.rsplit(") ", 1)[1].split()[1:]]  # from the parent on
        found.append(Process(int(number), field[0], field[2], (field[10] + field[11]) / TICKS, field[18]))
    return found


def study(command: list[str], output: Path) -> tuple[float, float, float]:
    """Run Snakemake: CPU seconds of Snakemake itself, of what it waited for with it, and of forks and their server."""
    before, main, forks = used(), 0.0, {}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPROFILEIMPORTTIME": "1", "PATH": path}
    with output.open("w") as file:
        run = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment)
        session = os.getsid(run.pid)
        while run.poll() is None:
            alive = processes()
            parents = {process.number: process.parent for process in alive}
            for process in alive:
                if process.number == run.pid:
                    main = process.seconds
                # The server has a session of its own, and its forks are in it.
                elif process.session != session and run.pid in (process.parent, parents.get(process.parent)):
                    forks[process.number, process.started] = process.seconds
            time.sleep(POLL_S)
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed: {output.read_text()[-2000:]}")
    return main, used() - before, sum(forks.values())


def imports(*files: Path) -> Counter[str]:
    """How often each line on an import stands in the files together."""
    texts = (file.read_text(errors="replace") for file in files)
    return Counter(found.group() for text in texts for found in IMPORT.finditer(text))


def seconds(lines: Counter[str]) -> float:
    """What the imports took."""
    return sum(int(line.split()[2]) * count for line, count in lines.items()) / 1e6


def run(_rounds: int) -> list[Row]:
    """The default study once, in a folder of its own; then again."""
    with tempfile.TemporaryDirectory() as folder:
        results, output = Path(folder) / "results", Path(folder) / "output"
        command = ["snakemake", "--cores", "all", "--config", f"results={results}"]
        started = time.monotonic()
        snakemake, waited, forks = study(command, output)
        took, total = time.monotonic() - started, waited + forks
        logs = set((results / "logs").rglob("*.log")) - {results / "logs" / "tracking.log"}
        imported = seconds(imports(output) | imports(*logs))  # most logs are printed too: a line of both counts once

        before = used()
        runs = [str(path.parent) for path in results.glob("runs/*/*/*/metrics.json")]
        track = [sys.executable, "-m", "vscbench", "--quiet", "track", *runs, "--store", str(Path(folder) / "mlflow")]
        subprocess.run(track, cwd=ROOT, check=True)
        mlflow = used() - before

        started = time.monotonic()
        study(command, output)
        again = time.monotonic() - started
        assert "Nothing to be done" in output.read_text()  # noqa: S101
    return [
        Row(
            "default study: Snakemake, MLflow and imports / CPU time",
            [(snakemake + mlflow + imported) / total],
            at_most=LIMIT,
            detail=f"{took:.0f} s; of {total:.0f} CPU s Snakemake {snakemake:.1f}, MLflow {mlflow:.1f} (timed again by "
            f"itself), imports {imported:.1f}, Snakemake's own among them too",
        ),
        Row("default study again, nothing to do: time / 5 s", [again / AGAIN_S], at_most=1, detail=f"{again:.1f} s"),
    ]
