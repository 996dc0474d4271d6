"""Long rows as a table is read: a row a method at a point, a column a metric, the published number beside it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from vscbench.reporting.numbers import MISSING, Cell, figures_of, text
from vscbench.reporting.tables.best import ARROWS

if TYPE_CHECKING:
    import pandas as pd

BOLD = "**"
"""Around what is best, as Markdown has it; the other formats put theirs in its place."""
AXES = {
    "latents": "Latents",
    "density": "Prior density",
    "kl_weight": "KL weight",
    "noise_variance": "Noise variance",
    "repetition": "Repetition",
}
"""What stands above an axis, where it is not its name."""


def wide(long: list[dict[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """The table as it is read: a row a method at a point, a column a metric, the published number beside; its sources.

    Args:
        long: rows of `long_rows`.
    """
    import pandas as pd

    sources: list[str] = []
    by_column: dict[str, list[dict[str, Any]]] = {}
    for row in long:
        by_column.setdefault(row["column"], []).append(row)
    first = next(iter(by_column.values()))
    points = [json.loads(row["point"]) if row["point"] else {} for row in first]
    columns = {"Method": [_row_label(row) for row in first]}
    for axis in dict.fromkeys(axis for point in points for axis in point):
        values = [point.get(axis, MISSING) for point in points]
        if len(set(values)) > 1:
            columns[AXES.get(axis, axis)] = values
    keys = list(columns)
    for name, rows in by_column.items():
        arrow = ARROWS.get(rows[0].get("better", ""))
        header = f"{name} {arrow}" if arrow else name
        columns[header] = [_shown(row) for row in rows]
        if any(row["published_source"] for row in rows):
            columns[f"{name}, published"] = [_quoted(row, sources) for row in rows]
    frame = pd.DataFrame(columns)
    # A run that diverged is a result: its method keeps its row where no number is left.
    kept = pd.Series([row["diverged"] > 0 for row in first])
    frame = frame[(frame.drop(columns=keys) != MISSING).any(axis=1) | kept]
    shown = [name for name in frame if name in keys or (frame[name] != MISSING).any()]
    return frame[shown], sources


def _row_label(row: dict[Any, Any]) -> str:
    """The label, with how many runs diverged, and how many came to their end and learnt nothing."""
    counts = {"diverged": row["diverged"], "learnt nothing": row["learnt_nothing"]}
    said = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    return f"{row['label']} ({said})" if said else str(row["label"])


def _shown(row: dict[Any, Any]) -> str:
    if not row["n"]:
        return MISSING
    if row.get("means"):
        return " to ".join(dict.fromkeys(text(Cell(end(row["means"]), math.nan, 1)) for end in (min, max)))
    shown = text(Cell(row["mean"], row["sd"], row["n"]))
    if not math.isnan(row.get("low", math.nan)):
        form = figures_of(row["mean"], row["sd"])
        shown += f" [{row['low']:{form}}, {row['high']:{form}}]"
    if not row.get("sign"):
        return f"{BOLD}{shown}{BOLD}" if row.get("best") else shown
    return f"{'+' if row['sign'] == '+' else ''}{shown} ({row['null']:.2f})"


def _quoted(row: dict[Any, Any], sources: list[str]) -> str:
    """The published number of a row with the place of its source in `sources`, which is added where it is new."""
    source = row["published_source"]
    if source is None:
        return MISSING
    if source not in sources:
        sources.append(source)
    return f"{text(Cell(row['published_mean'], row['published_sd'], row['published_n']))} [{sources.index(source) + 1}]"
