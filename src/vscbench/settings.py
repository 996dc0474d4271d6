"""Typed settings: what a part of the configuration may say is the signature of the class that it configures.

A field's name, type, range and default stand in one place, the constructor (or the dataclass) itself:

    @dataclass
    class Gaussian(Base):
        prior_scale: Positive = 0.316

A parameter without an annotation, or of a type that no text can describe (a module, a tensor), is not for the
configuration: the code that builds the part gives it, like the `shape` of the data. A user's own class is checked in
the same way.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import sys
import textwrap
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp
from vscbench.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


def matching(pattern: str, expected: str, longest: int) -> Any:
    """A field of text that matches `pattern`, which is `expected` in words."""
    return Field(pattern=pattern, max_length=longest, json_schema_extra={"expected": expected})


Count: TypeAlias = Annotated[int, Field(ge=1)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0)]
Probability: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Density: TypeAlias = Annotated[float, Field(ge=1e-6, lt=1)]
"""A fraction of non-zeros."""
Name: TypeAlias = Annotated[str, matching(r"^[a-z][a-z0-9_]*$", "lower-case letters, digits and _, a letter first", 60)]
Label: TypeAlias = Annotated[str, matching(r"^[^\x00-\x1f\x7f]+$", "one line", 100)]
Rate: TypeAlias = Annotated[
    Annotated[OneCycle, Tag("<one-cycle>")] | Annotated[Ramp, Tag("<ramp>")],
    Discriminator(lambda value: "<one-cycle>" if isinstance(value, OneCycle) or "peak" in _keys(value) else "<ramp>"),
]
"""A learning rate by step: a one-cycle where it has a `peak`, else a ramp."""

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


def _keys(value: Any) -> Sequence[str]:
    return list(value) if isinstance(value, dict) else []


@cache
def model(part: Callable[..., Any], given: tuple[str, ...] = ()) -> type[BaseModel]:
    """The pydantic model of the settings that `part`, a class or function, may be given by a configuration.

    Args:
        part: its annotated parameters are the fields; `*args` and `**kwargs` are none. A pydantic model is itself.
        given: names of parameters that the code gives.

    Example:
        >>> def measure(evaluation, *, draws: Count = 20): ...
        >>> model(measure)(draws=5).draws
        5
    """
    if inspect.isclass(part) and issubclass(part, BaseModel):
        return part
    documented = descriptions(part)
    factories = {f.name: f.default_factory for f in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else {}
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(part).parameters.items():
        if name in given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        try:
            kind = annotation(part, name, parameter.annotation)
            TypeAdapter(kind)
        except (NameError, PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
            continue
        default: dict[str, Any] = {} if parameter.default is parameter.empty else {"default": parameter.default}
        if factories.get(name, dataclasses.MISSING) is not dataclasses.MISSING:
            default = {"default_factory": factories[name]}
        fields[name] = (kind, Field(description=documented.get(name), **default))
    made: type[BaseModel] = create_model(getattr(part, "__name__", "Settings"), __config__=STRICT, **fields)
    return made


def annotation(part: Callable[..., Any], name: str, written: Any) -> Any:
    """The type of the parameter `name` of `part`, of an annotation that may be text.

    Raises:
        NameError: it has none, or one that is known to type checkers alone.
    """
    if written is inspect.Parameter.empty:
        raise NameError(name)
    if not isinstance(written, str):
        return written
    owner: Any = part
    if inspect.isclass(part):
        # A dataclass may inherit a field from a class of another module; another class says it in its constructor.
        owner = next(each for each in part.__mro__ if "__init__" in vars(each)).__init__
        if "__dataclass_fields__" in vars(part):
            owner = next((each for each in part.__mro__ if name in inspect.get_annotations(each)), owner)
    return eval(written, vars(sys.modules[inspect.unwrap(owner).__module__]))  # noqa: S307  (source of a class)


def descriptions(part: Callable[..., Any]) -> dict[str, str]:
    """What the source of `part` says of its parameters: the docstrings under its fields, or `Args:` of its own."""
    found: dict[str, str] = {}
    for each in reversed(part.__mro__ if inspect.isclass(part) else (part,)):
        for doc in filter(None, (each.__doc__, getattr(vars(each).get("__init__"), "__doc__", None))):
            arguments = re.search(r"\n *Args:\n((?:\n| {4,}.*\n?)*)", textwrap.dedent(doc) + "\n")
            entries = re.split(r"^ {4,8}(\w+): ", arguments[1], flags=re.MULTILINE)[1:] if arguments else []
            found |= {name: " ".join(text.split()) for name, text in zip(entries[::2], entries[1::2], strict=True)}
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0].body  # type: ignore[attr-defined]
        except (OSError, TypeError, SyntaxError, AttributeError):
            continue
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


def made(part: Callable[..., Any], settings: Mapping[str, Any], given: Sequence[str] = ()) -> BaseModel:
    """The settings of `part` that `settings` (plain values, as YAML has them) mean, as a pydantic model.

    Raises:
        ViolationsError: they are not valid; one line for each that is not.
    """
    kind = model(part, tuple(given))
    try:
        # From JSON: there a strict model takes a mapping for a dataclass, and nothing else for what it is not.
        return kind.model_validate_json(json.dumps(settings, allow_nan=True, default=str))
    except ValidationError as error:
        raise ViolationsError(list(violations(error.errors(include_url=False), schema(part, tuple(given))))) from None


def check(part: Callable[..., Any], settings: Mapping[str, Any], given: Sequence[str] = ()) -> dict[str, Any]:
    """The keyword arguments for `part` that `settings` mean, defaults included.

    Raises:
        ViolationsError: they are not valid.

    Example:
        >>> from vscbench.ramps import Ramp
        >>> def part(x, scale: Positive = 1.0, ramp: Ramp = Ramp(1, 1)): ...
        >>> check(part, {"ramp": {"initial": 0.1, "final": 1}})["ramp"].initial
        0.1
    """
    found = made(part, settings, given)
    return {name: getattr(found, name) for name in type(found).model_fields}


def plain(part: Callable[..., Any], settings: Mapping[str, Any], given: Sequence[str] = ()) -> dict[str, Any]:
    """`settings` of `part` with its defaults, each as JSON has it: two ways to write a number become one.

    Raises:
        ViolationsError: they are not valid.

    Example:
        >>> def part(x, scale: Positive = 1.0, widths: tuple[int, ...] = (8, 8)): ...
        >>> plain(part, {"scale": 2})
        {'scale': 2.0, 'widths': [8, 8]}
    """
    return made(part, settings, given).model_dump(mode="json")


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


def defaults(part: Callable[..., Any], given: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of `part` that have a default, with it.

    Example:
        >>> def part(x, scale: Positive = 1.0): ...
        >>> defaults(part)
        {'scale': 1.0}
    """
    fields = model(part, tuple(given)).model_fields
    return {
        name: field.get_default(call_default_factory=True) for name, field in fields.items() if not field.is_required()
    }


