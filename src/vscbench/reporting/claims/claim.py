"""What a claim is: the paper's statement, and the readings of it that are put to the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from vscbench.reporting.inference import Effect, Verdict
    from vscbench.reporting.ratio import Ratio
    from vscbench.reporting.study import Study


class Comparison(NamedTuple):
    """One comparison that a claim predicts, with what the runs say of it."""

    what: str
    """What is compared, in words."""
    verdict: Verdict
    """Before any correction."""
    margin: float
    """What the effect must be above, in its unit."""
    unit: str
    """Of effect and margin."""
    groups: tuple[str, ...]
    """The groups of the study that it is from."""
    effect: Effect | Ratio | None = None
    """Above zero where the claim points the right way; None where nothing was measured."""
    interval: tuple[float, float] | None = None
    """Of a test by permutation; else that of the effect, by Student's t."""
    note: str = ""
    """What must be known to read it."""


@dataclass(frozen=True)
class Reading:
    """One way to put a claim to the test."""

    name: str
    """In a few words, for a row of a figure."""
    quantity: str
    """What is measured, and what the claim predicts of it."""
    margin: str
    """What is too little to matter, and on which scale."""
    measure: Callable[[Study], list[Comparison]]
    """The comparisons, all of which the claim predicts; none where the study does not measure them."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper."""

    number: int
    statement: str
    """The paper's, in one line."""
    published: str
    """What the authors print."""
    figure: str
    """The figure that shows it."""
    stated: Reading
    """As the paper states it: the member of the family of twelve."""
    beside: tuple[Reading, ...] = ()
    """Stricter or cleaner readings, each a row of its own, corrected among themselves."""
