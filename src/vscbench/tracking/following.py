"""Runs in MLflow while they train: a process beside Snakemake that reads what trainings write, and never holds one up.

A training writes its history to a file every few seconds (`training.live`); it knows nothing of MLflow.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from vscbench import config as configs
from vscbench import records
from vscbench.errors import UserError
from vscbench.tracking.store import locked
from vscbench.tracking.writing import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.layout import Layout
    from vscbench.tracking.store import Store

log = logging.getLogger(__name__)

EVERY_S, SELDOM_S = 5, 300
"""Seconds between two looks; and the most of them after failures, each of which doubles them."""


def start(config: Path) -> None:
    """Follow the study of a configuration from a process of its own, which ends with this one."""
    command = [sys.executable, "-m", "vscbench", "track", "--follow", "--config", str(config)]
    environment = {key: value for key, value in os.environ.items() if key != "VSCBENCH_PRELOADED"}
    # In a session of its own: Ctrl-C is for the jobs.
    subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env=environment)


def follow(study: configs.Study, layout: Layout, store: Store) -> None:
    """Log runs that train, and those that have been measured since, until standard input closes."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="mlflow")
    follower, pause, ended = Follower(study, layout, store), float(EVERY_S), False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], pause)[0])
        try:
            with locked(layout.live / ".lock"):
                follower.look()
                if ended:
                    follower.leave()
            pause = EVERY_S
        except Exception as error:  # noqa: BLE001  (whatever a store may raise)
            if pause == EVERY_S:
                log.warning("warning: MLflow's store %s: %s", store.shown, store.reason(error))
                log.warning("warning: the study goes on without it; its runs are logged at the end")
            pause = min(2 * pause, SELDOM_S)
            follower.writer = None


class Follower:
    """What has been seen of a study.

    Args:
        study: the study.
        layout: its files.
        store: what its runs are logged to.
    """

    def __init__(self, study: configs.Study, layout: Layout, store: Store) -> None:
        self.study, self.layout, self.store = study, layout, store
        self.writer: Writer | None = None
        self.since = time.time()
        self.waiting = [run.name for run in configs.runs(study)]
        """The runs that were not measured yet."""
        self.seen: dict[Path, int] = {}
        """When each history that was read had been written."""

    def look(self) -> None:
        """Log what is new."""
        for path in sorted(self.layout.live.glob("*/*/*.csv")):
            with suppress(FileNotFoundError, UserError):  # trained meanwhile; of another study
                self._follow(path)
        for name in list(self.waiting):
            with suppress(FileNotFoundError):
                if (self.layout.run(name) / "metrics.json").stat().st_mtime >= self.since:
                    self._connected().write(self.layout.run(name))
                    self.waiting.remove(name)

    def leave(self) -> None:
        """Say of the runs that still train that nobody follows them any more."""
        if self.writer:
            self.writer.leave()

    def _follow(self, path: Path) -> None:
        written = path.stat().st_mtime_ns
        if written == self.seen.get(path):
            return
        name = str(path.relative_to(self.layout.live).with_suffix(""))
        spec = configs.run_spec(self.study, configs.resolve(self.study, name))
        self._connected().follow(spec, name, records.history(path))
        self.seen[path] = written

    def _connected(self) -> Writer:
        if self.writer is None:
            self.writer = Writer(self.store, self.store.client())
        return self.writer
