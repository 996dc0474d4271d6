"""The authors' numbers beside ours: which, and that they name their source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from reporting.pages import blocks, table
from reporting.planted import plant
from vscbench.methods import METHODS
from vscbench.model import build_posterior
from vscbench.reporting import published, write
from vscbench.reporting.formats import escaped
from vscbench.reporting.published import RESULTS as PUBLISHED

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench import config as configs
    from vscbench.reporting.study import Study


def test_published_number_stands_beside_ours_with_its_source(out: Path) -> None:
    shown = table(out, "table1")
    row = shown["Thresholded Laplacian"]
    assert re.fullmatch(r"194 \[\d\]", row["Lasso objective λ=20, published"])
    assert re.fullmatch(r"173 \[\d\]", row["Multi-information (bits), published"])
    assert row["Lasso objective λ=20"] == "199.5 ± 1.4"  # ours is not replaced
    assert re.fullmatch(r"735 \[\d\]", shown["Gaussian (1 diverged)"]["Multi-information (bits), published"])
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
        assert escaped(f"[{number}] published: {source}") in latex
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


# ----------------------------------------------------------------- deep generators


def deep(folder: Path, method: str, kind: str = "fashion_mnist", settings: Any = None, **setup: Any) -> Study:
    """A study of one method on images, whose metrics have the density of its prior as it is measured."""
    experiment = {"dataset": "images", "methods": [method], "overrides": {method: settings or {}}, **setup}
    content = {
        "study": "deep",
        "repetitions": 1,
        "datasets": {"images": {"kind": kind, "train": 300, "validation": 50, "test": 50}},
        "experiments": {"deep": experiment},
    }

    def metrics(_: configs.Run, spec: dict[str, Any]) -> dict[str, float]:
        solver = spec["coder"]["family"] == "fista"
        density = {} if solver else {"prior_density": build_posterior(spec["coder"]).prior_density}
        return {"mse_best": 0.02, **density}

    return plant(folder, content, metrics)


@pytest.mark.parametrize(
    ("method", "latents", "density", "kind", "mean"),
    [
        ("gaussian_thresh", 256, 0.1, "fashion_mnist", 0.022952),
        ("gaussian_thresh", 64, 0.1, "fashion_mnist", 0.024216),
        ("gaussian_thresh", 65, 0.1, "fashion_mnist", None),
        ("gaussian_thresh", 64, 0.05, "fashion_mnist", 0.026432),
        ("gaussian_thresh", 256, 0.05, "fashion_mnist", None),  # both off the authors' defaults
        ("gaussian", 1024, None, "fashion_mnist", 0.029896),  # dense at every density
        ("laplacian_thresh", 64, 0.082, "fashion_mnist", None),  # theirs has 10 %
        ("laplacian_thresh", 64, 0.1, "fashion_mnist", 0.028488),
        ("gaussian_thresh", 64, 0.1, "digits", None),
        ("fista", 64, None, "fashion_mnist", None),
    ],
)
def test_published_number_is_that_of_the_same_setting(
    tmp_path: Path, method: str, latents: int, density: float | None, kind: str, mean: float | None
) -> None:
    settings = {"threshold": {"value": None, "density": density}} if density else {}
    study = deep(tmp_path, method, kind, settings, generator={"latents": latents})
    found = published.beside(study, "deep", method, "mse_per_pixel", 20)
    assert (found.mean if found else None) == mean


def test_swept_otherwise_no_number_is_quoted(tmp_path: Path) -> None:
    """The authors' numbers are of J = 20."""
    study = deep(tmp_path, "gaussian_thresh", generator={"latents": 64}, objective={"samples": [1, 20]})
    assert len(study.groups) == 2
    assert [published.beside(study, g, "gaussian_thresh", "mse_per_pixel", 20) for g in study.groups] == [None, None]


@pytest.mark.parametrize(
    ("family", "threshold", "density"),
    [
        ("gaussian", 0.62, 0.05),
        ("gaussian", 0.52, 0.1),
        ("gaussian", 0.405, 0.2),
        ("gaussian", 0.213, 0.5),
        ("laplacian", 0.2996, 0.05),
        ("laplacian", 0.23, 0.1),
        ("laplacian", 0.161, 0.2),
        ("laplacian", 0.0693, 0.5),
    ],
)
def test_the_papers_thresholds_have_the_densities_that_their_numbers_are_found_by(
    family: str, threshold: float, density: float
) -> None:
    coder = {"family": family, "threshold": {"kind": "fixed", "value": threshold}}
    assert build_posterior(coder).prior_density == pytest.approx(density, abs=0.002)


def test_table_of_a_sweep_quotes_the_same_point(tmp_path: Path) -> None:
    deep(tmp_path, "gaussian_thresh", generator={"latents": [20, 128, 256]})
    write("sweep_points", tmp_path, tmp_path)
    (shown,) = blocks(tmp_path / "sweep_points.md")
    quoted = shown.set_index("Latents")["MSE best of J, published"]
    assert quoted.to_dict() == {"20": "0.02914 ± 0.00016 [1]", "128": "–", "256": "0.022952 ± 0.000024 [1]"}
    page = (tmp_path / "sweep_points.md").read_text()
    assert "The published numbers are of 300 epochs in batches of 512, J = 20: they are quoted, not matched." in page
