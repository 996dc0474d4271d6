"""The runs of a study, and the specification of each: all that its weights depend on."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench import settings
from vscbench.config import parts
from vscbench.config.study import VERSION, Evaluation, Experiment, Study
from vscbench.errors import UserError
from vscbench.merging import merge
from vscbench.methods import METHODS, Method
from vscbench.registry import nearest
from vscbench.seeds import derive_seed
from vscbench.settings import ViolationsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LATENTS, PENALTY = 128, 20.0
"""K where a study says none; the ℓ₁ penalty at which the lasso of a linear generator is followed."""
SWEPT = ("generator", "coder", "objective", "training")
"""The sections of a specification whose scalars may be given as lists, in the order of their axes."""
LONGEST_VARIANT = 100
Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """One training of a study."""

    experiment: str
    method: str
    point: tuple[tuple[str, Any], ...] = ()
    """The value at each axis that is swept."""
    repetition: int = 0

    @property
    def variant(self) -> str:
        """The method and its point as the name of a folder: a label, the index of the study says what it stands for.

        Example:
            >>> Run("digits", "gaussian", (("latents", 64), ("density", 0.1))).variant
            'gaussian__latents-64__density-0.1'
        """
        values = ((axis, v if isinstance(v, str) else json.dumps(v)) for axis, v in self.point)
        text = "".join([self.method, *(f"__{axis}-{value}" for axis, value in values)])
        short = re.sub(r"[^a-z0-9_.-]", "-", text.lower())
        if short == text and len(text) <= LONGEST_VARIANT:
            return text
        return f"{short[: LONGEST_VARIANT - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def name(self) -> str:
        """experiment/variant/repetition: the run's folder under results/runs."""
        return f"{self.experiment}/{self.variant}/{self.repetition}"


class Axis(NamedTuple):
    """A scalar that is given as a list."""

    name: str
    """The dotted key inside its section."""
    section: str
    path: tuple[str, ...]
    values: list[Any]


def run_key(spec: Mapping[str, Any]) -> str:
    """A fingerprint (12 hex digits) of all that a run depends on."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]


# ------------------------------------------------------------------------- methods


def method(entries: Mapping[str, Any], name: str, above: tuple[str, ...] = ()) -> Method:
    """The method called `name`: one of `entries`, the `methods` of a study, over the package's; or that alone.

    Raises:
        UserError: there is no such method, or it is its own base.
    """
    entry = dict(entries.get(name, {}))
    if name in above or entry.get("base") == name:
        raise UserError(f"methods.{name}.base: a method cannot be its own base")
    if "base" in entry:
        below = method(entries, str(entry.pop("base")), (*above, name))
        found = Method(name, name, below.settings)
    elif name in METHODS:
        found = METHODS[name]()
    elif name in entries:
        found = Method(name, name)
    else:
        known = list(dict.fromkeys([*entries, *METHODS]))
        raise UserError(f"there is no method {name}{nearest(name, known)}; there are {', '.join(known)}")
    return Method(name, entry.pop("label", found.label), merge(found.settings, entry))


def constants(study: Study, experiment: str, name: str) -> dict[str, Any]:
    """The settings of a method in an experiment: its own, at the density of the experiment, under the overrides there."""
    setup = study.experiments[experiment]
    override = setup.overrides.get(name, {})
    found = merge(method(study.methods, name).settings, override)
    if setup.density is None:
        return found
    nested = isinstance(found.get("threshold"), dict)
    target, said = (found["threshold"], override.get("threshold")) if nested else (found, override)
    takes = nested or "density" in parts.model("coder", parts.chosen("coder", found)).model_fields
    own = {"value", "prior_active"} & set(said or ())
    if takes and "density" not in target and not own:
        at_density = merge(target, {"density": setup.density})
        return found | {"threshold": at_density} if nested else at_density
    return found


# ------------------------------------------------------------------------ sections


def sections(setup: Experiment, settings_of_method: Mapping[str, Any], shape: Sequence[int]) -> Sections:
    """The parts of a run's specification with the sweeps still in them and the kinds chosen.

    Raises:
        ViolationsError: the generator names no class.
    """
    generator = {"kind": "dictionary" if len(shape) == 1 else "mlp", "latents": LATENTS} | setup.generator
    linear = is_linear(generator)
    method_settings = dict(settings_of_method)
    objective = merge(setup.objective, method_settings.pop("objective", {}))
    training = merge(setup.training, method_settings.pop("training", {}))
    optimizer = training.get("optimizer", {})
    if isinstance(optimizer, dict):
        training["optimizer"] = {"kind": "two_rates" if linear else "adam"} | optimizer
    return {
        "generator": generator,
        "encoder": {"kind": "mlp"} | setup.encoder,
        "coder": method_settings,
        "objective": objective,
        "training": ({"validation_penalty": PENALTY} if linear else {}) | training,
    }


def is_linear(generator: Mapping[str, Any]) -> bool:
    """Whether the class that a generator's part names decodes linearly."""
    return bool(parts.chosen("generator", generator).linear)


