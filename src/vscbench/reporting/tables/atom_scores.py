"""What the atoms of dictionaries look like, how alike they are, and how far codes are shrunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Gabor-like (%)", "gabor_like"),
    Column("Broad (% of these)", "gabor_broad"),
    Column("Frequency (c/px)", "gabor_frequency"),
    Column("n_x", "gabor_n_x"),
    Column("n_y", "gabor_n_y"),
    Column("Coherence", "coherence"),
    Column("Mean coherence", "coherence_mean"),
    Column("of random atoms", "coherence_null"),
    Column("Shrinkage", "shrinkage"),
)
CAPTION = (
    "Gabor-like: atoms of which a Gabor function explains 80 % of the variance or more. Of these, medians of the "
    "widths n_x = σ_x f across the stripes and n_y = σ_y f along them, in cycles (Ringach 2002); Broad: those with "
    "n_x < 1/2π, blobs and edges without a frequency of their own; Frequency: the median of the others, in cycles a "
    "pixel. Coherence: |cos| of the two atoms most alike; Mean coherence: of each atom with the one most like it, "
    "beside that of random atoms. Shrinkage: the factor by which least squares on the support makes the codes of one "
    "draw larger; 1 is none, and noise in the amplitudes makes it smaller."
)


def make(study: Study) -> Iterator[Block]:
    """A block for each experiment with a dictionary."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, measured=("coherence",), linear=True)


TABLE = Table(name="atom_scores", title="Atoms", caption=CAPTION, needs=needs.dictionary, make=make)
