"""Is a study valid, and if not, what is wrong, in one line each?"""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import registry
from vscbench.config import parts, runs, sections
from vscbench.config.protocols import Protocol
from vscbench.config.study import MOST_RUNS, RESERVED, Evaluation, Study
from vscbench.errors import UserError
from vscbench.methods import METHODS
from vscbench.registry import nearest
from vscbench.settings import made
from vscbench.violations import ViolationsError, shown

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
    content = json.loads(json.dumps(content, default=str))
    _refuse([*_study_lines(content), *_dataset_lines(content), *_method_lines(content)])
    study = study_of(content)
    for lines in (_reference_lines, _protocol_lines, _experiment_lines, _fit_lines):
        _refuse(lines(study))
    return study


def check_data(study: Study, datasets: Iterable[str]) -> None:
    """Look whether the data of `datasets` are there, without reading them.

    Raises:
        UserError: they are not, or are not what they should be.
    """

    def lines() -> Iterator[str]:
        for dataset in datasets:
            try:
                runs.source(study, dataset).check()
            except UserError as error:
                yield f"datasets.{dataset}: {error}"

    _refuse(lines())


def check_files(study: Study, datasets: Iterable[str]) -> None:
    """Look whether all files that `datasets` are made from are there.

    Raises:
        UserError: they are not.
    """

    def lines() -> Iterator[str]:
        for dataset in datasets:
            try:
                files = runs.source(study, dataset).files
            except UserError as error:
                yield f"datasets.{dataset}: {error}"
            else:
                yield from (f"datasets.{dataset}: there is no file {path}" for path in files if not path.exists())

    _refuse(lines())


def _refuse(lines: Iterable[str]) -> None:
    """Raise what is wrong, if anything is, each line once."""
    if found := dict.fromkeys(lines):
        raise UserError("the configuration is not valid:\n" + "\n".join(f"  {line}" for line in found))


def _entries(content: Mapping[str, Any], group: str) -> dict[str, dict[str, Any]]:
    """The mappings in a group of a configuration that may be wrong elsewhere."""
    entries = content.get(group)
    return (
        {name: entry for name, entry in entries.items() if isinstance(entry, dict)} if isinstance(entries, dict) else {}
    )


