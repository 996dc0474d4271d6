"""Shipped runs that a study's own coders are ranked among: of the leaderboard, on the same data at the same sizes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from vscbench.config.shipped import shipped
from vscbench.reference import HERE, leaderboard

if TYPE_CHECKING:
    from collections.abc import Mapping


class Rival(NamedTuple):
    """A coder of the shipped leaderboard."""

    label: str
    kind: str
    runs: int
    diverged: int
    nothing: int
    """Runs that learnt nothing."""
    table: pd.DataFrame
    """A row a run that ended: method, group, repetition and its metrics."""


@cache
def shipped_runs() -> pd.DataFrame:
    """The runs of the shipped leaderboard that ended, a row each, with the metrics that do not depend on the machine.

    Example:
        >>> {"experiment", "method", "point", "repetition", "fve_draw"} <= set(shipped_runs())
        True
    """
    return pd.read_csv(HERE / "leaderboard_runs.csv")


def rivals(spec: Mapping[str, Any]) -> dict[str, Rival]:
    """The shipped coders, by name, that a run of this specification may be ranked among; none where it may not."""
    experiment, board = shipped(spec), leaderboard()
    if experiment is None or board is None:
        return {}
    runs = shipped_runs()
    runs = runs[runs["experiment"] == experiment].assign(group=runs["method"] + " " + runs["point"].fillna(""))
    coders = board[board["experiment"] == experiment].drop_duplicates("method")
    return {
        each["method"]: Rival(
            each["label"],
            each["kind"],
            each["runs"],
            each["diverged"],
            each["learnt_nothing"],
            runs[runs["method"] == each["method"]],
        )
        for each in coders.to_dict("records")
    }
