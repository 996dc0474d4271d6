"""What is wrong with settings, a line each: the key, the value, what may stand there, the nearest right name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from vscbench.errors import UserError
from vscbench.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "lower-case letters, digits and _, a letter first"
SHOWN = 80
"""Characters of a wrong value that a message repeats."""


class ViolationsError(UserError):
    """Settings that are not valid."""

    def __init__(self, found: list[tuple[tuple[str, ...], str]]) -> None:
        self.found = found
        """The place of each violation, and what is wrong there."""
        super().__init__("\n".join(self.at("")))

    def at(self, *where: str) -> list[str]:
        """A line each, in a configuration that has these settings at the place `where`."""
        return [f"{'.'.join(filter(None, (*where, *place))) or 'top level'}: {text}" for place, text in self.found]


def violations(errors: Sequence[Any], whole: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Place and text of errors of pydantic: what is wrong, what may stand there, the nearest right name."""
    found: dict[tuple[str, ...], str] = {}
    for error in errors:
        *outside, last = error["loc"] or [""]
        place, there = rules(whole, outside)
        inside, _ = rules(whole, error["loc"])
        if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            known = list(dict.fromkeys(name for rule in there for name in rule.get("properties", {})))
            found[*place, f"<{last}>"] = (
                f"unknown key {last}{nearest(str(last), known)}; allowed are {', '.join(known)}"
            )
        elif error["type"] in ("missing", "missing_argument"):
            found[*place, f"<{last}>"] = f"missing key {last}"
        elif last == "[key]":
            name = outside[-1]
            found[*rules(whole, outside[:-1])[0], f"<{name}>"] = (
                f"the name {json.dumps(name)} must be {NAME}, at most 60"
            )
        elif error["type"] == "value_error":
            found[inside] = str(error["ctx"]["error"])
        else:
            there = rules(whole, error["loc"])[1]
            found[inside] = f"{shown(error['input'])} is not allowed; it must be {expectation(there)}"
            found[inside] += hint(error["input"], there)
    for keys, text in found.items():
        # Of a union, each branch complains: the one that got furthest is meant.
        if not any(other[: len(keys)] == keys for other in found if other != keys):
            yield tuple(key for key in keys if not key.startswith("<")), text


def shown(value: Any) -> str:
    """A wrong value in a message: what is long is cut."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) < SHOWN else f"{text[:SHOWN]}..."


def rules(whole: dict[str, Any], place: Sequence[Any]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """What the JSON Schema `whole` says of the value at `place`, a rule for each type that it may have.

    Returns:
        The keys of `place`, without those steps that name a branch of a union and no key; and the rules.
    """
    keys, found = [], branches(whole, whole)
    for step in place:
        below = []
        for rule in found:
            below.append(rule.get("properties", {}).get(step, rule.get("additionalProperties")))
            below += [*rule.get("patternProperties", {}).values(), rule.get("items") if isinstance(step, int) else None]
        below = [child for child in below if isinstance(child, dict)]
        if below:
            keys.append(str(step))
            found = [branch for rule in below for branch in branches(rule, whole)]
    return tuple(keys), found


def branches(rule: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    """A rule of the JSON Schema `whole` without references and unions: one for each type."""
    if "$ref" in rule:
        return branches(whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    options = rule.get("anyOf") or rule.get("oneOf")
    return [each for option in options for each in branches(option, whole)] if options else [rule]


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
            options = [str(option) for option in rule.get("enum", [rule.get("const")])]
            words.append("one of " * (len(options) > 1) + ", ".join(options))
        else:
            limits = "".join(text.format(rule[key]) for key, text in LIMITS.items() if key in rule)
            words.append(TYPES.get(rule.get("type", ""), "something else") + limits)
    return (", or " if any("," in word for word in words) else " or ").join(dict.fromkeys(words))


def hint(value: Any, there: Sequence[dict[str, Any]]) -> str:
    """The nearest right value, or how the number is written that looks like text."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value):
        return "; quoted it is text: write 1.0e-4 for the number"
    return nearest(str(value), [str(option) for rule in there for option in rule.get("enum", [])])
