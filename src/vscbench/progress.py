"""What a person sees of a study that runs: how far it is, how long it will take, and what went wrong.

Snakemake gives its messages to this handler (`--logger vscbench`, in profiles/default). Jobs say themselves what they
did, a line each. A dry run, `--verbose` and `--printshellcmds` show Snakemake's own messages.
"""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from vscbench.config.reading import read
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVERY_S = 20
"""Seconds between two lines on how far the study is."""
SHOWN = 20
"""Lines of the log of a job that failed, the last ones."""
BEFORE = ("Assuming unrestricted", "Building DAG", "Using shell", "Conda environments", "Group jobs", "Singularity")
"""How messages begin that are not shown while nothing runs yet."""
MEANWHILE = ("Shutting down", "Trying to restart", "Will exit")
"""How those begin that are shown while jobs run, though they are no warnings."""


UNREADABLE = "Config file is not valid JSON or YAML"
LOCKED = (
    "another run works on these files, or one was killed and left its lock. If none does, remove the lock, then run "
    "again:\n  {}"
)


def duration(seconds: float) -> str:
    """A time in words.

    Example:
        >>> duration(7.4), duration(100), duration(7320)
        ('7 s', '1 min 40 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def mistake(text: str, line: Sequence[str]) -> str:
    """What Snakemake says of an error; of files it cannot read, what is wrong with them; of a lock, what removes it.

    Args:
        text: Snakemake's message.
        line: of the command, with the program.
    """
    if text.startswith("LockException"):
        return LOCKED.format(shlex.join([sys.executable, "-m", "snakemake", *line[1:], "--unlock"]))
    files, taken = [], False
    for word in line:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            taken = option in ("--configfile", "--configfiles")
            files += [value] if taken and value else []
        elif taken:
            files.append(word)
    if "Traceback" in text or UNREADABLE in text:
        try:
            read(map(Path, files))
        except UserError as error:
            return str(error)
    return text


class Pace:
    """How far a study is, and how long it will take.

    Jobs of one rule take about as long as one another; as many run at a time from now on as have done so far.

    Args:
        jobs: how many there are of each rule.
        clock: seconds from some moment on.

    Example:
        >>> now = iter([0, 0, 0, 10, 20, 20])
        >>> pace = Pace({"train_run": 3, "make_table": 1}, lambda: next(now))
        >>> pace.start(1, "train_run"), pace.start(2, "train_run")
        (None, None)
        >>> pace.end(1), pace.end(2)
        (None, None)
        >>> pace.left()
        20.0
    """

    def __init__(self, jobs: Mapping[str, int], clock: Callable[[], float]) -> None:
        self.jobs, self.clock = Counter(jobs), clock
        self.began = clock()
        self.running: dict[int, tuple[str, float]] = {}
        self.done: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def start(self, job: int, rule: str) -> None:
        """A job has begun."""
        self.running[job] = (rule, self.clock())

    def end(self, job: int) -> None:
        """A job has come to its end."""
        now = self.clock()
        rule, began = self.running.pop(job, ("", now))
        self.done[rule] += 1
        self.seconds[rule] += now - began

    def left(self) -> float | None:
        """Seconds that are left; None where most of the jobs that are left are of rules of which none has ended."""
        now = self.clock()
        remaining = self.jobs - self.done
        known = {rule: self.seconds[rule] / count for rule, count in self.done.items()}
        told = sum(count for rule, count in remaining.items() if rule in known)
        if not told or 2 * told < remaining.total() or now == self.began:
            return None
        usual = sum(self.seconds.values()) / self.done.total()
        work = sum(count * known.get(rule, usual) for rule, count in remaining.items())
        at_a_time = max(1.0, sum(self.seconds.values()) / (now - self.began))
        return work / at_a_time


class LogHandler(LogHandlerBase):
    """Snakemake's messages as a few lines."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings = self.common_settings
        self.stream = sys.stdout if settings.stdout else sys.stderr
        self.pace = Pace({}, time.monotonic)
        self.said = self.pace.began
        self.failed: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.plain: logging.Handler | None = None
        if settings.dryrun or settings.verbose or settings.printshellcmds:
            from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

            quiet = (settings.quiet or ()) if settings.dryrun else ()
            plain = ColorizingTextHandler(settings.nocolor, self.stream)
            shown = (quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds)
            plain.addFilter(DefaultFilter(*shown))
            plain.setFormatter(DefaultFormatter(quiet, settings.show_failed_logs))
            self.plain = plain

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message, or a part of it, or nothing."""
        event = getattr(record, "event", None)
        if event == LogEvent.ERROR:
            record.msg, record.args = mistake(record.getMessage(), sys.argv), None
        if self.plain:
            self.plain.handle(record)
        elif event == LogEvent.ERROR or (event is None and self.matters(record)):
            self.say(record.getMessage())
        elif event is not None:
            self.follow(event, vars(record))

    def follow(self, event: LogEvent, about: Mapping[str, Any]) -> None:
        """Take in what has happened."""
        if event == LogEvent.RUN_INFO:
            jobs = {rule: count for rule, count in about.get("stats", {}).items() if rule != "total"}
            self.pace = Pace(jobs, time.monotonic)
            self.said = self.pace.began
            most = ", ".join(f"{count} {rule}" for rule, count in self.pace.jobs.most_common() if count > 1)
            self.say(f"{self.pace.jobs.total()} jobs" + (f": {most}" if most else ""))
        elif event == LogEvent.JOB_INFO:
            self.pace.start(about["jobid"], about["rule_name"])
            self.names[about["jobid"]] = "/".join(map(str, about["wildcards"].values()))
        elif event == LogEvent.JOB_FINISHED:
            self.pace.end(about["job_id"])
        elif event == LogEvent.PROGRESS:
            self.progress(about["done"], about["total"])
        elif event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            for job in about.get("job_error_info", [about]):
                self.failure(job)

    def matters(self, record: logging.LogRecord) -> bool:
        """Whether a message that is no event is for a person who waits for results; the Snakefile marks its own."""
        if record.levelno >= logging.WARNING or hasattr(record, "shown"):
            return True
        text = record.getMessage()
        return text.startswith(MEANWHILE) if self.pace.jobs else not text.startswith(BEFORE)

    def say(self, text: str) -> None:
        """Write a line."""
        print(text, file=self.stream, flush=True)

    def progress(self, done: int, total: int) -> None:
        """Say how far it is, if some time has passed since it was said."""
        now = time.monotonic()
        if now - self.said < EVERY_S and done < total:
            return
        self.said = now
        left = self.pace.left()
        after = f", about {duration(left)} left" if left is not None and done < total else ""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        self.say(f"{done} of {total} jobs done in {duration(now - self.pace.began)}{failed}{after}")

    def failure(self, about: Mapping[str, Any]) -> None:
        """Say which job failed, and what its log ends with; a job is told once."""
        job, rule = about["jobid"], about["rule_name"]
        self.pace.running.pop(job, None)
        if job in self.failed:
            return
        self.failed[job] = " ".join(filter(None, [rule, self.names.get(job)]))
        lines = [f"FAILED {self.failed[job]}"]
        for path in about["log"]:
            try:
                text = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                text = []
            lines += [f"  log {path}" + ("" if text else ": empty"), *(f"    {line}" for line in text[-SHOWN:])]
        self.say("\n".join(lines))

    def close(self) -> None:
        """Say once more what failed, at the end of all."""
        if self.failed:
            self.say("\n".join([f"{len(self.failed)} failed:", *(f"  {name}" for name in self.failed.values())]))
            self.failed = {}
        super().close()
