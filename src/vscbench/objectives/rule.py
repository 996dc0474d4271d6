"""Sampling rules: how J codes drawn for each data point become one loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from vscbench.registry import find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor


class Outcome(NamedTuple):
    """What a rule makes of the errors and divergences of J draws."""

    value: Tensor
    """(B,) what is minimised, after a mean over the batch."""
    mse: Tensor
    """(B,) squared error per pixel of the draws that count."""
    kl: Tensor
    """(B,) their divergence, nats."""
    chosen: Tensor | None = None
    """(B,) the index of the draw that alone counts, where one does."""


class Rule(ABC):
    """A sampling rule. One of your own is a class in a file of its own with a line in `RULES`."""

    one_counts: ClassVar[bool] = False
    """Whether one draw of each data point counts, the one of smallest loss: the others then need no gradient."""
    of_each_draw: ClassVar[bool] = False
    """Whether `kl` is log q(z|x) - log p(z) of each draw, instead of the divergence itself."""

    @abstractmethod
    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:
        """The loss of squared errors per pixel (J, B) and divergences in nats (J, B), their weight `kl_weight`."""


@dataclass(frozen=True)
class Objective:
    """The negative evidence bound with the authors' weights, mean_d (x_d - x̂_d)² + kl_weight · Σ_k KL_k."""

    rule: Rule
    """How the J draws make one loss."""
    samples: int = 20
    """J, codes drawn per data point."""
    kl_weight: float = 1e-2
    """Weight of the divergence; in units of ½‖x-x̂‖² the effective β is kl_weight · P/2."""
    backward: Literal["selected", "all"] = "selected"
    """`all` back-propagates through all J candidates of `max_elbo`, as published."""
    variance: Literal["fixed", "learned", "batch"] = "fixed"
    """Whether the noise variance s² = kl_weight · P/2 is `learned` from there, or that of each `batch`."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Objective:
        """The objective that the `objective` section of a specification describes.

        Example:
            >>> Objective.of({"sampling": "average", "samples": 5}).samples
            5
        """
        from vscbench.objectives import RULES

        given = {key: value for key, value in settings.items() if key != "sampling"}
        return cls(find(RULES, settings.get("sampling", "max_elbo"), "sampling rule")(), **given)

    def with_samples(self, samples: int) -> Objective:
        """The same objective at another J."""
        return replace(self, samples=samples)