def axes(of: Sections) -> list[Axis]:
    """The scalars of sections that are given as lists; the order of keys in a file changes nothing."""
    found: dict[str, Axis] = {}
    for section in (each for each in SWEPT if each in of):
        for path, values in _lists(of[section]):
            if parts.takes_list(section, of[section], path):
                continue
            name = "density" if path[-2:] == ("threshold", "density") else ".".join(path)
            name = f"{section}.{name}" if name in found else name
            found[name] = Axis(name, section, path, values)
    return list(found.values())


def _lists(part: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The lists of scalars in a part, each with its place."""
    for key in sorted(part, key=str):
        value = part[key]
        if isinstance(value, dict):
            yield from _lists(value, (*above, key))
        elif isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
            yield (*above, key), value


def settled(of: Sections, values: Mapping[tuple[str, ...], Any]) -> Sections:
    """Sections with a value, instead of its list, at each place (section, key, ...) of `values`."""
    result = dict(of)
    for (section, *path), value in values.items():
        part: dict[str, Any] = result
        for key in (section, *path[:-1]):
            part[key] = dict(part[key])
            part = part[key]
        part[path[-1]] = value
    return result


def points(found: Sequence[Axis]) -> Iterator[tuple[tuple[str, Any], ...]]:
    """The grid over axes: a value at each; a list of one value is no axis of the grid."""
    swept = [axis for axis in found if len(axis.values) > 1]
    for values in product(*(axis.values for axis in swept)):
        yield tuple((axis.name, value) for axis, value in zip(swept, values, strict=True))


# ---------------------------------------------------------------------------- runs


class Plan(NamedTuple):
    """What the runs of a method in an experiment have in common."""

    sections: Sections
    axes: list[Axis]


def plan(study: Study, experiment: str, name: str) -> Plan:
    """The sections of a method in an experiment, and what is swept in them."""
    key = ("plan", experiment, name)
    if key not in study._cache:
        setup = study.experiments[experiment]
        shape_of = () if "kind" in setup.generator else shape(study, setup.dataset)
        found = sections(setup, constants(study, experiment, name), shape_of)
        study._cache[key] = Plan(found, axes(found))
    cached: Plan = study._cache[key]
    return cached


def shape(study: Study, dataset: str) -> tuple[int, ...]:
    """The shape of a data point: (P,) or (C, H, W).

    Raises:
        UserError: the data that tell it are missing or damaged.
    """
    key = ("shape", dataset)
    if key not in study._cache:
        study._cache[key] = tuple(source(study, dataset).shape)
    cached: tuple[int, ...] = study._cache[key]
    return cached


def source(study: Study, dataset: str) -> Any:
    """The source of a data set, as its class is.

    Raises:
        UserError: there is no such data set, or its settings are not valid.
    """
    if dataset not in study.datasets:
        raise UserError(
            f"no data set {dataset}{nearest(dataset, study.datasets)}; there are {', '.join(study.datasets)}"
        )
    part = study.datasets[dataset]
    own = {key: value for key, value in part.items() if key != "kind"}
    return settings.construct(parts.chosen("dataset", part), own, name=dataset)


def dataset_spec(study: Study, dataset: str) -> dict[str, Any]:
    """All that the data of `dataset` depend on."""
    return {"name": dataset, **parts.filled("dataset", study.datasets[dataset])}


def repetitions(study: Study, experiment: str) -> int:
    """Runs of each method in `experiment`, at each point."""
    return study.experiments[experiment].repetitions or study.repetitions


def runs(study: Study) -> Iterator[Run]:
    """Every run of the study, in the order of its experiments and their methods."""
    for experiment, setup in study.experiments.items():
        for name in setup.methods:
            for point in points(plan(study, experiment, name).axes):
                for repetition in range(repetitions(study, experiment)):
                    yield Run(experiment, name, point, repetition)


def resolve(study: Study, name: str) -> Run:
    """The run called experiment/variant/repetition.

    Raises:
        UserError: there is none; the nearest part of the name that is right is told.
    """
    if not re.fullmatch(r"[^/]+/[^/]+/\d{1,9}", name):
        example = next(runs(study)).name
        raise UserError(f"{name or 'nothing'} names no run; write EXPERIMENT/METHOD/REPETITION, for example {example}")
    experiment, variant, repetition = name.split("/")
    if experiment not in study.experiments:
        known = study.experiments
        raise UserError(f"no experiment {experiment}{nearest(experiment, known)}; there are {', '.join(known)}")
    methods = study.experiments[experiment].methods
    # The name of a method may begin that of another, and a long variant is cut: but none is shorter than its method.
    likely = [method for method in methods if variant == method or variant.startswith(f"{method}__"[:LONGEST_VARIANT])]
    seen: list[str] = []
    for method_name in likely:
        for point in points(plan(study, experiment, method_name).axes):
            run = Run(experiment, method_name, point, int(repetition))
            if run.variant == variant:
                if run.repetition >= (count := repetitions(study, experiment)):
                    raise UserError(f"no repetition {repetition} of {experiment}/{variant}: they are 0 to {count - 1}")
                return run
            seen.append(run.variant)
    if not likely:
        near = nearest(variant, methods)
        raise UserError(f"no method {variant} in {experiment}{near}; there are {', '.join(methods)}")
    shown = ", ".join(seen[:20]) + ", ..." * (len(seen) > 20)  # noqa: PLR2004
    raise UserError(f"no run of {variant} in {experiment}{nearest(variant, seen)}; there are {shown}")


def run_spec(study: Study, run: Run) -> dict[str, Any]:
    """All that the weights of a run depend on, and nothing else: plain values, every default written out."""
    found, swept = plan(study, run.experiment, run.method)
    at = dict(run.point)
    values = {(axis.section, *axis.path): at.get(axis.name, axis.values[0]) for axis in swept}
    dataset = study.experiments[run.experiment].dataset
    return {
        "version": VERSION,
        "study": study.study,
        "experiment": run.experiment,
        "method": run.method,
        "point": at,
        "repetition": run.repetition,
        "seed": derive_seed(study.seed, dataset, run.method, run.repetition),
        "dataset": dataset_spec(study, dataset),
        **{section: parts.filled(section, part) for section, part in settled(found, values).items()},
    }


def spec(
    method: Method, shape: Sequence[int], *, seed: int = 0, name: str = "array", **given: Mapping[str, Any]
) -> dict[str, Any]:
    """The specification of a run without a study.

    Args:
        method: what is trained.
        shape: of a data point, (P,) or (C, H, W).
        seed: of the run.
        name: of the data.
        given: the parts `generator`, `encoder`, `objective`, `training`, as an experiment has them.

    Raises:
        ViolationsError: a part is not valid.
    """
    setup = Experiment.model_validate({"dataset": name, "methods": [method.name], **given})
    found = sections(setup, method.settings, shape)
    wrong: list[tuple[list[str], str]] = []
    content: dict[str, Any] = {}
    for section, part in found.items():
        try:
            content[section] = parts.filled(section, part)
        except ViolationsError as error:
            wrong += [([section, *place], said) for place, said in error.found]
    if wrong:
        raise ViolationsError(wrong)
    head = {"version": VERSION, "study": "", "experiment": "", "method": method.name, "point": {}, "repetition": 0}
    return {**head, "seed": seed, "dataset": {"name": name}, **content}


def evaluation(study: Study, experiment: str) -> dict[str, Any]:
    """What the metrics of an experiment are computed with: `samples`, `penalties`, and by metric its settings or false."""
    return json.loads(
        Evaluation.model_validate_json(json.dumps(study.experiments[experiment].evaluation)).model_dump_json()
    )  # type: ignore[no-any-return]


def index(study: Study) -> dict[str, Any]:
    """The content of results/study.json: what each experiment is, and what each folder of a run stands for."""
    experiments = {}
    for name, setup in study.experiments.items():
        plans = [plan(study, name, each) for each in setup.methods]
        generator = plans[0].sections["generator"]
        latents = generator["latents"]
        experiments[name] = {
            "dataset": setup.dataset,
            "kind": study.datasets[setup.dataset]["kind"],
            "shape": list(shape(study, setup.dataset)),
            "linear": is_linear(generator),
            "generator": generator["kind"],
            "latents": max(latents) if isinstance(latents, list) else latents,
            "methods": setup.methods,
            "repetitions": repetitions(study, name),
            "axes": {axis.name: axis.values for each in plans for axis in each.axes if len(axis.values) > 1},
            "evaluation": evaluation(study, name),
        }
    return {
        "version": VERSION,
        "study": study.study,
        "seed": study.seed,
        "experiments": experiments,
        "methods": labels(study),
        "runs": [
            {
                "experiment": run.experiment,
                "method": run.method,
                "variant": run.variant,
                "point": dict(run.point),
                "repetition": run.repetition,
                "folder": f"runs/{run.name}",
                "key": run_key(run_spec(study, run)),
            }
            for run in runs(study)
        ],
    }


def labels(study: Study) -> dict[str, str]:
    """The names of the methods in tables and figures."""
    used = dict.fromkeys(name for setup in study.experiments.values() for name in setup.methods)
    return {name: method(study.methods, name).label for name in used}


def addresses(spec: Mapping[str, Any]) -> list[str]:
    """Where the parts that a specification names stand, as `module:attribute`: the code that its weights depend on."""
    coder, optimizer = spec["coder"], spec["training"]["optimizer"]
    named = [
        ("dataset", spec["dataset"].get("kind")),
        ("generator", spec["generator"]["kind"]),
        ("encoder", spec["encoder"]["kind"]),
        ("coder", coder["family"]),
        *((key, coder[key]["kind"]) for key in ("threshold", "prior") if key in coder),
        ("rule", spec["objective"]["sampling"]),
        ("optimizer", optimizer["kind"]),
    ]
    return [parts.address(role, name) for role, name in named if name]


def of_this_version(content: Any, path: Any) -> dict[str, Any]:
    """`content` of a study.json or config.json at `path`, if this version wrote it.

    Raises:
        UserError: another one did, or it is something else.
    """
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise UserError(f"{path} is not of this version of vscbench: delete its folder and run its step again")
    return content
