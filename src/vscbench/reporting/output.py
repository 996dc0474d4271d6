"""What a report is made of: tables and figures, each with its name, what it says, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import matplotlib.figure

    from vscbench.reporting.study import Study


@dataclass(frozen=True)
class Output:
    """A table or figure."""

    name: str
    title: str
    caption: str
    needs: Callable[[dict[str, Any]], bool]
    """Whether it has anything to show, of the content of a study.json."""


@dataclass(frozen=True)
class Figure(Output):
    """A figure."""

    draw: Callable[[Study], matplotlib.figure.Figure]
