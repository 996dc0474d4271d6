"""The configuration of a study: reading, checking, and the specification of each of its runs.

Imports neither torch nor Snakemake: the workflow reads it at every start, and a machine with torch alone too.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jsonschema import ValidationError

SCHEMA = Path(__file__).with_name("config.schema.yaml")
OBJECTIVE_KEYS = ("sampling", "samples", "kl_weight", "backward")
TRAINING_KEYS = ("dictionary_rate", "encoder_rate")
TRAINING_DEFAULTS = {"clip_norm": None, "validation_penalty": 20.0}
EVALUATION_DEFAULTS = {
    "samples": 20,
    "penalties": [20.0, 8.0],
    "gradient_passes": 1000,
    "gradient_batches": 2,
    "gradient_samples": [1, 20],
    "stability_draws": 20,
    "stability_patches": 500,
}
NAMED_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}

# ---------------------------------------------------------------------- reading


def merge(base: dict[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `overlay` put over it, mapping by mapping, as Snakemake's --configfile does."""
    merged = deepcopy(base)
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = deepcopy(value)
    return merged


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """The checked configuration of the files at `paths`, each laid over the ones before it.

    Raises:
        UserError: a file is missing or is not YAML, or the configuration is not valid.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(path.read_bytes())
        except OSError as error:
            raise UserError(f"config file {path}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise UserError(f"config file {path} is not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict):
            raise UserError(f"config file {path} holds no mapping of keys to values")
        config = merge(config, content)
    return check(config)


# --------------------------------------------------------------------- checking


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
    """Check a data set or a method by the schema of its kind."""
    kinds = schema()["$defs"][group]
    kind = value.get(selector)
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


def check(config: dict[str, Any]) -> dict[str, Any]:
    """`config`, if it is valid.

    Raises:
        UserError: it is not; every violation on a line of its own.
    """
    found = violations(config, schema(), "")
    for group, selector, singular in (("datasets", "kind", "dataset"), ("methods", "family", "method")):
        entries = config.get(group)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, dict) and selector in value:
                found += kind_violations(value, selector, singular, f"{group}.{name}")
    if not found:
        found = reference_violations(config) + [
            line for group in ("methods", "experiments") for line in ramp_violations(config[group], group)
        ]
    if found:
        raise UserError("the configuration is not valid:\n" + "\n".join(f"  {line}" for line in found))
    return config


# ------------------------------------------------------------------------- runs


def derive_seed(*parts: Any) -> int:
    """A seed (62 bits) that is a function of `parts` alone, so that adding a method changes no other run."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def experiments(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The experiments that are switched on (an overlay switches one off by setting it to null)."""
    return {name: value for name, value in config["experiments"].items() if value is not None}


def dataset_spec(config: dict[str, Any], dataset: str) -> dict[str, Any]:
    """All that the data of `dataset` depend on."""
    return {"name": dataset, **config["datasets"][dataset]}


def method_config(config: dict[str, Any], experiment: str, method: str) -> dict[str, Any]:
    """The constants of `method` in `experiment`."""
    return merge(config["methods"][method], config["experiments"][experiment].get("overrides", {}).get(method, {}))


def run_spec(config: dict[str, Any], experiment: str, method: str, repetition: int) -> dict[str, Any]:
    """All that the weights of a run depend on, and nothing else: what the run is started with and known by.

    Raises:
        UserError: there is no such experiment, method or repetition.
    """
    known = experiments(config)
    if experiment not in known:
        raise UserError(f"no experiment {experiment}{nearest(experiment, known)}; there are {', '.join(known)}")
    setup = known[experiment]
    if method not in setup["methods"]:
        near = nearest(method, setup["methods"])
        raise UserError(f"no method {method} in {experiment}{near}; there are {', '.join(setup['methods'])}")
    if not 0 <= repetition < config["repetitions"]:
        raise UserError(f"no repetition {repetition}: they are 0 to {config['repetitions'] - 1}")
    constants = method_config(config, experiment, method)
    constants.pop("label", None)
    objective = setup["objective"] | {k: constants.pop(k) for k in OBJECTIVE_KEYS if k in constants}
    training = setup["training"] | {k: constants.pop(k) for k in TRAINING_KEYS if k in constants}
    return {
        "study": config["study"],
        "experiment": experiment,
        "method": method,
        "repetition": repetition,
        "seed": derive_seed(config["seed"], setup["dataset"], method, repetition),
        "dataset": dataset_spec(config, setup["dataset"]),
        "generator": setup["generator"],
        "encoder": setup["encoder"],
        "coder": constants,
        "objective": objective,
        "training": TRAINING_DEFAULTS | training,
    }


def evaluation_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the metrics of an experiment are computed with."""
    return {**EVALUATION_DEFAULTS, **config["experiments"][experiment]["evaluation"]}


def run_name(spec: Mapping[str, Any]) -> str:
    """experiment/method/repetition: the run's folder under results/runs."""
    return f"{spec['experiment']}/{spec['method']}/{spec['repetition']}"


def run_key(spec: Mapping[str, Any]) -> str:
    """A fingerprint (12 hex digits) of all that a run depends on."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]


def runs(config: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(experiment, method, repetition) of every run of the study."""
    return [
        (name, method, repetition)
        for name, setup in experiments(config).items()
        for method in setup["methods"]
        for repetition in range(config["repetitions"])
    ]


def labels(config: dict[str, Any]) -> dict[str, str]:
    """The names of the methods in tables and figures."""
    return {name: method.get("label", name) for name, method in config["methods"].items()}


def baseline_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the reference codes of an experiment depend on, beside its data.

    Raises:
        UserError: there is no such experiment.
    """
    known = experiments(config)
    if experiment not in known:
        raise UserError(f"no experiment {experiment}{nearest(str(experiment), known)}; there are {', '.join(known)}")
    return {
        "experiment": experiment,
        "dataset": known[experiment]["dataset"],
        "latents": known[experiment]["generator"]["latents"],
        "penalties": evaluation_spec(config, experiment)["penalties"],
    }
