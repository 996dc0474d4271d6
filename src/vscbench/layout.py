"""Where the files of a study lie below its results folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vscbench.config import Study


class Layout:
    """The files of a study.

    Example:
        >>> Layout("results").run("digits/gaussian/0")
        PosixPath('results/runs/digits/gaussian/0')
    """

    def __init__(self, results: str | Path) -> None:
        self.results = Path(results)
        self.config, self.index = self.results / "config.yaml", self.results / "study.json"
        self.metrics = self.results / "metrics.csv"
        self.front_page = self.results / "index.html"
        self.chosen = self.results / "chosen.yaml"
        self.tables, self.figures = self.results / "tables", self.results / "figures"

    @classmethod
    def of(cls, study: Study) -> Layout:
        """The files of `study`."""
        return cls(study.results)

    def data(self, dataset: str) -> Path:
        """A data set, prepared."""
        return self.results / "data" / f"{dataset}.safetensors"

    def run(self, name: str) -> Path:
        """The folder of the run called EXPERIMENT/VARIANT/REPETITION."""
        return self.results / "runs" / name

    def checkpoint(self, name: str) -> Path:
        """What a training resumes from; no output of a rule, for those of a job that was stopped are deleted."""
        return self.results / "checkpoints" / f"{name}.pt"

    @property
    def live(self) -> Path:
        """The histories of runs that train, for whoever follows them."""
        return self.results / "live"

    def history(self, name: str) -> Path:
        """That of a run; gone when the run is trained."""
        return self.live / f"{name}.csv"

    def classifier(self, dataset: str) -> Path:
        """The classifier whose features the images of a data set are compared by."""
        return self.results / "classifiers" / f"{dataset}.safetensors"

    def baseline(self, experiment: str) -> Path:
        """The metrics of codes that learn nothing."""
        return self.results / "baselines" / f"{experiment}.json"

    @property
    def receipt(self) -> Path:
        """What was logged to MLflow."""
        return self.results / "tracking.json"

    def forget_failed_tracking(self) -> None:
        """Delete the receipt of a tracking that failed, so that the next run of the study tries again."""
        with suppress(OSError, ValueError, AttributeError):
            if "failed" in json.loads(self.receipt.read_text(encoding="utf-8")):
                self.receipt.unlink()

    def store(self, study: Study) -> str:
        """The MLflow store of a study, a folder or an address."""
        return study.tracking or str(self.results / "mlflow")
