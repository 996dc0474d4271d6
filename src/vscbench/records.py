"""What the steps of a study write for one another in JSON and CSV: read, and refused where it is something else."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from vscbench.config import run_key
from vscbench.errors import UserError
from vscbench.files import of_this_version, read_json
from vscbench.settings import STRICT, NonNegative, made
from vscbench.violations import ViolationsError

if TYPE_CHECKING:
    from pathlib import Path


class Record(BaseModel):
    """A mapping with some keys that are known."""

    model_config = STRICT | {"extra": "allow"}


class Status(Record):
    """status.json: how a training ended."""

    status: Literal["completed", "diverged"]
    step: Annotated[int, Field(ge=0)]


class Resources(Record):
    """resources.json: what a training took."""

    train_seconds: NonNegative
    peak_memory_mb: NonNegative
    epoch_seconds: list[NonNegative] = []


class Measured(Status):
    """metrics.json: how a training ended, and what was measured of it."""

    metrics: dict[str, float]
    settings: dict[str, Any] = {}


class Baseline(Record):
    """Codes that learn nothing."""

    method: Literal["zero_code", "pca_same_size", "pca_same_density", "pca"]
    point: dict[str, Any]
    metrics: dict[str, float]


class Baselines(Record):
    """Such codes of an experiment."""

    baselines: list[Baseline]


class Setup(Record):
    """An experiment in study.json."""

    dataset: str
    linear: bool
    kind: str = ""
    generator: str = ""
    shape: list[int] = []
    latents: int = 0
    methods: list[str] = []
    repetitions: int = 1
    folds: int = 1
    shipped: str | None = None
    axes: dict[str, Any] = {}
    evaluation: dict[str, Any] = {}


class Entry(Record):
    """A run in study.json."""

    experiment: str
    method: str
    point: dict[str, Any]
    repetition: Annotated[int, Field(ge=0)]
    folder: str


class Index(Record):
    """study.json: what a study is made of."""

    experiments: dict[str, Setup]
    methods: dict[str, str]
    runs: list[Entry]


def read(kind: type[Record], path: Path) -> dict[str, Any]:
    """The content of the file at `path`.

    Raises:
        UserError: it is missing, damaged, or not of this kind; the file and the first key that is wrong are named.
    """
    content: dict[str, Any] = read_json(path)
    try:
        made(kind, content)
    except ViolationsError as error:
        raise UserError(f"{path} is damaged ({error.at('')[0]}): delete it and run its step again") from None
    return content


def index(path: Path) -> dict[str, Any]:
    """The content of a study.json; errors as of `read`."""
    of_this_version(read_json(path), path)
    return read(Index, path)


def status(run: Path) -> dict[str, Any]:
    """The status.json in the folder of a run; errors as of `read`."""
    return read(Status, run / "status.json")


def spec(run: Path) -> dict[str, Any]:
    """The specification in the folder of a run.

    Raises:
        UserError: as of `read`; or it is not the one, by its fingerprint, that status.json says it was trained by.
    """
    path = run / "config.json"
    content = of_this_version(read_json(path), path)
    trained_by = status(run).get("key")
    if trained_by and run_key(content) != trained_by:
        raise UserError(f"{path} is not what the run was trained by, see status.json: delete {run} and train it again")
    return content


def history(path: Path) -> list[dict[str, float]]:
    """The rows of a history.csv.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = set(reader.fieldnames or ())
            rows = [{name: float(value) for name, value in row.items()} for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: train the run again") from None
    except (ValueError, TypeError, AttributeError, OSError, csv.Error):
        raise UserError(f"{path} is damaged: train the run again") from None
    if not {"epoch", "step"} <= columns:
        raise UserError(f"{path} is damaged (it has no columns epoch and step): train the run again")
    return rows
