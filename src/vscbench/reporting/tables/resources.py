"""What the training of one run took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (Column("Training (s)", "train_seconds"), Column("Peak memory (MB)", "peak_memory_mb"))
CAPTION = (
    "What the training of one run took: wall-clock time and largest memory of the process (of the GPU's allocator "
    "on a GPU). The only numbers of the study that differ when it is run again."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS)


TABLE = Table("resources", "Time and memory of a training", CAPTION, needs.anything, make)
