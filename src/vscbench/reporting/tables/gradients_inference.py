"""Noise of the inference network's gradients (paper, figure 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block


def columns(part: str) -> tuple[Column, ...]:
    """Those of the gradients of a part, `inference` or `generator`."""
    return (
        Column("SNR J=1", f"gradient_snr_{part}_j1"),
        Column("SNR J=20", f"gradient_snr_{part}_j20"),
        Column("Null", f"gradient_snr_null_{part}_j1"),
        Column("Unbiased J=1", f"gradient_snr_unbiased_{part}_j1"),
        Column("Unbiased J=20", f"gradient_snr_unbiased_{part}_j20"),
        Column("Variance J=1", f"gradient_variance_{part}_j1"),
        Column("Variance J=20", f"gradient_variance_{part}_j20"),
        Column("As published J=1", f"gradient_snr_published_{part}_j1", f"gradient_snr_{part}", 1),
        Column("As published J=20", f"gradient_snr_published_{part}_j20", f"gradient_snr_{part}", 20),
    )


COLUMNS = columns("inference")
CAPTION = (
    "Noise of the inference network's gradients over passes on a fixed batch at the end of training. SNR is "
    "|mean|/std, median over parameters; null is what pure noise would show at this number of passes; unbiased is "
    "√(‖E g‖²/E‖g - E g‖²), freed of that bias, and negative where less than nothing is left. As published is a mean "
    "over parameters with an epsilon: at their 1,000 passes pure noise scores 0.025."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS)


TABLE = Table("gradients_inference", "Gradients of the inference network", CAPTION, needs.gradients, make)
