"""The history of a run while it trains, as a file, by which it can be followed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vscbench.training.run import write_history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EVERY_S = 5
"""The least seconds between two writings."""


class LiveHistory:
    """Writes a history to a file whenever it is called with more rows, at most every five seconds.

    A folder that cannot be written to costs the file, not the training.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.rows, self.at = path, -1, -float("inf")

    def __call__(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write the rows of `history`, if it is time."""
        if len(history) == self.rows or time.monotonic() - self.at < EVERY_S:
            return
        self.rows, self.at = len(history), time.monotonic()
        with suppress(OSError):
            write_history(self.path, history)
