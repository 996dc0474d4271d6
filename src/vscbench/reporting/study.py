"""What a finished study left behind, read for tables and figures."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from vscbench import records
from vscbench.errors import UserError
from vscbench.reporting.needs import comparable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("experiment", "dataset", "method", "label", "point", "repetition", "status", "metric", "value")
"""Of metrics.csv."""
Point = dict[str, str]
"""The value on each axis of a sweep, as text."""


def text_of(point: Mapping[str, Any]) -> str:
    """A point as metrics.csv has it: JSON, or nothing where nothing is swept.

    Example:
        >>> text_of({"latents": 16, "kl_weight": 0.1})
        '{"latents": 16, "kl_weight": 0.1}'
    """
    return json.dumps(point) if point else ""


def point_of(text: str) -> Point:
    """The point that `text_of` wrote.

    Example:
        >>> point_of('{"latents": 16, "kl_weight": 0.1}')
        {'latents': '16', 'kl_weight': '0.1'}
    """
    return {axis: str(value) for axis, value in json.loads(text).items()} if text else {}


def heading(experiment: str, point: Mapping[str, Any]) -> str:
    """The name of an experiment at a point of its sweep: 'digits, latents = 16'; the experiment's without a sweep."""
    return ", ".join([experiment, *(f"{name} = {at}" for name, at in point.items())])


def order(value: str) -> tuple[float, str]:
    """What values of a sweep are sorted by: numbers as such, before words."""
    try:
        return float(value), ""
    except ValueError:
        return np.inf, value


