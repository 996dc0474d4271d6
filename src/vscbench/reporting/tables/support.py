"""How much of the support the data decide, and how much draws agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Density", "density"),
    Column("Spread of P(active)", "support_spread"),
    Column("Support (bits)", "support_bits"),
    Column("Decided (%)", "support_decided"),
    Column("By draws (bits)", "support_bits_drawn"),
    Column("Taken off (bits)", "support_bits_drawn_null"),
    Column("Jaccard", "jaccard_draw"),
    Column("Jaccard null", "jaccard_null"),
    Column("Gates stuck on (%)", "stuck_on"),
    Column("Gates stuck off (%)", "stuck_off"),
    Column("Active units (%)", "active_units_relative"),
)
CAPTION = (
    "What the data say of which latents are active. Spread: standard deviation over data of P(active|x), mean over "
    "latents. Support: Σ I(active; x) = H(mean P) - mean H(P) over latents, of the posterior's own P; a posterior that "
    "says the same of every x has 0, a code that is a function of x all that there is. Decided: its share of "
    "Σ H(mean P). By draws: the same from how often a latent is active in repeated draws, less what so many draws "
    "show of a support that x says nothing of (taken off). Jaccard: agreement of the supports of two draws for one "
    "data point, and of draws for different ones (null). Stuck: P(active|x) beyond 0.999, or below 0.001, for 95 % of "
    "the data. Active units: latents of whose variance the data explain more than 1 %, whatever their scale."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, measured=("support_bits",))


TABLE = Table("support", "What the data decide of the support", CAPTION, needs.anything, make)
