"""Is a study valid, and if not, what is wrong, in one line each?"""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench.config import parts, runs
from vscbench.config.study import MOST_RUNS, RESERVED, Evaluation, Study
from vscbench.errors import UserError
from vscbench.methods import METHODS
from vscbench.registry import nearest
from vscbench.settings import ViolationsError, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


def study_of(content: Mapping[str, Any]) -> Study:
    """The study that a merged configuration describes, its parts unchecked.

    Raises:
        ViolationsError: a key of the study or of an experiment is not valid.
    """
    study = made(Study, content)
    assert isinstance(study, Study)  # noqa: S101
    return study


def check(content: Mapping[str, Any]) -> Study:
    """The study that a merged configuration describes.

    Raises:
        UserError: it is not valid; every violation on a line of its own.
    """
    lines, study = [], None
    try:
        study = study_of(content)
    except ViolationsError as error:
        lines += error.at("")
    _refuse([*lines, *dataset_lines(content), *method_lines(content)])
    assert study is not None  # noqa: S101
    _refuse(reference_lines(study))
    _refuse(experiment_lines(study))
    _refuse(fit_lines(study))
    return study


def check_data(study: Study) -> None:
    """Look whether the data of the study's experiments are there, without reading them.

    Raises:
        UserError: they are not, or are not what they should be.
    """
    lines = []
    for dataset in dict.fromkeys(setup.dataset for setup in study.experiments.values()):
        try:
            runs.source(study, dataset).check()
        except UserError as error:
            lines.append(f"datasets.{dataset}: {error}")
    _refuse(lines)


def _refuse(lines: Iterable[str]) -> None:
    """Raise what is wrong, if anything is, each line once."""
    if found := dict.fromkeys(lines):
        raise UserError("the configuration is not valid:\n" + "\n".join(f"  {line}" for line in found))


def _entries(content: Mapping[str, Any], group: str) -> dict[str, dict[str, Any]]:
    """The mappings in a group of a configuration that may be wrong elsewhere."""
    entries = content.get(group)
    return {str(k): v for k, v in entries.items() if isinstance(v, dict)} if isinstance(entries, dict) else {}