@dataclass(frozen=True)
class Study:
    """The results folder of a study: `metrics.csv` and the folders of its runs.

    What tables and figures show together, and compare, is a group: an experiment, or a point of it where it is swept.
    """

    results: Path

    @cached_property
    def index(self) -> dict[str, Any]:
        """What each experiment is, and each folder of a run: the content of study.json."""
        path = self.results / "study.json"
        if not path.is_file():
            raise UserError(f"{path} is missing: run `snakemake metrics` (or `vscbench assemble`) first")
        return records.index(path)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The tidy table: a number a row, methods in the order of the config; `group` is the name of its group."""
        import pandas as pd

        path = self.results / "metrics.csv"
        if not path.is_file():
            raise UserError(f"{path} is missing: run `snakemake metrics` (or `vscbench assemble`) first")
        try:
            table = pd.read_csv(path, dtype={"point": str, "value": float}).astype({"repetition": "Int64"})
            sound = set(COLUMNS) <= set(table.columns) and len(table) > 0 and bool(np.isfinite(table["value"]).all())
            table["point"] = table["point"].fillna("")
            names = {text: point_of(text) for text in table["point"].unique()}
            pairs = zip(table["experiment"], table["point"], strict=True)
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            sound = False
        if not sound:
            raise UserError(f"{path} is damaged or of another version: delete it and run its step again")
        return table.assign(group=[heading(experiment, names[text]) for experiment, text in pairs])

    @cached_property
    def points(self) -> dict[str, Point]:
        """Value on each axis of its sweep (none without one) of every group, in order."""
        runs = self.metrics.loc[self.metrics["status"] != "baseline", ["experiment", "group", "point"]]
        place = {experiment: k for k, experiment in enumerate(self.experiments)}
        found = [
            (experiment, group, point_of(point))
            for experiment, group, point in runs.drop_duplicates().itertuples(index=False)
        ]
        found.sort(key=lambda each: (place[each[0]], list(each[2]), [order(value) for value in each[2].values()]))
        return {group: point for _, group, point in found}

    @property
    def experiments(self) -> list[str]:
        """The experiments, in order."""
        return list(self.metrics["experiment"].unique())

    @property
    def groups(self) -> list[str]:
        """The groups, by experiment and by rising value on their axes."""
        return list(self.points)

    @cached_property
    def experiment(self) -> dict[str, str]:
        """The experiment of each group."""
        return dict(self.metrics[["group", "experiment"]].drop_duplicates().itertuples(index=False, name=None))

    def groups_of(self, experiment: str) -> list[str]:
        """The groups of an experiment."""
        return [group for group in self.groups if self.experiment[group] == experiment]

    @cached_property
    def side_by_side(self) -> list[str]:
        """The groups in which methods compare: not where each is swept by a knob of its own, which frontiers show."""
        by_experiment = {name: self.groups_of(name) for name in self.experiments}
        compared = {
            name for name, groups in by_experiment.items() if comparable(self.points[group] for group in groups)
        }
        return [group for group in self.groups if self.experiment[group] in compared]

    @cached_property
    def labels(self) -> dict[str, str]:
        """Name of each method in tables and figures, in the order of the config; reference codes last."""
        return dict(self.metrics[["method", "label"]].drop_duplicates().itertuples(index=False, name=None))

    def methods(self, group: str, *, baselines: bool = False) -> list[str]:
        """The methods of a group, in the order of the config."""
        return list(self._methods[baselines].get(group, []))

    @cached_property
    def _methods(self) -> dict[bool, dict[str, list[str]]]:
        """The methods of each group, without reference codes and with them: to filter for each would be quadratic."""
        rows = self.metrics[["group", "method", "status"]].drop_duplicates()
        runs = rows[rows["status"] != "baseline"]
        return {
            baselines: {str(group): list(names.unique()) for group, names in of.groupby("group", sort=False)["method"]}
            for baselines, of in ((False, runs), (True, rows))
        }

    @cached_property
    def _places(self) -> dict[Any, Any]:
        """The rows of each (group, metric), which are looked up thousands of times."""
        return dict(self.metrics.groupby(["group", "metric"], sort=False).indices)

    def values(self, group: str, metric: str) -> pd.DataFrame:
        """The rows of one metric: method, repetition, value."""
        rows: pd.DataFrame = self.metrics.iloc[self._places.get((group, metric), [])]
        return rows[["method", "label", "repetition", "value"]]

    @cached_property
    def _of_method(self) -> tuple[dict[Any, Any], pd.Series[float]]:
        """The rows of each (group, metric, method), and all values by repetition: tables look up thousands."""
        rows = self.metrics.groupby(["group", "metric", "method"], sort=False).indices
        return dict(rows), self.metrics.set_index("repetition")["value"]

    def of(self, group: str, metric: str, method: str) -> pd.Series[float]:
        """The values of a metric of a method, by repetition."""
        rows, values = self._of_method
        found: pd.Series[float] = values.iloc[rows.get((group, metric, method), [])]
        return found

    def measured(self, group: str) -> list[str]:
        """The metrics that some run of a group has, in order."""
        return list(self._measured.get(group, []))

    @cached_property
    def _measured(self) -> dict[str, list[str]]:
        """The metrics of each group."""
        rows = self.metrics.loc[self.metrics["status"] == "completed", ["group", "metric"]].drop_duplicates()
        return {str(group): list(names) for group, names in rows.groupby("group", sort=False)["metric"]}

    def diverged(self, group: str) -> pd.DataFrame:
        """Runs of a group that diverged: method, repetition, value (the step)."""
        return self.values(group, "diverged_step")

    def divergence(self, group: str, method: str) -> str:
        """Which runs of a method diverged and when, in words; empty where none did."""
        steps = self.of(group, "diverged_step", method)
        if steps.empty:
            return ""
        first, last, count = steps.min(), steps.max(), len(self.runs(group, method))
        when = f"at step {first:,.0f}" if first == last else f"between steps {first:,.0f} and {last:,.0f}"
        return f"diverged {when}" if count == 1 else f"{len(steps)} of {count} runs diverged {when}"

    def learnt_nothing(self, group: str, method: str) -> pd.Series[bool]:
        """Which runs of a method came to their end and learnt nothing, by repetition.

        Their bound is below the empty model's, even with 100 draws and at the noise that suits it, or one draw errs as
        much as the all-zero code. What a run has no number for says nothing against it.
        """
        import pandas as pd

        names = ("iwae_100_fitted_above_empty", "mse_draw", "zero_code/mse_draw")
        if not self.runs(group, method):  # a reference code is no run
            return pd.Series(dtype=bool)
        found = pd.DataFrame({name: self.of(group, name, method) for name in names})
        bound, error, floor = (found[name] for name in names)
        return (bound < 0) | (error >= floor)

    def name(self, group: str, method: str) -> str:
        """The label of a method, with a word where all its runs diverged."""
        return self.labels[method] + ("" if self.finished(group, method) else " (diverged)")

    def divergences(self, group: str) -> str:
        """Sentences for each method of a group with runs that diverged, or that learnt nothing, on one line."""
        found = []
        for method in self.methods(group):
            lost, count = int(self.learnt_nothing(group, method).sum()), len(self.runs(group, method))
            nothing = f"{lost} of {count} runs learnt nothing" if lost else ""
            found += [
                f"{self.labels[method]}: {words}." for words in (self.divergence(group, method), nothing) if words
            ]
        return " ".join(found)

    def outcomes(self, groups: Sequence[str]) -> str:
        """What became of runs of some groups that did not do what they were to, a sentence a method, on one line."""
        said = []
        for method in self.coders:
            runs = sum(len(self.runs(group, method)) for group in groups)
            lost = sum(len(self.of(group, "diverged_step", method)) for group in groups)
            nothing = sum(int(self.learnt_nothing(group, method).sum()) for group in groups)
            counts = [
                f"{n} of {runs} runs {word}" for n, word in ((lost, "diverged"), (nothing, "learnt nothing")) if n
            ]
            said += [f"{self.labels[method]}: {', '.join(counts)}."] if counts else []
        return " ".join(said)

    def finished(self, group: str, method: str) -> list[Path]:
        """The folders of a method's runs that came to their end."""
        return [run for run in self.runs(group, method) if self.completed(run)]

    @cached_property
    def coders(self) -> list[str]:
        """All methods of the study but the reference codes, in the order of the config."""
        return list(self.metrics.loc[self.metrics["status"] != "baseline", "method"].unique())

    @cached_property
    def _folders(self) -> dict[tuple[str, str], list[Path]]:
        """The folders of the runs by group and method, in the order of the repetitions."""
        found: dict[tuple[str, str], list[Path]] = {}
        for run in sorted(self.index["runs"], key=lambda run: int(run["repetition"])):
            place = heading(run["experiment"], {axis: str(value) for axis, value in run["point"].items()})
            found.setdefault((place, run["method"]), []).append(self.results / run["folder"])
        return found

    def runs(self, group: str, method: str) -> list[Path]:
        """The folders of a method's runs, by repetition."""
        return self._folders.get((group, method), [])

    def spec_of(self, group: str, method: str | None = None) -> dict[str, Any]:
        """The specification of the first run of a method, of the first one without its name."""
        return self.spec(self.runs(group, method or self.methods(group)[0])[0])

    def linear(self, group: str) -> bool:
        """Whether the generator of a group is a dictionary."""
        return bool(self.setup(group)["linear"])

    def setup(self, group: str) -> dict[str, Any]:
        """What study.json says of the experiment of a group: data set, kind, shape, linear, latents, methods, axes."""
        found: dict[str, Any] = self.index["experiments"][self.experiment[group]]
        return found

    def samples(self, group: str) -> int:
        """The J of best-of-J codes, one for all runs of a group."""
        first = self.runs(group, self.methods(group)[0])[0]
        return int(records.read(records.Measured, first / "metrics.json")["settings"]["samples"])

    @staticmethod
    def spec(run: Path) -> dict[str, Any]:
        """The specification of a run."""
        return records.spec(run)

    @staticmethod
    def completed(run: Path) -> bool:
        """Whether a run came to its end."""
        return bool(records.status(run)["status"] == "completed")

    @staticmethod
    def history(run: Path) -> pd.DataFrame:
        """The curves of a run: one row per epoch."""
        import pandas as pd

        return pd.DataFrame(records.history(run / "history.csv"))

    @staticmethod
    def array(run: Path, name: str) -> NDArray[Any] | None:
        """An array that the metrics of a run left for figures; None where they left none of that name."""
        path = run / "arrays.npz"
        try:
            with path.open("rb") as opened, np.load(opened) as file:
                array: NDArray[Any] | None = file.get(name)
        except FileNotFoundError:
            raise UserError(f"{path} is missing: measure the run again") from None
        except (ValueError, OSError, EOFError, KeyError, AttributeError, TypeError, BadZipFile, zlib.error) as error:
            why = "it is a folder" if path.is_dir() else error
            raise UserError(f"{path} is damaged ({why}): delete it and measure the run again") from None
        return array
