"""The best latent of each label, and a linear probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Mean absolute r", "attribute_r_mean"),
    Column("Labels found", "attributes_found"),
    Column("Probe AUC", "probe_auc"),
    Column("Probe balanced accuracy", "probe_accuracy"),
)
CAPTION = (
    "Point-biserial correlation of each label with its best latent, with its sign; in parentheses the 95 % "
    "quantile of the largest |r| over all latents with the labels permuted. The prior leaves the sign of a latent "
    "free: where repetitions disagree on it, |r| stands without. Found is a label whose best latent exceeds the "
    "null, is the best of no other label, has that label as its own best, and is repeated by no second latent. Probe: "
    "linear classifiers on the mean codes, mean over labels."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_label

    return by_label(study, COLUMNS)


TABLE = Table("attribute_scores", "Latents and labels", CAPTION, needs.network, make)
