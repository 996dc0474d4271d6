"""The parts that a configuration names: which class each is, and what it may be told."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, create_model

from vscbench import registry, settings
from vscbench.merging import ALTERNATIVES
from vscbench.config.study import Objective, Training
from vscbench.errors import UserError
from vscbench.settings import Label, ViolationsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Role:
    """What a part of the configuration stands for."""

    what: str
    """In words, for messages."""
    table: str
    """Where the names of the package's own are."""
    selector: str = "kind"
    """The key that names the class."""
    given: tuple[str, ...] = ()
    """Parameters that the code gives: no keys."""
    nested: tuple[str, ...] = ()
    """Keys that are parts themselves."""
    group: str = ""
    """The entry points that installed packages offer such parts by."""


ROLES = {
    "dataset": Role("kind of data set", "vscbench.data:SOURCES", given=("name",)),
    "generator": Role("kind of generator", "vscbench.networks:GENERATORS", given=("shape",)),
    "encoder": Role("kind of encoder", "vscbench.networks:ENCODERS", given=("shape",)),
    "coder": Role(
        "family",
        "vscbench.coders:FAMILIES",
        selector="family",
        given=("generator", "encoder", "shape", "latents", "atoms", "rng", "rule", "objective"),
        nested=("threshold", "prior"),
        group=registry.CODERS,
    ),
    "threshold": Role("kind of threshold", "vscbench.coders:THRESHOLDS", given=("base",)),
    "prior": Role("kind of prior", "vscbench.coders:PRIORS", given=("shape", "latents", "posterior", "base")),
    "rule": Role("sampling rule", "vscbench.objectives:RULES", selector="sampling"),
    "optimizer": Role("optimizer", "vscbench.training:OPTIMIZERS", given=("coder", "model", "shape", "pixels")),
    "metric": Role("metric", "vscbench.metrics:METRICS", selector=""),
    "objective": Role("objective", "", selector=""),
    "training": Role("training", "", selector="", nested=("optimizer",)),
}
FIXED = {"objective": Objective, "training": Training}
"""Parts of an experiment that name no class."""
BESIDE_CODER = ("label", "objective", "training")
"""Keys of a method that are not about its coder."""
PAIR = 2


def names(role: str) -> dict[str, str]:
    """The addresses of the package's own parts, by name."""
    table: dict[str, str] = registry.load(ROLES[role].table)
    return table


def address(role: str, name: str) -> str:
    """Where the part called `name` stands, as `module:attribute`.

    Raises:
        UserError: there is none of that name.
    """
    table = {} if ":" in name else names(role)
    return registry.address(table, name, ROLES[role].what, ROLES[role].group)


def find(role: str, name: str) -> Any:
    """The class or function called `name`.

    Raises:
        UserError: there is none of that name, or it cannot be imported.
    """
    return registry.load(address(role, name))


def given(role: str, part: Any) -> tuple[str, ...]:
    """The parameters of `part` that the code gives; of a metric those that may be positional."""
    if role != "metric":
        return ROLES[role].given
    parameters = inspect.signature(part).parameters.values()
    return tuple(each.name for each in parameters if each.kind is not each.KEYWORD_ONLY)


@cache
def model(role: str, part: Callable[..., Any]) -> type[BaseModel]:
    """The pydantic model of all that a configuration may say of `part`: its own settings, and what goes with its role."""
    own = settings.model(part, given(role, part))
    more: dict[str, Any] = {}
    if selector := ROLES[role].selector:
        more[selector] = (str, Field(description=f"the {ROLES[role].what}, or module:Class of your own"))
    for key in getattr(part, "takes", ROLES[role].nested) if role == "coder" else ():
        more[key] = (dict[str, Any] | None, Field(None, description=f"a {key}, by its kind"))
    if role == "coder":
        more["label"] = (Label | None, Field(None, description="its name in tables and figures"))
        more["objective"] = (dict[str, Any], Field({}, description="what differs from the objective of the experiment"))
        more["training"] = (dict[str, Any], Field({}, description="what differs from the training of the experiment"))
    made: type[BaseModel] = create_model(own.__name__, __base__=own, **more)
    return made


