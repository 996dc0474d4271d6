"""MLflow: many writers at once, runs that replace themselves, what is logged, and stores that cannot be used."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vscbench import config as configs
from vscbench.files import read_json, write_json
from vscbench.metrics.measuring import measure_run
from vscbench.tracking import ARTIFACTS, Store, flatten, git_commit
from vscbench.training import run as training
from vscbench.training.run import write_history

mlflow = pytest.importorskip("mlflow")

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

WRITERS, PROCESSES = 8, 3  # importing MLflow costs a process more than all else
WRITER = """
import pathlib, sys
import mlflow, mlflow.store.tracking.sqlalchemy_store, vscbench.tracking  # what takes long, and not equally long
store, run = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
vscbench.tracking.Store.of(store, "").log([pathlib.Path(run)], pathlib.Path(run, "receipt.json"))
"""
"""A process that logs a run, to be started by a line on stdin: all at the same moment."""
MLFLOW_EXPERIMENT = "tiny-recovery"
STUDY: dict[str, Any] = {
    "study": "tiny",
    "datasets": {"synthetic": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16}},
    "experiments": {
        "recovery": {
            "dataset": "synthetic",
            "methods": ["laplacian_thresh_gamma"],
            "generator": {"latents": 12},
            "encoder": {"widths": [16]},
            "objective": {"samples": 3},
            "training": {"epochs": 2, "batch_size": 10},
        }
    },
}
SETTINGS = {
    "samples": 2,
    "penalties": [20.0],
    "gradients": {"passes": 2, "batches": 1, "samples": [1]},
    "stability": {"draws": 2, "points": 5},
    "bounds": {"points": 5},
}


@pytest.fixture(autouse=True)
def no_address_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a store of their own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def changed(run: Path, copy: Path, **changes: Any) -> Path:
    """A copy of a run's folder whose specification has other values."""
    shutil.copytree(run, copy)
    write_json(copy / "config.json", read_json(copy / "config.json") | changes)
    return copy


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run that came to its end, and one that diverged."""
    folder, device = tmp_path_factory.mktemp("trained"), torch.device("cpu")
    for name, rate in (("completed", 0.01), ("diverged", 1e12)):
        study = deepcopy(STUDY)
        rates = {key: {"initial": rate, "final": rate} for key in ("encoder_rate", "dictionary_rate")}
        study["experiments"]["recovery"]["training"]["optimizer"] = rates | {"clip_norm": None}
        checked = configs.check(study)
        spec = configs.run_spec(checked, next(configs.runs(checked)))
        data = configs.source(checked, "synthetic").load()
        found = training.train(spec, data, device=device, key=configs.run_key(spec))
        training.write(found, spec, data.shape, folder / name)
        measure_run(folder / name, data, SETTINGS, device)
        assert read_json(folder / name / "metrics.json")["status"] == name
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def runs(trained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four repetitions; the last one diverged."""
    folder = tmp_path_factory.mktemp("runs")
    kinds = ["completed", "completed", "completed", "diverged"]
    return [changed(trained[kind], folder / str(k), repetition=k, seed=1000 + k) for k, kind in enumerate(kinds)]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a store without runs: to be copied, since making its tables takes seconds."""
    place = tmp_path_factory.mktemp("empty") / "mlflow"
    receipt = place.parent / "receipt.json"
    Store.of(str(place), "").create(receipt)
    assert read_json(receipt) == {"uri": f"sqlite:///{place}/mlflow.db"}
    return place / "mlflow.db"


def copy_of(empty: Path, place: Path) -> Path:
    """A store without runs at `place`."""
    place.mkdir(parents=True)
    shutil.copy(empty, place)
    return place


@pytest.fixture(scope="module")
def store(runs: list[Path], empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds those runs."""
    place = copy_of(empty, tmp_path_factory.mktemp("store") / "mlflow")
    outcome = place.parent / "receipt.json"
    Store(f"sqlite:///{place}/mlflow.db", (place / "artifacts").as_uri()).log(runs, outcome)
    assert "failed" not in read_json(outcome)
    return place


def client_of(place: Path) -> MlflowClient:
    client: MlflowClient = mlflow.MlflowClient(f"sqlite:///{place}/mlflow.db")
    return client


