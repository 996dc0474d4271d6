"""Numbers as text: a mean with its spread, to the digits that the spread leaves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
PRECISE = 0.1
"""Values below this may have six decimals, others four."""


class Cell(NamedTuple):
    """A number with its spread over repetitions."""

    mean: float
    sd: float
    """nan for a single repetition."""
    runs: int


def cell_of(values: pd.Series[float]) -> Cell | None:
    """Mean and standard deviation (n - 1) of values; None of no value."""
    return None if values.empty else Cell(float(values.mean()), float(values.std(ddof=1)), len(values))


def sign_of(values: pd.Series[float]) -> str:
    """The sign that all of `values` share, 'mixed' where they do not."""
    return "+" if (values >= 0).all() else "-" if (values < 0).all() else "mixed"


def figures_of(value: float, sd: float) -> str:
    """The format that shows `value` to the second digit of its spread, or to three digits where it has none."""
    if value == 0 and not sd > 0:
        return ".0f"
    if max(abs(value), 0 if math.isnan(sd) else sd) < 1e-3:  # noqa: PLR2004
        return ".1e" if sd > 0 else ".2e"
    scale = sd if sd > 0 else abs(value) / 10
    decimals = 1 - math.floor(math.log10(scale))
    return f".{min(max(decimals, 0), 6 if abs(value) < PRECISE else 4)}f"


def text(cell: Cell | None, plus_minus: str = " ± ") -> str:
    """'mean ± sd', 'mean' for a single number, a dash for none."""
    if cell is None:
        return MISSING
    form = figures_of(cell.mean, cell.sd)
    spread = "" if math.isnan(cell.sd) else f"{plus_minus}{cell.sd:{form}}"
    return f"{cell.mean:{form}}{spread}"