def filled(role: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """`part` with every setting of the class that it names and of its nested parts, as plain values.

    Raises:
        ViolationsError: it is not valid.
    """
    result, found = _filled(role, json.dumps(part, default=str))
    if found:
        raise ViolationsError([(list(place), text) for place, text in found])
    content: dict[str, Any] = json.loads(result)
    return content


@cache
def _filled(role: str, text: str) -> tuple[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """The JSON of a part that is filled in, from its JSON, and what is wrong with it: cached, most runs share most parts."""
    part, selector = json.loads(text), ROLES[role].selector
    found: list[tuple[list[str], str]] = []
    result: dict[str, Any] = {}
    try:
        kind = model(role, chosen(role, part))
        try:
            result = settings.made(kind, part).model_dump(mode="json")
        except ViolationsError as error:
            found += error.found
        found += _exclude(part, kind, result)
    except ViolationsError as error:
        found += error.found
    for key in ROLES[role].nested:
        if isinstance(part.get(key), dict):
            try:
                result[key] = filled(key, part[key])
            except ViolationsError as error:
                found += [([key, *place], said) for place, said in error.found]
        elif result.get(key) is None:
            result.pop(key, None)
    if role == "objective" and not found:
        try:
            find("rule", result["sampling"])
        except UserError as error:
            found.append((["sampling"], str(error)))
    first = {selector: result[selector]} if selector in result else {}
    rest = {key: value for key, value in result.items() if key not in (selector, *BESIDE_CODER * (role == "coder"))}
    return json.dumps(first | rest), tuple((tuple(place), said) for place, said in found)


def chosen(role: str, part: Mapping[str, Any]) -> Any:
    """The class that a part names.

    Raises:
        ViolationsError: it names none, or one that there is not.
    """
    if role in FIXED:
        return FIXED[role]
    selector = ROLES[role].selector
    if not isinstance(part.get(selector), str):
        value = f"{json.dumps(part[selector])} is not allowed" if selector in part else "a key that is missing"
        raise ViolationsError([([selector], f"{value}; it must be one of {', '.join(names(role))}, or module:Class")])
    try:
        return find(role, part[selector])
    except UserError as error:
        raise ViolationsError([([selector], str(error))]) from None


def _exclude(part: Mapping[str, Any], kind: type[BaseModel], result: dict[str, Any]) -> list[tuple[list[str], str]]:
    """Of two settings that exclude each other leave the given one in `result`; say where both or neither is given."""
    found: list[tuple[list[str], str]] = []
    for pair in ALTERNATIVES:
        keys = sorted((key for side in pair for key in side), reverse=True)
        if len(keys) != PAIR or not set(keys) <= kind.model_fields.keys():
            continue
        there = [key for key in keys if part.get(key) is not None]
        if len(there) > 1:
            found.append(([], f"{' and '.join(keys)} exclude each other: give one"))
        elif there:
            result.pop(next(key for key in keys if key not in there), None)
        elif result and not any(result[key] is not None for key in keys):
            found.append(([], f"missing key {' or '.join(keys)}"))
        else:
            for key in keys:
                if result.get(key) is None:
                    result.pop(key, None)
    return found


def takes_list(role: str, part: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a list at `path` of a part is one by its type, and no sweep."""
    if path[0] in ROLES[role].nested and len(path) > 1:
        return takes_list(path[0], part[path[0]], path[1:])
    if path[-1] == ROLES[role].selector or role in FIXED and path[0] not in FIXED[role].model_fields:
        return True
    try:
        keys, rules = settings.rules(settings.schema(model(role, chosen(role, part))), path)
    except ViolationsError:
        return True  # of a class that there is not: what is wrong is told by `filled`
    return len(keys) == len(path) and any(rule.get("type") == "array" for rule in rules)
