"""What is said at the end of a study: three numbers from its tables, and the page to open."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vscbench.layout import Layout

DENSITY = "fve_10"
"""The column of the leaderboard that is quoted: the variance that is explained at a density of 0.1."""


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def closing(layout: Layout) -> Iterator[str]:
    """The lines, of the tables that there are: how many runs, who leads, how many claims are decided; the page.

    Args:
        layout: the files of the study.
    """
    rows = [row for row in _rows(layout.metrics) if row["status"] != "baseline"]
    runs = {tuple(row[key] for key in ("experiment", "method", "point", "repetition")): row["status"] for row in rows}
    if runs:
        yield f"runs: {len(runs)}, {Counter(runs.values())['diverged']} of them diverged"
    best = [r for r in _rows(layout.results / "leaderboard.csv") if (r["column"], r["place"]) == (DENSITY, "best")]
    if best:
        share = f"{100 * float(best[0]['mean']):.0f} % of the variance at a density of 0.1"
        yield f"leaderboard: {best[0]['label']} explains most, {share} ({best[0]['experiment']})"
    stated = [row for row in _rows(layout.tables / "claims.csv") if row["reading"] == "stated"]
    verdicts = {row["claim"]: row["verdict"] for row in stated}
    if verdicts:
        counted = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts.values()).most_common())
        yield f"claims: {counted}"
    if layout.front_page.is_file():
        yield f"open {layout.front_page}"
