"""What the strong protocol gives: the tables of docs/protocol.md, of runs that are shipped."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vscbench.metrics.standard_errors import over_repetitions
from vscbench.reference import HERE
from vscbench.reporting.frontier import curve
from vscbench.reporting.leaderboard.columns import AT
from vscbench.reporting.numbers import MISSING

SOLVER = "fista"
READ = {
    "density": ("Density", 2),
    "fve_draw": ("FVE, one draw", 2),
    "share": ("Share of FISTA's there", 2),
    "fve_mean": ("FVE, mean", 2),
    "elbo_fitted_above_empty": ("Bound above empty, nats", 0),
    "support_bits": ("Support, bits", 0),
    "seconds_to_95": ("Seconds to 95 %", 0),
}
"""Columns of the table of long runs: their headings and decimals."""
LARGE = 1000
"""From here on a number is shown by its size alone."""
CHANGED = {"fve_draw": "FVE", "elbo_fitted": "bound"}
"""Metrics of the table of parts."""


def long_runs() -> pd.DataFrame:
    """Coders of the default study in 8,000 steps, `config/matched_density.yaml`: a row a run.

    Example:
        >>> len(long_runs())
        73
    """
    return pd.read_csv(HERE / "matched_density.csv")


def parts() -> pd.DataFrame:
    """The strong protocol with one part taken away at a time, `config/ablation_protocol.yaml`: a row a run.

    Example:
        >>> "paper_optimizer" in set(parts()["experiment"])
        True
    """
    return pd.read_csv(HERE / "ablation_protocol.csv")


def beside_solver() -> pd.DataFrame:
    """Of each coder and fold the run nearest to 10 % density, and its `share` of what FISTA explains at that density.

    FISTA's is linear in log density between its runs of that fold; a run that these do not bracket has no share, and is
    taken only where no other is.
    """
    table = long_runs()
    there = pd.concat([of_solver(runs) for _, runs in table.groupby("repetition")])
    away = np.log(table["density"] / AT).abs().where(there.notna(), np.inf)
    nearest = away.groupby([table["label"], table["repetition"]]).idxmin()
    return table.assign(share=table["fve_draw"] / there).loc[sorted(nearest)]


def of_solver(runs: pd.DataFrame) -> pd.Series[float]:
    """What FISTA explains of a fold at the density of each of its runs; nan beyond its own."""
    its = runs[runs["method"] == SOLVER]
    return pd.Series(curve(its["density"], its["fve_draw"]).at(runs["density"]), index=runs.index)


def said(values: pd.Series[float], digits: int = 2) -> str:
    """Mean and Student's 95 % interval; a dash of fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004
        return MISSING
    estimate = over_repetitions(values)
    form = f".{digits}f" if abs(estimate.mean) < LARGE else ".1g"
    mean, low, high = (f"{round(each, digits) + 0:{form}}" for each in (estimate.mean, *estimate.interval()))
    return f"{mean} [{low}, {high}]"


def at_equal_density() -> pd.DataFrame:
    """A row for each coder: means over folds of `beside_solver` with their intervals."""
    rows = []
    for label, runs in beside_solver().groupby("label", sort=False):
        row = {heading: said(runs[name].dropna(), digits) for name, (heading, digits) in READ.items()}
        rows.append({"Method": label, "Folds": len(runs)} | row)
    return pd.DataFrame(rows).set_index("Method")


def gained() -> pd.DataFrame:
    """A row for each part that is taken away: the change of each method, a mean over repetitions with its interval."""
    runs = parts()
    experiments, labels = (runs[name].unique() for name in ("experiment", "label"))
    table = runs.set_index(["experiment", "label", "repetition"]).sort_index()
    rows = []
    for experiment in experiments:
        row = {"": experiment.replace("_", " ")}
        for label in labels:
            for metric, heading in CHANGED.items():
                values = table.loc[(experiment, label), metric]
                if values.isna().all() and metric != "fve_draw":
                    continue
                moved = values if experiment == experiments[0] else values - table.loc[(experiments[0], label), metric]
                row[f"{label}: {heading}"] = said(moved.dropna())
        rows.append(row)
    return pd.DataFrame(rows).set_index("").fillna(MISSING)
