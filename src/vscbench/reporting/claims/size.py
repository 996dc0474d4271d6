"""The size of a comparison: how it is said, and how far it is from its margin; of this study, or of reference runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from vscbench.reporting.numbers import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vscbench.reporting.claims.claim import Comparison


def number(value: float, unit: str, *, sign: bool = False) -> str:
    """A number with three digits, in percent where its unit says so."""
    scaled = 100 * value if unit.startswith("%") else value
    return MISSING if math.isnan(scaled) else f"{scaled:{'+' if sign else ''}.3g}"


def bounds(comparison: Comparison) -> tuple[float, float]:
    """The interval of a comparison that is shown; nan without one."""
    if comparison.interval is not None:
        return comparison.interval
    return comparison.effect.interval() if comparison.effect else (math.nan, math.nan)


class Size(NamedTuple):
    """An effect and its interval against a margin.

    Example:
        >>> size = Size(0.031, 0.02, 0.042, "% of the rival's", 0.01)
        >>> str(size), size.against
        ("+3.1 [2, 4.2] % of the rival's", '+1 %')
    """

    effect: float
    """nan where nothing was measured."""
    low: float
    """nan for a single repetition."""
    high: float
    unit: str
    """Of all of them."""
    margin: float

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """That of a comparison."""
        effect = comparison.effect.mean if comparison.effect else math.nan
        return cls(effect, *bounds(comparison), comparison.unit, comparison.margin)

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> Self:
        """That of a row of claims.csv."""
        return cls(**{name: row[name] for name in cls._fields})

    def __str__(self) -> str:
        if math.isnan(self.effect):
            return MISSING
        between = "" if math.isnan(self.low) else f" [{number(self.low, self.unit)}, {number(self.high, self.unit)}]"
        return f"{number(self.effect, self.unit, sign=True)}{between} {self.unit}"

    @property
    def against(self) -> str:
        """The margin in the unit of the effect."""
        unit = "%" if self.unit.startswith("%") else self.unit
        return f"{number(self.margin, self.unit, sign=True)} {unit}" if unit else MISSING

    @property
    def beyond(self) -> float:
        """How far the effect is above its margin, in widths of its interval: closer measured is farther."""
        distance, width = self.effect - self.margin, self.high - self.low
        return distance / width if width > 0 else math.copysign(math.inf, distance)
