"""The same runs, measured so that numbers compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("MSE J=1", "mse_draw", higher=False),
    Column("MSE mean", "mse_mean", higher=False),
    Column("MSE best of J", "mse_best", higher=False),
    Column("Density", "density"),
    Column("Hoyer", "hoyer"),
    Column("Gini", "gini"),
    Column("Lasso gap λ=20", "lasso20_gap", higher=False),
    Column("Dependent pairs (bits)", "pair_bits_excess"),
    Column("Support (bits)", "support_bits"),
    Column("Jaccard", "jaccard_draw"),
    Column("Jaccard null", "jaccard_null"),
    Column("Dead units (%)", "dead_units", higher=False),
    Column("Active units (%)", "active_units_relative"),
    Column("Bound (nats)", "elbo", higher=True),
    Column("IWAE-100 (nats)", "iwae_100", higher=True),
    Column("Dictionary across seeds", "dictionary_agreement", paired=True),
    Column("Atoms moved", "dictionary_agreement_moved", paired=True),
    Column("Its null", "dictionary_agreement_null", paired=True),
)
CAPTION = (
    "The same runs, measured so that numbers compare: squared error of one draw (J=1), of the posterior mean and "
    "of the best of J, an oracle; density of one draw; what the encoder loses against FISTA on the same "
    "dictionary; mutual information of pairs of latents less that of codes shuffled per latent (the table dependence "
    "says where it decides); the bits that data say of the support; Jaccard index of the supports of two draws, and "
    "that of draws of different data (null); latents of whose variance the data explain more than 1 %; evidence bounds "
    "under the noise that the training loss implies, of one draw and of 100, beside what a model that puts out nothing "
    "and probabilistic PCA reach (the table bounds has their errors, and other noise); matched |cos| of the "
    "dictionaries of two seeds, with each atom of one moved about its patch, what atoms of a kind have in common at "
    "any place, and with pixels in another order (null)."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_group

    return by_group(study, COLUMNS, baselines=True, references=True)


TABLE = Table("corrected", "Corrected metrics", CAPTION, needs.anything, make)
