from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch

from vscbench import config as configs
from vscbench.files import read_json
from vscbench.metrics.measuring import measure_run
from vscbench.training import run as training

pytest.importorskip("mlflow")

from vscbench.tracking import Store

from .folders import SETTINGS, STUDY, changed, client_of, copy_of, track

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient


@pytest.fixture(autouse=True)
def no_address_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a store of their own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def runs(trained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four repetitions; the last one diverged."""
    folder = tmp_path_factory.mktemp("runs")
    kinds = ["completed", "completed", "completed", "diverged"]
    return [changed(trained[kind], folder / str(k), repetition=k, seed=1000 + k) for k, kind in enumerate(kinds)]


@pytest.fixture(scope="package")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a store without runs: to be copied, since making its tables takes seconds."""
    place = tmp_path_factory.mktemp("empty") / "mlflow"
    Store.of(str(place), "").client()
    return place / "mlflow.db"


@pytest.fixture(scope="module")
def store(runs: list[Path], empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds those runs."""
    place = copy_of(empty, tmp_path_factory.mktemp("store") / "mlflow")
    outcome = place.parent / "receipt.json"
    track(*runs, store=place, receipt=outcome)
    assert "failed" not in read_json(outcome)
    return place


@pytest.fixture(scope="module")
def client(store: Path) -> MlflowClient:
    """A connection to that store."""
    return client_of(store)
