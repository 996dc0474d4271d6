"""MLflow: every run with its parameters, curves, metrics and artifacts.

The files under results/ are the truth; a store is a view of them that can be made again at any time.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import sqlite3
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench.config import Run, run_key
from vscbench.errors import UserError
from vscbench.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

BATCH = 1000
"""Metrics that MLflow takes at once."""
ARTIFACTS = ("config.json", "history.csv", "metrics.json", "resources.json", "status.json", "weights.safetensors")
CREATE_TRIES, CREATE_WAIT_S = 5, 0.5
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Says that the runs are trainings; the pages of MLflow 3.17 open on conversations all the same, see `serve`."""


def flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf of a nested mapping."""
    for key, part in value.items():
        if isinstance(part, dict):
            yield from flatten(part, f"{prefix}{key}.")
        else:
            yield prefix + key, part


def git_commit() -> str:
    """The commit that the working folder is at, with + where files have changed since; 'unknown' outside git."""
    try:
        command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


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

    def client(self) -> MlflowClient:
        """A connection to the store; creates the folder of a local one."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault(
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"
        )  # a server that is down costs seconds, not minutes
        if self.artifacts:
            database = Path(self.uri.removeprefix("sqlite:///"))
            database.parent.mkdir(parents=True, exist_ok=True)
            sqlite3.connect(database).close()  # what SQLite cannot open MLflow would try ten times, for 100 seconds
        from mlflow import MlflowClient

        # After the import, which sets these levels itself.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        return MlflowClient(self.uri)

    def serve(self, port: int) -> None:
        """Replace this process by MLflow's server on 127.0.0.1, with one worker and no job runner: a light start.

        Raises:
            UserError: there is no store yet.
        """
        database = Path(self.uri.removeprefix("sqlite:///"))
        if self.artifacts and not database.is_file():
            raise UserError(f"no MLflow store at {database}: run a study first (`make`), or `snakemake mlflow`")
        environment = os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        command = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--backend-store-uri", self.uri]
        if self.artifacts:
            command += ["--default-artifact-root", self.artifacts]
        log.info("http://127.0.0.1:%d: choose 'Model training' at the upper left, once, then an experiment", port)
        os.execve(sys.executable, [sys.executable, *command], environment)  # noqa: S606

    def experiment(self, client: MlflowClient, name: str) -> str:
        """The id of the MLflow experiment `name`, created if need be, even if others create it at the same time."""
        from mlflow.exceptions import MlflowException

        for _ in range(CREATE_TRIES):
            found = client.get_experiment_by_name(name)
            if found is not None:
                if found.lifecycle_stage == "deleted":
                    client.restore_experiment(found.experiment_id)
                return str(found.experiment_id)
            location = f"{self.artifacts}/{name}" if self.artifacts else None
            try:
                return str(client.create_experiment(name, artifact_location=location, tags=EXPERIMENT_TAGS))
            except MlflowException:  # another writer was faster: look again
                time.sleep(CREATE_WAIT_S)
        return str(client.create_experiment(name))

    def create(self, receipt: Path | None) -> None:
        """Make the store's tables, before several processes write to it; a failure warns."""
        with _warn_of_failure("creating the MLflow store", self.uri) as outcome:
            self.client().search_experiments(max_results=1)
        if receipt:
            write_json(receipt, {"uri": self.uri, **outcome})

    def log(self, runs: Sequence[Path], receipt: Path | None) -> None:
        """Log the runs in the given folders; a run that the store holds already, by its key, is replaced.

        A failure warns and is noted in the receipt: tracking never costs a training.
        """
        logged: dict[str, str] = {}
        with _warn_of_failure("logging to MLflow", self.uri) as outcome:
            client = self.client()
            for run in runs:
                name, identifier = self._log_run(client, run)
                logged[name] = identifier
                log.info("[%s] logged to %s", name, self.uri)
        if receipt:
            write_json(receipt, {"uri": self.uri, "runs": logged, **outcome})

    def _log_run(self, client: MlflowClient, run: Path) -> tuple[str, str]:
        """Log one run; its name and its id."""
        spec, result = read_json(run / "config.json"), read_json(run / "metrics.json")
        of_spec = Run(spec["experiment"], spec["method"], tuple(spec["point"].items()), spec["repetition"])
        name, key = of_spec.name, run_key(spec)
        experiment = self.experiment(client, f"{spec['study']}-{spec['experiment']}")
        older = client.search_runs([experiment], f"tags.run_key = '{key}'")
        tags = {
            "mlflow.runName": f"{of_spec.variant}/{spec['repetition']}",
            "run": name,
            "run_key": key,
            "study": spec["study"],
            "experiment": spec["experiment"],
            "dataset": spec["dataset"]["name"],
            "method": spec["method"],
            "seed": str(spec["seed"]),
            "repetition": str(spec["repetition"]),
            "git_commit": git_commit(),
            "mlflow.source.name": "vscbench",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": git_commit().rstrip("+"),
            "status": result["status"],
        }
        # When the run was trained, not when it was logged: the pages then show how long training took.
        ended = int((run / "status.json").stat().st_mtime * 1000)
        begun = ended - int(result["metrics"]["train_seconds"] * 1000)
        started = client.create_run(experiment, start_time=begun, tags=tags)
        identifier = started.info.run_id
        try:
            self._log_content(client, identifier, run, spec, result)
        except BaseException:
            client.delete_run(identifier)  # nothing half-logged stays
            raise
        status = "FINISHED" if result["status"] == "completed" else "FAILED"
        client.set_terminated(identifier, status, end_time=ended)
        for old in older:
            client.delete_run(old.info.run_id)
        return name, identifier

    def _log_content(
        self, client: MlflowClient, identifier: str, run: Path, spec: dict[str, Any], result: dict[str, Any]
    ) -> None:
        """Parameters, metrics, curves and artifacts of one run."""
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        dataset = spec["dataset"]
        digest = run_key(dataset)
        source = Dataset(dataset["name"], digest, source_type="vscbench", source=json.dumps(dataset))
        _insist(lambda: client.log_inputs(identifier, [DatasetInput(source)]))
        params = [Param(key, str(value)) for key, value in flatten(spec)]
        client.log_batch(identifier, params=params)
        now = int(time.time() * 1000)
        points = [Metric(name, value, now, 0) for name, value in result["metrics"].items()]
        points += _curves(run / "history.csv", now)
        for start in range(0, len(points), BATCH):
            client.log_batch(identifier, metrics=points[start : start + BATCH])
        for artifact in ARTIFACTS:
            client.log_artifact(identifier, str(run / artifact))
        if result["status"] == "completed" and (picture := _dictionary(run)) is not None:
            client.log_image(identifier, picture, "dictionary.png")


