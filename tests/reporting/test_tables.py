"""From the files of runs to metrics.csv to tables: what the numbers are, and how they are written."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from vscbench import config as configs
from vscbench import registry
from vscbench.data import Data
from vscbench.errors import UserError
from vscbench.files import VERSION, write_json
from vscbench.methods import METHODS
from vscbench.metrics.baselines import baselines
from vscbench.reporting import OUTPUTS, write
from vscbench.reporting.assemble import BASELINE_LABELS, COLUMNS, assemble
from vscbench.reporting.numbers import Cell, figures_of, text
from vscbench.reporting.published import RESULTS as PUBLISHED
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path


TABLES = {name: registry.load(where) for name, where in OUTPUTS.items() if ".tables." in where}
WITH_BASELINES = ("table1", "corrected")
ELSEWHERE = ("sweep_points", "attribute_scores", "matched_density", "recovery_scores")
LINEAR = tuple(name for name in TABLES if name not in ELSEWHERE)
"""The tables that a linear generator without a sweep, on data whose dictionary is not known, has rows in."""
Numbers = dict[str, float]
Row = dict[str, str]

LABELS = {"laplacian_thresh": "Thresholded Laplacian", "gaussian": "Gaussian", "laplacian": "Laplacian"}
RUNS: dict[tuple[str, int], Numbers | int] = {
    ("laplacian_thresh", 0): {
        "lasso20_best": 200.5,
        "multi_information": 150.25,
        "coefficient_collapse": 12.5,
        "mse_draw": 0.8123,
        "jaccard_draw": 0.00021,
        "gradient_snr_inference_j1": 0.13,
        "gradient_snr_published_inference_j1": 0.15,
        "gradient_snr_published_generator_j20": 0.4,
        "train_seconds": 10,
    },
    ("laplacian_thresh", 1): {
        "lasso20_best": 198.5,
        "multi_information": 150.75,
        "coefficient_collapse": 12.5,
        "mse_draw": 0.8323,
        "jaccard_draw": 0.00025,
        "gradient_snr_inference_j1": 0.15,
        "gradient_snr_published_inference_j1": 0.17,
        "gradient_snr_published_generator_j20": 0.6,
        "train_seconds": 12,
    },
    ("gaussian", 0): {
        "lasso20_best": 900.0,
        "multi_information": 600.0,
        "coefficient_collapse": 0.0,
        "posterior_collapse": 1.2345,
        "mse_draw": 0.7,
        "train_seconds": 3,
    },
    ("gaussian", 1): 17,
    ("laplacian", 0): 1300,
    ("laplacian", 1): 9,
}
"""Metrics of a run, or the step at which it diverged."""
BASELINES = {
    "zero_code": {"lasso20_best": 128.0, "mse_draw": 1.0, "density": 0.0},
    "pca_same_size": {"lasso20_best": 1500.0, "mse_draw": 0.25, "density": 0.75},
}


def make_run(folder: Path, experiment: str, method: str, repetition: int, content: Numbers | int) -> dict[str, Any]:
    """The files of a run that tables read, in the format that training and evaluation write; its line in the index."""
    completed = isinstance(content, dict)
    spec = configs.spec(METHODS[method](), (6,), generator={"latents": 12}, objective={"samples": 3})
    spec |= {"experiment": experiment, "repetition": repetition, "dataset": {"name": "synthetic", "kind": "synthetic"}}
    spec["training"] |= {"batch_size": 10}
    run = folder / "runs" / experiment / method / str(repetition)
    status = {"status": "completed" if completed else "diverged", "step": 4200 if completed else content}
    metrics = content if isinstance(content, dict) else {"train_seconds": 0.5}
    write_json(run / "config.json", spec)
    write_json(run / "status.json", status)
    write_json(run / "metrics.json", {**status, "metrics": metrics, "settings": {"samples": 3}})
    atoms = np.random.default_rng(repetition).standard_normal((6, 4)).astype(np.float32)
    save_file({"coder.generator.atoms": atoms}, run / "weights.safetensors")
    place = str(run.relative_to(folder))
    about = {"experiment": experiment, "method": method, "variant": method, "repetition": repetition}
    return about | {"point": {}, "folder": place, "key": ""}


def make_index(runs: list[dict[str, Any]], labels: dict[str, str]) -> dict[str, Any]:
    """The content of study.json."""
    experiments = {
        run["experiment"]: {"dataset": "synthetic", "kind": "synthetic", "linear": True, "latents": 12} for run in runs
    }
    names = {run["method"]: labels.get(run["method"], run["method"]) for run in runs}
    return {"version": VERSION, "experiments": experiments, "methods": names, "runs": runs}


def make_results(
    folder: Path,
    runs: dict[tuple[str, int], Numbers | int],
    labels: dict[str, str] | None = None,
    experiments: tuple[str, ...] = ("recovery",),
) -> Path:
    """A results folder with the given runs and reference codes, assembled."""
    made = [make_run(folder, name, *run, content) for name in experiments for run, content in runs.items()]
    for name in experiments:
        rows = [{"method": method, "point": {}, "metrics": metrics} for method, metrics in BASELINES.items()]
        write_json(folder / f"baselines/{name}.json", {"baselines": rows})
    index = make_index(made, LABELS if labels is None else labels)
    write_json(folder / "study.json", index)
    assemble(index, folder)
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods of two repetitions: one complete, one with a run that diverged, one with no other."""
    return make_results(tmp_path_factory.mktemp("results"), RUNS)


