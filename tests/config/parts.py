# ruff: noqa: D102
"""Stand-ins for the parts that a configuration names: as the package's own, but of a line each, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp
from vscbench.settings import Count, Density, NonNegative, Positive, Probability, Rate

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


@dataclass
class Synthetic:
    """Made-up vectors."""

    train: Count
    validation: Count
    test: Count
    pixels: Count = 144
    noise: NonNegative = 0.1
    missing: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.pixels,)

    def check(self) -> None:
        if self.missing:
            raise UserError("the file is missing")


@dataclass
class Pictures:
    """Images of a given side."""

    side: Count = 8
    names: dict[str, list[str]] = field(default_factory=lambda: {"train": ["a"]})

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, self.side, self.side)

    def check(self) -> None:
        """All there."""


@dataclass
class Array:
    """A file that may be missing."""

    source: str

    @property
    def shape(self) -> tuple[int, ...]:
        if self.source == "missing.npy":
            raise UserError("there is no file missing.npy")
        return (9,)

    def check(self) -> None:
        """All there."""


class Dictionary:
    """x = A z."""

    linear: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...], latents: Count) -> None: ...


class MLP:
    """A network of fully connected layers."""

    linear: ClassVar[bool] = False

    def __init__(self, shape: tuple[int, ...], latents: Count, widths: tuple[Count, ...] = (256, 256)) -> None: ...


class Convolutional:
    """A network for images of 28 x 28."""

    linear: ClassVar[bool] = False

    def __init__(self, shape: tuple[int, ...], latents: Count, width: Positive = 1.0) -> None: ...

    @staticmethod
    def unfit(spec: dict[str, Any], *, shape: tuple[int, ...], linear: bool) -> str:  # noqa: ARG004
        return "" if shape[-1] == 28 else f"there is no convolutional network for {shape[-1]}x{shape[-1]} images"


class Encoder:
    """An encoder.

    Args:
        shape: of the data.
        widths: of the hidden layers,
            from the input on.
    """

    def __init__(self, shape: tuple[int, ...], widths: tuple[Count, ...] = (256, 256)) -> None: ...


@dataclass(frozen=True)
class Gaussian:
    """A symmetric base."""

    takes: ClassVar[tuple[str, ...]] = ("threshold", "prior")
    prior_scale: Positive = 0.316
    """s₀, the standard deviation of the prior."""


@dataclass(frozen=True)
class Laplacian:
    """A symmetric base that warms up."""

    takes: ClassVar[tuple[str, ...]] = ("threshold", "prior")
    prior_scale: Positive = 0.1
    noise_warmup: Ramp = Ramp(1, 1)


@dataclass(frozen=True)
class Weighted(Laplacian):
    """A family with a setting that is named as one of the objective."""

    kl_weight: Positive = 1.0


@dataclass(frozen=True)
class SpikeSlab:
    """A family with a density of its own."""

    takes: ClassVar[tuple[str, ...]] = ("prior",)
    prior_scale: Positive = 0.316
    prior_active: Probability = 0.1
    density: Density | None = None
    gate: Literal["logit", "published"] = "logit"
    noise_warmup: Ramp = Ramp(1, 1)
    temperature: Ramp = Ramp(1, 0.5, shape="geometric")


class Fista:
    """A solver."""

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 20.0,
        penalty_warmup: Ramp = Ramp(1, 1),
        tolerance: Positive = 1e-3,
        *,
        rng: Generator | None = None,
    ) -> None: ...


class Admm(Fista):
    """A solver for dictionaries."""

    def __init__(
        self, atoms: Tensor, penalty: Positive = 20.0, rho: Positive = 10.0, penalty_warmup: Ramp = Ramp(1, 1)
    ) -> None: ...

    @staticmethod
    def unfit(spec: dict[str, Any], *, shape: tuple[int, ...], linear: bool) -> str:  # noqa: ARG004
        return "" if linear else "admm needs a dictionary; for a network there is fista"


@dataclass
class FixedThreshold:
    """λ that is given."""

    base: Any
    value: Positive | None = None
    density: Density | None = None
    estimator: Literal["straight_through", "published", "subgradient"] = "straight_through"


@dataclass
class GammaThreshold:
    """λ that is learned."""

    base: Any
    value: Positive | None = None
    density: Density | None = None
    kl_weight: NonNegative = 0.1


class VampPrior:
    """A mixture."""

    def __init__(
        self, shape: tuple[int, ...], pseudo_inputs: Count = 500, sizes: tuple[Count, ...] = (1, 2)
    ) -> None: ...


def average(mse: Tensor, kl: Tensor) -> Tensor: ...  # type: ignore[empty-body]


def iwae(mse: Tensor, kl: Tensor) -> Tensor: ...  # type: ignore[empty-body]


iwae.unfit = lambda spec, **_: "" if spec["objective"]["kl_weight"] else "iwae needs a kl_weight above 0"  # type: ignore[attr-defined]


class TwoRates:
    """Two rates."""

    def __init__(
        self,
        coder: nn.Module,
        encoder_rate: Rate = OneCycle(0.03, 0.3),
        dictionary_rate: Rate = OneCycle(2, 0.3),
        clip_norm: Positive | None = 5.0,
    ) -> None: ...


class Adam:
    """One rate."""

    def __init__(self, coder: nn.Module, rate: Rate = OneCycle(1e-3), clip_norm: Positive | None = None) -> None: ...


def reconstruction(e: Any) -> dict[str, float]: ...  # type: ignore[empty-body]


def gradients(  # type: ignore[empty-body]
    e: Any,
    *,
    passes: Annotated[int, Field(ge=2)] = 1000,
    samples: tuple[Count, ...] = (1, 20),
) -> dict[str, float]: ...


DATASET = {"synthetic": "parts:Synthetic", "pictures": "parts:Pictures", "array": "parts:Array"}
GENERATOR = {"dictionary": "parts:Dictionary", "mlp": "parts:MLP", "convolutional": "parts:Convolutional"}
ENCODER = {"mlp": "parts:Encoder"}
CODER = {
    "gaussian": "parts:Gaussian",
    "laplacian": "parts:Laplacian",
    "spike_slab": "parts:SpikeSlab",
    "fista": "parts:Fista",
    "admm": "parts:Admm",
}
THRESHOLD = {"fixed": "parts:FixedThreshold", "gamma": "parts:GammaThreshold"}
PRIOR = {"vamp": "parts:VampPrior"}
REFINEMENT = {"gradient": "vscbench.coders.refinement:Refinement"}
DISTANCE = {"mmd": "vscbench.coders.distances:MaximumMeanDiscrepancy"}
RULE = {"max_elbo": "parts:average", "average": "parts:average", "iwae": "parts:iwae"}
OPTIMIZER = {"two_rates": "parts:TwoRates", "adam": "parts:Adam"}
METRIC = {"reconstruction": "parts:reconstruction", "gradients": "parts:gradients"}
