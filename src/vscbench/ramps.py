"""Ramps: quantities that move from one value to another during training, as functions of the step alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, pi
from typing import Annotated, Any, Literal

from pydantic import Field


class Clock(ABC):
    """A step that is known on a device alone: the value of a schedule at it is a tensor, not a number."""

    @abstractmethod
    def read(self, schedule: Schedule, steps: int) -> Any:
        """The value of a schedule now, in a training of `steps` steps."""

    def __lt__(self, steps: int) -> bool:
        """It stands before the end: only training has a clock."""
        return True


class Schedule(ABC):
    """A quantity that is a function of the step alone."""

    def __call__(self, step: float | Clock, steps: int) -> float:
        """The value at `step` of a training of `steps` steps; a tensor where the step is a clock."""
        return step.read(self, steps) if isinstance(step, Clock) else self.at(step, steps)

    @abstractmethod
    def at(self, step: float, steps: int) -> float:
        """The value at `step` of a training of `steps` steps."""


@dataclass(frozen=True)
class Ramp(Schedule):
    r"""A value that goes from `initial` to `final` between `start` and `end` and is constant outside.

    With p the progress between start and end: linear v = (1 - p) v₀ + p v₁, geometric v = v₀ (v₁/v₀)^p,
    cosine v = v₁ + (v₀ - v₁)(1 + cos πp)/2. A function of the step, so a resumed run needs no state of it.
    """

    initial: Annotated[float, Field(gt=0)]
    """Value up to `start`."""
    final: Annotated[float, Field(gt=0)]
    """Value from `end` on, and at evaluation."""
    start: Annotated[float, Field(ge=0)] = 0.0
    """Where the ramp begins: a fraction of training, or a step if `unit` is steps."""
    end: Annotated[float, Field(ge=0)] = 1.0
    """Where the ramp ends, in the same unit."""
    shape: Literal["linear", "geometric", "cosine"] = "linear"
    """How it moves in between."""
    unit: Literal["fraction", "steps"] = "fraction"
    """Fractions keep their shape in a shorter study; steps are the authors' absolute counts."""
    levels: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Equal stretches, each at the value of its first step: 300 for a rate that changes once in each of 300 epochs."""

    def __post_init__(self) -> None:
        if self.unit == "fraction" and max(self.start, self.end) > 1:
            raise ValueError("start and end are fractions of training, at most 1; write unit: steps for steps")
        if self.start > self.end:
            raise ValueError(f"the ramp ends ({self.end:g}) before it starts ({self.start:g})")

    def at(self, step: float, steps: int) -> float:
        """The value at `step` of a training of `steps` steps."""
        scale = steps if self.unit == "fraction" else 1
        start, end = self.start * scale, self.end * scale
        if step >= min(end, steps):  # at the end of training, and so at evaluation, nothing is still on its way
            return self.final
        if step <= start:
            return self.initial
        p = (step - start) / (end - start)
        if self.levels:
            p = (step - start) * self.levels // (end - start) / self.levels  # the quotient of whole numbers is exact
        if self.shape == "geometric":
            return float(self.initial * (self.final / self.initial) ** p)
        if self.shape == "cosine":
            return self.final + (self.initial - self.final) * (1 + cos(pi * p)) / 2
        return self.initial + p * (self.final - self.initial)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """A rate that warms up linearly from peak/25 to peak, then falls to peak/25e4 by a cosine.

    The one-cycle schedule of Smith and Topin 2019 (arXiv:1708.07120) with the constants of `torch.optim.lr_scheduler`.
    """

    peak: Annotated[float, Field(gt=0)]
    """Largest rate."""
    warmup: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """Fraction of training spent warming up."""
    warmup_at_least: Annotated[int, Field(ge=0, le=10**9)] = 0
    """A floor on the warm-up, in steps: the dense Laplacian diverges when a short study warms up too fast."""
    first_at_peak: bool = False
    """Whether the very first step has the peak rate, as published: there the schedule begins after it."""

    def at(self, step: float, steps: int) -> float:
        """The rate at `step` of `steps`."""
        if self.first_at_peak and step == 0:
            return self.peak
        turn = min(max(self.warmup * steps, self.warmup_at_least), steps / 2)
        if step < turn:
            return Ramp(self.peak / 25, self.peak, 0, turn, unit="steps")(step, steps)
        return Ramp(self.peak, self.peak / 25e4, turn, steps, shape="cosine", unit="steps")(step, steps)