@pytest.fixture(scope="module")
def out(results: Path) -> Path:
    """The folder with every table of those results."""
    for name in TABLES:
        write(name, results, results / "tables")
    return results / "tables"


def cells(line: str, separator: str, end: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removesuffix(end).removeprefix(end).split(separator)]


def markdown(page: Path) -> list[dict[str, Row]]:
    """The tables of a Markdown page, one for each experiment: cells by method and header."""
    found: list[dict[str, Row]] = []
    header: list[str] = []
    for line in page.read_text().splitlines():
        if not line.startswith("|"):
            continue
        row = cells(line, "|", "|")
        if row[0] == "Method":
            header = row
            found.append({})
        elif not line.startswith("|:"):
            assert len(row) == len(header)
            found[-1][row[0]] = dict(zip(header, row, strict=True))
    return found


def table(out: Path, name: str) -> dict[str, Row]:
    """The table of the only experiment."""
    (only,) = markdown(out / f"{name}.md")
    return only


# -------------------------------------------------------------------- metrics.csv


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


def test_study_that_was_not_assembled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(study\.json|metrics\.csv) is missing"):
        write("table1", tmp_path, tmp_path)


# -------------------------------------------------------------------- numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "sd", "written"),
    [
        (102, 2.8284, "102.0 ± 2.8"),
        (0.8223, 0.014142, "0.822 ± 0.014"),
        (34200, 85, "34200 ± 85"),
        (12345.6, 2345, "12346 ± 2345"),
        (-2.5, 0.12, "-2.50 ± 0.12"),
        (1e-9, 0.5, "0.00 ± 0.50"),
        (2e-4, 3e-5, "2.0e-04 ± 3.0e-05"),
        (0.5, 1e-7, "0.5000 ± 0.0000"),
        (12.5, 0, "12.50 ± 0.00"),
        (0, 0, "0 ± 0"),
        (64.86, NAN, "64.86"),
        (735, NAN, "735.0"),
        (0.370851, NAN, "0.3709"),
        (-0.370851, NAN, "-0.3709"),
        (25640, NAN, "25640"),
        (5e-5, NAN, "5.0e-05"),
        (0, NAN, "0"),
        (1, NAN, "1.000"),
        (0.022952, 0.000024, "0.022952 ± 0.000024"),
        (0.028624, 0.000112, "0.02862 ± 0.00011"),
    ],
)
def test_numbers_have_the_digits_that_their_spread_allows(mean: float, sd: float, written: str) -> None:
    """Two digits of the standard deviation; four of a number without one."""
    cell = Cell(mean, sd, 1 if math.isnan(sd) else 2)
    assert text(cell) == written
    assert text(cell, "+-") == written.replace(" ± ", "+-")
    assert f"{mean:{figures_of(mean, sd)}}" == written.split(" ± ", maxsplit=1)[0]


