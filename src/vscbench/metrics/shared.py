"""Settings that several metrics share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from vscbench.settings import Count, Positive


@dataclass(frozen=True)
class Shared:
    """What the `evaluation` section of an experiment says beside the settings of each metric."""

    samples: Count = 20
    """J of what is measured of the best draw."""
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (20.0, 8.0)
    """ℓ₁ penalties λ of the lasso objectives."""
    split: Literal["test", "validation"] = "test"
    """The data that are measured on: validation where constants are chosen by it."""
