"""One tidy table of all that was measured: results/metrics.csv."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from vscbench import records
from vscbench.files import write_text
from vscbench.reporting.agreement import dictionary_agreement
from vscbench.reporting.study import COLUMNS, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BASELINE_LABELS = {
    "zero_code": "All-zero code",
    "pca_same_size": "PCA, K components",
    "pca_same_density": "PCA, K/10 components",
    "pca": "PCA",
}


def run_rows(folder: Path, common: Mapping[str, Any], across: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """The rows of one run; a run that diverged has one with the step at which it did.

    Args:
        folder: of the run.
        common: what all its rows say.
        across: metrics that compare it with other runs.
    """
    result = records.read(records.Measured, folder / "metrics.json")
    common = {**common, "status": result["status"]}
    if result["status"] == "diverged":
        yield {**common, "metric": "diverged_step", "value": result["step"]}
    for metric, value in (result["metrics"] | across).items():
        yield {**common, "metric": metric, "value": value}


def baseline_rows(experiment: str, dataset: str, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of an experiment's reference codes; PCA has an axis, its components.

    They have a repetition where each repetition has data of its own, a fold.
    """
    for row in records.read(records.Baselines, path)["baselines"]:
        common = {
            "experiment": experiment,
            "dataset": dataset,
            "method": row["method"],
            "label": BASELINE_LABELS[row["method"]],
            "point": text_of(row["point"]),
            "repetition": row.get("repetition"),
            "status": "baseline",
        }
        for metric, value in row["metrics"].items():
            yield {**common, "metric": metric, "value": value}


def assemble(index: Mapping[str, Any], results: Path) -> None:
    """Write the metrics of all runs and reference codes of a study to `results`/metrics.csv: one number a line.

    Args:
        index: the content of study.json.
        results: the folder of the study.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    across = dict(dictionary_agreement(index, results))
    for run in index["runs"]:
        common = {
            "experiment": run["experiment"],
            "dataset": index["experiments"][run["experiment"]]["dataset"],
            "method": run["method"],
            "label": index["methods"][run["method"]],
            "point": text_of(run["point"]),
            "repetition": run["repetition"],
        }
        writer.writerows(run_rows(results / run["folder"], common, across.get(run["folder"], {})))
    for name, setup in index["experiments"].items():
        if setup["linear"]:
            writer.writerows(baseline_rows(name, setup["dataset"], results / "baselines" / f"{name}.json"))
    write_text(results / "metrics.csv", text.getvalue())
