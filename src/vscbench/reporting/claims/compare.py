"""Comparisons of methods, and of settings of one method, with what diverged and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vscbench.reporting.claims.claim import Comparison
from vscbench.reporting.inference import (
    INCONCLUSIVE,
    NO_VERDICT,
    Verdict,
    compare,
    one_sample,
    welch,
    with_divergence,
)
from vscbench.reporting.ratio import relative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from vscbench.reporting.inference import Effect
    from vscbench.reporting.ratio import Ratio
    from vscbench.reporting.study import Study

DENSE = {"gaussian_thresh": "gaussian", "laplacian_thresh": "laplacian"}
"""The dense method that each method with a fixed threshold thresholds."""
LEARNED = {"gaussian_thresh_gamma": "gaussian_thresh", "laplacian_thresh_gamma": "laplacian_thresh"}
"""The method with a fixed threshold beside each that learns one."""
SPIKE_SLAB = "spike_slab"
SPARSE = (SPIKE_SLAB, *DENSE)


@dataclass(frozen=True)
class Quantity:
    """A metric that a claim is about."""

    metric: str
    margin: float
    """As a fraction of the rival's value."""
    higher: bool = False
    """Whether it is to be high."""
    null: str = ""
    """The metric that chance gives, which is taken off."""
    floor: str = ""
    """The metric of the empty model on the same data, or how far a bound is above it: `…_above_empty`."""


class Runs(NamedTuple):
    """The runs of a method in a group, by one metric."""

    label: str
    group: str
    numbers: pd.Series[float]
    """By repetition, of the runs that ended."""
    diverged: int
    planned: int
    """Runs that the study's file announces."""
    folded: bool = False
    """Whether each repetition is of data of its own, a fold, which it shares with that of every other method."""

    @property
    def found(self) -> int:
        """Those that ended with a number, and those that diverged."""
        return len(self.numbers) + self.diverged

    @property
    def outcomes(self) -> tuple[int, int]:
        """Runs that diverged, and all."""
        return self.diverged, self.found


def runs_of(study: Study, group: str, metric: str, method: str, null: str = "") -> Runs:
    """The runs of a method in a group by a metric, less what chance gives."""
    values = study.of(group, metric, method).dropna()
    if null:
        values = (values - study.of(group, null, method)).dropna()
    diverged = len(study.of(group, "diverged_step", method))
    planned = study.setup(group).get("repetitions", len(values) + diverged)
    return Runs(study.labels.get(method, method), group, values, diverged, planned, folded(study, group))


def folded(study: Study, group: str) -> bool:
    """Whether the repetitions of a group are folds of its data."""
    return bool(study.setup(group).get("folds", 1) > 1)


def paired(first: Runs, second: Runs) -> tuple[pd.Series[float], pd.Series[float]] | None:
    """The numbers of both by fold, where repetitions are folds and share what is hard about them; else None."""
    if not (first.folded and second.folded):
        return None
    both = first.numbers.index.intersection(second.numbers.index)
    return first.numbers[both], second.numbers[both]


def difference(first: Runs, second: Runs, scale: float) -> Effect:
    """mean(first) - mean(second) in units of a scale that is known: by Welch, of folds by Student's test of pairs."""
    pairs = paired(first, second)
    if pairs is None:
        return welch(first.numbers / scale, second.numbers / scale)
    return one_sample((pairs[0] - pairs[1]) / scale)


def obstacle(*sides: Runs) -> Verdict | None:
    """Why runs allow no comparison at all: they are not those that were announced, or there are none."""
    for side in sides:
        if side.found == 0:
            return Verdict(INCONCLUSIVE, 1.0, f"{side.label} was not measured in {side.group}")
        if side.found != side.planned:
            said = f"{side.found} runs of {side.label} in {side.group}, and the study's file says {side.planned}"
            return Verdict(NO_VERDICT, 1.0, said)
    return None


def settle(
    what: str, sides: tuple[Runs, Runs], effect: Callable[[Runs, Runs], Effect | Ratio], margin: float, unit: str
) -> Comparison:
    """The comparison "first is better than second by more than a margin", with the runs that diverged as an outcome."""
    first, second = sides
    groups = tuple(dict.fromkeys((first.group, second.group)))
    if (found := obstacle(first, second)) is not None:
        return Comparison(what, found, margin, unit, groups)
    note = ""
    if first.diverged or second.diverged:
        note = f"diverged: {first.diverged} of {first.found} against {second.diverged} of {second.found}"
    if not (len(first.numbers) and len(second.numbers)):
        open_verdict = Verdict(
            INCONCLUSIVE, 1.0, f"all runs of {(second if len(first.numbers) else first).label} diverged"
        )
        settled = with_divergence(open_verdict, first.outcomes, second.outcomes)
        return Comparison(what, settled, margin, unit, groups, note=note)
    size = effect(first, second)
    verdict = compare(size, margin, min(first.found, second.found))
    settled = with_divergence(verdict, first.outcomes, second.outcomes)
    return Comparison(what, settled, margin, unit, groups, size, note=note)


