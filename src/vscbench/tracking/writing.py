"""Runs into an MLflow store: each once by its key, begun while it trains, made whole when it was measured."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import subprocess
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from vscbench import records
from vscbench.config import run_key
from vscbench.errors import UserError
from vscbench.files import read_json, write_json
from vscbench.tracking.dictionary import dictionary_picture
from vscbench.tracking.store import insist

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.entities import Run as Entry

    from vscbench.tracking.store import Store

log = logging.getLogger(__name__)

BATCH, PARAMS = 1000, 100
"""Metrics, and parameters, that MLflow takes at once."""
ARTIFACTS = ("config.json", "history.csv", "metrics.json", "resources.json", "status.json", "weights.safetensors")
CONTENT = "content"
"""The tag of an entry that is whole: a fingerprint of the files that it was made from."""
CURVES = "Curves"
"""Their group: with a capital it comes first, MLflow sorts groups by code point."""
CURVE = f"{CURVES}/train_loss"
"""By which it is seen how far an entry's curves go: every history has it."""
History: TypeAlias = "Sequence[Mapping[str, float]]"


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


def title(spec: Mapping[str, Any]) -> str:
    """What the pages call a run; the point of a sweep first, for they cut long names.

    Example:
        >>> title({"method": "gaussian", "point": {"latents": 8, "kl_weight": 0.1}, "repetition": 0})
        'latents=8 kl_weight=0.1 gaussian #0'
    """
    point = (f"{axis}={value}" for axis, value in spec["point"].items())
    return " ".join([*point, spec["method"], f"#{spec['repetition']}"])


