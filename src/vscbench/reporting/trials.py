"""Which trial of each method is the best, by validation data, at equal density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from vscbench.config.tuning import nested
from vscbench.errors import UserError
from vscbench.reporting.frontier import curve
from vscbench.reporting.split_sizes import split_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from vscbench.reporting.study import Study

DENSE = 0.99
"""Above this density a code is dense, and compared where it is: it has no sparser operating point."""


@dataclass(frozen=True)
class Trial:
    """One trial of a method: its runs at all operating points and repetitions."""

    number: int
    constants: dict[str, float]
    """By dotted key."""
    score: float
    """Fraction of the variance of validation data that one draw explains at the density; -inf where there is none."""
    densities: tuple[float, float]
    """The lowest and the highest of its runs; nan of none."""
    diverged: int
    """Runs that did not come to their end: one is enough to lose."""
    steps: tuple[int, ...]
    """Gradient steps that each run was given."""
    seconds: float
    """What the runs took to train."""

    @property
    def said(self) -> str:
        """Why it has no score, in words; empty where it has one."""
        if np.isfinite(self.score):
            return ""
        low, high = self.densities
        return f"{self.diverged} diverged" if self.diverged else f"densities {low:.3f} to {high:.3f}"


@dataclass(frozen=True)
class Tried:
    """The trials of a method in an experiment."""

    experiment: str
    method: str
    label: str
    density: float
    """At which they are scored."""
    repetitions: int
    trials: list[Trial]

    @property
    def best(self) -> Trial | None:
        """The one of the highest score, the first of equals; None where none has a score."""
        scored = [trial for trial in self.trials if np.isfinite(trial.score)]
        return max(scored, key=lambda trial: trial.score) if scored else None

    @property
    def edges(self) -> dict[str, str]:
        """The constants whose best value is the lowest or the highest that was tried: better ones may lie beyond."""
        found = {}
        for key, value in (self.best.constants if self.best else {}).items():
            values = [trial.constants[key] for trial in self.trials]
            if value in (min(values), max(values)):
                found[key] = "lowest" if value == min(values) else "highest"
        return found


def tried(study: Study) -> list[Tried]:
    """All methods of the experiments with trials, in the order of the config."""
    setups = {name: setup for name, setup in study.index["experiments"].items() if "trials" in setup}
    keys, names = ["experiment", "method", "point", "repetition"], ["density", "fve_draw", "train_seconds"]
    rows = study.metrics[study.metrics["metric"].isin(names) & (study.metrics["status"] != "baseline")]
    wide = rows.pivot_table(index=keys, columns="metric", values="value").reset_index()
    wide = wide.reindex(columns=[*keys, *names])
    return [
        _tried(study, name, method, wide[(wide["experiment"] == name) & (wide["method"] == method)])
        for name, setup in setups.items()
        for method in setup["methods"]
    ]


def _tried(study: Study, experiment: str, method: str, rows: pd.DataFrame) -> Tried:
    """The trials of one method, of the densities and explained variances of its runs."""
    from vscbench.reporting.study import text_of

    setup = study.index["experiments"][experiment]["trials"]
    values = setup["values"][method]
    found = []
    for number in range(len(next(iter(values.values())))):
        mine = [
            run
            for run in study.index["runs"]
            if (run["experiment"], run["method"], run["point"]["trial"]) == (experiment, method, number)
        ]
        folders = [study.results / run["folder"] for run in mine]
        diverged = sum(not study.completed(folder) for folder in folders)
        here = rows[rows["point"].isin([text_of(run["point"]) for run in mine])]
        scores = [
            score_at(part["density"], part["fve_draw"], setup["density"]) for _, part in here.groupby("repetition")
        ]
        score = float(np.mean(scores)) if scores and not diverged else np.nan
        found.append(
            Trial(
                number=number,
                constants={key: each[number] for key, each in values.items()},
                score=score if np.isfinite(score) else -np.inf,
                densities=(here["density"].min(), here["density"].max()),
                diverged=diverged,
                steps=tuple(_steps(study, folder) for folder in folders),
                seconds=float(here["train_seconds"].sum()),
            )
        )
    repetitions = study.index["experiments"][experiment]["repetitions"]
    return Tried(experiment, method, study.labels[method], setup["density"], repetitions, found)


def score_at(densities: pd.Series[float], values: pd.Series[float], density: float) -> float:
    """The value at a density between measured ones, linear in its logarithm; nan beyond them: a denser code is no win.

    The operating points of a dense code are compared where they are: their best value.

    Example:
        >>> import pandas as pd
        >>> float(score_at(pd.Series([0.05, 0.2]), pd.Series([0.4, 0.6]), 0.1))
        0.5
    """
    if (densities > DENSE).all():
        return float(values.max())
    return float(curve(densities, values).at(density))


def _steps(study: Study, folder: Any) -> int:
    """The steps that a run was given, though it may have ended before."""
    spec = study.spec(folder)
    training = spec["training"]
    if steps := training.get("steps"):
        return int(steps)
    sizes = split_sizes(study.results, spec["dataset"])
    if not sizes:
        raise UserError(f"{study.results / 'data'} lacks {spec['dataset']['name']}, which tells how long an epoch is")
    return int(training["epochs"] * (sizes["train"] // training["batch_size"]))


def chosen(study: Study) -> str:
    """The best constants of each method as a file that a study extends: YAML, with how they were chosen."""
    found = tried(study)
    experiments: dict[str, Any] = {}
    for each in found:
        if each.best:
            overrides = experiments.setdefault(each.experiment, {"overrides": {}})["overrides"]
            overrides[each.method] = nested(each.best.constants)
    lines = [line for each in found for line in _remarks(each)]
    head = [
        "Chosen by `snakemake tune`, by validation data alone; no test data were read. A study takes these constants",
        "by `extends: THIS FILE`, and what it says itself goes over them.",
        f"study: {study.index['study']}, seed {study.index['seed']}",
        *(line for name in experiments for line in budget(study, name, found)),
        *lines,
    ]
    return "".join(f"# {line}\n" for line in head) + yaml.safe_dump({"experiments": experiments}, sort_keys=False)


def budget(study: Study, experiment: str, found: list[Tried]) -> Iterator[str]:
    """What every method of an experiment was given, in sentences: the same, or who was given what."""
    mine = [each for each in found if each.experiment == experiment]
    first = study.spec(study.results / next(r["folder"] for r in study.index["runs"] if r["experiment"] == experiment))
    data, training = first["dataset"], first["training"]
    size = "x".join(map(str, study.index["experiments"][experiment]["shape"]))
    yield (
        f"{experiment}: {len(mine)} methods on {data['name']} ({data['kind']}, data points of {size} numbers), "
        f"{first['generator']['latents']} latents, batches of {training['batch_size']}."
    )
    given: dict[tuple[int, ...], list[str]] = {}
    for each in mine:
        for trial in each.trials:
            given.setdefault((len(each.trials), *sorted({*trial.steps})), []).append(each.method)
    for (trials, *steps), methods in given.items():
        who = "Every method" if len(given) == 1 else ", ".join(dict.fromkeys(methods))
        seeds = f"{mine[0].repetitions} seed{'s' if mine[0].repetitions > 1 else ''}"
        lengths = " or ".join(f"{length:,}" for length in steps)
        yield f"{who}: {trials} trials; {lengths} steps and {seeds} at each operating point of a trial."
    dense = [each.method for each in mine if each.best and each.best.densities[0] > DENSE]
    yield f"Score: variance of validation data that one draw explains at {100 * mine[0].density:g} % density" + (
        f"; of dense codes ({', '.join(dense)}) at their own." if dense else "."
    )


def _remarks(each: Tried) -> Iterator[str]:
    """What a reader must know of a choice."""
    where = f"{each.experiment}, {each.method}"
    if each.best is None:
        yield f"{where}: no trial has a score; nothing was chosen ({each.trials[0].said})"
        return
    yield f"{where}: trial {each.best.number}, {each.best.score:.4f}"
    for key, edge in each.edges.items():
        yield f"{where}: the {edge} {key} tried is the best; the range may be too narrow"