def versus(
    study: Study,
    quantity: Quantity,
    what: str,
    first: tuple[str, str],
    second: tuple[str, str],
) -> Comparison:
    """How much better one (group, method) is than another by a quantity, as a fraction of the other's.

    Args:
        study: the study.
        quantity: by which they compare.
        what: the comparison in words.
        first: the one that is claimed to be better.
        second: its rival.
    """
    better, worse = (runs_of(study, group, quantity.metric, method, quantity.null) for group, method in (first, second))

    def improvement(better: Runs, worse: Runs) -> Ratio:
        by_fold = paired(better, worse)
        numbers = by_fold or (better.numbers, worse.numbers)
        return relative(*numbers, higher=quantity.higher, paired=by_fold is not None)

    made = settle(what, (better, worse), improvement, quantity.margin, "% of the rival's")
    if quantity.floor and all(_below(study, quantity, *side) for side in (first, second)):
        why = "neither is better than the empty model, which learns nothing"
        return made._replace(verdict=Verdict(INCONCLUSIVE, 1.0, why))
    return made


def side_by_side(
    study: Study, quantity: Quantity, group: str, first: str, word: str, second: str, part: str = ""
) -> Comparison:
    """`versus` of two methods in a group: "FIRST below SECOND", with the `part` of it that is meant."""
    labels = [study.labels.get(method, method) for method in (first, second)]
    what = f"{labels[0]} {word} {labels[1]}{part}{where(study, group)}"
    return versus(study, quantity, what, (group, first), (group, second))


def _below(study: Study, quantity: Quantity, group: str, method: str) -> bool:
    """Whether a method is below the empty model by a quantity; False where that was not measured."""
    floor = study.of(group, quantity.floor, method)
    if quantity.floor.endswith("_above_empty"):
        return bool(floor.mean() < 0)
    excess = (study.of(group, quantity.metric, method) - floor).mean()
    return bool(excess < 0 if quantity.higher else excess > 0)


# -------------------------------------------------------------------------- groups


def measured(study: Study, groups: Iterable[str], metric: str, methods: Iterable[str]) -> list[str]:
    """Those of the groups in which a metric was measured of some of the methods; those with all, where there are any.

    An experiment with few of them is not about their comparison, where another has all.
    """
    wanted, kept, complete = set(methods), [], []
    for group in groups:
        here = wanted & set(study.values(group, metric)["method"])
        if here:
            kept.append(group)
            complete += [group] if wanted <= here | set(study.diverged(group)["method"]) else []
    return complete or kept


def linear(study: Study) -> list[str]:
    """The groups with a dictionary in which methods compare at one setting; of a study of sweeps alone, those."""
    found = [group for group in study.side_by_side if study.linear(group)]
    return [group for group in found if not study.points[group]] or found


def deep(study: Study) -> list[str]:
    """The groups with a network for a generator."""
    return [group for group in study.groups if not study.linear(group)]


def largest(study: Study) -> list[str]:
    """Of each experiment with a network that sweeps nothing or sizes of its code alone, the group of the largest."""
    others = {study.experiment[group] for group in deep(study) if study.points[group].keys() - {"latents"}}
    return list({e: group for group in deep(study) if (e := study.experiment[group]) not in others}.values())


def where(study: Study, group: str) -> str:
    """' (group)', where a study has several."""
    return f" ({group})" if len(study.groups) > 1 else ""


def at(study: Study, group: str, axis: str) -> str | None:
    """The value of a group on an axis, `estimator` or `threshold.estimator`; None where it has none."""
    point = study.points[group]
    return next((value for name, value in point.items() if name.rpartition(".")[2] == axis), None)


def along(study: Study, group: str, axis: str) -> dict[str, str]:
    """The groups of the same experiment that differ from a group in one axis at most, by its value, itself too."""

    def others(of: str) -> dict[str, str]:
        return {name: value for name, value in study.points[of].items() if name.rpartition(".")[2] != axis}

    found = {g: at(study, g, axis) for g in study.groups_of(study.experiment[group]) if others(g) == others(group)}
    return {value: g for g, value in found.items() if value is not None}


def pairs(study: Study, axis: str, one: str, other: str) -> Iterator[tuple[str, str]]:
    """Groups of one experiment that differ in one axis alone, there at `one` and at `other`."""
    for group in study.groups:
        if at(study, group, axis) == one and (second := along(study, group, axis).get(other)):
            yield group, second


def ends(study: Study, axis: str) -> Iterator[tuple[str, str]]:
    """Groups of one experiment at the smallest and at the largest value of an axis, the others the same."""
    for group in study.groups:
        here = at(study, group, axis)
        values = along(study, group, axis) if here is not None else {}
        if len(values) > 1 and here == min(values, key=float):
            yield group, values[max(values, key=float)]
