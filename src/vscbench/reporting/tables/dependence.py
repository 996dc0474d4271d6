"""How dependent latents are, beside codes whose dependence is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.numbers import MISSING
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Pairs (bits)", "pair_bits_excess"),
    Column("Detected", "pair_bits_detected", apart=True),
    Column("Supports (bits)", "support_pair_bits_excess"),
    Column("Supports detected", "support_pair_bits_detected", apart=True),
    Column("Told apart", "two_sample_accuracy"),
    Column("Told apart, detected", "two_sample_detected", apart=True),
    Column("Decides", "dependence_decides", apart=True),
    Column("Plug-in, best of J (bits)", "multi_information_excess"),
    Column("Copula, best of J (bits)", "copula_correlation_excess"),
)
CONTROLS = {"none": "nothing planted", "supports": "planted in supports", "values": "planted in values"}
CANNOT = "cannot decide here"
CAPTION = (
    "Dependence of the latents of one draw. Pairs: mutual information summed over pairs of latents, zero a symbol of "
    "its own beside four bins of the non-zero values, less that of codes shuffled per latent; supports: the same of "
    "which are active, alone. Told apart: how often a classifier tells a code from one whose latents are shuffled; "
    "0.5 is chance. Detected: the share of runs with p < 0.01. Below each method its controls, codes made for the "
    "purpose with as many data points, latents and non-zeros: with nothing planted (negative control), and with "
    "dependence of a known size between pairs of latents, by which are active or by their values (positive controls); "
    "detected is there the probability of it. Decides: where a test detects both with a probability of 0.8; "
    f"otherwise it {CANNOT}, and what is not detected may be there. All are blind to dependence that no pair shows. "
    "Plug-in: the excess of the published multi-information, whose joint entropy saturates at log₂ N: 0 whatever the "
    "dependence. Copula: blind to shared supports. Both of the best of J, a choice that by itself makes latents "
    "dependent."
)


def answer(cell: str) -> str:
    """A share of runs, as the table has it, in words."""
    if cell == MISSING or 0 < float(cell) < 1:
        return cell if cell == MISSING else f"in {float(cell):.0%} of the runs"
    return "yes" if float(cell) else CANNOT


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import block, long_rows, rows_under, shows

    for group in study.side_by_side:
        if not shows(study, group, ["pair_bits_excess"]):
            continue
        rows = []
        own = long_rows(study, COLUMNS, group)
        for method in study.methods(group):
            rows += [row for row in own if row["method"] == method]
            sizes = study.of(group, "control_bits", method)
            for kind, words in CONTROLS.items():
                size = f"{sizes.iloc[0]:g} bit " if len(sizes) and kind != "none" else ""
                label = f"{study.labels[method]}: {size}{words}"
                rows += rows_under(study, group, method, COLUMNS, f"control_{kind}", label)
        made = block(study, [group], rows)
        if "Decides" in made.frame:
            made.frame["Decides"] = [answer(cell) for cell in made.frame["Decides"]]
        yield made


TABLE = Table("dependence", "Dependence of latents", CAPTION, needs.anything, make)
