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
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError

from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp
from vscbench.violations import NAME, ViolationsError, violations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def matching(pattern: str, expected: str, longest: int) -> Any:
    """A field of text that matches `pattern`, which is `expected` in words."""
    return Field(pattern=pattern, max_length=longest, json_schema_extra={"expected": expected})


Count: TypeAlias = Annotated[int, Field(ge=1, le=10**9)]
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0)]
Probability: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Density: TypeAlias = Annotated[float, Field(ge=1e-6, lt=1)]
"""A fraction of non-zeros."""
Name: TypeAlias = Annotated[str, matching(r"^[a-z][a-z0-9_]*$", NAME, 60)]
Label: TypeAlias = Annotated[str, matching(r"^[^\x00-\x1f\x7f]+$", "one line", 100)]
Rate: TypeAlias = Annotated[
    Annotated[OneCycle, Tag("one-cycle")] | Annotated[Ramp, Tag("ramp")],
    Discriminator(
        lambda v: "one-cycle" if isinstance(v, OneCycle) or (isinstance(v, dict) and "peak" in v) else "ramp"
    ),
]
"""A learning rate by step: a one-cycle where it has a `peak`, else a ramp."""
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


# ------------------------------------------------------------------ the model of a part


@cache
def model(part: Callable[..., Any], given: tuple[str, ...] = (), *, described: bool = False) -> type[BaseModel]:
    """The pydantic model of the settings that `part`, a class or function, may be given by a configuration.

    Args:
        part: its annotated parameters are the fields; `*args` and `**kwargs` are none. A pydantic model is itself.
        given: names of parameters that the code gives.
        described: whether fields get descriptions, for editors: reading sources takes ten times as long as the rest.

    Raises:
        UserError: a parameter with a default has a type that is imported for type checkers alone.

    Example:
        >>> def measure(evaluation, *, draws: Count = 20): ...
        >>> model(measure)(draws=5).draws
        5
    """
    if inspect.isclass(part) and issubclass(part, BaseModel):
        return part
    said = descriptions(part) if described else {}
    factories = {f.name: f.default_factory for f in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else {}
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(part).parameters.items():
        if name in given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default: dict[str, Any] = {} if parameter.default is parameter.empty else {"default": parameter.default}
        if factories.get(name, dataclasses.MISSING) is not dataclasses.MISSING:
            default = {"default_factory": factories[name]}
        try:
            kind = annotation(part, name, parameter.annotation)
            TypeAdapter(kind)
        except PydanticSchemaGenerationError:
            continue
        except NameError as error:
            if default and parameter.annotation is not parameter.empty:
                raise UserError(f"{part}: the type of {name} is imported for type checkers alone: {error}") from None
            continue
        fields[name] = (kind, Field(description=said.get(name), **default))
    config = STRICT | {"use_attribute_docstrings": described}
    found: type[BaseModel] = create_model(getattr(part, "__name__", "Settings"), __config__=config, **fields)
    return found


def annotation(part: Callable[..., Any], name: str, written: Any) -> Any:
    """The type of the parameter `name` of `part`, of an annotation that may be text; a NameError if it has none."""
    if written is inspect.Parameter.empty:
        raise NameError(name)
    if not isinstance(written, str):
        return written
    if not inspect.isclass(part):
        namespace = inspect.unwrap(part).__globals__
    else:
        namespace = getattr(part.__init__, "__globals__", {})
        maker = next(each for each in part.__mro__ if "__init__" in vars(each))
        if getattr(vars(maker).get("__dataclass_params__"), "init", False):
            # A dataclass may inherit a field from a class of another module.
            owner = next(each for each in part.__mro__ if name in inspect.get_annotations(each))
            namespace = vars(sys.modules[owner.__module__])
    return eval(written, namespace)  # noqa: S307  (the source of a class, not of a user's file)


def descriptions(part: Callable[..., Any]) -> dict[str, str]:
    """What the source of `part` says of its parameters: the docstrings under its fields, or `Args:` of its own."""
    found: dict[str, str] = {}
    for each in reversed(part.__mro__) if inspect.isclass(part) else [part]:
        try:
            source = ast.parse(dedent(inspect.getsource(each))).body[0]
        except (OSError, TypeError, SyntaxError):
            continue
        for field, said in pairwise(getattr(source, "body", [])):
            if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant):
                found[ast.unparse(field.target)] = " ".join(str(said.value.value).split())
        arguments = (inspect.getdoc(each) or "").partition("Args:\n")[2].partition("\n\n")[0]
        for name, said in re.findall(r"^    (\w+): ((?:.*\n?)(?:     .*\n?)*)", arguments, flags=re.MULTILINE):
            found[name] = " ".join(said.split())
    return found


@cache
def schema(part: Callable[..., Any], given: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON Schema of the settings of `part`."""
    return model(part, given).model_json_schema()


# -------------------------------------------------------------------- settings of a part


def made(part: Callable[..., Any], settings: Mapping[str, Any], given: Sequence[str] = ()) -> BaseModel:
    """The settings of `part` that `settings` (plain values, as YAML has them) mean, as a pydantic model.

    Raises:
        ViolationsError: they are not valid; one line for each that is not.
    """
    given = tuple(given)
    try:
        # From JSON: there a strict model takes a mapping for a dataclass, and nothing else for what it is not.
        return model(part, given).model_validate_json(json.dumps(settings, default=str))
    except ValidationError as error:
        raise ViolationsError(list(violations(error.errors(include_url=False), schema(part, given)))) from None


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
