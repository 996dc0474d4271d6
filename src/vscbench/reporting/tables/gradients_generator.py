"""Noise of the generator's gradients (paper, figure 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("SNR J=1", "gradient_snr_generator_j1"),
    Column("SNR J=20", "gradient_snr_generator_j20"),
    Column("Null", "gradient_snr_null_generator_j1"),
    Column("Unbiased J=1", "gradient_snr_unbiased_generator_j1"),
    Column("Unbiased J=20", "gradient_snr_unbiased_generator_j20"),
    Column("Variance J=1", "gradient_variance_generator_j1"),
    Column("Variance J=20", "gradient_variance_generator_j20"),
    Column("As published J=1", "gradient_snr_published_generator_j1", "gradient_snr_generator", 1),
    Column("As published J=20", "gradient_snr_published_generator_j20", "gradient_snr_generator", 20),
)
CAPTION = (
    "The same of the dictionary's gradients. The published values, in the tens of thousands, are no ratio of this "
    "kind (an epsilon of 1e-9 after a division by two million) and are quoted for the record."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS)


TABLE = Table("gradients_generator", "Gradients of the generator", CAPTION, needs.gradients, make)
