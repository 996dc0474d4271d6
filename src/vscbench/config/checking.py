"""Is a configuration valid, and if not, what is wrong, in one line each?"""

from __future__ import annotations

import difflib
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vscbench.config import sweeps
from vscbench.config.merging import merge
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

SCHEMA = Path(__file__).with_name("schema.yaml")
SWEPT_KEYS = ("generator", "objective", "training", "overrides", "density")
DEFAULT_KINDS = {"training": "two_rates"}
PART_SELECTORS = {"generator": "kind", "encoder": "kind", "training": "optimizer"}
"""The key that says of which kind a part of an experiment is."""
IMAGE_SIDES = {"digits": 8, "faces": 64, "fashion_mnist": 28, "celeba": 64}
"""Side of the images of a data set, by its kind; the others hold patches."""
CONVOLUTIONAL_SIDES = (28, 64)
LINEAR_FAMILIES = ("admm", "lista")
"""Families that infer codes of a dictionary alone."""
NAMED_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a configuration."""
    content: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return content


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?', or '' where nothing in `known` is near `name`."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def expectation(rule: Mapping[str, Any]) -> str:
    """What a value may be, in words, from its part of the schema."""
    while "$ref" in rule:
        part: Any = schema()
        for step in rule["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        rule = part
    if "const" in rule:
        return json.dumps(rule["const"])
    if "enum" in rule:
        return "one of " + ", ".join(map(str, rule["enum"]))
    types = rule.get("type", [])
    words = " or ".join(NAMED_TYPES[t] for t in ([types] if isinstance(types, str) else types))
    limits = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    )
    words += "".join(f", {word} {rule[key]}" for key, word in limits if key in rule)
    if "minItems" in rule:
        words += " that is not empty"
    return words + (f" ({rule['description']})" if "description" in rule else "")


def explain(error: ValidationError, where: str) -> str:
    """One line for a violation of the schema: the key, what is wrong, what it may be, the nearest right name."""
    key = ".".join([*filter(None, [where]), *map(str, error.absolute_path)])
    rule: Mapping[str, Any] = error.schema  # type: ignore[assignment]
    if error.validator == "additionalProperties":
        known = list(rule.get("properties", {}))
        unknown = [name for name in error.instance if name not in known]  # type: ignore[union-attr]
        hints = "".join(f"unknown key {name}{nearest(str(name), known)}; " for name in unknown)
        return f"{key or 'top level'}: {hints}allowed are {', '.join(known)}"
    if error.validator in ("required", "dependentRequired"):
        return f"{key or 'top level'}: {error.message.replace(chr(39), '')}"
    if "propertyNames" in error.absolute_schema_path:
        return f"{key}: the name {error.instance!r} must consist of {expectation(rule)}"
    value = json.dumps(error.instance, default=str)
    hint = nearest(str(error.instance), map(str, rule["enum"])) if "enum" in rule else ""
    if error.validator == "type" and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", str(error.instance)):
        hint += "; YAML takes this for text: write 1.0e-4 instead of 1e-4"
    return f"{key or 'top level'}: {value} is not allowed; it must be {expectation(rule)}{hint}"


def violations(value: Any, rule: dict[str, Any], where: str) -> list[str]:
    """What is wrong with `value` by the part `rule` of the schema, a line each."""
    from jsonschema import Draft202012Validator, validators

    # Stricter than JSON schema: 2.0 is no whole number, nan and inf are no numbers.
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, v: isinstance(v, int) and not isinstance(v, bool),
            "number": lambda _, v: isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v),
        }
    )
    strict = validators.extend(Draft202012Validator, type_checker=types)
    validator = strict({**rule, "$defs": schema()["$defs"]})
    errors = sorted(validator.iter_errors(value), key=lambda e: [str(part) for part in e.absolute_path])
    return [explain(error, where) for error in errors]


def kind_violations(value: dict[str, Any], selector: str, group: str, where: str) -> list[str]:
    """Check a data set, a method or a part of an experiment by the schema of its kind."""
    kinds = schema()["$defs"][group]
    kind = value.get(selector, DEFAULT_KINDS.get(group))
    if not isinstance(kind, str) or kind not in kinds:
        hint = nearest(str(kind), kinds)
        return [f"{where}.{selector}: {kind!r} is not allowed; it must be one of {', '.join(kinds)}{hint}"]
    return violations(value, kinds[kind], where)


def ramp_violations(value: Any, where: str) -> list[str]:
    """Ramps that end before they start, or whose fractions exceed 1, anywhere in `value`."""
    if not isinstance(value, dict):
        return []
    found = []
    if {"initial", "final"} <= value.keys():
        start, end = value.get("start", 0), value.get("end", 1)
        if value.get("unit", "fraction") == "fraction" and max(start, end) > 1:
            found.append(f"{where}: start and end are fractions of training, at most 1; write unit: steps for steps")
        elif start > end:
            found.append(f"{where}: the ramp ends ({end}) before it starts ({start})")
    return found + [line for key, part in value.items() for line in ramp_violations(part, f"{where}.{key}")]


def reference_violations(config: dict[str, Any]) -> list[str]:
    """Names that point to nothing: the data set and the methods of an experiment."""
    found = []
    for name, experiment in config["experiments"].items():
        if experiment is None:
            continue
        where = f"experiments.{name}"
        if experiment["dataset"] not in config["datasets"]:
            known = config["datasets"]
            hint = nearest(experiment["dataset"], known)
            found.append(
                f"{where}.dataset: there is no data set {experiment['dataset']}{hint}; there are {', '.join(known)}"
            )
        known = config["methods"]
        for key in ("methods", "overrides"):
            found += [
                f"{where}.{key}: there is no method {method}{nearest(method, known)}; there are {', '.join(known)}"
                for method in experiment.get(key, [])
                if method not in known
            ]
        for method, changes in experiment.get("overrides", {}).items():
            if method in known:
                value = merge(known[method], changes)
                part = f"{where}.overrides.{method}"
                found += kind_violations(value, "family", "method", part) + ramp_violations(value, part)
    return found


def objective_violations(config: dict[str, Any]) -> list[str]:
    """Sampling rules that their objective or their method leaves without meaning."""
    found = []
    for name, experiment in config["experiments"].items():
        for method in (experiment or {}).get("methods", []):
            constants = merge(config["methods"][method], experiment.get("overrides", {}).get(method, {}))
            objective = experiment["objective"] | constants
            has_posterior = "sampling" in schema()["$defs"]["method"][constants["family"]]["properties"]
            if objective["sampling"] != "iwae" or not has_posterior:
                continue
            where = f"experiments.{name}: {method} samples by iwae, which needs"
            if objective["kl_weight"] == 0:
                found.append(f"{where} a kl_weight above 0: it is the variance of the likelihood")
            if constants.get("prior") == "clf":
                found.append(f"{where} a prior that does not look at the data: fixed or vamp")
    return found


def size_violations(config: dict[str, Any]) -> list[str]:
    """Networks that do not fit the data of their experiment."""
    found = []
    for name, experiment in config["experiments"].items():
        if experiment is None:
            continue
        kind = config["datasets"][experiment["dataset"]]["kind"]
        side = IMAGE_SIDES.get(kind)
        linear = experiment["generator"]["kind"] == "dictionary"
        where = f"experiments.{name}"
        if linear != (side is None):
            wanted = "dictionary" if side is None else "mlp or convolutional"
            found.append(f"{where}.generator.kind: {kind} needs {wanted}")
        if linear == (experiment["training"].get("optimizer") == "adam"):
            found.append(f"{where}.training.optimizer: a dictionary learns by two_rates, a network by adam")
        found += [
            f"{where}.methods: {method} is of family {config['methods'][method]['family']}, which needs a dictionary; "
            "for a network there is fista"
            for method in experiment["methods"]
            if not linear and config["methods"][method]["family"] in LINEAR_FAMILIES
        ]
        found += [
            f"{where}.{part}.kind: there is no convolutional network for {side}x{side} images, only for "
            f"{' and '.join(f'{n}x{n}' for n in CONVOLUTIONAL_SIDES)}: choose mlp"
            for part in ("generator", "encoder")
            if experiment[part]["kind"] == "convolutional" and side not in (None, *CONVOLUTIONAL_SIDES)
        ]
    return found


def sweep_violations(config: dict[str, Any]) -> list[str]:
    """Sweeps over nothing, and values given twice."""
    return [
        f"{group}.{name}.{axis}: a sweep needs values, each once"
        for group in ("methods", "experiments")
        for name, part in config[group].items()
        for axis, values in sweeps.axes(swept_part(part) if group == "experiments" else part)
        if not values or len({str(value) for value in values}) < len(values)
    ]


def swept_part(experiment: dict[str, Any] | None) -> dict[str, Any]:
    """The keys of an experiment whose scalars may be given as lists."""
    return {key: value for key, value in (experiment or {}).items() if key in SWEPT_KEYS}


def columns(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`config` once for each place in the longest of its sweeps, with the values that stand there: all are checked."""
    index = longest = 0
    while index <= longest:
        settled = dict(config)
        for group in ("methods", "experiments"):
            parts = config.get(group)
            if not isinstance(parts, dict):
                continue
            settled[group] = dict(parts)
            for name, part in parts.items():
                if not isinstance(part, dict):
                    continue
                swept = swept_part(part) if group == "experiments" else part
                longest = max([longest, *(len(values) - 1 for _, values in sweeps.axes(swept))])
                settled[group][name] = {**part, **sweeps.column(swept, index)}
        yield settled
        index += 1


