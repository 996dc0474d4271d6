"""Which sparse coder should I use here? One sentence, from the numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vscbench.reporting.leaderboard.board import DENSE, VARIATIONAL
from vscbench.reporting.leaderboard.columns import AT
from vscbench.reporting.leaderboard.ranking import TIED, standings
from vscbench.reporting.numbers import figures_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vscbench.reporting.leaderboard.board import Board, Coder
    from vscbench.reporting.leaderboard.ranking import Standing

CHEAP = ("cost_1000", "cost_1", "training")
"""What the cheapest is chosen by: the first of these that was measured."""


def number(standing: Standing, factor: float = 1) -> str:
    """A mean with its 95 % interval, to the second digit of its half width; the mean alone of one repetition.

    Example:
        >>> from vscbench.reporting.leaderboard.ranking import Standing
        >>> number(Standing(0.5123, 0.5003, 0.5243))
        '0.512 [0.500, 0.524]'
    """
    mean, low, high = (factor * value for value in (standing.mean, standing.low, standing.high))
    form = figures_of(mean, (high - low) / 2)
    return f"{mean:{form}}" + ("" if math.isnan(low) else f" [{low:{form}}, {high:{form}}]")


def listed(labels: Iterable[str]) -> str:
    """'A, B and C'."""
    *others, last = labels
    return f"{', '.join(others)} and {last}" if others else last


def advice(board: Board) -> str:
    """What the numbers of a board recommend, in one sentence."""
    compared = [coder for coder in board.coders if coder.compared]
    kept = [coder for coder in compared if not coder.diverged]
    if not compared:
        return (
            f"No coder has operating points on both sides of {100 * AT:g} % density: nothing is compared here. "
            "That takes several values a method: `density: [0.03, 0.1, 0.3]`, and for solvers a list of `penalty`."
        )
    if not kept:
        return f"No coder has codes at {100 * AT:g} % density without a run that diverged: nothing is recommended here."
    best, most = kept[0], max(coder.compared.mean for coder in kept if coder.compared)
    assert best.compared  # noqa: S101
    if not most > 0:
        return f"At {100 * AT:g} % density no coder explains more than the all-zero code: nothing is recommended here."
    parts = [
        f"Use {best.label}: at {100 * AT:g} % density one draw explains {number(best.compared)} of the variance",
        *(_over(coder, coder.compared) for coder in compared if coder.compared and coder.compared.mean > most),
        _equals(kept),
        _mine(board, kept),
        _variational(board, kept),
        _bound(board),
        _apart(board),
    ]
    return "; ".join(part for part in parts if part) + "."


def _over(coder: Coder, explained: Standing) -> str:
    """One that explains more, and may not be relied on."""
    runs = f"{coder.diverged} of its {coder.runs} runs diverged"
    return f"{coder.label} explains {number(explained)}, but {runs}"


def _equals(kept: list[Coder]) -> str:
    """Those that cannot be told from the best, and the cheapest among them and it."""
    explained = {coder.method: coder.explained.runs for coder in kept if coder.explained}
    standing = standings(explained, higher=True)  # of these alone: what diverged may have been best of all
    tied = [coder for coder in kept if standing[coder.method].place == TIED]
    if not tied:
        return "every other coder with codes that dense is significantly worse"
    said = f"not significantly different {'is' if len(tied) == 1 else 'are'} {listed(coder.label for coder in tied)}"
    for name in CHEAP:
        priced = [coder for coder in (kept[0], *tied) if name in coder.cells]
        if len(priced) == len(tied) + 1:
            cheapest = min(priced, key=lambda coder: coder.cells[name].standing.mean)
            cell = cheapest.cells[name]
            price = f"{cell.score.factor * cell.standing.mean:.3g} {cell.score.unit}"
            return f"{said}, and the cheapest of these is {cheapest.label}, {price}"
    return said


def _mine(board: Board, kept: list[Coder]) -> str:
    """The study's own coders among those that are shipped, but the best of all."""
    own = [coder for coder in kept[1:] if not coder.shipped and any(each.shipped for each in board.coders)]
    return "; ".join(
        f"{coder.label} explains {number(coder.compared)}, rank {coder.compared.rank} "
        f"({coder.compared.first} to {coder.compared.last})"
        for coder in own
        if coder.compared
    )


def _variational(board: Board, kept: list[Coder]) -> str:
    """The best variational coder, where that is not the best of all."""
    found = next((coder for coder in kept if coder.kind == VARIATIONAL), None)
    if found is kept[0]:
        return "it is variational"
    if found is None or not found.compared:
        return "no variational coder has such codes" if any(c.kind == VARIATIONAL for c in board.coders) else ""
    return f"the best variational coder is {found.label}, {number(found.compared)}"


def _bound(board: Board) -> str:
    """The best by the evidence bound."""
    having = [coder for coder in board.coders if "bound" in coder.cells and not coder.diverged]
    if not having:
        return ""
    best = max(having, key=lambda coder: coder.cells["bound"].standing.mean)
    return f"by the evidence bound the best is {best.label}, {number(best.cells['bound'].standing)} nats"


def _apart(board: Board) -> str:
    """The sparse coders that were not compared, for want of codes of that density."""
    found = [coder for coder in board.coders if coder.explained and (coder.explained.density or 1) < DENSE]
    return f"not compared for want of such codes: {listed(coder.label for coder in found)}" if found else ""
