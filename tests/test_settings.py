"""Settings from signatures: what is a setting, what is refused, what is filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003  (read by the settings)
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from vscbench import settings
from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp
from vscbench.settings import Count, Density, Label, Name, NonNegative, Positive, Probability, Rate
from vscbench.violations import ViolationsError

if TYPE_CHECKING:
    from torch import Generator, nn


class Unknown:
    """Of no type that text could be read as."""


@dataclass
class Base:
    """What a dataclass inherits."""

    scale: Positive = 0.5
    """The scale."""


@dataclass
class Part(Base):
    """A dataclass."""

    linear: ClassVar[bool] = True
    sizes: list[Count] = field(default_factory=lambda: [1, 2])
    rate: Rate = OneCycle(0.1)
    ramp: Ramp = Ramp(1, 1)
    mode: Literal["fast", "slow"] = "fast"
    many: int | str = 1
    where: Path | None = None
    named: dict[str, Annotated[int, Field(le=5)]] = field(default_factory=dict)
    hidden: int = field(default=0, init=False)


class Built:
    """A class that code builds.

    Args:
        module: given.
        width: of it, in a text
            of two lines.
    """

    def __init__(
        self,
        module: nn.Module,
        other: Unknown,
        plain,  # noqa: ANN001
        width: Count = 3,
        *rest: int,
        rng: Generator | None = None,
        **more: int,
    ) -> None:
        self.given = (module, other, plain, width, rest, rng, more)


class Heir(Part):
    """A class whose constructor has a parameter that is called like a field of its base, of a type of its own."""

    scale: nn.Module

    def __init__(self, scale: Count = 2) -> None:
        self.scale = scale


def lines(**changes: Any) -> list[str]:
    with pytest.raises(ViolationsError) as caught:
        settings.check(Part, changes)
    return caught.value.at("part")


def test_what_text_cannot_describe_is_no_setting() -> None:
    assert list(settings.model(Built, ("rng",)).model_fields) == ["width"]
    assert list(settings.model(Part).model_fields) == [
        "scale",
        "sizes",
        "rate",
        "ramp",
        "mode",
        "many",
        "where",
        "named",
    ]


def test_what_the_code_gives_is_no_setting() -> None:
    assert list(settings.model(Built, ("width", "rng")).model_fields) == []


def test_the_signature_decides_not_the_fields_of_a_base() -> None:
    assert settings.check(Heir, {}) == {"scale": 2}
    with pytest.raises(ViolationsError, match=r"scale: 0.5 is not allowed; it must be a whole number"):
        settings.check(Heir, {"scale": 0.5})


def test_a_setting_whose_type_is_there_for_checkers_alone_is_told() -> None:
    """It would be taken for none otherwise."""
    with pytest.raises(UserError, match="the type of rng is imported for type checkers alone: name 'Generator'"):
        settings.model(Built)


def test_default_of_a_field_is_made_for_each() -> None:
    first, second = (settings.check(Part, {})["sizes"] for _ in range(2))
    first.append(3)
    assert second == [1, 2]


def test_values_are_of_their_types() -> None:
    found = settings.check(
        Part, {"rate": {"initial": 1, "final": 2}, "ramp": {"initial": 3, "final": 1}, "where": "a/b"}
    )
    assert found["rate"] == Ramp(1.0, 2.0)
    assert found["ramp"] == Ramp(3.0, 1.0)
    assert found["where"].name == "b"
    assert settings.check(Part, {"rate": {"peak": 2}})["rate"] == OneCycle(2.0)


def test_plain_values_do_not_depend_on_how_a_number_is_written() -> None:
    found = settings.plain(Part, {"scale": 2, "ramp": {"initial": 1, "final": 2}})
    assert found == settings.plain(Part, found)
    assert found["scale"] == 2.0
    assert isinstance(found["scale"], float)
    assert found["ramp"]["shape"] == "linear"
    assert found["where"] is None


def test_parts_are_constructed_of_settings_and_of_what_is_given() -> None:
    built = settings.construct(Built, {"width": 5}, module="m", other="o", plain="p", rng=None, latents=3)
    assert built.given == ("m", "o", "p", 5, (), None, {})
    assert settings.construct(Part, {"scale": 1}).scale == 1.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scal": 1}, "part: unknown key scal; did you mean scale?; allowed are scale, sizes, rate, ramp, mode"),
        ({"scale": 0}, "part.scale: 0 is not allowed; it must be a number, above 0"),
        ({"scale": "1"}, 'part.scale: "1" is not allowed; it must be a number, above 0'),
        ({"scale": "1e-4"}, 'part.scale: "1e-4" is not allowed; it must be a number, above 0; quoted it is text'),
        ({"scale": True}, "part.scale: true is not allowed"),
        ({"scale": float("nan")}, "part.scale: NaN is not allowed"),
        ({"scale": None}, "part.scale: null is not allowed"),
        ({"sizes": 3}, "part.sizes: 3 is not allowed; it must be a list"),
        ({"sizes": [1, 0]}, "part.sizes.1: 0 is not allowed; it must be a whole number, at least 1"),
        ({"sizes": [1.0]}, "part.sizes.0: 1.0 is not allowed; it must be a whole number, at least 1"),
        ({"mode": "fats"}, 'part.mode: "fats" is not allowed; it must be one of fast, slow; did you mean fast?'),
        ({"many": [1]}, "part.many: [1] is not allowed; it must be a whole number or text"),
        ({"named": {"a": 6}}, "part.named.a: 6 is not allowed; it must be a whole number, at most 5"),
        ({"rate": {"peak": 0}}, "part.rate.peak: 0 is not allowed; it must be a number, above 0"),
        ({"rate": {"peak": 1, "end": 1}}, "part.rate: unknown key end"),
        ({"rate": 3}, "part.rate: 3 is not allowed; it must be a mapping"),
        ({"ramp": {"initial": 1}}, "part.ramp: missing key final"),
        ({"ramp": {"initial": 1, "final": 0}}, "part.ramp.final: 0 is not allowed; it must be a number, above 0"),
        ({"ramp": {"initial": 1, "final": 1, "end": 2}}, "part.ramp: start and end are fractions of training"),
        (
            {"ramp": {"initial": 1, "final": 1, "shape": "cosin"}},
            'part.ramp.shape: "cosin" is not allowed; it must be one',
        ),
        ({"scale": "x" * 500}, f'part.scale: "{"x" * 79}... is not allowed; it must be a number'),
    ],
)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    (line,) = lines(**changes)
    assert line.startswith(said)


def test_every_violation_is_told() -> None:
    assert len(lines(scale=0, mode="x", what=1)) == 3


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Count, [1, 10**9], [0, 10**9 + 1]),
        (Density, [1e-6, 0.999], [9e-7, 1.0]),
        (Probability, [1e-9, 0.999], [0, 1.0]),
        (NonNegative, [0], [-1e-9]),
        (Name, ["a", "a_1"], ["A", "1a", "a-b", "", "a" * 61, "a\n"]),
        (Label, ["ADMM, λ", "a b"], ["", "a\tb", "a" * 101]),
    ],
)
def test_ranges(kind: Any, right: list[str], wrong: list[str]) -> None:
    def part(value: Any) -> None: ...

    part.__annotations__["value"] = kind
    for value in right:
        assert settings.check(part, {"value": value}) == {"value": value}
    for value in wrong:
        with pytest.raises(ViolationsError):
            settings.check(part, {"value": value})


def test_descriptions_come_from_docstrings() -> None:
    assert settings.descriptions(Part)["scale"] == "The scale."
    assert settings.descriptions(Built) == {"module": "given.", "width": "of it, in a text of two lines."}
    assert settings.model(Part, described=True).model_fields["scale"].description == "The scale."
