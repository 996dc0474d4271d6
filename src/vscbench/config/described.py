"""What a study says of itself: the settings of its metrics, the names of its methods, the index of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench import settings
from vscbench.config import parts, sections, tuning
from vscbench.config import runs as of_runs
from vscbench.config.shipped import shipped
from vscbench.config.study import Evaluation
from vscbench.files import VERSION
from vscbench.merging import merge

if TYPE_CHECKING:
    from vscbench.config.study import Study


def evaluation(study: Study, experiment: str) -> dict[str, Any]:
    """What the metrics of an experiment are computed with: `samples`, `penalties`, a metric's settings or false."""
    setup = study.experiments[experiment]
    found = settings.plain(Evaluation, merge(of_runs.protocol(study, experiment).evaluation, setup.evaluation))
    if setup.trials:  # what chooses sees no test data
        found |= {name: False for name in parts.names("metric") if name not in tuning.METRICS} | {"split": "validation"}
    return found


def labels(study: Study) -> dict[str, str]:
    """The names of the methods in tables and figures."""
    used = dict.fromkeys(name for setup in study.experiments.values() for name in setup.methods)
    return {name: sections.method(study.methods, name).label for name in used}


def describe(study: Study, experiment: str) -> dict[str, Any]:
    """What the index says of an experiment."""
    setup = study.experiments[experiment]
    plans = [of_runs.plan(study, experiment, method) for method in setup.methods]
    first = of_runs.Run(experiment, setup.methods[0], next(iter(sections.points(plans[0].axes))))
    generator = plans[0].sections["generator"]
    latents = generator["latents"]
    tried = (
        {"trials": {"density": setup.trials.density, "values": {m: setup.trials.values(m) for m in setup.methods}}}
        if setup.trials
        else {}
    )
    return {
        "dataset": setup.dataset,
        "kind": study.datasets[setup.dataset]["kind"],
        "shape": list(of_runs.shape(study, setup.dataset)),
        "linear": sections.is_linear(generator),
        "generator": generator["kind"],
        "latents": max(latents) if isinstance(latents, list) else latents,
        "methods": setup.methods,
        "differs_from": setup.differs_from,
        "repetitions": of_runs.repetitions(study, experiment),
        "folds": len(set(of_runs.data_of_repetitions(study, experiment))),
        "shipped": shipped(of_runs.run_spec(study, first)),
        "axes": {axis.name: axis.values for each in plans for axis in each.axes if len(axis.values) > 1},
        "evaluation": evaluation(study, experiment),
        **tried,
    }


def index(study: Study) -> dict[str, Any]:
    """The content of results/study.json: what each experiment is, and what each folder of a run stands for."""

    def entry(run: of_runs.Run) -> dict[str, Any]:
        about = {"experiment": run.experiment, "method": run.method, "variant": run.variant, "point": dict(run.point)}
        key = of_runs.run_key(of_runs.run_spec(study, run))
        return {**about, "repetition": run.repetition, "folder": f"runs/{run.name}", "key": key}

    return {
        "version": VERSION,
        "study": study.study,
        "seed": study.seed,
        "experiments": {name: describe(study, name) for name in study.experiments},
        "methods": labels(study),
        "runs": [entry(run) for run in of_runs.runs(study)],
    }
