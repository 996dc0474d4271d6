"""What a table prints in bold: the best of a column, and what a test cannot tell from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from scipy import stats

from reporting.planted import make_results
from vscbench import registry
from vscbench.reporting import OUTPUTS, write
from vscbench.reporting.claims.compare import Runs
from vscbench.reporting.formats import escaped
from vscbench.reporting.tables.best import HOW, best_of

if TYPE_CHECKING:
    from pathlib import Path

A, NEAR, FAR = [0.50, 0.52, 0.48, 0.51], [0.51, 0.53, 0.49, 0.50], [0.90, 0.92, 0.88, 0.91]


def runs(values: list[float], *, folded: bool = False) -> Runs:
    return Runs("a", "b", pd.Series(values), 0, len(values), folded)


def scores(*values: list[float], folded: bool = False) -> dict[str, Runs]:
    return {name: runs(each, folded=folded) for name, each in zip("abcd", values, strict=False)}


def test_the_best_and_what_welch_cannot_tell_from_it() -> None:
    p = [stats.ttest_ind(A, other, equal_var=False).pvalue for other in (NEAR, FAR)]
    assert p[1] < 0.05 < p[0]
    assert best_of(scores(A, NEAR, FAR), higher=False) == {"a", "b"}
    assert best_of(scores(A, NEAR, FAR), higher=True) == {"c"}


def test_each_is_compared_by_itself() -> None:
    """A p-value between 0.05/3 and 0.05, which a correction over three would let pass."""
    rival = [0.53, 0.545, 0.515, 0.545]
    assert 0.05 / 3 < stats.ttest_ind(A, rival, equal_var=False).pvalue < 0.05
    assert best_of(scores(A, rival, rival, FAR), higher=False) == {"a"}


def test_folds_are_paired() -> None:
    """A difference that every fold shares is seen through what is hard about the folds."""
    first, second = [0.1, 0.5, 0.9], [0.12, 0.52, 0.921]
    assert best_of(scores(first, second), higher=True) == set()
    assert best_of(scores(first, second, folded=True), higher=True) == {"b"}


@pytest.mark.parametrize(
    ("values", "best"),
    [
        (([1.0], [2.0], [1.5]), {"a"}),  # single runs
        (([1.0], [1.0], [1.5]), {"a", "b"}),
        (([1.0], [1.1, 1.2, 0.9]), {"a"}),
        (([0.0, 0.0], [3.0, 3.0], [0.0, 0.0]), {"a", "c"}),  # no spread
        (([0.0, 0.0], [0.0, 0.0]), set()),  # nothing to tell apart
        (([1.0],), set()),
        ((), set()),
    ],
)
def test_where_nothing_can_be_tested(values: tuple[list[float], ...], best: set[str]) -> None:
    assert best_of(scores(*values), higher=False) == best


def test_bold_in_every_format_but_the_csv(tmp_path: Path) -> None:
    found = {("gaussian", k): {"mse_draw": a, "fve_draw": 0.5} for k, a in enumerate(FAR)}
    results = make_results(tmp_path, found | {("laplacian", k): {"mse_draw": a} for k, a in enumerate(A)})
    write("reconstruction_errors", results, tmp_path)
    text = {end: (tmp_path / f"reconstruction_errors.{end}").read_text() for end in ("md", "tex", "html", "csv", "txt")}
    assert " **0.502** |" in text["md"]
    assert r"& \textbf{0.502} &" in text["tex"]
    assert "<b>0.502</b>" in text["html"]
    assert "MSE J=1 ↓ |" in text["md"]
    assert r"MSE J=1 $\downarrow$ &" in text["tex"]
    assert not any(mark in text["csv"] for mark in ("↓", "**"))
    assert all(HOW.strip() in text[end] for end in ("md", "txt"))
    long = pd.read_csv(tmp_path / "reconstruction_errors.csv").set_index(["method", "column"])
    assert long.loc[("laplacian", "MSE J=1"), "best"] == True  # noqa: E712  (among missing values)
    assert long.loc[("laplacian", "MSE J=1"), "better"] == "lower"
    # The reference codes, of which one has a smaller error, have no part in it.
    assert long.loc[("pca_same_size", "MSE J=1"), "mean"] < 0.5
    assert long.loc[("pca_same_size", "MSE J=1"), "best"] == False  # noqa: E712


@pytest.mark.parametrize("name", OUTPUTS)
def test_captions_are_ascii_in_latex(name: str) -> None:
    output = registry.load(OUTPUTS[name])
    assert escaped(f"{output.title} {output.caption} {HOW}").isascii()
