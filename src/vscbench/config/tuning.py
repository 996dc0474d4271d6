"""Equal tuning: every method of an experiment is tried at as many points, and all at the same ones of shared axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from vscbench.seeds import derive_seed
from vscbench.settings import STRICT, Density

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRIMES = (2, 3, 5, 7, 11, 13)
MOST_SHARED, MOST_OWN = 4, 2
AXIS = "trial"
"""The axis of a study on which trials lie: their numbers, from 0."""
METRICS = ("reconstruction", "sparsity")
"""What is measured of a trial: all that its score is made of."""


class Range(BaseModel):
    """Where the values of a constant lie."""

    model_config = STRICT

    low: float
    """The smallest."""
    high: float
    """The largest."""
    scale: Literal["log", "linear"] = "log"
    """In what equal steps are equally long."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Range:
        """Refuse a range that is empty, or reaches zero on a logarithmic scale."""
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be less than high ({self.high:g})")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"low ({self.low:g}) must be above 0, or the scale linear")
        return self

    def at(self, place: float) -> float:
        """The value at a place from 0 to 1, in three digits.

        Example:
            >>> Range(low=0.01, high=1).at(0.5)
            0.1
        """
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** place
        else:
            value = self.low + (self.high - self.low) * place
        return float(f"{value:.3g}")


class Trials(BaseModel):
    """Trials of every method, scored by validation data alone."""

    model_config = STRICT

    count: Annotated[int, Field(ge=2, le=1000)] = 8
    """Of each method."""
    density: Density = 0.1
    """Of the codes at which trials are compared, between the operating points of each."""
    axes: Annotated[dict[str, Range], Field(min_length=1, max_length=MOST_SHARED)]
    """By the key of a setting, dotted: the constants that all methods share; each trial has the same of all methods."""
    own: dict[str, Annotated[dict[str, Range], Field(max_length=MOST_OWN)]] = {}
    """The same of constants that a method has to itself, two at most, by method."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the points."""

    def values(self, method: str) -> dict[str, list[float]]:
        """The values of each constant of a method in all trials.

        Example:
            >>> trials = Trials(count=4, axes={"a": Range(low=0.01, high=1)}, own={"m": {"b": Range(low=1, high=9)}})
            >>> trials.values("m")["a"] == trials.values("another")["a"]
            True
        """
        own = self.own.get(method, {})
        ranges = [(d, key, self.axes[key]) for d, key in enumerate(sorted(self.axes))]
        ranges += [(len(self.axes) + d, key, own[key]) for d, key in enumerate(sorted(own))]
        return {key: [of.at(place) for place in places(self.count, d, self.seed)] for d, key, of in ranges}


def places(count: int, dimension: int, seed: int) -> list[float]:
    """A coordinate of the first points of a Halton sequence, moved round the circle by a shift of that seed.

    Halton 1960, "On the efficiency of certain quasi-random sequences of points"; Cranley and Patterson 1976. More
    points are added to those that were there.

    Example:
        >>> [round((b - a) % 1, 3) for a, b in zip(places(4, 0, 1), places(4, 0, 2))]
        [0.545, 0.545, 0.545, 0.545]
    """
    shift = derive_seed(seed, "trials", dimension) / 2**62
    return [(radical_inverse(k, PRIMES[dimension]) + shift) % 1 for k in range(count)]


def radical_inverse(number: int, base: int) -> float:
    """The digits of a number behind the point, the last one first.

    Example:
        >>> [radical_inverse(k, 2) for k in range(5)]
        [0.0, 0.5, 0.25, 0.75, 0.125]
    """
    value, place = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        place /= base
        value += digit * place
    return value


def nested(constants: Mapping[str, Any]) -> dict[str, Any]:
    """Constants by dotted keys as a configuration has them.

    Example:
        >>> nested({"prior_scale": 1, "training.optimizer.rate.peak": 0.1})
        {'prior_scale': 1, 'training': {'optimizer': {'rate': {'peak': 0.1}}}}
    """
    found: dict[str, Any] = {}
    for key, value in constants.items():
        *above, last = key.split(".")
        part = found
        for name in above:
            part = part.setdefault(name, {})
        part[last] = value
    return found


def place_of(key: str, sections: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The section of a specification that a dotted key of a method is in, and where.

    Example:
        >>> place_of("training.optimizer.rate.peak", ("objective", "training"))
        ('training', ('optimizer', 'rate', 'peak'))
        >>> place_of("threshold.value", ("objective", "training"))
        ('coder', ('threshold', 'value'))
    """
    first, *rest = key.split(".")
    return (first, tuple(rest)) if first in sections and rest else ("coder", (first, *rest))