def test_no_number_is_a_dash() -> None:
    assert text(None) == "–"


# -------------------------------------------------------------------- tables


@pytest.mark.parametrize("name", LINEAR)
def test_table_says_the_same_in_every_format(out: Path, name: str) -> None:
    shown = table(out, name)
    long = pd.read_csv(out / f"{name}.csv")
    latex = (out / f"{name}.tex").read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
    (body,) = re.findall(r"\\toprule\n(.*)\\bottomrule", latex, re.DOTALL)
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    back = {r"$\pm$": "±", r"$\lambda$": "λ", r"\%": "%", "--": "–"}
    rows = []
    for line in lines:
        for code, character in back.items():
            line = line.replace(code, character)  # noqa: PLW2901
        rows.append(cells(line, "&", r"\\"))
    header, *rows = rows
    assert header[0] == "Method"
    assert len(header) > 1
    assert rows == [list(row.values()) for row in shown.values()]
    assert all(list(row) == header for row in shown.values())
    (page,) = re.findall("<table>.*</table>", (out / f"{name}.html").read_text(), re.DOTALL)
    assert [[cell.text for cell in row] for row in ET.fromstring(page)] == [header, *rows]  # noqa: S314

    for _, line in long.iterrows():
        label = line["label"] + (f" ({line['diverged']} diverged)" if line["diverged"] else "")
        if line["n"]:
            assert shown[label][line["column"]] == text(Cell(line["mean"], line["sd"], line["n"]))
        elif label in shown:
            assert shown[label].get(line["column"], "–") == "–"
    assert TABLES[name].caption in (out / f"{name}.md").read_text()


def test_mean_and_standard_deviation_over_repetitions(out: Path) -> None:
    """With n - 1: two numbers that differ by 2 have a standard deviation of √2."""
    row = table(out, "table1")["Thresholded Laplacian"]
    assert row["Lasso objective λ=20"] == "199.5 ± 1.4"
    assert row["Multi-information (bits)"] == "150.50 ± 0.35"
    assert row["Coefficient collapse (%)"] == "12.50 ± 0.00"
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
    assert shown["Gaussian (1 diverged)"]["Lasso objective λ=20"] == "900.0"
    assert shown["All-zero code"]["Lasso objective λ=20"] == "128.0"
    one = make_results(tmp_path / "one", {run: content for run, content in RUNS.items() if run[1] == 0})
    write("table1", one, tmp_path)
    assert table(tmp_path, "table1")["Thresholded Laplacian"]["Lasso objective λ=20"] == "200.5"
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


