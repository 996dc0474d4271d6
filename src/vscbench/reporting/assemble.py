"""One tidy table of all that was measured: results/metrics.csv."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from vscbench.files import read_json, write_text
from vscbench.reporting.agreement import dictionary_agreement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

COLUMNS = (
    "experiment",
    "dataset",
    "method",
    "label",
    "repetition",
    "axis",
    "value_on_axis",
    "status",
    "metric",
    "value",
)
BASELINE_LABELS = {
    "zero_code": "All-zero code",
    "pca_same_size": "PCA, K components",
    "pca_same_density": "PCA, K/10 components",
    "pca": "PCA",
}


def run_rows(run: Path, label: str, across: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """The rows of one run; a run that diverged has one with the step at which it did.

    Where its experiment is swept, `axis` and `value_on_axis` say at which point it is, two axes joined by ';'.

    Args:
        run: its folder.
        label: name of its method.
        across: metrics that compare it with other runs.
    """
    spec, result = read_json(run / "config.json"), read_json(run / "metrics.json")
    point = spec.get("point") or {}
    common = {
        "experiment": spec["experiment"],
        "dataset": spec["dataset"]["name"],
        "method": spec["method"],
        "label": label,
        "repetition": spec["repetition"],
        "axis": ";".join(point),
        "value_on_axis": ";".join(map(str, point.values())),
        "status": result["status"],
    }
    if result["status"] == "diverged":
        yield common | {"metric": "diverged_step", "value": result["step"]}
    for metric, value in (result["metrics"] | across).items():
        yield common | {"metric": metric, "value": value}


def baseline_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of an experiment's reference codes, which have no repetition; PCA has an axis, its components."""
    content = read_json(path)
    for name, measures in content["baselines"].items():
        method, _, point = name.partition("@")
        axis, _, value = point.partition("=")
        common = {
            "experiment": content["experiment"],
            "dataset": content["dataset"],
            "method": method,
            "label": BASELINE_LABELS[method],
            "axis": axis,
            "value_on_axis": value,
            "status": "baseline",
        }
        for metric, value in measures.items():
            yield common | {"metric": metric, "value": value}


def assemble(runs: Sequence[Path], baselines: Sequence[Path], labels: Mapping[str, str], out: Path) -> None:
    """Write the metrics of all runs and reference codes to `out` as CSV: one number a line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    across = dict(dictionary_agreement(runs))
    for run in runs:
        method = read_json(run / "config.json")["method"]
        writer.writerows(run_rows(run, labels.get(method, method), across.get(run, {})))
    for path in baselines:
        writer.writerows(baseline_rows(path))
    write_text(out, text.getvalue())
