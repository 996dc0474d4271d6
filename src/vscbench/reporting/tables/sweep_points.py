"""Every point of the experiments that sweep a setting, and the networks that sweep none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("MSE best of J", "mse_best", "mse_per_pixel"),
    Column("MSE J=1", "mse_draw"),
    Column("MSE mean", "mse_mean"),
    Column("Density", "density"),
    Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits"),
    Column("Dependent pairs (bits)", "pair_bits_excess"),
    Column("Support (bits)", "support_bits"),
    Column("Bound (nats)", "elbo"),
    Column("IWAE-20 (nats)", "iwae_20"),
    Column("Gradient SNR J=20", "gradient_snr_unbiased_inference_j20"),
    Column("Jaccard", "jaccard_draw"),
    Column("Jaccard null", "jaccard_null"),
    Column("Dead units (%)", "dead_units"),
    *(
        Column(f"{score} {shown} ({network})", f"{score.lower()}_{network}_{codes}")
        for network in ("classifier", "inception")
        for score, codes, shown in (
            ("FID", "best", "best of J"),
            ("FID", "prior", "prior"),
            ("KID", "best", "best of J"),
        )
    ),
)
CAPTION = (
    "Every point of the experiments that sweep a setting, and the deep generators that sweep none. Squared error "
    "of the best of J, an oracle, of one draw (J=1) and of the posterior mean; density of one draw; "
    "multi-information as published, a plug-in whose joint entropy saturates; mutual information of pairs of latents "
    "of one draw less that of codes shuffled per latent; the bits that the data say of the support; evidence bounds "
    "under the noise that the training loss implies, beside models that have nothing to learn; SNR of the inference "
    "network's gradients, freed of its bias, negative where nothing but noise is left; FID and KID of "
    "reconstructions (best of J) and of samples from the prior, by the features of the network named: those of "
    "the classifier of our own compare with no FID elsewhere. A published number stands beside a run of the same "
    "latents and density."
)


def make(study: Study) -> Iterator[Block]:
    """The blocks of the table."""
    from vscbench.reporting.tables.frame import by_sweep

    return by_sweep(study, COLUMNS, measured=("mse_best",))


TABLE = Table("sweep_points", "Every point of the sweeps", CAPTION, needs.sweep, make)
