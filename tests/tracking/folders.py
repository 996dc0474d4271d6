"""Folders of runs and of stores, and what a store holds."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import mlflow

from vscbench import config as configs
from vscbench.files import read_json, write_json
from vscbench.tracking import Store
from vscbench.tracking import track as track_runs

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.entities import Run

MLFLOW_EXPERIMENT = "tiny-recovery"
STUDY: dict[str, Any] = {
    "study": "tiny",
    "protocol": "paper",
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


def changed(run: Path, copy: Path, **changes: Any) -> Path:
    """A copy of a run's folder whose specification has other values."""
    shutil.copytree(run, copy)
    write_json(copy / "config.json", read_json(copy / "config.json") | changes)
    return copy


def copy_of(empty: Path, place: Path) -> Path:
    """A store without runs at `place`."""
    place.mkdir(parents=True)
    shutil.copy(empty, place)
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


def track(*runs: Path, store: Path, receipt: Path | None = None) -> None:
    """Log runs to the store in a folder."""
    track_runs(Store.of(str(store), ""), runs, receipt)
