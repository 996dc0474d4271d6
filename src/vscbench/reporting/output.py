"""What a report is made of: tables and figures, each of which says what it shows and which studies have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import matplotlib.figure

    from vscbench.reporting.formats import Block
    from vscbench.reporting.study import Study


@dataclass(frozen=True)
class Output:
    """A table or figure of the report."""

    name: str
    """Its name and that of its files."""
    title: str
    """The heading over it."""
    caption: str
    """What it shows and how to read it."""
    needs: Callable[[dict[str, Any]], bool]
    """Of the content of results/study.json: whether the study has something for it."""


@dataclass(frozen=True)
class Figure(Output):
    """A figure, drawn of a study's results."""

    draw: Callable[[Study], matplotlib.figure.Figure]


@dataclass(frozen=True)
class Table(Output):
    """A table, made of a study's results: blocks of rows that share their columns."""

    make: Callable[[Study], list[Block]]
