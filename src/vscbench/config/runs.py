"""The runs of a study, and the specification of each: all that its weights depend on."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench import settings
from vscbench.config import parts, protocols, sections, tuning
from vscbench.config.study import Experiment, Study
from vscbench.errors import UserError
from vscbench.files import VERSION
from vscbench.merging import merge
from vscbench.registry import nearest
from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vscbench.methods import Method

LONGEST_VARIANT, MOST_SHOWN = 100, 20
FOLD = ".fold-"
"""Between the name of a data set and the number of a fold of it; no name has a dot."""


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


class Plan(NamedTuple):
    """What the runs of a method in an experiment have in common."""

    sections: sections.Sections
    axes: list[sections.Axis]


def run_key(spec: Mapping[str, Any]) -> str:
    """A fingerprint (12 hex digits) of all that a run depends on."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]


# ---------------------------------------------------------------------------- data


def dataset_names(study: Study, dataset: str) -> list[str]:
    """What a data set is prepared as: its own name, or, where every repetition is a fold, a name for each fold.

    These names stand for it in `source` and `dataset_spec`, and its files have them.
    """
    part = study.datasets[dataset]
    if not isinstance(part.get("folds"), int) or part.get("fold") is not None:
        return [dataset]
    return [f"{dataset}{FOLD}{fold}" for fold in range(part["folds"])]


def dataset_of(study: Study, experiment: str, repetition: int) -> str:
    """The name, of `dataset_names`, of the data of a repetition: fold r mod folds of repetition r."""
    names = dataset_names(study, study.experiments[experiment].dataset)
    return names[repetition % len(names)]


def data_of_repetitions(study: Study, experiment: str) -> list[str]:
    """The same of every repetition of an experiment, in order."""
    return [dataset_of(study, experiment, k) for k in range(repetitions(study, experiment))]


def _dataset(study: Study, name: str) -> tuple[str, dict[str, Any]]:
    """The data set that a name of `dataset_names` is of, and its settings."""
    dataset, _, fold = name.partition(FOLD)
    return dataset, study.datasets[dataset] | ({"fold": int(fold)} if fold else {})


def source(study: Study, dataset: str) -> Any:
    """The source of a data set, as its class is.

    Raises:
        UserError: there is no such data set, or its settings are not valid.
    """
    known = [*study.datasets, *(name for each in study.datasets for name in dataset_names(study, each))]
    if dataset not in known:
        raise UserError(f"no data set {dataset}{nearest(dataset, known)}; there are {', '.join(dict.fromkeys(known))}")
    name, part = _dataset(study, dataset)
    own = {key: value for key, value in part.items() if key != "kind"}
    return settings.construct(parts.chosen("dataset", part), own, name=name)


def shape(study: Study, dataset: str) -> tuple[int, ...]:
    """The shape of a data point, (P,) or (C, H, W); a `UserError` where the data that tell it are not there."""
    return study.once(("shape", dataset), lambda: tuple(source(study, dataset).shape))


def dataset_spec(study: Study, dataset: str) -> dict[str, Any]:
    """All that the data of `dataset` depend on."""
    name, part = _dataset(study, dataset)
    return {"name": name, **parts.filled("dataset", part)}


# ---------------------------------------------------------------------------- runs


def generator(study: Study, experiment: str) -> dict[str, Any]:
    """The generator of an experiment, what is swept in it."""
    setup = study.experiments[experiment]
    return sections.generator(setup, () if "kind" in setup.generator else shape(study, setup.dataset))


def protocol(study: Study, experiment: str) -> protocols.Part:
    """What lies under an experiment: of its protocol the part for its generator."""
    said = study.experiments[experiment].protocol or study.protocol
    return protocols.part(said, linear=sections.is_linear(generator(study, experiment)))


def sections_of(
    study: Study, experiment: str, method: str, tried: Mapping[str, list[float]] | None = None
) -> sections.Sections:
    """The sections of a method in an experiment, with what is swept in them, and the values that its trials try."""
    setup = study.experiments[experiment]
    under = sections.laid(protocol(study, experiment), sections.lineage(study.methods, method))
    constants = sections.constants(study.methods, setup, method, under["coder"])
    return sections.sections(setup, merge(constants, tuning.nested(tried or {})), generator(study, experiment), under)


def plan(study: Study, experiment: str, method: str) -> Plan:
    """The sections of a method in an experiment, and what is swept in them."""

    def make() -> Plan:
        trials = study.experiments[experiment].trials
        tried = trials.values(method) if trials else {}
        found = sections_of(study, experiment, method, tried)
        places = [tuning.place_of(key, tuple(parts.FIXED)) for key in tried]
        return Plan(found, sections.tied(sections.axes(found), places, tuning.AXIS))

    return study.once(("plan", experiment, method), make)


