"""What a finished study left behind, read for tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vscbench.errors import UserError
from vscbench.files import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Study:
    """The results folder of a study: `metrics.csv` and the folders of its runs."""

    results: Path

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The tidy table: a number a row, methods in the order of the config."""
        path = self.results / "metrics.csv"
        if not path.is_file():
            raise UserError(f"{path} is missing: run `snakemake metrics` (or `vscbench assemble`) first")
        return pd.read_csv(path).astype({"repetition": "Int64"})

    @property
    def experiments(self) -> list[str]:
        """The experiments, in order."""
        return list(self.metrics["experiment"].unique())

    @cached_property
    def labels(self) -> dict[str, str]:
        """Name of each method in tables and figures, in the order of the config; reference codes last."""
        return dict(self.metrics[["method", "label"]].drop_duplicates().itertuples(index=False, name=None))

    def methods(self, experiment: str, *, baselines: bool = False) -> list[str]:
        """The methods of an experiment, in the order of the config."""
        rows = self.metrics[self.metrics["experiment"] == experiment]
        if not baselines:
            rows = rows[rows["status"] != "baseline"]
        return list(rows["method"].unique())

    def values(self, experiment: str, metric: str) -> pd.DataFrame:
        """The rows of one metric: method, repetition, value."""
        rows = self.metrics[(self.metrics["experiment"] == experiment) & (self.metrics["metric"] == metric)]
        return rows[["method", "label", "repetition", "value"]]

    def diverged(self, experiment: str) -> pd.DataFrame:
        """Runs of an experiment that diverged: method, repetition, value (the step)."""
        return self.values(experiment, "diverged_step")

    def divergence(self, experiment: str, method: str) -> str:
        """Which runs of a method diverged and when, in words; empty where none did."""
        rows = self.diverged(experiment)
        rows = rows[rows["method"] == method]
        if rows.empty:
            return ""
        first, last, count = rows["value"].min(), rows["value"].max(), len(self.runs(experiment, method))
        when = f"at step {first:,.0f}" if first == last else f"between steps {first:,.0f} and {last:,.0f}"
        return f"diverged {when}" if count == 1 else f"{len(rows)} of {count} runs diverged {when}"

    def name(self, experiment: str, method: str) -> str:
        """The label of a method, with a word where all its runs diverged."""
        return self.labels[method] + ("" if self.finished(experiment, method) else " (diverged)")

    def divergences(self, experiment: str) -> list[str]:
        """A sentence for each method of an experiment with runs that diverged."""
        found = {method: self.divergence(experiment, method) for method in self.methods(experiment)}
        return [f"{self.labels[method]}: {words}." for method, words in found.items() if words]

    def finished(self, experiment: str, method: str) -> list[Path]:
        """The folders of a method's runs that came to their end."""
        return [run for run in self.runs(experiment, method) if self.completed(run)]

    @cached_property
    def coders(self) -> list[str]:
        """All methods of the study but the reference codes, in the order of the config."""
        return list(self.metrics.loc[self.metrics["status"] != "baseline", "method"].unique())

    def runs(self, experiment: str, method: str) -> list[Path]:
        """The folders of a method's runs, by repetition."""
        folder = self.results / "runs" / experiment / method
        rows = self.metrics[(self.metrics["experiment"] == experiment) & (self.metrics["method"] == method)]
        return [folder / str(k) for k in sorted(rows["repetition"].dropna().unique())]

    def samples(self, experiment: str) -> int:
        """The J of best-of-J codes, one for all runs of an experiment."""
        first = self.runs(experiment, self.methods(experiment)[0])[0]
        return int(read_json(first / "metrics.json")["settings"]["samples"])

    @staticmethod
    def spec(run: Path) -> dict[str, Any]:
        """The specification of a run."""
        content: dict[str, Any] = read_json(run / "config.json")
        return content

    @staticmethod
    def completed(run: Path) -> bool:
        """Whether a run came to its end."""
        return bool(read_json(run / "status.json")["status"] == "completed")

    @staticmethod
    def history(run: Path) -> pd.DataFrame:
        """The curves of a run: one row per epoch."""
        return pd.read_csv(run / "history.csv")

    @staticmethod
    def atoms(run: Path) -> NDArray[np.float32]:
        """The dictionary of a run: (P, K)."""
        from safetensors import safe_open

        with safe_open(run / "weights.safetensors", "numpy") as file:
            atoms: NDArray[np.float32] = file.get_tensor("generator.atoms")
        return atoms

    @staticmethod
    def arrays(run: Path) -> dict[str, NDArray[np.float32]]:
        """The arrays that the metrics left for figures; empty for a run that diverged."""
        with np.load(run / "arrays.npz") as file:
            return dict(file)
