"""The leaderboard that is shipped, as the tables of docs/leaderboard.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from vscbench.reference import leaderboard
from vscbench.reporting.leaderboard.columns import AT, SCORES
from vscbench.reporting.leaderboard.ranking import BEST, TIED
from vscbench.reporting.numbers import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = ("fve_5", "fve_10", "fve_20", "bound", "support_bits", "f1", "mcc", "splitting", "absorption", "faster")
"""Columns of the tables, where something measured them; times of training are those of a machine with other work."""
SCORE = {score.name: score for score in SCORES}
MAIN = f"fve_{100 * AT:g}"
"""The column that also has ranks."""


def tables() -> dict[str, pd.DataFrame]:
    """A table for each experiment of the shipped leaderboard, `leaderboard_NAME`: a row a coder, in order of rank."""
    table = leaderboard()
    if table is None:
        return {}
    return {f"leaderboard_{name}": of(rows) for name, rows in table.groupby("experiment", sort=False)}


def of(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of one experiment's rows of the leaderboard."""
    columns = [name for name in SHOWN if name in set(rows["column"])]
    found = []
    for label, mine in rows.groupby("label", sort=False):
        cells = {row["column"]: row for row in mine.to_dict("records")}
        row = {SCORE[name].header: said(cells[name]) if name in cells else MISSING for name in columns}
        found.append(
            {"Method": label, f"Rank at {100 * AT:g} %": ranks(cells.get(MAIN, {}))} | row | {"Runs lost": lost(mine)}
        )
    return pd.DataFrame(found).set_index("Method")


def said(row: Mapping[Any, Any]) -> str:
    """'**0.53**', the best, or '0.51 ≈', no different from it; in brackets where it has no rank.

    With its interval in the column that ranks.
    """
    score = SCORE[row["column"]]
    mean, low, high = (score.factor * row[name] for name in ("mean", "low", "high"))
    shown = f"**{mean:.3g}**" if row["place"] == BEST else f"{mean:.3g}"
    if row["column"] == MAIN and not math.isnan(low):
        shown += f" [{low:.3g}, {high:.3g}]"
    if row["place"] == TIED:
        shown += " ≈"
    return f"({shown})" if math.isnan(row["rank"]) else shown


def ranks(row: Mapping[Any, Any]) -> str:
    """'2 (1 to 4)', or a dash of a coder that has no codes of that density."""
    if not row or math.isnan(row["rank"]):
        return MISSING
    return f"{row['rank']:.0f} ({row['rank_low']:.0f} to {row['rank_high']:.0f})"


def lost(rows: pd.DataFrame) -> str:
    """'2 of 15 diverged, 1 learnt nothing', or a dash."""
    first = rows.iloc[0]
    said = [
        f"{first[name]:.0f} {what}"
        for name, what in (("diverged", "diverged"), ("learnt_nothing", "learnt nothing"))
        if first[name]
    ]
    return f"{', '.join(said)}, of {first['runs']:.0f}" if said else MISSING
