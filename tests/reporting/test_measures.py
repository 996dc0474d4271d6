"""The tables of measures with controls: rows of what has nothing to learn, errors apart, and what cannot be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from reporting.pages import blocks, markdown
from reporting.planted import plant
from vscbench.reporting import write
from vscbench.reporting.tables.dependence import CANNOT

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench import config as configs

DATA = {"patches": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16}}
EMPTY = {"empty_model/elbo": -300.0, "empty_model/elbo_se": 4.0, "ppca/elbo": -250.0}


def results(folder: Path, metrics: Any, **experiment: Any) -> None:
    """Two repetitions of three methods, as `metrics` has them."""
    methods = ["fista", "gaussian", "gaussian_thresh"]
    content = {"study": "made", "repetitions": 2, "datasets": DATA}
    content["experiments"] = {"here": {"dataset": "patches", "methods": methods, **experiment}}
    plant(folder, content, metrics, {"here": []})


def bounded(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
    if run.method == "fista":
        return {"mse_draw": 0.5}
    return {"elbo": -310.0 - 2 * run.repetition, "elbo_se": 3.0, "elbo_above_empty": -10.0, **EMPTY}


def test_errors_over_data_and_over_runs_have_columns_of_their_own(tmp_path: Path) -> None:
    """Of -310 and -312: their mean, 3 over data, and √2/√2 = 1 over runs; no ± beside."""
    results(tmp_path, bounded)
    write("bounds", tmp_path, tmp_path)
    (shown,) = markdown(tmp_path / "bounds.md")
    row = shown["Gaussian"]
    assert (row["Bound"], row["Bound, SE data"], row["Bound, SE runs"]) == ("-311", "3.00", "1.00")
    long = pd.read_csv(tmp_path / "bounds.csv").set_index(["method", "column"])
    assert long.loc[("gaussian", "Bound, SE runs"), "mean"] == pytest.approx(1)
    assert "FISTA" not in shown


def test_models_that_have_nothing_to_learn_have_a_row_each(tmp_path: Path) -> None:
    """One, though four runs measured it; without an error over runs, as it is the same in each."""
    results(tmp_path, bounded)
    for name in ("bounds", "corrected"):
        write(name, tmp_path, tmp_path)
    (shown,) = markdown(tmp_path / "bounds.md")
    assert list(shown) == ["Gaussian", "Thresholded Gaussian", "Empty model", "Probabilistic PCA"]
    empty = shown["Empty model"]
    assert (empty["Bound"], empty["Bound, SE data"], empty["Bound, SE runs"]) == ("-300", "4.00", "–")
    (shown,) = markdown(tmp_path / "corrected.md")
    assert shown["Empty model"]["Bound (nats)"] == "-300"
    assert shown["Probabilistic PCA"]["Bound (nats)"] == "-250"
    long = pd.read_csv(tmp_path / "corrected.csv").set_index(["method", "metric"])
    assert long.loc[("empty_model", "elbo"), "n"] == 1


def test_a_model_at_the_noise_of_each_method_has_one_row(tmp_path: Path) -> None:
    """From the least to the most in what is read; one a method in the CSV."""

    def other(run: configs.Run, spec: dict[str, Any]) -> dict[str, float]:
        return bounded(run, spec) | ({"empty_model/elbo": -200.0} if run.method == "gaussian_thresh" else {})

    results(tmp_path, other)
    write("bounds", tmp_path, tmp_path)
    (shown,) = markdown(tmp_path / "bounds.md")
    assert list(shown) == ["Gaussian", "Thresholded Gaussian", "Empty model, by method", "Probabilistic PCA"]
    empty = shown["Empty model, by method"]
    assert (empty["Bound"], empty["Bound, SE data"]) == ("-300 to -200", "4.00")
    long = pd.read_csv(tmp_path / "bounds.csv").query("column == 'Bound'").set_index("label")["mean"]
    assert long["Empty model (Gaussian)"] == -300
    assert long["Empty model (Thresholded Gaussian)"] == -200


def test_a_sweep_has_a_row_for_each_point_that_differs(tmp_path: Path) -> None:
    def swept(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
        size = dict(run.point)["latents"]
        return {"mse_best": 1.0, "zero_code/mse_best": 2.0, "pca_same_size/mse_best": 1 / size}

    results(tmp_path, swept, generator={"latents": [4, 8]})
    write("sweep_points", tmp_path, tmp_path)
    (shown,) = blocks(tmp_path / "sweep_points.md")
    rows = shown.set_index(["Method", "Latents"])["MSE best of J"]
    assert rows["All-zero code", "–"] == "2.00"
    assert rows["PCA, K components", "4"] == "0.250"
    assert rows["PCA, K components", "8"] == "0.125"


def dependent(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
    """The dense method decides in both runs, the sparse one in none, FISTA in one."""
    decides = {"gaussian": 1, "gaussian_thresh": 0, "fista": run.repetition}[run.method]
    found = {"pair_bits_excess": 2.0, "pair_bits_detected": 1.0, "dependence_decides": float(decides)}
    controls = {"none": 0.01, "values": 0.9} | ({} if run.method == "gaussian" else {"supports": 0.5})
    found |= {f"control_{kind}/pair_bits_detected": power for kind, power in controls.items()}
    return found | {"control_bits": 1.0}


def test_controls_are_rows_below_each_method(tmp_path: Path) -> None:
    results(tmp_path, dependent)
    write("dependence", tmp_path, tmp_path)
    (shown,) = markdown(tmp_path / "dependence.md")
    assert list(shown)[4:8] == [
        "Gaussian",
        "Gaussian: nothing planted",
        "Gaussian: 1 bit planted in values",
        "Thresholded Gaussian",
    ]
    assert shown["Thresholded Gaussian: 1 bit planted in supports"]["Detected"] == "0.500"
    assert shown["Gaussian: nothing planted"]["Detected"] == "0.0100"
    long = pd.read_csv(tmp_path / "dependence.csv").set_index(["method", "metric"])
    assert long.loc[("gaussian/control_values", "pair_bits_detected"), "mean"] == pytest.approx(0.9)


def test_what_a_failed_control_cannot_decide_is_said(tmp_path: Path) -> None:
    results(tmp_path, dependent)
    write("dependence", tmp_path, tmp_path)
    (shown,) = markdown(tmp_path / "dependence.md")
    decides = {method: row["Decides"] for method, row in shown.items() if ":" not in method}
    assert decides == {"FISTA": "in 50% of the runs", "Gaussian": "yes", "Thresholded Gaussian": CANNOT}
    assert shown["Gaussian: nothing planted"]["Decides"] == "–"
    # For what reads the numbers it is one: 0.
    long = pd.read_csv(tmp_path / "dependence.csv").set_index(["method", "metric"])
    assert long.loc[("gaussian_thresh", "dependence_decides"), "mean"] == 0
