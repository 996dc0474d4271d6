"""What an encoder loses of the bound by answering for all data points at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table, with_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    *with_errors("Gap (nats)", "amortisation_gap"),
    Column("Bound, R=0", "amortisation_bound_r0"),
    Column("Bound, R=100", "amortisation_bound_r100"),
    Column("MSE J=1, R=0", "amortisation_error_r0"),
    Column("MSE J=1, R=100", "amortisation_error_r100"),
)


def steps(study: Study, group: str) -> list[int]:
    """Each R at which runs of a group were measured, rising."""
    found = (re.fullmatch(r"amortisation_bound_r(\d+)", metric) for metric in study.measured(group))
    return sorted(int(match[1]) for match in found if match)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, ["amortisation_gap"])


CAPTION = (
    "The bound (nats a data point) and the squared error per pixel of one draw by the encoder's answer, and behind R "
    "gradient steps up the bound on the posterior's parameters of each test point. The gap is the difference of the "
    "two bounds, by the same draws: what amortised inference loses. SE data is its standard error over data points, or "
    "the images that these are of, paired; SE runs that over repetitions. Below 0 the steps did harm: the family's own "
    "gradient is biased, or too noisy for so few."
)
TABLE = Table("amortisation_gap", "Amortisation gap", CAPTION, needs.refined, make)
"""What an encoder loses of the bound by answering for all data points at once."""
