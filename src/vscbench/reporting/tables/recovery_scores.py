"""Recovery of the dictionary that made-up data were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Matched absolute cos", "recovery_cosine", higher=True),
    Column("Atoms found (%)", "recovery_atoms", higher=True),
    Column("Precision", "recovery_precision", higher=True),
    Column("Recall", "recovery_recall", higher=True),
    Column("F1", "recovery_f1", higher=True),
    Column("F1 best of J", "recovery_f1_best", higher=True),
    Column("F1 FISTA, true atoms", "recovery_f1_oracle"),
    Column("Amplitude bias", "recovery_amplitude_bias"),
    Column("Calibration", "recovery_calibration", higher=False),
)
CAPTION = (
    "Recovery of the dictionary that made-up data were made from. Matched |cos|: mean over the true atoms, each "
    "with the learnt one that the best pairing gives it; found: those above 0.9. Precision, recall and F1 of the "
    "support of one draw (J=1), and F1 of the best of J, an oracle, against the true codes; F1 FISTA, true atoms: "
    "what the lasso reaches on the true dictionary at its best penalty. Amplitude bias: slope of the codes on the "
    "true ones less 1, over true positives. Calibration: expected calibration error of the posterior's "
    "probability that a code is non-zero."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, measured=("recovery_cosine",))


TABLE = Table("recovery_scores", "Recovery of a known dictionary", CAPTION, needs.known_dictionary, make)
