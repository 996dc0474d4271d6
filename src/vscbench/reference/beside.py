"""What pages show of the reference runs beside those of a study: verdicts on claims, and places on the leaderboard."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reference import claims, leaderboard
from vscbench.reporting.claims.size import Size
from vscbench.reporting.leaderboard.columns import AT, EXPLAINED
from vscbench.reporting.numbers import figures_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


class Shipped(NamedTuple):
    """What the reference runs say of a claim by one reading."""

    verdict: str
    effect: str
    """Of the comparison that goes worst for it, with its interval; '' where none has one."""
    budget: str


def worst(of_reading: pd.DataFrame) -> dict[Any, Any] | None:
    """The comparison that goes worst for a claim, of those that were measured; None without any."""
    measured: list[dict[Any, Any]] = of_reading.dropna(subset=["effect"]).to_dict("records")
    return min(measured, key=lambda row: Size.of_row(row).beyond, default=None)


def sized(comparison: Mapping[Any, Any]) -> str:
    """'-8.15 [-9.24, -7.06] % of the rival's; margin +1 %'."""
    size = Size.of_row(comparison)
    return f"{size}; margin {size.against}"


@cache
def verdicts() -> dict[tuple[int, str], Shipped]:
    """By the number of a claim and the name of its reading.

    Example:
        >>> verdicts()[3, "objective"].verdict
        'supported'
    """
    found = {}
    for _, of_reading in claims().groupby(["claim", "name"]):
        first, least = of_reading.iloc[0], worst(of_reading)
        found[int(first["claim"]), str(first["name"])] = Shipped(
            first["verdict"], sized(least) if least else "", first["budget"]
        )
    return found


def places() -> dict[tuple[str, str], str]:
    """Variance explained and rank by the kind of the data and the method; nothing where no leaderboard is shipped."""
    table = leaderboard()
    if table is None:
        return {}
    rows = table[(table["column"] == EXPLAINED[AT].name) & table["rank"].notna()]
    return {(row["data"], row["method"]): place(row) for row in rows.to_dict("records")}


def place(row: Mapping[Any, Any]) -> str:
    """'0.73 (0.65 to 0.80), rank 2 (1 to 3)', of a row of the leaderboard."""
    mean, low, high = (row[name] for name in ("mean", "low", "high"))
    form = figures_of(mean, (high - low) / 2)
    first, last = int(row["rank_low"]), int(row["rank_high"])
    ranks = f" ({first} to {last})" if last > first else ""
    return f"{mean:{form}} ({low:{form}} to {high:{form}}), rank {int(row['rank'])}{ranks}"
