"""Evidence bounds beside models that have nothing to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table, with_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Noise", "noise_training", apart=True),
    *with_errors("Bound", "elbo", higher=True),
    *with_errors("Above empty", "elbo_above_empty", higher=True),
    *with_errors("IWAE-100", "iwae_100", higher=True),
    Column("Fitted noise", "noise_fitted", apart=True),
    *with_errors("Bound, fitted", "elbo_fitted", higher=True),
    *with_errors("IWAE-100, fitted", "iwae_100_fitted", higher=True),
    *with_errors("Fitted above empty", "iwae_100_fitted_above_empty", higher=True),
)
CAPTION = (
    "Evidence bounds in nats a data point: of one draw, and of 100 (IWAE-100), at the noise variance s² that the "
    "training loss implies and at that which suits each bound best on the same points. Empty model: what a generator "
    "that puts out nothing reaches, with the prior for a posterior; probabilistic PCA: the evidence in closed form, of "
    "as many components as latents; where the noise is each method's own, from the least to the most over methods (the "
    "CSV has each). Above empty: the bound less that of the empty model at the same noise, of one draw and, fitted, of "
    "100. A model below 0 there has learned, by this measure, less than nothing, and of two such "
    "neither is better. SE data: standard error over data points, of patches over images where they are known, of a "
    "difference paired; SE runs: over repetitions. Of a learned threshold the bound is on the joint model "
    "of code and threshold, and lower for that."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, references=True)


TABLE = Table("bounds", "Evidence bounds", CAPTION, needs.anything, make)
