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
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import yaml

from vscbench import sweeps
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

SCHEMA = Path(__file__).with_name("config.schema.yaml")
OBJECTIVE_KEYS = ("sampling", "samples", "kl_weight", "backward")
TRAINING_KEYS = ("dictionary_rate", "encoder_rate")
TRAINING_DEFAULTS = {
    "two_rates": {"optimizer": "two_rates", "clip_norm": None, "validation_penalty": 20.0},
    "adam": {"clip_norm": None, "weight_decay": 1e-5, "flip": False, "precision": "single"},
}
SWEPT_KEYS = ("generator", "objective", "training", "overrides", "density")
DEFAULT_KINDS = {"training": "two_rates"}
PART_SELECTORS = {"generator": "kind", "encoder": "kind", "training": "optimizer"}
"""The key that says of which kind a part of an experiment is."""
IMAGE_SIDES = {"digits": 8, "faces": 64, "fashion_mnist": 28, "celeba": 64}
"""Side of the images of a data set, by its kind; the others hold patches."""
CONVOLUTIONAL_SIDES = (28, 64)
EVALUATION_DEFAULTS = {
    "samples": 20,
    "penalties": [20.0, 8.0],
    "gradient_passes": 1000,
    "gradient_batches": 2,
    "gradient_samples": [1, 20],
    "stability_draws": 20,
    "stability_patches": 500,
    "generation_images": 5000,
    "probe_images": 5000,
    "inception_weights": None,
}
SPREAD_PRIOR = 0.1
"""What the families take where a method names none."""
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


def size_violations(config: dict[str, Any]) -> list[str]:
    """Networks that do not fit the data of their experiment."""
    found = []
    for name, experiment in experiments(config).items():
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
    return found or size_violations(config)


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
    """The constants of `method` in `experiment`, its sweeps among them."""
    setup = config["experiments"][experiment]
    constants = merge(config["methods"][method], setup.get("overrides", {}).get(method, {}))
    sparse = constants["family"] == "spike_slab" or constants.get("threshold", "none") != "none"
    if sparse and "density" in setup:
        constants = {"density": setup["density"], **constants}
    return constants


def at_density(constants: dict[str, Any]) -> dict[str, Any]:
    """The constants with the threshold, or the prior probability of a spike, that gives the prior its `density`."""
    density = constants.pop("density", None)
    if density is None:
        return constants
    if constants["family"] == "spike_slab":
        return constants | {"spike_prior": density}
    value = threshold_at(density, constants["family"], constants.get("spread_prior", SPREAD_PRIOR))
    return constants | {"threshold_value": value}


def threshold_at(density: float, family: str, spread: float) -> float:
    """λ with P(|e| > λ) = density under the prior of the base (of a learned threshold: λ₀).

    Laplace(0, b₀): e^{-λ/b₀}, so λ = -b₀ log(density); N(0, s₀): 2Φ(-λ/√s₀), so λ = -√s₀ Φ⁻¹(density/2).
    """
    if family == "laplacian":
        return -spread * math.log(density)
    return -math.sqrt(spread) * NormalDist().inv_cdf(density / 2)


def sections(config: dict[str, Any], experiment: str, method: str) -> dict[str, dict[str, Any]]:
    """The parts of a specification whose scalars may be swept, by name."""
    setup, constants = config["experiments"][experiment], method_config(config, experiment, method)
    constants.pop("label", None)
    objective = setup["objective"] | {k: constants.pop(k) for k in OBJECTIVE_KEYS if k in constants}
    training = setup["training"] | {k: constants.pop(k) for k in TRAINING_KEYS if k in constants}
    defaults = TRAINING_DEFAULTS[training.get("optimizer", "two_rates")]
    return {
        "generator": setup["generator"],
        "coder": constants,
        "objective": objective,
        "training": defaults | training,
    }