def logged(client: MlflowClient, experiment: str = MLFLOW_EXPERIMENT) -> dict[str, Run]:
    """The runs of an MLflow experiment by their key; no key is there twice."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    by_key = {run.data.tags["run_key"]: run for run in found}
    assert len(by_key) == len(found)
    return by_key


def key_of(run: Path) -> str:
    return configs.run_key(read_json(run / "config.json"))


@pytest.fixture(scope="module")
def client(store: Path) -> MlflowClient:
    """A connection to that store."""
    return client_of(store)


def track(*runs: Path, store: Path, receipt: Path | None = None) -> None:
    """Log runs to the store in a folder."""
    Store.of(str(store), "").log(runs, receipt)


# -------------------------------------------------------------------- writing


def test_writers_at_once(trained: dict[str, Path], empty: Path, tmp_path: Path) -> None:
    """Once the store is there: each run once, under the id that its receipt names, in one MLflow experiment."""
    place = copy_of(empty, tmp_path / "mlflow")
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
        expected = {"uri": f"sqlite:///{place}/mlflow.db", "runs": {name: found[key_of(run)].info.run_id}}
        assert read_json(run / "receipt.json") == expected


def test_eight_threads_at_once(trained: dict[str, Path], empty: Path, tmp_path: Path) -> None:
    """Closer together than processes come, in a new experiment each time: what two make at once, both end with."""
    place = Store.of(None, str(copy_of(empty, tmp_path / "mlflow")))
    together = Barrier(WRITERS)

    def write(run: Path) -> dict[str, Any]:
        together.wait()
        place.log([run], run / "receipt.json")
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
            "mlflow.runName": f"laplacian_thresh_gamma/{spec['repetition']}",
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
        for metric, value in result["metrics"].items():
            assert found.data.metrics[metric] == value, metric
        assert found.info.status == ("FAILED" if result["status"] == "diverged" else "FINISHED")


def test_curves_are_logged_by_step(client: MlflowClient, runs: list[Path]) -> None:
    """Every column of the history, each epoch at its step."""
    identifier = logged(client)[key_of(runs[0])].info.run_id
    metrics = read_json(runs[0] / "metrics.json")["metrics"]
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
    assert after[key].data.metrics["mse_draw"] == 123.5
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
        (name,) = (metric for metric in found.data.metrics if re.fullmatch(rf"curve.{column}", metric))
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
    assert {k for k in before if after[k].info.run_id != before[k].info.run_id} == {key_of(runs[0])}


# -------------------------------------------------------------------- which store


@pytest.mark.parametrize(
    ("uri", "environment", "place", "expected"),
    [
        (None, None, "/x/mlflow", Store("sqlite:////x/mlflow/mlflow.db", "file:///x/mlflow/artifacts")),
        (None, None, "http://host:5000", Store("http://host:5000", None)),
        (None, "http://theirs", "/x/mlflow", Store("http://theirs", None)),
        (None, "http://theirs", "sqlite:////x.db", Store("http://theirs", None)),
        ("postgresql://given", "http://theirs", "/x/mlflow", Store("postgresql://given", None)),
        (None, "", "/x", Store("sqlite:////x/mlflow.db", "file:///x/artifacts")),
        (None, None, "/my folder/ü", Store("sqlite:////my folder/ü/mlflow.db", "file:///my%20folder/%C3%BC/artifacts")),
    ],
    ids=["folder", "address", "environment", "environment_wins", "argument_wins", "empty", "odd_name"],
)
def test_address_of_the_store(
    monkeypatch: pytest.MonkeyPatch, uri: str | None, environment: str | None, place: str, expected: Store
) -> None:
    if environment is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", environment)
    assert Store.of(uri, place) == expected


def test_relative_folder_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MLflow keeps artifact locations as they are given: a relative one would mean another folder elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert Store.of(None, "results/mlflow") == Store.of(None, str(tmp_path / "results/mlflow"))


def test_environment_names_the_store(
    monkeypatch: pytest.MonkeyPatch, runs: list[Path], empty: Path, tmp_path: Path
) -> None:
    """MLFLOW_TRACKING_URI goes before the folder, which is not even made."""
    monkeypatch.chdir(tmp_path)  # where MLflow puts the artifacts of such a store
    shutil.copy(empty, tmp_path / "theirs.db")
    address = f"sqlite:///{tmp_path}/theirs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    Store.of(None, str(tmp_path / "ours")).log([runs[0]], tmp_path / "receipt.json")
    assert read_json(tmp_path / "receipt.json")["uri"] == address
    assert logged(mlflow.MlflowClient(address)).keys() == {key_of(runs[0])}
    assert not (tmp_path / "ours").exists()


def test_folder_with_an_odd_name(runs: list[Path], empty: Path, tmp_path: Path) -> None:
    place = copy_of(empty, tmp_path / "my études 100%")
    track(runs[0], store=place, receipt=tmp_path / "receipt.json")
    assert "failed" not in read_json(tmp_path / "receipt.json")
    client = client_of(place)
    found = logged(client)[key_of(runs[0])]
    assert {artifact.path for artifact in client.list_artifacts(found.info.run_id)} == {*ARTIFACTS, "dictionary.png"}


# -------------------------------------------------------------------- stores that cannot be used


def folder_is_a_file(tmp_path: Path) -> str:
    (tmp_path / "file").write_text("")
    return str(tmp_path / "file")


def database_is_a_folder(tmp_path: Path) -> str:
    (tmp_path / "store/mlflow.db").mkdir(parents=True)
    return str(tmp_path / "store")


def database_is_damaged(tmp_path: Path) -> str:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/mlflow.db").write_bytes(b"no database" * 1000)
    return str(tmp_path / "store")


def nobody_answers(_: Path) -> str:
    return "http://127.0.0.1:9"


def no_such_scheme(_: Path) -> str:
    return "gopher://127.0.0.1"


UNUSABLE = (folder_is_a_file, database_is_a_folder, database_is_damaged, nobody_answers, no_such_scheme)


def test_store_that_cannot_be_used_costs_a_warning(runs: list[Path], tmp_path: Path) -> None:
    """And no more than seconds, neither when it is created nor when a run is logged."""
    places = {}
    for make in UNUSABLE:
        (tmp_path / make.__name__).mkdir()
        places[make.__name__] = make(tmp_path / make.__name__)
    script = (
        "import logging, pathlib, sys; from vscbench.tracking import Store\n"
        "logging.basicConfig(format='%(message)s'); folder, run, *stores = sys.argv[1:]\n"
        "for name, store in zip(stores[::2], stores[1::2], strict=True):\n"
        "    print('===', name, file=sys.stderr)\n"
        "    Store.of(store, '').create(pathlib.Path(folder, name, 'one.json'))\n"
        "    Store.of(store, '').log([pathlib.Path(run)], pathlib.Path(folder, name, 'two.json'))\n"
    )
    before = {path: path.read_bytes() for path in runs[0].iterdir()}
    named = [word for pair in places.items() for word in pair]
    command = [sys.executable, "-c", script, tmp_path, runs[0], *named]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    said = dict(part.split("\n", 1) for part in done.stderr.split("=== ")[1:])
    assert said.keys() == places.keys()
    for name, place in places.items():
        warnings = [line for line in said[name].splitlines() if line.startswith("warning: ")]
        assert len(warnings) == 4
        assert warnings[0].startswith("warning: creating the MLflow store at ")
        assert warnings[2].startswith("warning: logging to MLflow at ")
        assert "results are complete without it" in warnings[3]
        receipts = [read_json(tmp_path / name / f"{receipt}.json") for receipt in ("one", "two")]
        for found in receipts:
            assert place in found["uri"]
            assert found["failed"]
            assert len(found["failed"].splitlines()) == 1
        assert receipts[1]["runs"] == {}
    assert {path: path.read_bytes() for path in runs[0].iterdir()} == before


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


def test_receipt_is_valid_json_whatever_failed(runs: list[Path], tmp_path: Path) -> None:
    place = folder_is_a_file(tmp_path)
    receipt = tmp_path / "deep/er/receipt.json"
    track(runs[0], store=place, receipt=receipt)
    assert json.loads(receipt.read_text())["failed"]