def repetitions(study: Study, experiment: str) -> int:
    """Runs of each method in `experiment`, at each point."""
    return study.experiments[experiment].repetitions or study.repetitions


def runs(study: Study) -> Iterator[Run]:
    """Every run of the study, in the order of its experiments and their methods."""
    for experiment, setup in study.experiments.items():
        for method in setup.methods:
            for point in sections.points(plan(study, experiment, method).axes):
                for repetition in range(repetitions(study, experiment)):
                    yield Run(experiment, method, point, repetition)


def resolve(study: Study, name: str) -> Run:
    """The run called experiment/variant/repetition.

    Raises:
        UserError: there is none; the nearest part of the name that is right is told.
    """
    if not re.fullmatch(r"[^/]+/[^/]+/\d{1,9}", name):
        example = next(runs(study)).name
        raise UserError(f"{name or 'nothing'} names no run; write EXPERIMENT/METHOD/REPETITION, for example {example}")
    experiment, variant, repetition = name.split("/")
    if experiment not in (known := study.experiments):
        raise UserError(f"no experiment {experiment}{nearest(experiment, known)}; there are {', '.join(known)}")
    methods, seen = known[experiment].methods, []
    # The name of a method may begin that of another.
    for method in (each for each in methods if f"{variant}__".startswith(f"{each}__")):
        for point in sections.points(plan(study, experiment, method).axes):
            run = Run(experiment, method, point, int(repetition))
            if run.variant == variant:
                if run.repetition >= (count := repetitions(study, experiment)):
                    raise UserError(f"no repetition {repetition} of {experiment}/{variant}: they are 0 to {count - 1}")
                return run
            seen.append(run.variant)
    if not seen:
        near = nearest(variant, methods)
        raise UserError(f"no method {variant} in {experiment}{near}; there are {', '.join(methods)}")
    shown = ", ".join(seen[:MOST_SHOWN]) + ", ..." * (len(seen) > MOST_SHOWN)
    raise UserError(f"no run of {variant} in {experiment}{nearest(variant, seen)}; there are {shown}")


def run_spec(study: Study, run: Run) -> dict[str, Any]:
    """All that the weights of a run depend on, and nothing else: plain values, every default written out."""
    found, swept = plan(study, run.experiment, run.method)
    dataset = study.experiments[run.experiment].dataset
    return {
        "version": VERSION,
        "study": study.study,
        "experiment": run.experiment,
        "method": run.method,
        "point": dict(run.point),
        "repetition": run.repetition,
        "seed": derive_seed(study.seed, dataset, run.method, run.repetition),
        "dataset": dataset_spec(study, dataset_of(study, run.experiment, run.repetition)),
        **sections.filled(sections.at(found, swept, dict(run.point)), lambda: shape(study, dataset)),
    }


def spec(
    method: Method, shape: Sequence[int], *, seed: int = 0, name: str = "array", **given: str | Mapping[str, Any]
) -> dict[str, Any]:
    """The specification of a run without a study.

    Args:
        method: what is trained.
        shape: of a data point, (P,) or (C, H, W).
        seed: of the run.
        name: of the data.
        given: `protocol`, and the parts `generator`, `encoder`, `objective`, `training`, as an experiment has them.

    Raises:
        ViolationsError: a part is not valid.
    """
    parts.forget()  # in a notebook a class of the user's own may be another than it was
    setup = settings.made(Experiment, {"dataset": name, "methods": [method.name], **given})
    assert isinstance(setup, Experiment)  # noqa: S101
    generator = sections.generator(setup, shape)
    part = protocols.part(setup.protocol or protocols.DEFAULT, linear=sections.is_linear(generator))
    under = sections.laid(part, [] if method.layers is None else [method.name])
    found = sections.filled(sections.sections(setup, method.over(under["coder"]), generator, under), lambda: shape)
    head = {"version": VERSION, "study": "", "experiment": "", "method": method.name, "point": {}, "repetition": 0}
    head["label"] = method.label
    return {**head, "seed": seed, "dataset": {"name": name}, **found}


def addresses(spec: Mapping[str, Any]) -> list[str]:
    """Where the parts that a specification names stand, as `module:attribute`: the code that its weights depend on."""
    coder = spec["coder"]
    named = {key: spec[key].get("kind") for key in ("dataset", "generator", "encoder")}
    # LCA's threshold is a word, no part.
    nested = [key for key in parts.ROLES["coder"].nested if isinstance(coder.get(key), dict)]
    named |= {"coder": coder["family"], **{key: coder[key]["kind"] for key in nested}}
    named |= {"rule": spec["objective"]["sampling"], "optimizer": spec["training"]["optimizer"]["kind"]}
    return [parts.address(role, name) for role, name in named.items() if name]
