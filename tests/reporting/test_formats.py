"""A table says the same in every format, and every format escapes what it must."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from reporting.pages import LINEAR, TABLES, cells, table
from reporting.planted import make_results
from vscbench.reporting import write
from vscbench.reporting.numbers import Cell, text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", LINEAR)
def test_table_says_the_same_in_every_format(out: Path, name: str) -> None:
    shown = table(out, name)
    long = pd.read_csv(out / f"{name}.csv")
    latex = (out / f"{name}.tex").read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
    (body,) = re.findall(r"\\toprule\n(.*)\\bottomrule", latex, re.DOTALL)
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    back = {r"$\pm$": "±", r"$\lambda$": "λ", r"\%": "%", "--": "–", r"$\uparrow$": "↑", r"$\downarrow$": "↓"}
    rows = []
    for line in lines:
        for code, character in back.items():
            line = line.replace(code, character)  # noqa: PLW2901
        rows.append(cells(re.sub(r"\\textbf{(.*?)}", r"\1", line), "&", r"\\"))
    header, *rows = rows
    assert header[0] == "Method"
    assert len(header) > 1
    assert rows == [list(row.values()) for row in shown.values()]
    assert all(list(row) == header for row in shown.values())
    (page,) = re.findall("<table>.*</table>", (out / f"{name}.html").read_text(), re.DOTALL)
    assert [["".join(cell.itertext()).rstrip(" ↑↓") for cell in row] for row in ET.fromstring(page)] == [header, *rows]  # noqa: S314

    for _, line in long.iterrows():
        label = line["label"] + (f" ({line['diverged']} diverged)" if line["diverged"] else "")
        if line["n"]:
            assert shown[label][line["column"]] == text(Cell(line["mean"], line["sd"], line["n"]))
        elif label in shown:
            assert shown[label].get(line["column"], "–") == "–"
    assert TABLES[name].caption in (out / f"{name}.md").read_text()


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
    assert [line for line in lines if line.startswith(r"Method & Lasso objective $\lambda$=20 $\downarrow$ & ")]


def test_html_escapes(tmp_path: Path) -> None:
    results = make_results(tmp_path, {("gaussian", 0): {"lasso20_best": 1.0}}, labels={"gaussian": "a <b> & c"})
    write("table1", results, tmp_path)
    assert "<td>a &lt;b&gt; &amp; c</td>" in (tmp_path / "table1.html").read_text()


def test_latex_spreads_are_in_math(out: Path) -> None:
    latex = (out / "table1.tex").read_text()
    assert r"199.5 $\pm$ 1.4" in latex
    assert latex.isascii()


def test_writing_a_table_again_changes_nothing(results: Path, out: Path, tmp_path: Path) -> None:
    write("table1", results, tmp_path)
    for suffix in ("csv", "md", "tex"):
        assert (tmp_path / f"table1.{suffix}").read_bytes() == (out / f"table1.{suffix}").read_bytes()