@cache
def schema(part: Callable[..., Any], given: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON schema of the settings of `part`."""
    return model(part, given).model_json_schema()


def rules(whole: dict[str, Any], place: Sequence[Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """What the JSON schema `whole` says of the value at `place`, a rule for each type that it may have.

    Returns:
        The keys of `place`, without those steps that name a branch of a union and no key; and the rules.
    """
    keys, found = [], branches(whole, whole)
    for step in place:
        below = [
            child
            for rule in found
            for child in (
                rule.get("properties", {}).get(step, rule.get("additionalProperties")),
                *rule.get("patternProperties", {}).values(),
                rule.get("items") if isinstance(step, int) else None,
            )
            if isinstance(child, dict)
        ]
        if below:
            keys.append(str(step))
            found = [branch for rule in below for branch in branches(rule, whole)]
    return keys, found


def branches(rule: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    """A rule of the JSON schema `whole` without references and unions: one for each type."""
    if "$ref" in rule:
        return branches(whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    options = rule.get("anyOf") or rule.get("oneOf")
    return [each for option in options for each in branches(option, whole)] if options else [rule]


class ViolationsError(UserError):
    """Settings that are not valid."""

    def __init__(self, found: list[tuple[list[str], str]]) -> None:
        self.found = found
        """The place of each violation, and what is wrong there."""
        super().__init__("\n".join(self.at("")))

    def at(self, where: str) -> list[str]:
        """A line each, in a configuration that has these settings at the place `where`."""
        return [f"{'.'.join([*filter(None, [where]), *place]) or 'top level'}: {text}" for place, text in self.found]


def violations(errors: Sequence[Any], whole: dict[str, Any]) -> Iterator[tuple[list[str], str]]:
    """Place and text of errors of pydantic: what is wrong, what may stand there, the nearest right name."""
    found: dict[tuple[str, ...], str] = {}
    for error in errors:
        *outside, last = error["loc"] or [""]
        if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            place, there = rules(whole, outside)
            known = list(dict.fromkeys(name for rule in there for name in rule.get("properties", {})))
            found[*place, f"<{last}>"] = (
                f"unknown key {last}{nearest(str(last), known)}; allowed are {', '.join(known)}"
            )
        elif error["type"] in ("missing", "missing_argument"):
            found[*rules(whole, outside)[0], f"<{last}>"] = f"missing key {last}"
        elif last == "[key]":
            text = f"the name {json.dumps(outside[-1])} must be {EXPECTED_NAME}"
            found[*rules(whole, outside[:-1])[0], f"<{outside[-1]}>"] = text
        elif error["type"] == "value_error":
            found[tuple(rules(whole, error["loc"])[0])] = str(error["ctx"]["error"])
        else:
            place, there = rules(whole, error["loc"])
            value = json.dumps(error["input"], default=str)
            value = value if len(value) < SHOWN else f"{value[:SHOWN]}..."
            found[tuple(place)] = (
                f"{value} is not allowed; it must be {expectation(there)}{hint(error['input'], there)}"
            )
    for place, text in found.items():
        # Of a union, each branch complains: the one that got furthest is meant.
        if not any(other[: len(place)] == place for other in found if other != place):
            yield [step for step in place if not step.startswith("<")], text


SHOWN = 80
"""Characters of a wrong value that a message repeats."""
EXPECTED_NAME = "lower-case letters, digits and _, a letter first, at most 60"
TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
LIMITS = {
    "minimum": ", at least {}",
    "exclusiveMinimum": ", above {}",
    "maximum": ", at most {}",
    "exclusiveMaximum": ", below {}",
    "minLength": ", at least {} characters",
    "maxLength": ", at most {} characters",
    "minItems": " of at least {}",
    "maxItems": " of at most {}",
    "expected": " ({})",
}


def expectation(there: Sequence[dict[str, Any]]) -> str:
    """What a value may be, in words, from the rules of its schema.

    Example:
        >>> expectation([{"type": "integer", "minimum": 1}, {"type": "null"}])
        'a whole number, at least 1, or null'
    """
    words = []
    for rule in there:
        if "enum" in rule or "const" in rule:
            options = rule.get("enum", [rule.get("const")])
            words.append(
                "one of " * (len(options) > 1) + ", ".join(o if isinstance(o, str) else json.dumps(o) for o in options)
            )
        else:
            limits = "".join(text.format(rule[key]) for key, text in LIMITS.items() if key in rule)
            words.append(TYPES.get(rule.get("type", ""), "something else") + limits)
    words = list(dict.fromkeys(words))
    between = ", or " if any("," in word for word in words) else " or "
    return between.join(words)


def hint(value: Any, there: Sequence[dict[str, Any]]) -> str:
    """The nearest right value, or what YAML made of the text."""
    options = [str(option) for rule in there for option in rule.get("enum", [])]
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value):
        return "; quoted it is text: write 1.0e-4 for the number"
    return nearest(str(value), options) if options else ""