def test_published_number_stands_beside_ours_with_its_source(out: Path) -> None:
    shown = table(out, "table1")
    row = shown["Thresholded Laplacian"]
    assert re.fullmatch(r"194\.3 \[\d\]", row["Lasso objective λ=20, published"])
    assert re.fullmatch(r"173\.0 \[\d\]", row["Multi-information (bits), published"])
    assert row["Lasso objective λ=20"] == "199.5 ± 1.4"  # ours is not replaced
    assert re.fullmatch(r"735\.0 \[\d\]", shown["Gaussian (1 diverged)"]["Multi-information (bits), published"])
    assert shown["Gaussian (1 diverged)"]["Lasso objective λ=20, published"] == "–"
    assert shown["All-zero code"]["Multi-information (bits), published"] == "–"

    published = pd.read_csv(PUBLISHED)
    sources = set(published.loc[published["dataset"] == "natural_patches", "source"])
    page = (out / "table1.md").read_text()
    notes = dict(re.findall(r"^\[(\d)\] published: (.*?) *$", page, re.MULTILINE))
    assert set(notes.values()) <= sources
    used = set(re.findall(r"\[(\d)\] *\|", page))
    assert used == notes.keys()
    latex = (out / "table1.tex").read_text()
    for number, source in notes.items():
        assert f"% [{number}] published: {source}\n" in latex
    long = pd.read_csv(out / "table1.csv").set_index(["method", "metric"])
    line = long.loc[("laplacian_thresh", "lasso20_best")]
    assert (line["published_mean"], line["published_source"] in sources) == (194.3, True)
    assert long.loc[("laplacian_thresh", "coefficient_collapse")].filter(like="published").isna().all()


@pytest.mark.parametrize(
    ("name", "column", "ours", "published"),
    [
        ("gradients_inference", "As published J=1", "0.160 ± 0.014", r"0\.0789 ± 0\.0039 \[1\]"),
        ("gradients_generator", "As published J=20", "0.50 ± 0.14", r"25300 ± 150 \[1\]"),
    ],
)
def test_published_numbers_are_those_of_the_same_samples(
    out: Path, name: str, column: str, ours: str, published: str
) -> None:
    """J = 1 beside J = 1, J = 20 beside J = 20."""
    row = table(out, name)["Thresholded Laplacian"]
    assert row[column] == ours
    assert re.fullmatch(published, row[f"{column}, published"])


def test_published_numbers_that_ship_name_their_sources() -> None:
    numbers = pd.read_csv(PUBLISHED)
    assert numbers["source"].notna().all()
    assert numbers["mean"].notna().all()
    known = METHODS
    linear = numbers[numbers["dataset"] == "natural_patches"]
    assert set(linear["method"]) <= known.keys()


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
    assert shown["Gaussian (1 diverged)"]["Posterior collapse (%)"] == "1.234"
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


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("50 % & more", r"50 \% \& more"),
        ("laplacian_thresh", r"laplacian\_thresh"),
        ("#1", r"\#1"),
        ("λ–fixed", r"$\lambda$--fixed"),
        ("costs $5", r"costs \$5"),
        ("{x}", r"\{x\}"),
    ],
)
def test_latex_escapes(tmp_path: Path, label: str, written: str) -> None:
    """Labels are free text, and the name of the method where there is none."""
    results = make_results(tmp_path, {("gaussian", 0): {"lasso20_best": 1.0}}, labels={"gaussian": label})
    write("table1", results, tmp_path)
    lines = (tmp_path / "table1.tex").read_text().splitlines()
    assert [line for line in lines if line.startswith(f"{written} & ")]
    assert [line for line in lines if line.startswith(r"Method & Lasso objective $\lambda$=20 & ")]


def test_html_escapes(tmp_path: Path) -> None:
    results = make_results(tmp_path, {("gaussian", 0): {"lasso20_best": 1.0}}, labels={"gaussian": "a <b> & c"})
    write("table1", results, tmp_path)
    assert "<td>a &lt;b&gt; &amp; c</td>" in (tmp_path / "table1.html").read_text()


def test_latex_spreads_are_in_math(out: Path) -> None:
    latex = (out / "table1.tex").read_text()
    body = "".join(line for line in latex.splitlines(keepends=True) if not line.startswith("%"))
    assert r"199.5 $\pm$ 1.4" in body
    assert body.isascii()


def test_writing_a_table_again_changes_nothing(results: Path, out: Path, tmp_path: Path) -> None:
    write("table1", results, tmp_path)
    for suffix in ("csv", "md", "tex"):
        assert (tmp_path / f"table1.{suffix}").read_bytes() == (out / f"table1.{suffix}").read_bytes()
