"""Comparisons of things that are run in turn, so that a busy machine slows all of them alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Row:
    """One comparison."""

    comparison: str
    """What is divided by what."""
    ratios: Sequence[float]
    """One for each round."""
    at_least: float | None = None
    """Target: the least that is hoped for."""
    at_most: float | None = None
    """Target: the most that is allowed."""
    detail: str = ""
    """What the ratio was computed from."""

    @property
    def ratio(self) -> float:
        """Median over rounds."""
        return median(self.ratios)

    @property
    def met(self) -> str:
        """Whether the target is met; nothing where there is none."""
        if self.at_least is None and self.at_most is None:
            return ""
        reached = self.at_least is None or self.ratio >= self.at_least
        return "yes" if reached and (self.at_most is None or self.ratio <= self.at_most) else "NO"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `HEADER`."""
        limits = [f"≥ {self.at_least:g}"] if self.at_least is not None else []
        limits += [f"≤ {self.at_most:g}"] if self.at_most is not None else []
        spread = f"{min(self.ratios):#.3g} to {max(self.ratios):#.3g}" if len(self.ratios) > 1 else ""
        return self.comparison, f"{self.ratio:#.4g}", spread, ", ".join(limits), self.met, self.detail


HEADER = ("comparison", "ratio", "over rounds", "target", "met", "from")


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table with aligned columns."""
    lines = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADER))]
    texts = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines]
    texts.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(texts)


def seconds(run: Callable[[], object], repeats: int = 1) -> float:
    """Mean time of `repeats` calls one after the other: what a training would wait for.

    Not their median: where a step gives its memory back, the next may wait long for it, or not.
    """
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def interleave(
    variants: Mapping[str, Callable[[], object]], rounds: int, repeats: Mapping[str, int]
) -> dict[str, list[float]]:
    """Seconds of each variant in each round, after one call of each that is not counted.

    That one pays for the turns of the others: memory that went back to the host takes seconds to come again.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            run()
            times[name].append(seconds(run, repeats.get(name, 1)))
    return times


def divide(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Ratio of each round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def milliseconds(times: Mapping[str, Sequence[float]]) -> str:
    """Medians for a reader: 'plain 512 ms, suite 14.2 ms'."""
    return ", ".join(f"{name} {1e3 * median(values):.3g} ms" for name, values in times.items())
