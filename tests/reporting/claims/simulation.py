"""How often verdicts err, and how often they see what is there: the table of docs/verdicts.md.

    PYTHONPATH=tests python -m reporting.claims.simulation

All studies are tested at once here, so that thousands take seconds; a test checks that the suite decides the same.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from vscbench.reporting.inference import ALPHA

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

STUDIES, CLAIMS, MARGIN = 2000, 12, 1.0
"""Studies of twelve claims; the margin is one standard deviation between repetitions."""
ROUNDING = 1e-20
REPETITIONS = (3, 5, 10)
BEYOND = (2, 4, 8)
"""Standard deviations beyond the margin at which power is measured."""
KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "whole numbers": lambda rng, shape: (rng.poisson(2, shape) - 2) / np.sqrt(2),
}
"""Repetitions of mean 0 and standard deviation 1."""
DESIGNS = ("two methods", "differences")
"""Repetitions of two methods, each with a seed; of one number, such as a difference of runs that share seeds."""


def p_values(first: NDArray[np.float64], second: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], ...]:
    """One-sided p-values (…) of "above the margin" and of "below it", by the last axis; 1 where nothing varies."""
    n = first.shape[-1]
    squares = [part.var(-1, ddof=1) / n for part in (first, second) if part is not None]
    square = np.sum(squares, axis=0)
    mean = first.mean(-1) - MARGIN - (0 if second is None else second.mean(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = square**2 * (n - 1) / np.sum([part**2 for part in squares], axis=0)
        above = stats.t.sf(mean / np.sqrt(square), freedom)
    varied = square > ROUNDING
    return np.where(varied, above, 1.0), np.where(varied, 1 - above, 1.0)


def simulated(kind: str, design: str, n: int, effect: float) -> tuple[NDArray[np.float64], ...]:
    """P-values (studies, claims) of effects of that size, in standard deviations."""
    rng = np.random.default_rng(0)
    first = KINDS[kind](rng, (STUDIES, CLAIMS, n)) + effect
    return p_values(first, KINDS[kind](rng, first.shape) if design == "two methods" else None)


def false_verdicts(kind: str, design: str, n: int) -> float:
    """Share of studies with a verdict, where all twelve effects are exactly at the margin and every verdict is false.

    Holm's correction lets through the smallest p-value below 5 %/12, and others after it: one there is enough.
    """
    above, below = simulated(kind, design, n, MARGIN)
    return float((2 * np.minimum(above, below) < ALPHA / CLAIMS).any(1).mean())


def power(kind: str, design: str, n: int, beyond: float) -> float:
    """Share of claims supported, each the only one of twelve, whose effect is so far beyond the margin."""
    above, _ = simulated(kind, design, n, MARGIN + beyond)
    return float((2 * above < ALPHA / CLAIMS).mean())


def peeked(kind: str, design: str) -> float:
    """False verdicts of a study that is looked at after 3, 5 and 10 repetitions, and stops at a verdict."""
    rng = np.random.default_rng(0)
    first = KINDS[kind](rng, (STUDIES, CLAIMS, max(REPETITIONS))) + MARGIN
    second = KINDS[kind](rng, first.shape) if design == "two methods" else None
    wrong = np.zeros(STUDIES, dtype=bool)
    for n in REPETITIONS:
        above, below = p_values(first[..., :n], None if second is None else second[..., :n])
        wrong |= (2 * np.minimum(above, below) < ALPHA / CLAIMS).any(1)
    return float(wrong.mean())


@cache
def table() -> pd.DataFrame:
    """The table of docs/verdicts.md, in percent."""
    rows = []
    for design in DESIGNS:
        for kind in KINDS:
            for n in REPETITIONS:
                shares = [false_verdicts(kind, design, n), *(power(kind, design, n, beyond) for beyond in BEYOND)]
                cells = dict(zip(["false", *(f"+{beyond} sd" for beyond in BEYOND)], shares, strict=True))
                numbers = {name: f"{100 * share:.0f}" for name, share in cells.items()}
                rows.append({"effect of": design, "repetitions are": kind, "n": str(n), **numbers})
    return pd.DataFrame(rows)


def peeking() -> str:
    """False verdicts of studies that are looked at three times, by kind, in percent."""
    return ", ".join(f"{100 * peeked(kind, 'two methods'):.0f} % ({kind})" for kind in KINDS)


if __name__ == "__main__":
    print(table().to_markdown(index=False, disable_numparse=True))
    print(peeking())
