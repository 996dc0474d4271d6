"""What of a run is in a store, however many write at once and however often."""

from __future__ import annotations

import csv
import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.files import read_json, write_json
from vscbench.tracking import Store
from vscbench.tracking import track as track_runs
from vscbench.tracking.writing import ARTIFACTS, flatten, git_commit, grouped
from vscbench.training.run import write_history

from .folders import changed, client_of, key_of, logged, track

if TYPE_CHECKING:
    import pytest
    from mlflow import MlflowClient

WRITERS, PROCESSES = 8, 3  # importing MLflow costs a process more than all else
WRITER = """
import pathlib, sys
import mlflow, mlflow.store.tracking.sqlalchemy_store, vscbench.tracking as tracking  # what takes long, and not equally
store, run = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
tracking.track(tracking.Store.of(store, ""), [pathlib.Path(run)], pathlib.Path(run, "receipt.json"))
"""
"""A process that logs a run, to be started by a line on stdin: all at the same moment."""


def test_writers_at_once(trained: dict[str, Path], tmp_path: Path) -> None:
    """Processes, to a store that is not there yet: each run once, under the id of its receipt."""
    place = tmp_path / "mlflow"
    kinds = ["completed"] + ["diverged"] * (PROCESSES - 1)  # which are logged faster: they have no picture
    runs = [changed(trained[kind], tmp_path / str(k), repetition=k) for k, kind in enumerate(kinds)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", WRITER, str(place)]
    writers = [subprocess.Popen([*command, run], text=True, **pipes) for run in runs]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES, said
    assert "warning" not in "".join(said)

    found = logged(client_of(place))
    assert found.keys() == {key_of(run) for run in runs}
    assert len(found) == PROCESSES
    for repetition, run in enumerate(runs):
        name = f"recovery/laplacian_thresh_gamma/{repetition}"
        receipt = read_json(run / "receipt.json")
        assert receipt["uri"] == f"sqlite:///{place}/mlflow.db"
        assert receipt["runs"] == {name: found[key_of(run)].info.run_id}


def test_eight_threads_at_once(trained: dict[str, Path], tmp_path: Path) -> None:
    """Closer together than processes come, to a store that is not there yet; then in a new experiment each time."""
    place = Store.of(None, str(tmp_path / "mlflow"))
    together = Barrier(WRITERS)

    def write(run: Path) -> dict[str, Any]:
        together.wait()
        track_runs(place, [run], run / "receipt.json")
        found: dict[str, Any] = read_json(run / "receipt.json")
        return found

    for study in ("one", "two", "three", "four"):
        folders = [tmp_path / study / str(k) for k in range(WRITERS)]
        runs = [changed(trained["diverged"], out, repetition=k, study=study) for k, out in enumerate(folders)]
        with ThreadPoolExecutor(WRITERS) as threads:
            receipts = list(threads.map(write, runs))
        assert [receipt["failed"] for receipt in receipts if "failed" in receipt] == []
        assert logged(client_of(tmp_path / "mlflow"), f"{study}-recovery").keys() == {key_of(run) for run in runs}


def test_run_is_logged_with_all_that_it_is(client: MlflowClient, runs: list[Path]) -> None:
    """Parameters, tags, metrics and status."""
    for run in (runs[0], runs[3]):
        spec, result = read_json(run / "config.json"), read_json(run / "metrics.json")
        found = logged(client)[key_of(run)]
        assert found.data.params == {key: str(value) for key, value in flatten(spec)}
        assert found.data.params["objective.samples"] == "3"
        assert found.data.params["coder.family"] == "laplacian"
        expected = {
            "mlflow.runName": f"laplacian_thresh_gamma #{spec['repetition']}",
            "run": f"recovery/laplacian_thresh_gamma/{spec['repetition']}",
            "study": "tiny",
            "experiment": "recovery",
            "dataset": "synthetic",
            "method": "laplacian_thresh_gamma",
            "seed": str(1000 + spec["repetition"]),
            "repetition": str(spec["repetition"]),
            "status": result["status"],
            "git_commit": git_commit(),
        }
        assert expected.items() <= found.data.tags.items()
        for metric, value in grouped(result).items():
            assert found.data.metrics[metric] == value, metric
        assert found.info.status == ("FAILED" if result["status"] == "diverged" else "FINISHED")


def test_curves_are_logged_by_step(client: MlflowClient, runs: list[Path]) -> None:
    """Every column of the history, each epoch at its step."""
    identifier = logged(client)[key_of(runs[0])].info.run_id
    metrics = grouped(read_json(runs[0] / "metrics.json"))
    curves = {name for name in client.get_run(identifier).data.metrics if name not in metrics}
    with (runs[0] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    columns = set(rows[0]) - {"epoch", "step"}
    assert len(curves) == len(columns)
    for column in columns:
        (name,) = (curve for curve in curves if curve.endswith(column))
        history = {point.step: point.value for point in client.get_metric_history(identifier, name)}
        assert history == {int(float(row["step"])): float(row[column]) for row in rows}


def test_artifacts_are_the_files_of_the_run(
    store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path
) -> None:
    """And a picture of the dictionary, where training came to its end."""
    for run, pictures in ((runs[0], {"dictionary.png"}), (runs[3], set())):
        found = logged(client)[key_of(run)]
        assert {artifact.path for artifact in client.list_artifacts(found.info.run_id)} == {*ARTIFACTS, *pictures}
        folder = Path(client.download_artifacts(found.info.run_id, "", str(tmp_path)))
        for name in ARTIFACTS:
            assert (folder / name).read_bytes() == (run / name).read_bytes()
        for name in pictures:
            assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert found.info.artifact_uri.startswith((store / "artifacts").as_uri())


# -------------------------------------------------------------------- writing again


def test_run_that_is_logged_again_replaces_its_own_entry(
    store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path
) -> None:
    """With what it is now; no other run is touched."""
    before = logged(client)
    again = changed(runs[1], tmp_path / "again")
    result = read_json(again / "metrics.json")
    result["metrics"]["mse_draw"] = 123.5
    write_json(again / "metrics.json", result)
    track(again, store=store, receipt=tmp_path / "receipt.json")

    after = logged(client)
    assert after.keys() == before.keys()
    key = key_of(runs[1])
    assert after[key].info.run_id != before[key].info.run_id
    assert read_json(tmp_path / "receipt.json")["runs"] == {"recovery/laplacian_thresh_gamma/1": after[key].info.run_id}
    assert after[key].data.metrics["reconstruction/mse_draw"] == 123.5
    assert client.get_run(before[key].info.run_id).info.lifecycle_stage == "deleted"
    others = before.keys() - {key}
    assert {k: after[k].info.run_id for k in others} == {k: before[k].info.run_id for k in others}


def test_changed_specification_adds_an_entry(
    store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path
) -> None:
    """To its MLflow experiment, or to another one where the study has another name."""
    before = logged(client)
    objective = {"sampling": "average", "samples": 1, "kl_weight": 0.5}
    other = changed(runs[2], tmp_path / "other", objective=objective)
    elsewhere = changed(runs[2], tmp_path / "elsewhere", study="second")
    track(other, elsewhere, store=store, receipt=tmp_path / "receipt.json")
    after = logged(client)
    assert after.keys() == before.keys() | {key_of(other)}
    assert after[key_of(other)].data.params["objective.sampling"] == "average"
    assert after[key_of(runs[2])].info.run_id == before[key_of(runs[2])].info.run_id
    assert logged(client, "second-recovery").keys() == {key_of(elsewhere)}
    client.delete_run(after[key_of(other)].info.run_id)


def test_long_run_is_logged_whole(store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path) -> None:
    """More points than MLflow takes at once; what is not finite is left out."""
    run = changed(runs[0], tmp_path / "long", study="long")
    rng = np.random.default_rng(0)
    rows = [
        {"epoch": float(epoch), "step": 10.0 * epoch} | {name: float(rng.normal()) for name in "abcd"}
        for epoch in range(1, 602)
    ]
    rows[300]["b"] = math.inf
    rows[301]["c"] = math.nan
    write_history(run / "history.csv", rows)
    track(run, store=store)
    found = logged(client, "long-recovery")[key_of(run)]
    for column in "abcd":
        (name,) = (metric for metric in found.data.metrics if re.fullmatch(rf"Curves.{column}", metric))
        history = {point.step: point.value for point in client.get_metric_history(found.info.run_id, name)}
        assert history == {int(row["step"]): row[column] for row in rows if math.isfinite(row[column])}


def test_experiment_that_was_deleted_comes_back(
    store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path
) -> None:
    """Whoever tidies up in the pages and runs the study again finds it there again."""
    run = changed(runs[0], tmp_path / "run", study="deleted")
    for _ in range(2):
        track(run, store=store, receipt=tmp_path / "receipt.json")
        assert "failed" not in read_json(tmp_path / "receipt.json")
        assert logged(client, "deleted-recovery").keys() == {key_of(run)}
        client.delete_experiment(client.get_experiment_by_name("deleted-recovery").experiment_id)


def test_run_that_fails_half_way_leaves_nothing(
    store: Path, client: MlflowClient, runs: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The runs before it are logged; its older entry stays."""
    before = logged(client)
    broken = changed(runs[1], tmp_path / "broken")
    (broken / "weights.safetensors").unlink()
    receipt = tmp_path / "receipt.json"
    track(runs[0], broken, runs[2], store=store, receipt=receipt)
    found = read_json(receipt)
    assert list(found["runs"]) == ["recovery/laplacian_thresh_gamma/0"]
    assert "weights.safetensors" in found["failed"]
    assert "failed" in caplog.text
    after = logged(client)
    assert after.keys() == before.keys()
    assert all(after[k].info.run_id == before[k].info.run_id for k in before)


# -------------------------------------------------------------------- parts


def test_flattened_specification() -> None:
    nested = {"a": 1, "b": {"c": [1, 2], "d": {"e": None}}, "f": {}}
    assert dict(flatten(nested)) == {"a": 1, "b.c": [1, 2], "b.d.e": None}


def test_commit_of_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its full name, a plus where files have changed since, 'unknown' outside git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit() == "unknown"
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")
    (tmp_path / "file").write_text("one")
    for arguments in (("init", "-q"), ("add", "file"), (*identity, "commit", "-q", "-m", "First"), ("tag", "v1")):
        subprocess.run(["git", *arguments], check=True)
    command = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert git_commit() == head
    (tmp_path / "file").write_text("two")
    assert git_commit() == head + "+"
