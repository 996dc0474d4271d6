"""Typed settings: what a part of the configuration may say is the signature of the class that it configures.

A field's name, type, range and default stand in one place, the constructor (or the dataclass) itself:

    @dataclass
    class Gaussian(Base):
        prior_scale: Positive = 0.1

A parameter without an annotation of this module (or of plain Python) is not for the configuration: it is given by the
code that builds the part, like the `shape` of the data. A user's own class is checked in the same way.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, create_model
from pydantic_core import PydanticUndefined

from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp
from vscbench.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Count: TypeAlias = Annotated[int, Field(ge=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0)]
Probability: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Rate: TypeAlias = Annotated[
    Annotated[OneCycle, Tag("<one-cycle>")] | Annotated[Ramp, Tag("<ramp>")],
    Discriminator(lambda value: "<one-cycle>" if isinstance(value, OneCycle) or "peak" in _keys(value) else "<ramp>"),
]
"""A learning rate by step: a one-cycle where it has a `peak`, else a ramp."""

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


def _keys(value: Any) -> Sequence[str]:
    return list(value) if isinstance(value, dict) else []


@cache
def model(part: Callable[..., Any], given: tuple[str, ...] = ()) -> type[BaseModel]:
    """The pydantic model of the settings that `part`, a class or function, may be given by a configuration.

    Args:
        part: its annotated parameters are the fields; `*args` and `**kwargs` are none.
        given: names of parameters that the code gives.

    Example:
        >>> def measure(evaluation, *, draws: Count = 20): ...
        >>> model(measure, ("evaluation",))(draws=5).draws
        5
    """
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(part).parameters.items():
        if name in given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (annotation(part, name, parameter.annotation), default)
    made: type[BaseModel] = create_model(getattr(part, "__name__", "Settings"), __config__=STRICT, **fields)
    return made


def annotation(part: Callable[..., Any], name: str, written: Any) -> Any:
    """The type of the parameter `name` of `part`, of an annotation that may be text."""
    if written is inspect.Parameter.empty:
        return Any
    if not isinstance(written, str):
        return written
    owner: Any = part
    if inspect.isclass(part):
        # A dataclass may inherit a field from a class of another module.
        owners = [each for each in part.__mro__ if name in vars(each).get("__annotations__", {})]
        owner = owners[0] if owners else part.__init__  # type: ignore[misc]
    module = inspect.unwrap(owner).__module__ if not inspect.isclass(owner) else owner.__module__
    return eval(written, vars(sys.modules[module]))  # noqa: S307  (the source of a class, not of a user's file)


def check(part: Callable[..., Any], settings: Mapping[str, Any], given: Sequence[str] = ()) -> dict[str, Any]:
    """The keyword arguments for `part` that `settings` (plain values, as YAML has them) mean, defaults included.

    Raises:
        ViolationsError: they are not valid; one line for each that is not.

    Example:
        >>> from vscbench.ramps import Ramp
        >>> def part(x, scale: Positive = 1.0, ramp: Ramp = Ramp(1, 1)): ...
        >>> check(part, {"ramp": {"initial": 0.1, "final": 1}}, ["x"])["ramp"].initial
        0.1
    """
    kind = model(part, tuple(given))
    return validated(kind, settings)


def validated(kind: type[BaseModel], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the pydantic model `kind` that `settings` mean.

    Raises:
        ViolationsError: they are not valid.
    """
    try:
        # From JSON: there a strict model takes a mapping for a dataclass, and nothing else for what it is not.
        made = kind.model_validate_json(json.dumps(settings, allow_nan=True, default=str))
    except ValidationError as error:
        raise ViolationsError([line(each, kind) for each in error.errors(include_url=False)]) from None
    return {name: getattr(made, name) for name in kind.model_fields}


def construct(part: Callable[..., Any], settings: Mapping[str, Any], **given: Any) -> Any:
    """`part(**settings, **given)`, the settings checked; `given` are left out that `part` has no parameter for.

    Example:
        >>> class Part:
        ...     def __init__(self, latents, scale: Positive = 1.0): self.size = latents * scale
        >>> construct(Part, {"scale": 0.5}, latents=4, shape=(8,)).size
        2.0
    """
    wanted = inspect.signature(part).parameters
    context = {name: value for name, value in given.items() if name in wanted}
    return part(**check(part, settings, tuple(context)), **context)


class ViolationsError(UserError):
    """Settings that are not valid."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def at(self, where: str) -> list[str]:
        """The lines, of the part of a configuration called `where`."""
        return [
            f"{where}: {text}" if text.startswith(("unknown", "missing")) else f"{where}.{text}" for text in self.lines
        ]


def line(error: Any, kind: type[BaseModel]) -> str:
    """One line for an error of pydantic: the key, what is wrong, what may stand there, the nearest right name."""
    place = [str(step) for step in error["loc"] if not str(step).startswith("<")]
    key, value = ".".join(place), error.get("input")
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = siblings(kind, place[:-1])
        inside = f" in {'.'.join(place[:-1])}" if place[:-1] else ""
        return f"unknown key {place[-1]}{inside}{nearest(place[-1], known)}; allowed are {', '.join(known)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"missing key {key}"
    shown = json.dumps(value, default=str)
    return f"{key}: {shown} is not allowed; it must be {expectation(error)}{hint(error, value)}"


def siblings(kind: Any, place: Sequence[str]) -> list[str]:
    """The keys that are known where `place` points to inside the model `kind`."""
    for step in place:
        field = kind.model_fields[step].annotation if hasattr(kind, "model_fields") else None
        options = [each for each in (field, *getattr(field, "__args__", ())) if each is not None]
        options = [getattr(each, "__origin__", each) for each in options]
        kinds = [each for each in options if hasattr(each, "model_fields") or hasattr(each, "__dataclass_fields__")]
        if not kinds:
            return []
        if len(kinds) > 1:
            return list(dict.fromkeys(name for each in kinds for name in siblings(each, [])))
        kind = kinds[0]
    return list(getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {}))


WORDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is finite",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "none_required": "null",
}
"""What pydantic expected, by the type of its error."""
LIMITS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "one of {expected}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}


def expectation(error: Any) -> str:
    """What a value may be, in words."""
    if error["type"] in WORDS:
        return WORDS[error["type"]]
    if error["type"] in LIMITS:
        text = LIMITS[error["type"]].format(**error["ctx"])
        return text.replace("'", "").replace(" or ", ", ") if error["type"] == "literal_error" else text
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def hint(error: Any, value: Any) -> str:
    """The nearest right value, or what YAML made of the text."""
    if error["type"] == "literal_error":
        return nearest(str(value), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value):
        return "; YAML takes this for text: write 1.0e-4 instead of 1e-4"
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return ""


def defaults(part: Callable[..., Any], given: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of `part` that have a default, with it.

    Example:
        >>> def part(x, scale: Positive = 1.0): ...
        >>> defaults(part, ["x"])
        {'scale': 1.0}
    """
    fields = model(part, tuple(given)).model_fields
    return {name: field.default for name, field in fields.items() if field.default is not PydanticUndefined}
