"""Runs that train are in the store while they do, and what happens to either costs the other nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml

from vscbench import config as configs
from vscbench import records
from vscbench.files import read_json, write_json
from vscbench.layout import Layout
from vscbench.tracking import Store
from vscbench.tracking.following import Follower
from vscbench.training import run as training
from vscbench.training.live import LiveHistory
from vscbench.training.run import write_history

from .folders import STUDY, client_of, copy_of, logged, track

if TYPE_CHECKING:
    from pathlib import Path

NAME = "recovery/laplacian_thresh_gamma/0"
ROWS = [{"epoch": k + 1.0, "step": 21.0 * (k + 1), "train_loss": 3.0 - k, "train_mse": 0.5} for k in range(4)]


@pytest.fixture
def followed(empty: Path, tmp_path: Path) -> tuple[Follower, Layout, Path]:
    """A study of one run and a store, both empty."""
    study = configs.check(STUDY | {"results": str(tmp_path / "results")})
    layout, place = Layout.of(study), copy_of(empty, tmp_path / "mlflow")
    return Follower(study, layout, Store.of(str(place), "")), layout, place


def curve(place: Path, identifier: str) -> list[tuple[int, float]]:
    """The points of a curve; a point that was logged twice is there twice."""
    return [(p.step, p.value) for p in client_of(place).get_metric_history(identifier, "Curves/train_loss")]


def points(rows: list[dict[str, float]]) -> list[tuple[int, float]]:
    return [(int(row["step"]), row["train_loss"]) for row in rows]


def test_a_run_is_there_from_its_start_to_its_end(
    followed: tuple[Follower, Layout, Path], trained: dict[str, Path]
) -> None:
    """Under one id: before its first epoch, as its curve grows, and when it was measured; each point once."""
    follower, layout, place = followed
    follower.look()
    assert client_of(place).get_experiment_by_name("tiny-recovery") is None
    found = None
    finished = training_rows(trained["completed"])
    for rows in ([], finished[:1], finished[:1], finished):
        write_history(layout.history(NAME), rows)
        follower.look()
        (entry,) = logged(client_of(place)).values()
        assert entry.info.status == "RUNNING"
        assert entry.data.params["objective.samples"] == "3"
        assert curve(place, entry.info.run_id) == points(rows)
        assert found in {None, entry.info.run_id}
        found = entry.info.run_id
    layout.history(NAME).unlink()
    shutil.copytree(trained["completed"], layout.run(NAME))
    spec = configs.run_spec(follower.study, configs.resolve(follower.study, NAME))
    write_json(layout.run(NAME) / "config.json", spec)
    (layout.run(NAME) / "metrics.json").touch()
    follower.look()
    (entry,) = logged(client_of(place)).values()
    assert (entry.info.run_id, entry.info.status) == (found, "FINISHED")
    assert curve(place, entry.info.run_id) == points(finished)
    assert entry.data.metrics["reconstruction/mse_draw"] > 0
    track(layout.run(NAME), store=place, receipt=place / "receipt.json")
    assert read_json(place / "receipt.json")["runs"] == {NAME: found}


def training_rows(run: Path) -> list[dict[str, float]]:
    return records.history(run / "history.csv")


def test_a_stopped_training_goes_on_under_its_id(followed: tuple[Follower, Layout, Path]) -> None:
    """One of other values, of other code, does not."""
    follower, layout, place = followed
    write_history(layout.history(NAME), ROWS[:2])
    follower.look()
    follower.leave()
    (entry,) = logged(client_of(place)).values()
    assert entry.info.status == "KILLED"

    write_history(layout.history(NAME), ROWS[:3])
    again = Follower(follower.study, layout, follower.store)
    again.look()
    (same,) = logged(client_of(place)).values()
    assert (same.info.run_id, same.info.status) == (entry.info.run_id, "RUNNING")
    assert curve(place, same.info.run_id) == points(ROWS[:3])

    write_history(layout.history(NAME), [row | {"train_loss": 9.0} for row in ROWS[:3]])
    other = Follower(follower.study, layout, follower.store)
    other.look()
    assert other.writer is not None
    assert {identifier for identifier, _ in other.writer.live.values()}.isdisjoint({same.info.run_id})


def test_files_of_another_study_are_left_alone(followed: tuple[Follower, Layout, Path]) -> None:
    follower, layout, place = followed
    write_history(layout.history("recovery/no_such_method/0"), ROWS)
    layout.history(NAME).parent.mkdir(parents=True)
    layout.history(NAME).write_text("epoch,step,train_loss\n1,2")  # cut
    follower.look()
    assert follower.writer is None or client_of(place).get_experiment_by_name("tiny-recovery") is None


def test_the_process_ends_with_who_started_it(empty: Path, tmp_path: Path) -> None:
    """It waits for nothing: with its standard input closed it looks once more and ends, whatever the store."""
    good = copy_of(empty, tmp_path / "mlflow")
    for store, status in ((str(good), "KILLED"), ("http://127.0.0.1:9", None)):
        content = STUDY | {"results": str(tmp_path / "results"), "tracking": store}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        write_history(Layout(tmp_path / "results").history(NAME), ROWS)
        command = [sys.executable, "-m", "vscbench", "track", "--follow", "--config", str(tmp_path / "config.yaml")]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        if status:
            (entry,) = logged(client_of(good)).values()
            assert entry.info.status == status
            assert curve(good, entry.info.run_id) == points(ROWS)
        else:
            assert "the study goes on without it" in done.stderr


def test_training_is_the_same_with_its_history_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit, where the file can be written and where it cannot; the file is the history as far as it goes."""
    monkeypatch.setattr("vscbench.training.live.EVERY_S", 0)
    study = configs.check(deepcopy(STUDY))
    spec = configs.run_spec(study, next(configs.runs(study)))
    data = configs.source(study, "synthetic").load()
    (tmp_path / "file").write_text("")

    def train(**show: Any) -> training.Trained:
        return training.train(spec, data, device=torch.device("cpu"), **show)

    alone = train()
    seen = []
    shown = train(show=lambda history: (LiveHistory(tmp_path / "live.csv")(history), seen.append(len(history))))
    refused = train(show=LiveHistory(tmp_path / "file/live.csv"))
    for other in (shown, refused):
        assert other.history == alone.history
        for name, value in alone.model.state_dict().items():
            assert torch.equal(value, other.model.state_dict()[name])
    assert sorted(set(seen)) == [0, 1, 2]
    assert records.history(tmp_path / "live.csv") == list(alone.history)


def test_a_history_is_written_now_and_then(tmp_path: Path) -> None:
    show = LiveHistory(tmp_path / "live.csv")
    show([])
    before = (tmp_path / "live.csv").stat().st_mtime_ns
    started = time.monotonic()
    show(ROWS)
    assert time.monotonic() - started < 1
    assert (tmp_path / "live.csv").stat().st_mtime_ns == before
    show.at -= 5
    show(ROWS)
    assert records.history(tmp_path / "live.csv") == ROWS