def points(config: dict[str, Any], experiment: str, method: str) -> dict[str, dict[str, Any]]:
    """The points at which `method` runs in `experiment`, by the name of the variant."""
    grid = sweeps.points(*sections(config, experiment, method).values())
    return {sweeps.variant(method, point): point for point in grid}


def repetitions(config: dict[str, Any], experiment: str) -> int:
    """Runs of each method in `experiment`."""
    return int(config["experiments"][experiment].get("repetitions", config["repetitions"]))


def run_spec(config: dict[str, Any], experiment: str, variant: str, repetition: int) -> dict[str, Any]:
    """All that the weights of a run depend on, and nothing else: what the run is started with and known by.

    `variant` is a method, and where something is swept its point: gaussian@latents=64.

    Raises:
        UserError: there is no such experiment, method, point or repetition.
    """
    known = experiments(config)
    if experiment not in known:
        raise UserError(f"no experiment {experiment}{nearest(experiment, known)}; there are {', '.join(known)}")
    setup, method = known[experiment], variant.partition("@")[0]
    if method not in setup["methods"]:
        near = nearest(method, setup["methods"])
        raise UserError(f"no method {method} in {experiment}{near}; there are {', '.join(setup['methods'])}")
    variants = points(config, experiment, method)
    if variant not in variants:
        raise UserError(
            f"no run of {variant} in {experiment}{nearest(variant, variants)}; there are {', '.join(variants)}"
        )
    count = repetitions(config, experiment)
    if not 0 <= repetition < count:
        raise UserError(f"no repetition {repetition}: they are 0 to {count - 1}")
    point = variants[variant]
    parts = {name: sweeps.settle(part, point) for name, part in sections(config, experiment, method).items()}
    return {
        "study": config["study"],
        "experiment": experiment,
        "method": method,
        "point": point,
        "repetition": repetition,
        "seed": derive_seed(config["seed"], setup["dataset"], method, repetition),
        "dataset": dataset_spec(config, setup["dataset"]),
        "encoder": setup["encoder"],
        **parts,
        "coder": at_density(parts["coder"]),
    }


def evaluation_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the metrics of an experiment are computed with."""
    return {**EVALUATION_DEFAULTS, **config["experiments"][experiment]["evaluation"]}


def run_name(spec: Mapping[str, Any]) -> str:
    """experiment/variant/repetition: the run's folder under results/runs."""
    return f"{spec['experiment']}/{sweeps.variant(spec['method'], spec['point'])}/{spec['repetition']}"


def run_key(spec: Mapping[str, Any]) -> str:
    """A fingerprint (12 hex digits) of all that a run depends on."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]


def runs(config: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(experiment, variant, repetition) of every run of the study."""
    return [
        (name, variant, repetition)
        for name, setup in experiments(config).items()
        for method in setup["methods"]
        for variant in points(config, name, method)
        for repetition in range(repetitions(config, name))
    ]


def labels(config: dict[str, Any]) -> dict[str, str]:
    """The names of the methods in tables and figures."""
    return {name: method.get("label", name) for name, method in config["methods"].items()}


def linear_experiments(config: dict[str, Any]) -> list[str]:
    """The experiments with a linear generator, for which there are reference codes."""
    return [name for name, setup in experiments(config).items() if setup["generator"]["kind"] == "dictionary"]


def baseline_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the reference codes of an experiment depend on, beside its data; of a swept size the largest.

    Raises:
        UserError: there is no such experiment, or its generator is not linear.
    """
    known = linear_experiments(config)
    if experiment not in known:
        near = nearest(str(experiment), known)
        raise UserError(f"no experiment {experiment} with a dictionary{near}; there are {', '.join(known)}")
    setup = config["experiments"][experiment]
    latents = setup["generator"]["latents"]
    return {
        "experiment": experiment,
        "dataset": setup["dataset"],
        "latents": max(latents) if isinstance(latents, list) else latents,
        "penalties": evaluation_spec(config, experiment)["penalties"],
    }
