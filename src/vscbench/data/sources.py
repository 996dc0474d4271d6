"""What a source of data is: a dataclass whose annotated fields are what a configuration may say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscbench.settings import Count, Seed

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data.dataset import Data, Stream


class Source(ABC):
    """Where a data set comes from.

    A user's own is such a class anywhere on the Python path, and its `kind` in a configuration `module:Class`.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(P,) of a vector or (C, H, W) of an image, known without reading the data."""

    @property
    def files(self) -> list[Path]:
        """What it reads of this machine: when one of them changes, the data are prepared again."""
        return []

    def check(self) -> None:  # noqa: B027  (nothing can be wrong with what ships with a library)
        """Look whether it can be loaded, in a second or so, before any job starts.

        Raises:
            UserError: it cannot.
        """

    @abstractmethod
    def load(self) -> Data | Stream:
        """The data set.

        Raises:
            UserError: a file is missing or damaged, or the settings do not fit what is there.
        """


@dataclass(kw_only=True)
class Counted(Source):
    """A source that is told how many data points to take."""

    train: Count
    """Data points for training."""
    validation: Count
    """For the curves."""
    test: Count
    """For every reported number."""
    seed: Seed = 0
    """Of their choice, or of everything that is made up."""

    @property
    def counts(self) -> dict[str, int]:
        """Data points of each split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
