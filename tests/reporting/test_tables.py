"""Tables from a study folder: what the numbers are, and how they are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from reporting.pages import LINEAR, WITH_BASELINES, markdown, table
from reporting.planted import RUNS, Numbers, make_results
from vscbench.errors import UserError
from vscbench.reporting import write
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path


def test_mean_and_standard_deviation_over_repetitions(out: Path) -> None:
    """With n - 1: two numbers that differ by 2 have a standard deviation of √2."""
    row = table(out, "table1")["Thresholded Laplacian"]
    assert row["Lasso objective λ=20"] == "199.5 ± 1.4"
    assert row["Multi-information (bits)"] == "150.50 ± 0.35"
    assert row["Coefficient collapse (%)"] == "12.5 ± 0.0"
    corrected = table(out, "corrected")["Thresholded Laplacian"]
    assert corrected["MSE J=1"] == "0.822 ± 0.014"
    assert corrected["Jaccard"] == "2.3e-04 ± 2.8e-05"
    long = pd.read_csv(out / "table1.csv").set_index(["method", "metric"])
    line = long.loc[("laplacian_thresh", "lasso20_best")]
    assert (line["mean"], line["n"], line["diverged"]) == (199.5, 2, 0)
    assert line["sd"] == pytest.approx(2**0.5)


def test_single_number_has_no_deviation(out: Path, tmp_path: Path) -> None:
    """One repetition, or one that is left: no sd and no claim of one."""
    shown = table(out, "table1")
    assert shown["Gaussian (1 diverged)"]["Lasso objective λ=20"] == "900"
    assert shown["All-zero code"]["Lasso objective λ=20"] == "128"
    one = make_results(tmp_path / "one", {run: content for run, content in RUNS.items() if run[1] == 0})
    write("table1", one, tmp_path)
    assert table(tmp_path, "table1")["Thresholded Laplacian"]["Lasso objective λ=20"] == "200"
    assert "1 repetition," in (tmp_path / "table1.md").read_text()


def test_comparison_of_repetitions_has_no_deviation(out: Path) -> None:
    """Both have the number of their only pair, and "± 0" would say that it is certain."""
    shown = table(out, "corrected")["Thresholded Laplacian"]
    assert [shown[name].count("±") for name in ("Dictionary across seeds", "Its null", "MSE J=1")] == [0, 0, 1]
    assert float(shown["Dictionary across seeds"]) > 0
    long = pd.read_csv(out / "corrected.csv").set_index(["method", "metric"])
    line = long.loc[("laplacian_thresh", "dictionary_agreement")]
    assert math.isnan(line["sd"])
    assert line["n"] == 2


def test_runs_that_diverged_are_named(out: Path) -> None:
    """In every table that has rows for the method: a method of which no run came to its end keeps its row."""
    for name in ("table1", "corrected", "resources"):
        shown = table(out, name)
        assert "Gaussian (1 diverged)" in shown, name
        assert "Thresholded Laplacian" in shown, name
        assert "Laplacian (2 diverged)" in shown, name
    corrected = table(out, "corrected")["Laplacian (2 diverged)"]
    assert set(list(corrected.values())[1:]) == {"–"}
    counts = pd.read_csv(out / "corrected.csv").groupby("method")["diverged"].first()
    assert counts.to_dict() == {
        "laplacian_thresh": 0,
        "gaussian": 1,
        "laplacian": 2,
        "zero_code": 0,
        "pca_same_size": 0,
    }


def test_runs_that_learnt_nothing_are_named(tmp_path: Path) -> None:
    """One draw as wrong as the zero code, or a bound below the empty model's, which a coder need not have."""
    zero, bound = "zero_code/mse_draw", "iwae_100_fitted_above_empty"
    runs: dict[tuple[str, int], Numbers | int] = {
        ("gaussian", 0): {"mse_draw": 1.0, zero: 1.0, bound: 3.0},
        ("gaussian", 1): {"mse_draw": 0.4, zero: 1.0, bound: -0.1},
        ("gaussian", 2): {"mse_draw": 0.4, zero: 1.0, bound: 0.1},
        ("gaussian", 3): 17,
        ("laplacian", 0): {"mse_draw": 0.99, zero: 1.0},
        ("laplacian", 1): {"mse_draw": 0.99, zero: 0.98},
        ("fista", 0): {"mse_draw": 0.99},
    }
    results = make_results(tmp_path, runs)
    write("reconstruction_errors", results, tmp_path)
    shown = [name for name in table(tmp_path, "reconstruction_errors") if "code" not in name and "PCA" not in name]
    assert shown == ["Gaussian (1 diverged, 2 learnt nothing)", "Laplacian (1 learnt nothing)", "fista"]
    counts = pd.read_csv(tmp_path / "reconstruction_errors.csv").groupby("method")["learnt_nothing"].first()
    assert counts[["gaussian", "laplacian", "fista"]].to_list() == [2, 1, 0]
    said = Study(results).divergences("recovery")
    assert "Gaussian: 2 of 4 runs learnt nothing." in said
    assert "fista" not in said


