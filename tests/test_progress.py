"""What a person sees of a study that runs: records as Snakemake makes them, and the lines that they become."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from vscbench import progress
from vscbench.closing import closing
from vscbench.layout import Layout
from vscbench.progress import LogHandler, Pace

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Time that a test tells."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """As of the module `time`."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def handler(**settings: Any) -> LogHandler:
    """The handler as Snakemake makes it."""
    quiet = dict.fromkeys(("dryrun", "verbose", "printshellcmds", "debug_dag", "nocolor", "show_failed_logs"), False)
    return LogHandler(SimpleNamespace(stdout=True, quiet=None, **quiet | settings), None)


def tell(
    to: LogHandler, event: LogEvent | None = None, message: str = "", level: int = logging.INFO, **about: Any
) -> None:
    """Give the handler a message."""
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    vars(record).update(about if event is None else about | {"event": event})
    to.handle(record)


def test_snakemake_finds_it() -> None:
    assert LoggerPluginRegistry().get_plugin("vscbench").log_handler is LogHandler


def test_a_study_in_few_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred jobs of two seconds, two at a time: a line each twenty seconds, and the time that is left."""
    shown = handler()
    tell(shown, message="Building DAG of jobs...")
    tell(shown, LogEvent.RUN_INFO, stats={"train_run": 60, "make_table": 39, "all": 1, "total": 100})
    for job in range(0, 100, 2):
        for each in (job, job + 1):
            tell(
                shown, LogEvent.JOB_INFO, jobid=each, rule_name="train_run" if each < 60 else "make_table", wildcards={}
            )
            tell(shown, LogEvent.SHELLCMD, message="Shell command: python ...", shellcmd="python ...")
        clock.now += 2
        for each in (job, job + 1):
            tell(shown, LogEvent.JOB_FINISHED, message=f"Finished jobid: {each}", job_id=each)
            tell(shown, LogEvent.PROGRESS, done=each + 1, total=100)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "100 jobs: 60 train_run, 39 make_table"
    assert said[1] == "19 of 100 jobs done in 20 s, about 1 min 25 s left"
    assert said[-1] == "100 of 100 jobs done in 1 min 40 s"
    assert len(said) == 2 + 5


def test_nothing_is_said_of_the_time_before_it_is_known(clock: Clock) -> None:
    """Three tables tell nothing of a hundred trainings."""
    pace = Pace({"train_run": 100, "make_table": 5}, clock.monotonic)
    for job in range(3):
        pace.start(job, "make_table")
        clock.now += 1
        pace.end(job)
    assert pace.left() is None


def test_a_failure_shows_its_log_once_and_its_name_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {k}" for k in range(50)) + "\nvscbench train: the disk is full\n")
    shown = handler()
    tell(shown, LogEvent.JOB_INFO, jobid=3, rule_name="train_run", wildcards={"experiment": "a", "repetition": 0})
    for _ in range(2):  # Snakemake repeats them at the end
        tell(shown, LogEvent.JOB_ERROR, level=logging.ERROR, jobid=3, rule_name="train_run", log=[str(log)])
    shown.close()
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["FAILED train_run a/0", f"  log {log}"]
    assert said[2] == "    line 31"
    assert said[21] == "    vscbench train: the disk is full"
    assert said[22:] == ["1 failed:", "  train_run a/0"]


def test_a_configuration_that_snakemake_fails_to_read_is_told_in_a_line(tmp_path: Path) -> None:
    text = "Traceback (most recent call last):\n  ...\nUnicodeDecodeError: ..."
    wrong, right = tmp_path / "wrong.yaml", tmp_path / "right.yaml"
    wrong.write_bytes("study: größe".encode("latin-1"))
    right.write_text("study: a")
    for line in (["--configfile", str(right), str(wrong), "-n"], ["-n", f"--configfile={wrong}"]):
        assert progress.mistake(text, line) == f"config file {wrong} is not UTF-8 text"
        assert progress.mistake("another", line) == "another"
    assert progress.mistake(text, ["--configfile", str(right), "--config", str(wrong)]) == text


def test_a_configuration_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "a.yaml"
    wrong.write_text("a: [1\n")
    text = f"WorkflowError:\n{progress.UNREADABLE}. In case of YAML, ..."
    said = progress.mistake(text, ["--configfile", str(wrong)])
    assert said.startswith(f"config file {wrong} is not valid YAML in line 2: ")


def test_warnings_and_mistakes_are_shown_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    shown = handler()
    tell(shown, message="Building DAG of jobs...")
    tell(shown, message="prepare_data", level=logging.INFO)  # as of --list-rules
    tell(shown, LogEvent.RUN_INFO, stats={"all": 1})
    tell(shown, message="Select jobs to execute...")
    tell(shown, message="a warning", level=logging.WARNING)
    tell(
        shown, LogEvent.ERROR, message="the configuration is not valid", level=logging.ERROR, exception="WorkflowError"
    )
    tell(shown, message="open results/index.html", shown=True)
    tell(shown, message="Complete log(s): x")
    expected = ["prepare_data", "1 jobs", "a warning", "the configuration is not valid", "open results/index.html"]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("setting", ["dryrun", "verbose", "printshellcmds"])
def test_who_asks_for_snakemakes_own_messages_gets_them(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell(handler(**{setting: True}), message="Building DAG of jobs...")
    assert "Building DAG of jobs..." in capsys.readouterr().out


def test_closing_of_a_study(tmp_path: Path) -> None:
    """Three numbers, of the tables that there are, and the page."""
    layout = Layout(tmp_path)
    assert list(closing(layout)) == []
    layout.tables.mkdir()
    layout.metrics.write_text(
        "experiment,dataset,method,label,point,repetition,status,metric,value\n"
        "a,d,fista,FISTA,,0,completed,mse_draw,0.5\n"
        "a,d,fista,FISTA,,0,completed,density,0.1\n"
        "a,d,fista,FISTA,,1,diverged,diverged_step,7\n"
        "a,d,pca,PCA,,,baseline,mse_draw,0.5\n"
    )
    (layout.tables / "claims.csv").write_text(
        "claim,reading,verdict\n1,stated,supported\n1,stated,supported\n2,stated,inconclusive\n"
        "2,beside,supported\n3,stated,inconclusive\n"
    )
    first, second = closing(layout)
    assert first == "runs: 2, 1 of them diverged"
    assert second == "claims: 2 inconclusive, 1 supported"
    (tmp_path / "leaderboard.csv").write_text(
        "experiment,label,column,mean,place\na,OMP,fve_10,0.96,best\na,X,fve_10,0.5,\n"
    )
    (tmp_path / "index.html").touch()
    assert list(closing(layout))[1:] == [
        "leaderboard: OMP explains most, 96 % of the variance at a density of 0.1 (a)",
        second,
        f"open {tmp_path}/index.html",
    ]
