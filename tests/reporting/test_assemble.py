"""From the files of runs to metrics.csv."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reporting.planted import BASELINES, LABELS, RUNS, make_index, make_results, make_run
from vscbench.data import Data
from vscbench.errors import UserError
from vscbench.metrics.baselines import baselines
from vscbench.reporting.assemble import BASELINE_LABELS, COLUMNS, assemble
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path


def test_tidy_table_holds_every_number_once(results: Path) -> None:
    with (results / "metrics.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    expected = []
    for (method, repetition), content in RUNS.items():
        common = ("recovery", "synthetic", method, LABELS[method], str(repetition))
        if isinstance(content, dict):
            expected += [(*common, "completed", metric, value) for metric, value in content.items()]
        else:
            expected += [(*common, "diverged", "diverged_step", content), (*common, "diverged", "train_seconds", 0.5)]
    for method, measures in BASELINES.items():
        common = ("recovery", "synthetic", method, BASELINE_LABELS[method], "")
        expected += [(*common, "baseline", metric, value) for metric, value in measures.items()]
    keys = ("experiment", "dataset", "method", "label", "repetition", "status", "metric")
    across = [row for row in rows if row["metric"].startswith("dictionary_agreement")]
    assert {(row["method"], row["repetition"]) for row in across} == {
        ("laplacian_thresh", "0"),
        ("laplacian_thresh", "1"),
    }
    assert len(across) == 4
    assert [(*(row[key] for key in keys), float(row["value"])) for row in rows if row not in across] == expected


def test_assembled_numbers_are_exact(tmp_path: Path) -> None:
    """Every digit, however large or small."""
    values = {"a": 0.1 + 0.2, "b": 1e-300, "c": 123456789.123456789, "d": -0.0, "e": 5}
    study = Study(make_results(tmp_path, {("gaussian", 0): values}))
    for metric, value in values.items():
        assert study.values("recovery", metric)["value"].tolist() == [value]


def test_method_without_a_label_goes_by_its_name(tmp_path: Path) -> None:
    study = Study(make_results(tmp_path, {("gaussian", 0): {"lasso20_best": 1.0}}, labels={"other": "Other"}))
    assert study.labels["gaussian"] == "gaussian"
    assert study.labels["zero_code"] == "All-zero code"


def test_every_baseline_has_a_label() -> None:
    data = Data.from_array(np.random.default_rng(0).normal(size=(200, 16)))
    assert {row["method"] for row in baselines(data, 12, [20.0])} == BASELINE_LABELS.keys()


def test_run_that_is_not_finished_cannot_be_assembled(tmp_path: Path) -> None:
    run = make_run(tmp_path, "recovery", "gaussian", 0, {"lasso20_best": 1.0})
    (tmp_path / run["folder"] / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"metrics\.json is missing"):
        assemble(make_index([run], {}), tmp_path)
    assert not (tmp_path / "metrics.csv").exists()