@pytest.mark.parametrize("name", ["sweep_points", "attribute_scores", "matched_density"])
def test_table_without_rows_says_so(out: Path, name: str) -> None:
    assert "No experiment has these numbers." in (out / f"{name}.md").read_text()
    assert (out / f"{name}.tex").read_text().endswith("No experiment has these numbers.\n")
    assert "<table" not in (out / f"{name}.html").read_text()
    assert pd.read_csv(out / f"{name}.csv").empty


def test_table_leaves_out_experiments_without_its_numbers(tmp_path: Path) -> None:
    """Not those of which all runs diverged: that is a result."""
    runs: dict[tuple[str, int], Numbers | int] = {("gaussian", 0): {"multi_information": 1.0, "mse_draw": 0.5}}
    results = make_results(tmp_path, runs)
    for name, shown in (("table1", True), ("gradients_inference", False), ("corrected", True)):
        write(name, results, tmp_path)
        assert bool(markdown(tmp_path / f"{name}.md")) == shown, name
    diverged = make_results(tmp_path / "diverged", {("gaussian", 0): 17})
    write("table1", diverged, tmp_path)
    assert list(table(tmp_path, "table1")) == ["Gaussian (1 diverged)", "All-zero code", "PCA, K components"]


def test_missing_numbers_are_dashes(out: Path) -> None:
    """Where another method has one; a column that nobody has is left out, and a reference code without a number."""
    shown = table(out, "table1")
    assert shown["Thresholded Laplacian"]["Posterior collapse (%)"] == "–"
    assert shown["Gaussian (1 diverged)"]["Posterior collapse (%)"] == "1.23"
    assert not any("λ=8" in column and "published" not in column for column in shown["All-zero code"])
    long = pd.read_csv(out / "table1.csv")
    absent = long[(long["method"] == "laplacian_thresh") & (long["metric"] == "posterior_collapse")]
    assert absent["mean"].isna().all()
    assert absent["n"].tolist() == [0]


@pytest.mark.parametrize("name", LINEAR)
def test_reference_codes_have_rows_where_the_table_says_so(out: Path, name: str) -> None:
    shown = table(out, name)
    assert ("All-zero code" in shown) == (name in WITH_BASELINES)
    if name in WITH_BASELINES:
        assert list(shown)[-2:] == ["All-zero code", "PCA, K components"]
    assert next(iter(shown)) == "Thresholded Laplacian"  # in the order of the config


def test_table_says_what_it_was_measured_on(out: Path) -> None:
    for path in (out / "table1.md", out / "table1.tex", out / "table1.html"):
        page = path.read_text()
        assert "recovery: 12 latents, 4,200 steps of 10, J = 3, 2 repetitions, test data of synthetic." in page
        assert "quoted, not matched" in page


def test_each_experiment_has_its_table(tmp_path: Path) -> None:
    results = make_results(tmp_path, RUNS, experiments=("recovery", "another"))
    write("table1", results, tmp_path)
    tables = markdown(tmp_path / "table1.md")
    assert len(tables) == 2
    assert tables[0] == tables[1]
    long = pd.read_csv(tmp_path / "table1.csv")
    assert long["experiment"].value_counts().to_dict() == {"recovery": 25, "another": 25}
    assert (tmp_path / "table1.tex").read_text().count(r"\begin{tabular}") == 2


def test_study_that_was_not_assembled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.csv is missing"):
        write("table1", tmp_path, tmp_path)