def grouped(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a run, `metric/number` by the metric that they are of, as the pages fold them.

    Example:
        >>> grouped({"metrics": {"density": 0.1, "train_seconds": 2.0}, "groups": {"sparsity": ["density"]}})
        {'sparsity/density': 0.1, 'resources/train_seconds': 2.0}
    """
    group = {name: each for each, names in result.get("groups", {}).items() for name in names}
    return {f"{group.get(name, 'resources')}/{name}": value for name, value in result["metrics"].items()}


@dataclass
class Writer:
    """Writes runs to a store."""

    store: Store
    client: MlflowClient
    commit: str = field(default_factory=git_commit)
    """Of the code that runs."""
    experiments: dict[str, str] = field(default_factory=dict)
    """Ids of MLflow's experiments, by name."""
    live: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Of each run that trains, by its key: the id of its entry and the last step of its curves."""

    def experiment(self, spec: Mapping[str, Any]) -> str:
        """The id of the experiment of a run."""
        name = f"{spec['study']}-{spec['experiment']}"
        if name not in self.experiments:
            self.experiments[name] = self.store.experiment(self.client, name)
        return self.experiments[name]

    def entries(self, spec: Mapping[str, Any]) -> Sequence[Entry]:
        """What the store holds of a run."""
        found: Sequence[Entry] = self.client.search_runs([self.experiment(spec)], f"tags.run_key = '{run_key(spec)}'")
        return found

    # ------------------------------------------------------------------- while it trains

    def follow(self, spec: Mapping[str, Any], run: str, history: History) -> None:
        """Begin, or go on with, the entry of a run that trains; its curves up to where they are.

        Args:
            spec: the specification of the run.
            run: its name.
            history: its rows so far.
        """
        key = run_key(spec)
        if key not in self.live:
            self.live[key] = self._begun(self.entries(spec), history) or (self._begin(spec, run), -1.0)
        identifier, last = self.live[key]
        self._metrics(identifier, list(_curves(history, last)))
        self.live[key] = identifier, history[-1]["step"] if history else last

    def leave(self) -> None:
        """Say of the runs that still train that nobody follows them any more."""
        for identifier, _ in self.live.values():
            if self.client.get_run(identifier).info.status == "RUNNING":
                self.client.set_terminated(identifier, "KILLED")

    def _begin(self, spec: Mapping[str, Any], run: str, start: int | None = None) -> str:
        """A new entry, with all that is known before a run trains; its id."""
        from mlflow.entities import Dataset, DatasetInput, Param

        commit, dataset = self.commit, spec["dataset"]
        tags = {
            "mlflow.runName": title(spec),
            "run": run,
            "run_key": run_key(spec),
            "study": spec["study"],
            "experiment": spec["experiment"],
            "dataset": dataset["name"],
            "method": spec["method"],
            "seed": str(spec["seed"]),
            "repetition": str(spec["repetition"]),
            "git_commit": commit,
            "mlflow.source.name": "vscbench",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": commit.rstrip("+"),
        }
        identifier = str(self.client.create_run(self.experiment(spec), start_time=start, tags=tags).info.run_id)
        try:
            source = Dataset(dataset["name"], run_key(dataset), source_type="vscbench", source=json.dumps(dataset))
            insist(lambda: self.client.log_inputs(identifier, [DatasetInput(source)]))
            params = [Param(name, str(value)) for name, value in flatten(spec)]
            for first in range(0, len(params), PARAMS):
                self.client.log_batch(identifier, params=params[first : first + PARAMS])
        except BaseException:
            self.client.delete_run(identifier)  # nothing half-begun stays
            raise
        return identifier

    def _begun(self, entries: Sequence[Entry], history: History) -> tuple[str, float] | None:
        """The entry begun while this very run trained, whose curves are how `history` begins: id and last step."""
        losses = {row["step"]: row.get("train_loss") for row in history}
        for entry in entries:
            if entry.info.status not in ("RUNNING", "KILLED"):
                continue
            points = self.client.get_metric_history(entry.info.run_id, CURVE)
            if all(losses.get(point.step) == point.value for point in points):
                if entry.info.status != "RUNNING":
                    self.client.update_run(entry.info.run_id, status="RUNNING")
                return entry.info.run_id, max((float(point.step) for point in points), default=-1.0)
        return None

    # ------------------------------------------------------------- when it was measured

    def write(self, folder: Path) -> tuple[str, str]:
        """Make the entry of a measured run whole: its name and the id of its entry.

        An entry of the same files stays; one begun while the run trained is completed; any other is replaced.
        """
        spec, result = read_json(folder / "config.json"), read_json(folder / "metrics.json")
        name, content = _name(spec), _digest(folder)
        entries, history = self.entries(spec), records.history(folder / "history.csv")
        whole = [entry.info.run_id for entry in entries if entry.data.tags.get(CONTENT) == content]
        if whole:
            identifier = str(whole[0])
        else:
            # When the run was trained, not when it was logged: the pages then show how long training took.
            ended = int((folder / "status.json").stat().st_mtime * 1000)
            start = ended - int(result["metrics"]["train_seconds"] * 1000)
            begun = self._begun(entries, history)
            identifier, last = begun or (self._begin(spec, name, start), -1.0)
            try:
                self._complete(identifier, folder, result, _curves(history, last))
            except BaseException:
                if not begun:
                    self.client.delete_run(identifier)  # nothing half-logged stays
                raise
            self.client.set_tag(identifier, CONTENT, content)
            status = "FINISHED" if result["status"] == "completed" else "FAILED"
            self.client.set_terminated(identifier, status, end_time=ended)
        for entry in entries:
            if entry.info.run_id != identifier:
                self.client.delete_run(entry.info.run_id)
        self.live.pop(run_key(spec), None)
        return name, identifier

    def _complete(self, identifier: str, folder: Path, result: Mapping[str, Any], curves: Iterator[Metric]) -> None:
        """Metrics, the rest of the curves, artifacts and status."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._metrics(identifier, [Metric(name, value, now, 0) for name, value in grouped(result).items()] + [*curves])
        for artifact in ARTIFACTS:
            self.client.log_artifact(identifier, str(folder / artifact))
        if result["status"] == "completed" and (picture := dictionary_picture(folder)) is not None:
            self.client.log_image(identifier, picture, "dictionary.png")
        self.client.set_tag(identifier, "status", result["status"])

    def _metrics(self, identifier: str, points: Sequence[Metric]) -> None:
        for first in range(0, len(points), BATCH):
            self.client.log_batch(identifier, metrics=points[first : first + BATCH])


def track(store: Store, runs: Sequence[Path], receipt: Path | None) -> None:
    """Log the runs in the given folders; a run that the store holds already, by its key, is replaced where it differs.

    A failure warns and is noted in the receipt: tracking never costs a training.
    """
    logged: dict[str, str] = {}
    found: dict[str, Any] = {"uri": store.shown, "experiments": {}, "runs": logged}
    warnings.filterwarnings("ignore", category=FutureWarning, module="mlflow")
    try:
        writer = Writer(store, store.client())
        found["experiments"] = writer.experiments
        for folder in runs:
            name, identifier = writer.write(folder)
            logged[name] = identifier
            log.debug("[%s] logged to %s", name, store.shown)
        log.info("%d runs are in MLflow's store %s", len(logged), store.shown)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a store may raise)
        found["failed"] = store.reason(error)
        log.warning("warning: logging to MLflow at %s failed: %s", store.shown, found["failed"])
        log.warning("warning: the results are complete without it; the next run of the study logs them again")
    if receipt:
        write_json(receipt, found)


def _name(spec: Mapping[str, Any]) -> str:
    """The name of a run, from its specification."""
    from vscbench.config import Run

    return Run(spec["experiment"], spec["method"], tuple(spec["point"].items()), spec["repetition"]).name


def _digest(folder: Path) -> str:
    """A fingerprint of the files that an entry is made from."""
    digest = hashlib.sha256()
    for name in ARTIFACTS:
        digest.update((folder / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _curves(history: History, after: float) -> Iterator[Metric]:
    """The rows of a history that are later than a step, as metrics by step; what is not finite is left out."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for row in history:
        for name, value in row.items():
            if name not in ("epoch", "step") and math.isfinite(value) and row["step"] > after:
                yield Metric(f"{CURVES}/{name}", value, now, int(row["step"]))