def _insist(write: Callable[[], object]) -> None:
    """Write what other writers may be creating at the same moment: only the first one can, the others find it."""
    from mlflow.exceptions import MlflowException

    for _ in range(CREATE_TRIES - 1):
        try:
            write()
        except MlflowException:
            time.sleep(CREATE_WAIT_S)
        else:
            return
    write()


def _curves(path: Path, now: int) -> Iterator[Metric]:
    """The history of a run as metrics by step."""
    from mlflow.entities import Metric

    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = int(float(row["step"]))
            for name, text in row.items():
                value = float(text)
                if name not in ("epoch", "step") and math.isfinite(value):
                    yield Metric(f"curve/{name}", value, now, step)


def _dictionary(run: Path) -> NDArray[np.uint8] | None:
    """The atoms of a run side by side, by falling norm, each about grey and scaled to its own extremes: (H, W, 1 or 3).

    Learned atoms, or those recovered from a generator that is a network; None where atoms are no pictures.
    """
    import numpy as np
    from safetensors import safe_open

    with np.load(run / "arrays.npz") as file:
        atoms = file.get("recovered_atoms")  # (K, C, H, W)
    if atoms is None:
        with safe_open(run / "weights.safetensors", "numpy") as file:
            if "coder.generator.atoms" not in file.keys():  # noqa: SIM118  (no mapping)
                return None
            atoms = file.get_tensor("coder.generator.atoms").T  # (K, P)
        side = math.isqrt(atoms.shape[1])
        if side**2 != atoms.shape[1]:
            return None
        atoms = atoms.reshape(-1, 1, side, side)
    norms = np.linalg.norm(atoms.reshape(len(atoms), -1), axis=1)
    atoms = atoms[np.argsort(-norms, kind="stable")]
    grey = 0.5 + 0.5 * atoms / np.maximum(np.abs(atoms).max((1, 2, 3), keepdims=True), 1e-12)
    tiles = np.pad(grey, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1.0)
    columns = math.isqrt(len(tiles) - 1) + 1
    tiles = np.concatenate([tiles, np.ones((-len(tiles) % columns, *tiles.shape[1:]))])
    _, c, h, w = tiles.shape
    picture = tiles.reshape(-1, columns, c, h, w).transpose(0, 3, 1, 4, 2).reshape(-1, columns * w, c)
    found: NDArray[np.uint8] = (255 * picture).round().astype(np.uint8)
    return found


class _warn_of_failure:  # noqa: N801  (reads as a verb in a with statement)
    """Turns a failure inside the block into a warning and a note."""

    def __init__(self, doing: str, uri: str) -> None:
        self.doing, self.uri = doing, uri
        self.outcome: dict[str, str] = {}

    def __enter__(self) -> dict[str, str]:
        warnings.filterwarnings("ignore", category=FutureWarning, module="mlflow")
        return self.outcome

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception) or isinstance(error, UserError):
            return False
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        log.warning("warning: %s at %s failed: %s", self.doing, self.uri, line)
        log.warning("warning: the results are complete without it; `snakemake mlflow` logs them again")
        self.outcome["failed"] = line
        return True
