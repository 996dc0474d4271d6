"""An MLflow store: where it is, how it is opened, and what is told where it cannot be."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shlex
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient

T = TypeVar("T")

TRIES, WAIT_S = 5, 0.5
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Says that the runs are trainings; the pages of MLflow 3.17 open on conversations all the same, see `pages`."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other writers out of the block; without effect where the file system knows no locks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def insist(write: Callable[[], T]) -> T:
    """Write what other writers may be creating at the same moment: only the first one can, the others find it."""
    from mlflow.exceptions import MlflowException

    for _ in range(TRIES - 1):
        try:
            return write()
        except MlflowException:
            time.sleep(WAIT_S)
    return write()


@dataclass(frozen=True)
class Store:
    """An MLflow store."""

    uri: str
    """Its address."""
    artifacts: str | None
    """Where a local store keeps artifacts; None where the server decides."""

    @classmethod
    def of(cls, given: str | None, place: str) -> Store:
        """The store `given`, else at MLFLOW_TRACKING_URI, else at `place`: an address, or a folder for SQLite."""
        place = given or os.environ.get("MLFLOW_TRACKING_URI") or place
        if "://" in place:
            return cls(place, None)
        folder = Path(place).absolute()
        return cls(f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri())

    @property
    def shown(self) -> str:
        """Its address without a password, for logs and receipts.

        Example:
            >>> Store("postgresql://me:secret@host/runs", None).shown
            'postgresql://me:***@host/runs'
        """
        return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1:***@", self.uri)

    @property
    def database(self) -> Path | None:
        """The file of a local store."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.artifacts else None

    def client(self) -> MlflowClient:
        """A connection to the store, which is made where it is not there yet, once however many ask for it at once.

        Artifacts of a local store that was moved, or copied, are looked for where it is now.
        """
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault(
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"
        )  # a server that is down costs seconds, not minutes
        from mlflow import MlflowClient

        # After the import, which sets these levels itself.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        if self.database is None:
            client = MlflowClient(self.uri)
            if not self.uri.startswith("http"):  # a database, whose tables another writer may be making
                insist(lambda: client.search_experiments(max_results=1))
            return client
        with locked(self.database.parent / ".lock"):
            sqlite3.connect(self.database).close()  # what SQLite cannot open MLflow would try for 100 seconds
            client = MlflowClient(self.uri)
            client.search_experiments(max_results=1)  # makes the tables
            self._relocate(self.database)
        return client

    def _relocate(self, database: Path) -> None:
        """Lead to the artifacts that lie beside the database, not to where they lay when they were logged."""
        with closing(sqlite3.connect(database)) as db, db:
            for identifier, name, old in db.execute("SELECT experiment_id, name, artifact_location FROM experiments"):
                new = f"{self.artifacts}/{name}"
                if old is None or old == new or not (old.startswith("file:") and old.endswith(f"/artifacts/{name}")):
                    continue
                db.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, identifier))
                db.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?)"
                    " WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                    (new, len(old) + 1, identifier, len(old) + 1, f"{old}/"),
                )

    def experiment(self, client: MlflowClient, name: str) -> str:
        """The id of the MLflow experiment `name`, created if need be, even if others create it at the same time."""

        def find() -> str:
            found = client.get_experiment_by_name(name)
            if found is None:
                location = f"{self.artifacts}/{name}" if self.artifacts else None
                return str(client.create_experiment(name, artifact_location=location, tags=EXPERIMENT_TAGS))
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)

        return insist(find)

    def reason(self, error: Exception) -> str:
        """Why the store could not be used, in a line that says what to do where that is known."""
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "out-of-date database schema" in line:
            command = f"python -m mlflow db upgrade {shlex.quote(self.shown)}"
            return f"its database was made by an older MLflow; keep a copy of it, then run: {command}"
        return line.replace(self.uri, self.shown)
