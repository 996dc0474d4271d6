"""Tables as they are written, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from vscbench import registry
from vscbench.reporting import OUTPUTS

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, str]
TABLES = {name: registry.load(where) for name, where in OUTPUTS.items() if ".tables." in where}
WITH_BASELINES = ("table1", "corrected", "reconstruction_errors")
ELSEWHERE = (
    "atom_scores",
    "trials",
    "amortisation_gap",
    "sweep_points",
    "attribute_scores",
    "matched_density",
    "rate_distortion",
    "parts",
    "recovery_scores",
    "dependence",
    "bounds",
    "support",
)
LINEAR = tuple(name for name in TABLES if name not in ELSEWHERE)
"""The tables that a linear generator without a sweep, on data whose dictionary is not known, has rows in."""


def cells(line: str, separator: str, end: str) -> list[str]:
    """The text of the cells of a row, without arrows and marks of the best."""
    plain = line.replace("**", "").replace(" ↑", "").replace(" ↓", "")
    return [cell.strip() for cell in plain.strip().removesuffix(end).removeprefix(end).split(separator)]


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


def blocks(page: Path) -> list[pd.DataFrame]:
    """The tables of a Markdown page, whose first column may say anything."""
    found: list[list[list[str]]] = []
    before = ""
    for text in page.read_text().splitlines():
        if text.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append(cells(text, "|", "|"))
        before = text
    return [pd.DataFrame(rows, columns=header) for header, _, *rows in found]
