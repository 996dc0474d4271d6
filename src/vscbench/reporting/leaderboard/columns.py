"""The columns of the leaderboard: what each is, which way is better, and what it cannot see."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vscbench.reporting.frontier import DENSITIES

AT = 0.1
"""The density at which coders are compared where a column names none."""


@dataclass(frozen=True)
class Score:
    """A column."""

    name: str
    """In the CSV."""
    header: str
    metric: str
    """Of metrics.csv."""
    what: str
    """What it is, in a sentence."""
    blind: str
    """What it cannot see, in a sentence."""
    higher: bool | None = True
    """Whether it is better to be higher; None: it is no score by itself, and nothing is ranked by it."""
    density: float = AT
    """Where it is read, between the operating points of a coder."""
    anywhere: bool = False
    """Whether coders compare by it whatever the density of their codes."""
    paired: bool = False
    """Whether it compares repetitions with each other: numbers that share their pairs have no spread to show."""
    factor: float = 1
    """By which the metric is multiplied where it is shown."""
    least: float = -math.inf
    """What it cannot be below: intervals end there."""
    unit: str = ""
    """Of what is shown, as a sentence says it."""


EXPLAINED = {
    density: Score(
        f"fve_{100 * density:g}",
        f"FVE at {100 * density:g} %",
        "fve_draw",
        f"Fraction of the test variance that one draw of the code explains, {100 * density:g} % of the latents active.",
        "how a code was found, what an atom means, and what the unexplained part is worth",
        density=density,
    )
    for density in DENSITIES
}
SCORES = (
    *EXPLAINED.values(),
    Score(
        "bound",
        "Bound (nats)",
        "elbo_fitted",
        "Evidence bound of one draw, nats a data point, at the noise variance that suits it best.",
        "how tight it is; coders without a posterior have none; with a learned threshold it is on the joint model",
        anywhere=True,
    ),
    Score(
        "rate",
        "Rate (nats)",
        "rate",
        "Divergence of the code from its prior: what the FVE beside it costs. Not ranked: a code that says nothing "
        "has none.",
        "the cost of a code without a posterior, and how far the prior is from the codes in use",
        None,
    ),
    Score(
        "support_bits",
        "Support (bits)",
        "support_bits_mean",
        "Information of the data in which latents are active, bits a latent.",
        "whether it is the right support: any code that is a function of the data has all there is at its density",
    ),
    Score(
        "f1",
        "F1",
        "recovery_f1",
        "F1 of the support of one draw against the true codes, atoms matched.",
        "amplitudes, and what is wrong where an atom has no partner",
    ),
    Score(
        "mcc",
        "MCC",
        "recovery_mcc_mean",
        "Mean correlation of the true codes with the mean codes that they are matched with.",
        "latents without a partner, and whether a code is sparse",
    ),
    Score(
        "splitting",
        "Split (%)",
        "splitting",
        "True features that have more than one latent of their own.",
        "features that no latent covers at all",
        False,
    ),
    Score(
        "absorption",
        "Absorbed",
        "absorption_excess",
        "How much more often the latent of a feature is silent where a child of it is active than where none is.",
        "features without a good detector, which are not judged",
        False,
    ),
    Score(
        "stability",
        "Stability",
        "dictionary_agreement",
        "Matched |cos| of the dictionaries of two repetitions. Not ranked: repetitions share their pairs.",
        "whether what is repeated is right: atoms that stay where they start agree; its null is in the table corrected",
        None,
        paired=True,
    ),
    Score(
        "probe",
        "Probe AUC",
        "probe_auc",
        "Area under the curve of linear probes for the labels on the mean codes; chance is 0.5.",
        "what only a non-linear reader finds, and whether a label has a latent of its own",
    ),
    Score(
        "cost_1",
        "ms a code, alone",
        "cost_seconds_1",
        "Time to infer the code of one data point by itself, on one thread.",
        "other machines, and what a compiler would make of it",
        False,
        anywhere=True,
        least=0,
        factor=1e3,
        unit="ms for a code by itself",
    ),
    Score(
        "cost_1000",
        "µs a code, of 1,000",
        "cost_seconds_1000",
        "Time a code where 1,000 are inferred at once, on one thread.",
        "other machines, and what a compiler would make of it",
        False,
        anywhere=True,
        least=0,
        factor=1e6,
        unit="µs a code of 1,000",
    ),
    Score(
        "faster",
        "Times FISTA's speed",
        "cost_ratio_1000",
        "Time of FISTA to codes of the same density and error on the same dictionary, over that of the coder, 1,000 at "
        "once.",
        "coders whose error FISTA does not reach, which have no number",
        True,
        least=0,
    ),
    Score(
        "training",
        "Training (s)",
        "train_seconds",
        "Wall-clock time of a training.",
        "whether it had to be that long, and what else the machine did",
        False,
        anywhere=True,
        least=0,
        unit="s of training",
    ),
    Score(
        "training_90",
        "To 90 % (s)",
        "seconds_to_90",
        "Time of training until a draw explains 90 % of what it explains in the end.",
        "how good that is: who learns little is there soon",
        False,
        anywhere=True,
        least=0,
    ),
)
"""All columns, in order; those that nothing measured are left out."""
