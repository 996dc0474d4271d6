"""What a report is made of: tables and figures, each with its name, what it says, and what it needs.

Planning imports every output for its caption and needs, so an output imports pandas, matplotlib and seaborn in the
functions that use them: that halves what a plan costs beside torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import matplotlib.figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block


@dataclass(frozen=True)
class Output:
    """A table or figure."""

    name: str
    """What its files are called."""
    title: str
    """What stands above it."""
    caption: str
    """What stands below it."""
    needs: Callable[[dict[str, Any]], bool]
    """Whether it has anything to show, of the content of a study.json."""


@dataclass(frozen=True)
class Figure(Output):
    """A figure."""

    draw: Callable[[Study], matplotlib.figure.Figure]


@dataclass(frozen=True)
class Table(Output):
    """A table, in blocks of what was measured on the same data."""

    make: Callable[[Study], Iterable[Block]]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    header: str
    """What stands above it."""
    metric: str
    """The metric of metrics.csv that is shown."""
    published: str | None = None
    """The metric of published_results.csv that stands beside it."""
    samples: int = 20
    """J of the published number."""
    null: str | None = None
    """The metric that chance gives, in parentheses behind it: that of a correlation, whose sign is shown."""
    paired: bool = False
    """Whether it compares repetitions with each other: numbers that share their pairs have no spread to show."""
    apart: bool = False
    """Whether its spread is no part of it: `with_errors` has columns for that."""
    error: bool = False
    """Whether its standard error over repetitions is shown, not its mean."""
    higher: bool | None = None
    """Whether it is better to be higher; None: it is no score, and nothing is best."""


def with_errors(header: str, metric: str, *, higher: bool | None = None) -> tuple[Column, Column, Column]:
    """Columns of a metric, of its standard error over data points, and of that over repetitions."""
    return (
        Column(header, metric, apart=True, higher=higher),
        Column(f"{header}, SE data", f"{metric}_se", apart=True),
        Column(f"{header}, SE runs", metric, error=True),
    )
