"""How far a study is from the paper's budget, and what it takes to measure a claim that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vscbench.files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vscbench.reporting.study import Study

LINEAR_STEPS = 240_000
DEEP_STEPS = {"fashion_mnist": 35_100, "celeba": 90_000}
"""The authors' 300 epochs by the kind of the data; other images count against the first."""


class Cost(NamedTuple):
    """What a study of config/ takes."""

    minutes: int
    """On two cores, from the runs that were timed."""
    source: str
    """What was timed."""


COSTS = {
    "": Cost(10, "x"),
    "gradient_noise": Cost(10, "x"),
    "ablation_estimator": Cost(10, "x"),
    "ablation_sampling": Cost(10, "x"),
    "ablation_threshold": Cost(10, "x"),
    "latent_sizes": Cost(10, "x"),
    "fashion_mnist_mlp": Cost(10, "x"),
    "faces": Cost(10, "x"),
}


def command(name: str) -> str:
    """The command that runs a study of config/; the default study without a name."""
    return "snakemake --cores all" + (f" --configfile config/{name}.yaml" if name else "")


def would_measure(name: str) -> str:
    """'about 9 minutes: `snakemake …`'."""
    return f"about {COSTS[name].minutes} minutes: `{command(name)}`"


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
            return float(read_json(run / "status.json")["step"]) / paper
    return None