def _study_lines(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the keys of the study and of its experiments."""
    try:
        study_of(content)
    except ViolationsError as error:
        return error.at()
    return []


def _dataset_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the data sets."""
    for name, part in _entries(content, "datasets").items():
        try:
            parts.filled("dataset", part)
        except ViolationsError as error:
            yield from error.at("datasets", name)


def _method_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the methods: their coder and objective; training is that of an experiment."""
    entries = _entries(content, "methods")
    for name, entry in entries.items():
        try:
            coder = dict(sections.method(entries, name).settings)
        except UserError as error:
            yield f"methods.{name}.base: {error}"
            continue
        if "label" in entry:
            coder["label"] = entry["label"]
        objective = coder.pop("objective") if isinstance(coder.get("objective"), dict) else {}
        where = {"coder": f"methods.{name}", "objective": f"methods.{name}.objective"}
        yield from _section_lines({"coder": coder, "objective": objective}, where.__getitem__)


def _protocol_lines(study: Study) -> Iterator[str]:
    """What is wrong with protocols that are no one's of the package."""
    places = {"protocol": study.protocol} | {
        f"experiments.{k}.protocol": e.protocol for k, e in study.experiments.items()
    }
    for place, protocol in ((k, v) for k, v in places.items() if isinstance(v, Protocol)):
        for kind in Protocol.model_fields:
            part, where = getattr(protocol, kind), f"{place}.{kind}"
            said = {key: getattr(part, key) for key in ("encoder", *parts.FIXED) if getattr(part, key)}
            yield from _section_lines(said, {key: f"{where}.{key}" for key in said}.__getitem__)
            yield from _evaluation_lines(part.evaluation, f"{where}.evaluation")
            for name, constants in part.overrides.items():
                at, laid = f"{where}.overrides.{name}", sections.laid(part, [name])
                try:
                    coder = sections.method(study.methods, name, under=laid["coder"]).settings
                except UserError as error:
                    yield f"{where}.overrides: {error}"
                    continue
                said = {"coder": coder, **{key: laid[key] for key in parts.FIXED if key in constants}}
                yield from _section_lines(said, {key: f"{at}.{key}".removesuffix(".coder") for key in said}.__getitem__)


def _reference_lines(study: Study) -> Iterator[str]:
    """Names that point to nothing or mean two things."""
    methods = list(dict.fromkeys([*study.methods, *METHODS]))
    if study.plugins and not Path(study.plugins).is_dir():
        yield f"plugins: there is no folder {study.plugins}"
    for name, setup in study.experiments.items():
        where = f"experiments.{name}"
        if name in RESERVED.split():
            yield f"{where}: {name} is a rule of the workflow, call the experiment something else"
        yield from _other_lines(study, name)
        if setup.dataset not in study.datasets:
            near = nearest(setup.dataset, study.datasets)
            yield f"{where}.dataset: there is no data set {setup.dataset}{near}; there are {', '.join(study.datasets)}"
        own = setup.trials.own if setup.trials else ()
        named = (("methods", setup.methods, methods), ("overrides", setup.overrides, methods))
        for key, used, known in (*named, ("trials.own", own, setup.methods)):
            for method in (each for each in used if each not in known):
                near = nearest(method, known)
                yield f"{where}.{key}: there is no method {method}{near}; there are {', '.join(known)}"
        for method, count in Counter(setup.methods).items():
            if count > 1:
                yield f"{where}.methods: {method} is given {count} times"


def _other_lines(study: Study, name: str) -> Iterator[str]:
    """That there is no experiment which this one differs from."""
    other, others = study.experiments[name].differs_from, [each for each in study.experiments if each != name]
    if other is not None and other not in others:
        there = f"there are {', '.join(others)}" if others else "there is none"
        yield f"experiments.{name}.differs_from: there is no other experiment {other}{nearest(other, others)}; {there}"


def _experiment_lines(study: Study) -> Iterator[str]:
    """What is wrong with the parts of experiments, sweeps included, and with their number of runs."""
    total = 0
    for name, setup in study.experiments.items():
        yield from _evaluation_lines(setup.evaluation, f"experiments.{name}.evaluation")
        for method in dict.fromkeys([*setup.methods, *setup.overrides]):
            try:
                plan = runs.plan(study, name, method)
            except ViolationsError as error:
                yield from error.at(f"experiments.{name}.generator")
                continue
            except UserError as error:
                yield f"datasets.{setup.dataset}: {error}"
                continue
            if method in setup.methods:
                total += prod(len(axis.values) for axis in plan.axes) * runs.repetitions(study, name)
            if total > MOST_RUNS:
                yield f"experiments.{name}: with {method} the study has {total} runs; at most {MOST_RUNS} are allowed"
                return
            lines = list(_section_lines(runs.sections_of(study, name, method), _last_word(study, name, method)))
            yield from lines
            if setup.trials and not lines:  # what is wrong then is wrong with the values that are tried
                places = dict.fromkeys(plan.sections, f"experiments.{name}.trials ({method})")
                yield from _section_lines(plan.sections, places.__getitem__)


def _last_word(study: Study, experiment: str, method: str) -> Callable[[str], str]:
    """Where a file has the last word on a section of a method in an experiment."""
    override = study.experiments[experiment].overrides.get(method)
    own = sections.method(study.methods, method).settings

    def where(section: str) -> str:
        beside = f".{section}" if section in parts.FIXED else ""
        if section == "coder" or (beside and section in (override or own)):
            return (
                f"methods.{method}" if override is None else f"experiments.{experiment}.overrides.{method}"
            ) + beside
        return f"experiments.{experiment}.{section}"

    return where


def _section_lines(of: sections.Sections, where: Callable[[str], str]) -> Iterator[str]:
    """What is wrong with sections of a specification and the sweeps in them."""
    swept = sections.axes(of)
    wrong = [a for a in swept if len({(isinstance(v, bool), v) for v in a.values}) < max(1, len(a.values))]
    for axis in wrong:
        yield f"{where(axis.section)}.{'.'.join(axis.path)}: a sweep needs values, each once"
    for column in [] if wrong else sections.columns(of, swept):
        try:
            sections.filled(column)
        except ViolationsError as error:
            for (section, *place), text in error.found:
                yield from ViolationsError([(tuple(place), text)]).at(where(section))


def _evaluation_lines(evaluation: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is wrong with the settings of the metrics of an experiment."""
    try:
        made(Evaluation, evaluation)
    except ViolationsError as error:
        yield from error.at(where)
    for name, value in ((key, value) for key, value in evaluation.items() if key not in Evaluation.model_fields):
        if name not in (known := parts.names("metric")):
            allowed = [*Evaluation.model_fields, *known]
            yield f"{where}: unknown key {name}{nearest(name, allowed)}; allowed are {', '.join(allowed)}"
        elif isinstance(value, dict):
            try:
                made(parts.model("metric", parts.find("metric", name)), value)
            except ViolationsError as error:
                yield from error.at(where, name)
        elif not isinstance(value, bool):
            yield f"{where}.{name}: {shown(value)} is not allowed; it must be a mapping, or false to leave it out"


def _fit_lines(study: Study) -> Iterator[str]:
    """Parts that are right alone and do not fit each other, or the data: asked of each class."""
    for name, setup in study.experiments.items():
        try:
            shape = runs.shape(study, setup.dataset)
        except UserError as error:
            yield f"datasets.{setup.dataset}: {error}"
            continue
        linear = sections.is_linear(runs.plan(study, name, setup.methods[0]).sections["generator"])
        if linear != (len(shape) == 1):
            wanted = "a dictionary" if len(shape) == 1 else "a network, mlp or convolutional"
            yield f"experiments.{name}.generator.kind: data of {'x'.join(map(str, shape))} numbers need {wanted}"
            continue
        dataset = runs.dataset_spec(study, setup.dataset)
        for method in setup.methods:
            for column in sections.columns(*runs.plan(study, name, method)):
                spec = {"dataset": dataset, **sections.filled(column)}
                for address in runs.addresses(spec):
                    unfit = getattr(registry.load(address), "unfit", None)
                    if unfit and (said := unfit(spec, shape=shape, linear=linear)):
                        yield f"experiments.{name}: {method}: {said}"