def check(config: dict[str, Any]) -> dict[str, Any]:
    """`config`, if it is valid.

    Raises:
        UserError: it is not; every violation on a line of its own.
    """
    found = dict.fromkeys(line for column in columns(config) for line in column_violations(column))
    if not found:
        found = dict.fromkeys(sweep_violations(config))
    if found:
        raise UserError("the configuration is not valid:\n" + "\n".join(f"  {line}" for line in found))
    return config


def column_violations(config: dict[str, Any]) -> list[str]:
    """What is wrong with a configuration without sweeps, a line each."""
    found = violations(config, schema(), "")
    for group, selector, singular in (("datasets", "kind", "dataset"), ("methods", "family", "method")):
        entries = config.get(group)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, dict) and selector in value:
                found += kind_violations(value, selector, singular, f"{group}.{name}")
    entries = config.get("experiments")
    for name, value in entries.items() if isinstance(entries, dict) else ():
        for part, selector in PART_SELECTORS.items():
            if isinstance(value, dict) and isinstance(value.get(part), dict):
                found += kind_violations(value[part], selector, part, f"experiments.{name}.{part}")
    if found:
        return found
    found = reference_violations(config)
    found += [line for group in ("methods", "experiments") for line in ramp_violations(config[group], group)]
    return found or size_violations(config) + objective_violations(config)
