"""Which store is meant, and stores that were moved, are old, or cannot be used."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pytest

from vscbench.errors import UserError
from vscbench.files import read_json
from vscbench.tracking import Store
from vscbench.tracking import track as track_runs
from vscbench.tracking.pages import links, serve
from vscbench.tracking.writing import ARTIFACTS

from .folders import client_of, copy_of, key_of, logged, track

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
    track_runs(Store.of(None, str(tmp_path / "ours")), [runs[0]], tmp_path / "receipt.json")
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


# -------------------------------------------------------------------- moved, old, shown


def test_a_moved_store_works_where_it_is(runs: list[Path], tmp_path: Path) -> None:
    """What is logged after the move, and what was before, lies beside the database; the old folder stays away."""
    before, after = tmp_path / "before", tmp_path / "my other folder"
    track(runs[0], store=before)
    before.rename(after)
    track(runs[1], store=after, receipt=tmp_path / "receipt.json")
    assert "failed" not in read_json(tmp_path / "receipt.json")
    assert not before.exists()
    client = client_of(after)
    for run in runs[:2]:
        found = logged(client)[key_of(run)]
        assert found.info.artifact_uri.startswith((after / "artifacts").as_uri())
        kept = client.download_artifacts(found.info.run_id, "config.json", str(tmp_path))
        assert Path(kept).read_bytes() == (run / "config.json").read_bytes()


def test_an_older_database_is_told_with_the_command_that_helps(runs: list[Path], tmp_path: Path) -> None:
    """The very command, which then does help.

    MLflow upgrades by itself a database that lacks tables: those of the last revision are put there, empty.
    """
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from mlflow.store.tracking.dbmodels.models import Base as Latest
    from sqlalchemy import create_engine, inspect

    place = tmp_path / "my store"
    place.mkdir()
    address = f"sqlite:///{place}/mlflow.db"
    engine, settings = create_engine(address), _get_alembic_config(address)
    Base.metadata.create_all(engine)
    with engine.begin() as settings.attributes["connection"]:
        command.upgrade(settings, ScriptDirectory.from_config(settings).get_revision("head").down_revision)
    missing = [each for name, each in Latest.metadata.tables.items() if name not in inspect(engine).get_table_names()]
    Latest.metadata.create_all(engine, missing)
    track(runs[0], store=place, receipt=tmp_path / "receipt.json")
    told = read_json(tmp_path / "receipt.json")["failed"]
    assert "older MLflow" in told
    assert shlex.split(told.partition("then run: ")[2]) == ["python", "-m", "mlflow", "db", "upgrade", address]
    Latest.metadata.drop_all(engine, missing)
    engine.dispose()
    subprocess.run([sys.executable, *shlex.split(told.partition("then run: ")[2])[1:]], check=True, capture_output=True)
    track(runs[0], store=place, receipt=tmp_path / "receipt.json")
    assert "failed" not in read_json(tmp_path / "receipt.json")


def test_a_port_in_use_is_told_at_once(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} of 127.0.0.1 is in use.*vscbench ui --port \d+"):
            serve(Store.of(str(store), ""), port)


@pytest.mark.usefixtures("store")
def test_a_link_for_each_experiment(client: MlflowClient) -> None:
    identifier = client.get_experiment_by_name("tiny-recovery").experiment_id
    address = f"http://host:5000/#/experiments/{identifier}/runs?workflowType=machine_learning"
    assert links(client, "http://host:5000/") == [("tiny-recovery", address)]


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
        "import logging, pathlib, sys; from vscbench.tracking import Store, track\n"
        "logging.basicConfig(format='%(message)s'); folder, run, *stores = sys.argv[1:]\n"
        "for name, store in zip(stores[::2], stores[1::2], strict=True):\n"
        "    print('===', name, file=sys.stderr)\n"
        "    track(Store.of(store, ''), [pathlib.Path(run)], pathlib.Path(folder, name, 'receipt.json'))\n"
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
        assert len(warnings) == 2
        assert warnings[0].startswith("warning: logging to MLflow at ")
        assert "results are complete without it" in warnings[1]
        found = read_json(tmp_path / name / "receipt.json")
        assert place in found["uri"]
        assert found["failed"]
        assert len(found["failed"].splitlines()) == 1
        assert found["runs"] == {}
    assert {path: path.read_bytes() for path in runs[0].iterdir()} == before


def test_receipt_is_valid_json_whatever_failed(runs: list[Path], tmp_path: Path) -> None:
    place = folder_is_a_file(tmp_path)
    receipt = tmp_path / "deep/er/receipt.json"
    track(runs[0], store=place, receipt=receipt)
    assert json.loads(receipt.read_text())["failed"]
