"""The authors' numbers, and which of them belong beside a run of ours."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from vscbench.reporting.study import Study

RESULTS = Path(__file__).with_name("published_results.csv")
LINEAR = "natural_patches"
LINEAR_SETTING = "256 latents, 240,000 steps of 100, J = 20, on overlapping validation patches of Olshausen's images"
DENSITY = 0.1
"""Density of the authors' sweep over latents."""
TOLERANCE = 0.005
"""Densities that differ by less are the same: the authors' thresholds have two digits."""


class Deep(NamedTuple):
    """The authors' experiments on a data set with a deep generator."""

    name: str
    latents: int
    """Of their sweep over densities."""
    setting: str


DEEP = {
    "fashion_mnist": Deep("fmnist", 64, "300 epochs in batches of 512, J = 20"),
    "celeba": Deep("celeba", 512, "300 epochs in batches of 500, J = 20"),
}
"""By the kind of our data set."""
AXES = {"latents": ("latent_dim", 1.0), "density": ("nonzero_percent", 100.0)}
"""Their axis of each of ours, and its unit."""


class Number(NamedTuple):
    """A published number."""

    mean: float
    sd: float
    """nan where none was given."""
    runs: int
    source: str


@cache
def numbers() -> pd.DataFrame:
    """All of the authors' numbers that were found."""
    import pandas as pd

    return pd.read_csv(RESULTS)


@cache
def linear() -> pd.DataFrame:
    """Those of the linear generator, with `samples`, the J of each."""
    chosen = numbers()[numbers()["dataset"] == LINEAR].copy()
    # "max_20" of the ablation over sampling is the method itself at J = 20.
    chosen["samples"] = chosen["value_on_axis"].astype(str).str.removeprefix("max_")
    # Where the ablation repeats a number (with another decay), the main experiment's goes first.
    return chosen.sort_values("axis", key=lambda axis: axis == "sampling", kind="stable")


def prior_density(study: Study, group: str, method: str) -> float:
    """Fraction of non-zeros under the prior of a method, as measured; 1 of a dense one, nan of one without a prior."""
    values = study.of(group, "prior_density", method)
    return float(values.iloc[0]) if len(values) else math.nan


def curve(study: Study, group: str, method: str, metric: str, axis: str) -> dict[float, Number]:
    """The authors' numbers of a deep run's method along an axis through the run's own setting, by value on the axis."""
    theirs = DEEP.get(study.setup(group)["kind"])
    if theirs is None or axis not in AXES:
        return {}
    density = prior_density(study, group, method)
    through = {
        "latents": density == 1 or abs(density - DENSITY) < TOLERANCE,
        "density": latents(study, group, method) == theirs.latents,
    }
    if not through[axis]:
        return {}
    name, unit = AXES[axis]
    table = numbers()
    rows = table[
        (table["dataset"] == theirs.name)
        & (table["method"] == method)
        & (table["metric"] == metric)
        & (table["axis"] == name)
    ]
    return {float(row["value_on_axis"]) / unit: _number(row) for row in rows.to_dict("records")}


def latents(study: Study, group: str, method: str) -> int:
    """K of a method's runs in a group."""
    return int(study.spec_of(group, method)["generator"]["latents"])


def beside(study: Study, group: str, method: str, metric: str, samples: int) -> Number | None:
    """The published number to quote beside the runs of a method in a group.

    That of a linear generator is quoted whatever the setting, but not along a sweep; that of a deep one only at the
    same latents and density.

    Args:
        study: the study.
        group: the experiment, or a point of it.
        method: its name, which is the authors' too.
        metric: the authors' name of the metric.
        samples: J.
    """
    point = study.points[group]
    if study.linear(group):
        table = linear()
        mine = (table["method"] == method) & (table["metric"] == metric) & (table["samples"] == str(samples))
        return None if point or not mine.any() else _number(table[mine].iloc[0].to_dict())
    if not point.keys() <= AXES.keys():
        return None
    at = {"latents": float(latents(study, group, method)), "density": prior_density(study, group, method)}
    for axis, value in at.items():
        for theirs, found in curve(study, group, method, metric, axis).items():
            if abs(theirs - value) < TOLERANCE:
                return found
    return None


def _number(row: dict[Any, Any]) -> Number:
    return Number(float(row["mean"]), float(row["std"]), int(row["seeds"]), str(row["source"]))
