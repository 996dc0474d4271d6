"""How far a study is from the paper's budget, and what it takes to measure a claim that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vscbench import records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vscbench.reporting.study import Study

LINEAR_STEPS = 240_000
DEEP_STEPS = {"fashion_mnist": 35_100, "celeba": 90_000}
"""The authors' 300 epochs by the kind of the data; other images count against the first."""
STUDY = "claims"
"""The study of config/ that measures every claim."""
CORES = 2


class Cost(NamedTuple):
    """What an experiment of that study takes."""

    runs: int
    seconds: float
    """Of one core for one run, training, evaluation and two jobs, mean over methods of which one run was timed."""


COSTS = {
    "patches": Cost(48, 14),
    "single_draw": Cost(18, 9),
    "estimator": Cost(32, 11),
    "sampling": Cost(24, 8),
    "density": Cost(75, 13),
    "sizes": Cost(64, 7),
    "densities": Cost(60, 7),
}


def command() -> str:
    """The command that measures every claim."""
    return f"snakemake --cores all --configfile config/{STUDY}.yaml"


def would_measure() -> str:
    """'about 25 minutes on two cores: `snakemake …`'."""
    minutes = sum(cost.runs * cost.seconds for cost in COSTS.values()) / 60 / CORES
    return f"about {5 * round(minutes / 5)} minutes on two cores: `{command()}`"


def share(study: Study, groups: Iterable[str]) -> str:
    """The steps of some groups as a share of the paper's: '0.67 % of the paper's steps'; '' where unknown."""
    shares = sorted(found for group in groups if (found := _share(study, group)) is not None)
    if not shares:
        return ""
    texts = list(dict.fromkeys(f"{100 * each:.2g}" for each in (shares[0], shares[-1])))
    return f"{' to '.join(texts)} % of the paper's steps"


def _share(study: Study, group: str) -> float | None:
    """The share of one group, by the first of its runs that ended."""
    if group not in study.points:
        return None
    setup = study.setup(group)
    paper = LINEAR_STEPS if setup["linear"] else DEEP_STEPS.get(setup["kind"], DEEP_STEPS["fashion_mnist"])
    for method in study.methods(group):
        for run in study.finished(group, method):
            return float(records.status(run)["step"]) / paper
    return None
