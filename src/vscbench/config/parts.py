"""The parts that a configuration names: which class each is, and what it may be told."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, create_model

from vscbench import registry, settings
from vscbench.config.study import Objective, Training
from vscbench.errors import UserError
from vscbench.merging import EXCLUSIVE
from vscbench.settings import Label
from vscbench.violations import ViolationsError, rules, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Found = list[tuple[tuple[str, ...], str]]


@dataclass(frozen=True)
class Role:
    """What a part of the configuration stands for."""

    what: str = ""
    """In words, for messages."""
    table: str = ""
    """Where the names of the package's own are; a role without one names no class."""
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
        nested=("threshold", "prior", "refinement", "distance"),
        group=registry.CODERS,
    ),
    "threshold": Role("kind of threshold", "vscbench.coders:THRESHOLDS", given=("base",)),
    "prior": Role("kind of prior", "vscbench.coders:PRIORS", given=("shape",)),
    "refinement": Role("kind of refinement", "vscbench.coders:REFINEMENTS"),
    "distance": Role("kind of distance", "vscbench.coders:DISTANCES"),
    "rule": Role("sampling rule", "vscbench.objectives:RULES", selector="sampling"),
    "optimizer": Role("optimizer", "vscbench.training:OPTIMIZERS", given=("coder", "model", "shape", "pixels")),
    "metric": Role("metric", "vscbench.metrics:METRICS", selector=""),
    "objective": Role(selector=""),
    "training": Role(selector="", nested=("optimizer",)),
}
FIXED: dict[str, type[BaseModel]] = {"objective": Objective, "training": Training}
"""The models of parts that name no class."""
BESIDE_CODER = ("label", "objective", "training")
"""Keys of a method that are not about its coder."""


def names(role: str) -> dict[str, str]:
    """The addresses of the package's own parts, by name."""
    table: dict[str, str] = registry.load(ROLES[role].table)
    return table


def address(role: str, name: str) -> str:
    """Where the part called `name` stands, as `module:attribute`; a `UserError` if there is none."""
    return registry.address({} if ":" in name else names(role), name, ROLES[role].what, ROLES[role].group)


def find(role: str, name: str) -> Any:
    """The class or function called `name`; a `UserError` if there is none, or it cannot be imported."""
    return registry.load(address(role, name))


def chosen(role: str, part: Mapping[str, Any]) -> Any:
    """The class that a part names.

    Raises:
        ViolationsError: it names none, or one that there is not.
    """
    if role in FIXED:
        return FIXED[role]
    selector = ROLES[role].selector
    if selector not in part:
        written = get_close_matches(selector, part, n=1)
        instead = f"; did you mean {selector} by {written[0]}?" if written else ""
        text = f"missing key {selector}: one of {', '.join(names(role))}, or module:Class{instead}"
        raise ViolationsError([((), text)])
    name = part[selector]
    if not isinstance(name, str):
        text = f"{shown(name)} is not allowed; it must be one of {', '.join(names(role))}, or module:Class"
        raise ViolationsError([((selector,), text)])
    try:
        found = find(role, name)
    except UserError as error:
        raise ViolationsError([((selector,), str(error))]) from None
    if not inspect.isclass(found):
        raise ViolationsError([((selector,), f"{name} is no class")])
    return found


@cache
def model(role: str, part: Callable[..., Any], *, described: bool = False) -> type[BaseModel]:
    """The pydantic model of all that a configuration may say of `part`: its settings, and what goes with its role."""
    given = ROLES[role].given
    if role == "metric":  # those that may be positional
        parameters = inspect.signature(part).parameters.values()
        given = tuple(each.name for each in parameters if each.kind is not each.KEYWORD_ONLY)
    own = settings.model(part, given, described=described)
    more: dict[str, Any] = {}
    if selector := ROLES[role].selector:
        more[selector] = (str, Field(description=f"the {ROLES[role].what}, or module:Class of your own"))
    if role == "coder":
        for key in getattr(part, "takes", ()):
            more[key] = (dict[str, Any] | None, Field(None, description=f"a {key}, by its kind"))
        more["label"] = (Label | None, Field(None, description="its name in tables and figures"))
        for key in FIXED:
            more[key] = (dict[str, Any], Field({}, description=f"what differs from the {key} of the experiment"))
    made: type[BaseModel] = create_model(own.__name__, __base__=own, **more)
    return made


def filled(role: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """`part` with every setting of the class that it names and of its nested parts, as plain values.

    Raises:
        ViolationsError: it is not valid.
    """
    result, found = _filled(role, json.dumps(part, default=str))
    if found:
        raise ViolationsError(list(found))
    content: dict[str, Any] = json.loads(result)
    return content


def forget() -> None:
    """Look at the classes anew that parts name."""
    _filled.cache_clear()


@cache  # most runs of a study share most of their parts
def _filled(role: str, text: str) -> tuple[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """The JSON of a part that is filled in, from its JSON, and what is wrong with it."""
    part, selector = json.loads(text), ROLES[role].selector
    found: Found = []
    result: dict[str, Any] = {}
    try:
        kind = model(role, chosen(role, part))
        result = settings.made(kind, part).model_dump(mode="json")
        found += _choose(part, result)
    except ViolationsError as error:
        found += error.found
    for key in ROLES[role].nested:
        if isinstance(part.get(key), dict):
            try:
                result[key] = filled(key, part[key])
            except ViolationsError as error:
                found += [((key, *place), said) for place, said in error.found]
        elif result.get(key) is None:
            result.pop(key, None)
    if role == "objective" and not found:
        try:
            find("rule", result["sampling"])
        except UserError as error:
            found.append((("sampling",), str(error)))
    first = {selector: result[selector]} if selector in result else {}
    left_out = (selector, *BESIDE_CODER) if role == "coder" else (selector,)
    rest = {key: value for key, value in result.items() if key not in left_out}
    return json.dumps(first | rest), tuple(found)


def _choose(part: Mapping[str, Any], result: dict[str, Any]) -> Found:
    """Of two settings that exclude each other leave the given one in `result`; say where both or neither is given."""
    for pair in (pair for pair in EXCLUSIVE if result.keys() >= set(pair)):
        there = [key for key in pair if part.get(key) is not None] or [key for key in pair if result[key] is not None]
        if len(there) != 1:
            missing = f"missing key {' or '.join(pair)}"
            return [((), missing if not there else f"{' and '.join(pair)} exclude each other: give one")]
        result.pop(next(key for key in pair if key not in there))
    return []


def takes_list(role: str, part: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a list at `path` of a part is one by its type, and no sweep."""
    if path[0] in ROLES[role].nested and len(path) > 1:
        return takes_list(path[0], part[path[0]], path[1:])
    if path[-1] == ROLES[role].selector:
        return True
    try:
        keys, there = rules(settings.schema(model(role, chosen(role, part))), path)
    except ViolationsError:
        return True  # of a class that there is not: what is wrong is told by `filled`
    # Of a key that there is not `filled` tells, too.
    return len(keys) < len(path) or any(rule.get("type") == "array" for rule in there)
