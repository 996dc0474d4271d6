"""Every trial by which constants were chosen, and which trial that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.reporting import needs
from vscbench.reporting.numbers import MISSING
from vscbench.reporting.output import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block
    from vscbench.reporting.trials import Trial, Tried

CAPTION = (
    "Every method has as many trials, with the same values of the constants that all share; the best by validation "
    "data is chosen. FVE: fraction of the variance that one draw explains, between the operating points of a trial at "
    "the density that is named, so that no denser code wins. A trial of which a run diverged, or whose codes do not "
    "reach that density, has none and loses."
)


def make(study: Study) -> Iterator[Block]:
    """A block for each experiment with trials, a row a trial."""
    import pandas as pd

    from vscbench.reporting.tables.frame import Block
    from vscbench.reporting.trials import budget, tried

    found = tried(study)
    for experiment in dict.fromkeys(each.experiment for each in found):
        mine = [each for each in found if each.experiment == experiment]
        rows = [_row(each, trial) for each in mine for trial in each.trials]
        frame = pd.DataFrame(rows).fillna(MISSING)
        notes = [
            f"{each.label}: the {edge} {key} tried is the best; the range may be too narrow."
            for each in mine
            for key, edge in each.edges.items()
        ]
        notes += [f"{each.label}: no trial has a score; nothing was chosen." for each in mine if each.best is None]
        long = [_long(each, trial) for each in mine for trial in each.trials]
        yield Block(" ".join(budget(study, experiment, found)), frame, notes, long)


def _row(each: Tried, trial: Trial) -> dict[str, str]:
    """A trial as it is read."""
    low, high = trial.densities
    return {
        "Method": each.label,
        "Trial": str(trial.number),
        **{key: f"{value:g}" for key, value in trial.constants.items()},
        f"FVE at {100 * each.density:g} %": trial.said or f"{trial.score:.4f}",
        "Densities": MISSING if trial.said else f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}",
        "Seconds": f"{trial.seconds:.0f}",
        "Chosen": "chosen" if trial == each.best else MISSING,
    }


def _long(each: Tried, trial: Trial) -> dict[str, Any]:
    """A trial as a row of the CSV."""
    return {
        "experiment": each.experiment,
        "method": each.method,
        "label": each.label,
        "trial": trial.number,
        **trial.constants,
        "density": each.density,
        "score": None if trial.said else trial.score,
        "n": each.repetitions,
        "lowest_density": trial.densities[0],
        "highest_density": trial.densities[1],
        "runs": len(trial.steps),
        "diverged": trial.diverged,
        "steps": max(trial.steps),
        "seconds": trial.seconds,
        "chosen": trial == each.best,
        **{f"edge.{key}": edge for key, edge in each.edges.items() if trial == each.best},
    }


TABLE = Table("trials", "Trials", CAPTION, needs.trials, make)
