"""Sweeps: a scalar that the config gives as a list becomes an axis, and each combination of values a point."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NEVER_SWEPT = ("widths", "kind", "optimizer", "family", "label")
"""A list by nature, and what decides which other keys there are."""
KNOBS = ("density", "threshold_value", "spike_prior", "spread_prior", "penalty", "kl_weight", "gamma_kl_weight")
"""Axes that trade reconstruction against sparsity: their values are the operating points of a method."""


def axes(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """The axes in a part of the config, in its order: the dotted key of each list, and the list."""
    for key, value in part.items():
        if isinstance(value, dict):
            yield from axes(value, f"{prefix}{key}.")
        elif isinstance(value, list) and key not in NEVER_SWEPT:
            yield f"{prefix}{key}", value


def points(*parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The grid over the axes of all parts, a value for each axis: one empty point where nothing is swept."""
    found = dict(axis for part in parts for axis in axes(part))
    return [dict(zip(found, values, strict=True)) for values in product(*found.values())]


def settle(part: Mapping[str, Any], point: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`part` with every swept scalar at its value of `point`."""
    return {
        key: settle(value, point, f"{prefix}{key}.")
        if isinstance(value, dict)
        else point.get(f"{prefix}{key}", value)
        if isinstance(value, list)
        else value
        for key, value in part.items()
    }


def column(part: Mapping[str, Any], index: int) -> dict[str, Any]:
    """`part` with every list that is swept replaced by its element at `index`, or by its last."""
    swept = {key: values[min(index, len(values) - 1)] for key, values in axes(part) if values}
    return settle(part, swept)


def variant(method: str, point: Mapping[str, Any]) -> str:
    """method@axis=value,...: the name of a method at a point; the method alone where nothing is swept."""
    values = ",".join(f"{axis}={value}" for axis, value in point.items())
    return f"{method}@{values}" if values else method


def knobs(point: Mapping[str, Any]) -> tuple[str, ...]:
    """The axes of a point that are knobs."""
    return tuple(axis for axis in point if axis in KNOBS)


def comparable(points: Iterable[Mapping[str, Any]]) -> bool:
    """Whether methods compare at the points of an experiment: not where each is swept by a knob of its own."""
    return len({knobs(point) for point in points} - {()}) <= 1
