"""The paper's metrics as its authors define them (Fallah and Rozell 2022, table 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Lasso objective λ=20", "lasso20_best", "lasso_objective_lambda20", higher=False),
    Column("Lasso objective λ=8", "lasso8_best", "lasso_objective_lambda8", higher=False),
    Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits", higher=False),
    Column("Posterior collapse (%)", "posterior_collapse", higher=False),
    Column("Coefficient collapse (%)", "coefficient_collapse", higher=False),
)
CAPTION = (
    "The paper's metrics as its authors define them, on best-of-J codes. Most mislead: the all-zero code beats "
    "most methods on the lasso objective; multi-information is a plug-in estimate whose joint entropy saturates at "
    "log₂ N, a sum of marginal entropies less a constant, and says nothing of dependence (the table dependence does); "
    "coefficient collapse flags healthy units of sparse codes."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, baselines=True, linear=True)


TABLE = Table("table1", "The paper's metrics", CAPTION, needs.dictionary, make)
