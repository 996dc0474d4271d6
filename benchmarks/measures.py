"""How long the measures with controls take, beside all others, in the evaluation of the default study."""

from __future__ import annotations

import time
from collections import Counter

import torch

from vscbench import config as configs
from vscbench import model
from vscbench.metrics import METRICS
from vscbench.metrics.evaluation import Evaluation
from vscbench.metrics.measuring import filled
from vscbench.registry import find

NEW = ("standard_errors", "floors", "units", "pairwise", "two_sample", "dependence_controls", "support")
METHODS = ("fista", "gaussian", "gaussian_thresh")
"""A solver, a dense and a sparse posterior: each stands for the runs of its kind in an experiment."""


def compare(study: configs.Study, rounds: int) -> list[float]:
    """Processor time of all metrics over that of all but `NEW`, over the runs of the study: one ratio a round.

    Of coders as they begin, whose codes have the density of the prior. Codes that several metrics share are counted
    with the first that asks for them.
    """
    runs = {(each.experiment, each.method): each for each in reversed(list(configs.runs(study)))}
    kinds = {place: place[1] if place[1] in METHODS[:2] else "other" for place in runs}
    counts = Counter((each.experiment, kinds[each.experiment, each.method]) for each in configs.runs(study))
    chosen = {place: run for place, run in runs.items() if place[1] in METHODS}
    data = {name: configs.source(study, name).load() for name in study.datasets}
    ratios = []
    for _ in range(rounds):
        new = old = 0.0
        for (experiment, method), run in chosen.items():
            spec = configs.run_spec(study, run)
            torch.manual_seed(0)
            source = data[study.experiments[experiment].dataset]
            coder = model.build(spec, source.shape).eval().coder
            coder.set_step(1, 1)
            sections = filled(configs.evaluation(study, experiment))
            shared = sections.pop("shared")
            e = Evaluation(coder, source.measured_on(shared.pop("split")), **shared)
            for name, section in sections.items():
                start = time.process_time()
                find(METRICS, name, "metric")(e, **section)
                took = (time.process_time() - start) * counts[experiment, kinds[experiment, method]]
                new, old = (new + took, old) if name in NEW else (new, old + took)
        ratios.append(1 + new / old)
    return ratios
