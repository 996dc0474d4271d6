"""Errors of reconstruction beside those of codes that learn nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table, with_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    *with_errors("MSE J=1", "mse_draw", higher=False),
    *with_errors("MSE mean", "mse_mean", higher=False),
    *with_errors("MSE best of J", "mse_best", higher=False),
    Column("FVE J=1", "fve_draw", higher=True),
    Column("FVE mean", "fve_mean", higher=True),
    Column("FVE best of J", "fve_best", higher=True),
)
CAPTION = (
    "Squared error per pixel of one draw (J=1), of the posterior mean and of the best of J, an oracle that looks at "
    "the data; FVE, the fraction of variance explained, is 1 less their ratio to the variance. All-zero code: nothing "
    "is explained (of images: their mean); PCA with K components, and with a tenth of them, as many as a code of 10 % "
    "has non-zeros. SE data: standard error over data points, of patches over images where they are "
    "known; SE runs: over repetitions."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, baselines=True, references=True)


TABLE = Table("reconstruction_errors", "Errors of reconstruction", CAPTION, needs.anything, make)
