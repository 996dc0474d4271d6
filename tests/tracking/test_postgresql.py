"""Eight writers at once to a real PostgreSQL, which Debian's package brings: nothing lost, no run twice."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import mlflow
import pytest

from vscbench.files import read_json
from vscbench.tracking import Store
from vscbench.tracking import track as track_runs

from .folders import changed, key_of, logged

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[1] / "cluster/postgresql.sh"
WRITERS = 8

pytestmark = [
    pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="apt-get install postgresql"),
    pytest.mark.skipif(importlib.util.find_spec("psycopg2") is None, reason="pip install psycopg2-binary"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server on 127.0.0.1 that ends with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # not below pytest's folder, which its user cannot enter
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [SCRIPT, "up", folder / "server", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    try:
        yield done.stdout.strip()
    finally:
        subprocess.run([SCRIPT, "down", folder / "server"], check=True)
        shutil.rmtree(folder)


def test_eight_writers_at_once(address: str, trained: dict[str, Path], tmp_path: Path) -> None:
    """To a database without tables, in a new experiment each time."""
    together = Barrier(WRITERS)
    store = Store.of(address, "")

    def write(run: Path) -> dict[str, Any]:
        together.wait()
        track_runs(store, [run], run / "receipt.json")
        found: dict[str, Any] = read_json(run / "receipt.json")
        return found

    for study in ("one", "two"):
        folders = [tmp_path / study / str(k) for k in range(WRITERS)]
        runs = [changed(trained["diverged"], out, repetition=k, study=study) for k, out in enumerate(folders)]
        with ThreadPoolExecutor(WRITERS) as threads:
            receipts = list(threads.map(write, runs))
        assert [receipt["failed"] for receipt in receipts if "failed" in receipt] == []
        found = logged(mlflow.MlflowClient(address), f"{study}-recovery")
        assert found.keys() == {key_of(run) for run in runs}
        assert all(entry.info.status == "FAILED" for entry in found.values())  # as the runs, which diverged