def dataset_lines(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the data sets."""
    entries = _entries(content, "datasets").items()
    return [
        line for name, part in entries for line in _section_lines({"dataset": part}, lambda _, n=name: f"datasets.{n}")
    ]


def method_lines(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the methods: their coder and objective; training is that of an experiment."""
    entries, lines = _entries(content, "methods"), []
    for name in entries:
        try:
            coder = dict(runs.method(entries, name).settings)
        except UserError as error:
            lines.append(str(error) if str(error).startswith("methods.") else f"methods.{name}.base: {error}")
            continue
        objective = coder.pop("objective", {})
        of = {"coder": coder | {k: entries[name][k] for k in ("label",) if k in entries[name]}}
        of |= {"objective": objective} if isinstance(objective, dict) else {"coder": coder | {"objective": objective}}
        lines += _section_lines(of, lambda s, n=name: f"methods.{n}" + f".{s}" * (s != "coder"))
    return lines


def reference_lines(study: Study) -> Iterator[str]:
    """Names that point to nothing or mean two things."""
    methods = list(dict.fromkeys([*study.methods, *METHODS]))
    if study.plugins and not Path(study.plugins).is_dir():
        yield f"plugins: there is no folder {study.plugins}"
    for name, setup in study.experiments.items():
        where = f"experiments.{name}"
        if name in RESERVED:
            yield f"{where}: {name} is a target of the workflow, call the experiment something else"
        if setup.dataset not in study.datasets:
            known = study.datasets
            yield (
                f"{where}.dataset: there is no data set {setup.dataset}{nearest(setup.dataset, known)}; "
                f"there are {', '.join(known)}"
            )
        for key, used in (("methods", setup.methods), ("overrides", setup.overrides)):
            for method in (each for each in used if each not in methods):
                near = nearest(method, methods)
                yield f"{where}.{key}: there is no method {method}{near}; there are {', '.join(methods)}"
        for method, count in Counter(setup.methods).items():
            if count > 1:
                yield f"{where}.methods: {method} is given {count} times"


def experiment_lines(study: Study) -> Iterator[str]:
    """What is wrong with the parts of experiments, sweeps included, and with their number of runs."""
    total = 0
    for name, setup in study.experiments.items():
        yield from evaluation_lines(setup.evaluation, f"experiments.{name}.evaluation")
        for method in setup.methods:

            def where(section: str, name: str = name, method: str = method) -> str:
                """Where the last word on a section is."""
                override = study.experiments[name].overrides.get(method, {})
                own = section if section in ("objective", "training") else ""
                if override and (section == "coder" or own in override):
                    return ".".join(filter(None, ["experiments", name, "overrides", method, own]))
                if section == "coder" or own in runs.method(study.methods, method).settings:
                    return ".".join(filter(None, ["methods", method, own]))
                return f"experiments.{name}.{section}"

            try:
                plan = runs.plan(study, name, method)
            except ViolationsError as error:
                yield from error.at(f"experiments.{name}.generator")
                continue
            except UserError as error:
                yield f"datasets.{setup.dataset}: {error}"
                continue
            total += prod(len(axis.values) for axis in plan.axes) * runs.repetitions(study, name)
            if total > MOST_RUNS:
                yield f"experiments.{name}: with {method} the study has {total} runs; at most {MOST_RUNS} are allowed"
                return
            yield from _section_lines(plan.sections, where)


def _section_lines(of: runs.Sections, where: Callable[[str], str]) -> list[str]:
    """What is wrong with sections of a specification, at each place of the longest of their sweeps: all values are seen."""
    swept = runs.axes(of)
    lines = [
        f"{where(axis.section)}.{'.'.join(axis.path)}: a sweep needs values, each once"
        for axis in swept
        if len({(isinstance(value, bool), value) for value in axis.values}) < max(1, len(axis.values))
    ]
    for column in [] if lines else columns(of, swept):
        for section, part in column.items():
            try:
                parts.filled(section, part)
            except ViolationsError as error:
                lines += error.at(where(section))
    return lines


def columns(of: runs.Sections, swept: list[runs.Axis]) -> Iterator[runs.Sections]:
    """Sections at each place of the longest sweep, with the values that stand there: not the grid, but every value."""
    for index in range(max([1, *(len(axis.values) for axis in swept)])):
        yield runs.settled(of, {(a.section, *a.path): a.values[min(index, len(a.values) - 1)] for a in swept})


def evaluation_lines(evaluation: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is wrong with the settings of the metrics of an experiment."""
    shared = {key: value for key, value in evaluation.items() if key in Evaluation.model_fields}
    known = parts.names("metric")
    try:
        made(Evaluation, shared)
    except ViolationsError as error:
        yield from error.at(where)
    for name in (key for key in evaluation if key not in shared):
        value = evaluation[name]
        if name not in known:
            allowed = [*Evaluation.model_fields, *known]
            yield f"{where}: unknown key {name}{nearest(name, allowed)}; allowed are {', '.join(allowed)}"
        elif isinstance(value, dict):
            try:
                made(parts.model("metric", parts.find("metric", name)), value)
            except ViolationsError as error:
                yield from error.at(f"{where}.{name}")
        elif not isinstance(value, bool):
            text = json.dumps(value, default=str)
            yield f"{where}.{name}: {text} is not allowed; it must be a mapping of settings, or false to leave it out"


def fit_lines(study: Study) -> Iterator[str]:
    """Parts that are right alone and do not fit each other, or the data: asked of each class."""
    for name, setup in study.experiments.items():
        try:
            shape = runs.shape(study, setup.dataset)
        except UserError as error:
            yield f"datasets.{setup.dataset}: {error}"
            continue
        size = "x".join(map(str, shape))
        linear = runs.is_linear(runs.plan(study, name, setup.methods[0]).sections["generator"])
        if linear != (len(shape) == 1):
            wanted = "a dictionary" if len(shape) == 1 else "a network, mlp or convolutional"
            yield f"experiments.{name}.generator.kind: data of {size} numbers need {wanted}"
            continue
        dataset = runs.dataset_spec(study, setup.dataset)
        for method in setup.methods:
            plan = runs.plan(study, name, method)
            for column in columns(plan.sections, plan.axes):
                spec = {
                    "dataset": dataset,
                    **{section: parts.filled(section, part) for section, part in column.items()},
                }
                for address in runs.addresses(spec):
                    unfit = getattr(parts.registry.load(address), "unfit", None)
                    if unfit and (said := unfit(spec, shape=shape, linear=linear)):
                        yield f"experiments.{name}: {method}: {said}"
