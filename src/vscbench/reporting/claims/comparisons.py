"""Comparisons of methods, and of settings, paired by repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from vscbench.reporting.claims.verdicts import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from vscbench.reporting.study import Study

WORTH_PERCENT = 1.0
"""A loss that is lower by less than this does not matter."""
AS_WELL_PERCENT = 5.0
"""An error that is larger by no more than this is as good."""
WORTH_BITS = 0.1
WORTH_NATS = 0.1
WORTH_SNR = 0.005

Sizes: TypeAlias = "tuple[pd.Series[float], str, float]"
"""Sizes of an effect by repetition, its unit, and what is too little to matter."""
Compare: TypeAlias = "Callable[[pd.Series[float], pd.Series[float]], Sizes]"
"""(better, worse) by repetition to the sizes of the effect."""


def linear(study: Study) -> list[str]:
    """The groups with a dictionary; of a study that has some outside sweeps, those."""
    found = [group for group in study.groups if study.linear(group)]
    return [group for group in found if not study.points[group]] or found


def deep(study: Study) -> list[str]:
    """The groups with a network for a generator."""
    return [group for group in study.groups if not study.linear(group)]


def effect(study: Study, what: str, group: str, values: pd.Series[float], **about: str | float) -> Iterator[Effect]:
    """The effect with these values by repetition, if there are any, named after its group where there are several."""
    values = values.dropna()
    if len(values):
        where = f" ({group})" if len(study.groups) > 1 else ""
        yield Effect(what + where, tuple(values), **about)  # type: ignore[arg-type]


def against(study: Study, group: str, metric: str, better: str, worse: str, how: Compare) -> Iterator[Effect]:
    """How much better one method is than another by a metric, paired by repetition."""
    values, unit, margin = how(study.of(group, metric, better), study.of(group, metric, worse))
    yield from (
        effect(study, f"{study.labels[better]} against {study.labels[worse]}", group, values, unit=unit, margin=margin)
        if {better, worse} <= study.labels.keys()
        else ()
    )


def percent_lower(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how much the better is lower, in percent of the worse."""
    return 100 * (worse - better) / worse.abs(), "%", WORTH_PERCENT


def percent_higher(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how much the better is higher, in percent of the worse."""
    return 100 * (better - worse) / worse.abs(), "%", WORTH_PERCENT


def no_worse(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how much the first is lower, in percent of the second, plus what it may be higher and yet as good."""
    return 100 * (worse - better) / worse + AS_WELL_PERCENT, f"% above -{AS_WELL_PERCENT:g} %", 0.0


def fewer_bits(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how many bits the better is lower."""
    return worse - better, "bits", WORTH_BITS


def ratio_higher(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how much a signal-to-noise ratio is higher; the worse may be zero."""
    return better - worse, "", WORTH_SNR


def nats_higher(better: pd.Series[float], worse: pd.Series[float]) -> Sizes:
    """By how many nats a data point the better is higher."""
    return better - worse, "nats", WORTH_NATS


def beside(study: Study, group: str, axis: str) -> list[str]:
    """The groups of the same experiment that differ from a group in one axis at most, itself among them."""

    def others(at: str) -> dict[str, str]:
        return {name: value for name, value in study.points[at].items() if name != axis}

    found = study.groups_of(study.experiment[group])
    return [g for g in found if axis in study.points[g] and others(g) == others(group)]


def pairs(study: Study, axis: str, one: str, other: str) -> Iterator[tuple[str, str]]:
    """Groups of one experiment that differ in one axis alone, there at `one` and at `other`."""
    for group in study.groups:
        if study.points[group].get(axis) == one:
            for second in beside(study, group, axis):
                if study.points[second][axis] == other:
                    yield group, second


def ends(study: Study, axis: str) -> Iterator[tuple[str, str]]:
    """Groups of one experiment at the smallest and at the largest value of an axis, the others the same."""
    for experiment in study.experiments:
        numbers = [point[axis] for g in study.groups_of(experiment) if axis in (point := study.points[g])]
        if len(set(numbers)) > 1:
            first, last = min(numbers, key=float), max(numbers, key=float)
            yield from ((a, b) for a, b in pairs(study, axis, first, last) if study.experiment[a] == experiment)
