"""The numbers of the leaderboard: every coder of an experiment by every column, at equal density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench import registry
from vscbench.reporting.claims.compare import Runs, folded
from vscbench.reporting.frontier import curve, places
from vscbench.reporting.leaderboard.columns import AT, EXPLAINED, SCORES
from vscbench.reporting.leaderboard.ranking import mean_of, standings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from vscbench.reporting.frontier import Frontier
    from vscbench.reporting.leaderboard.columns import Score
    from vscbench.reporting.leaderboard.ranking import Standing
    from vscbench.reporting.study import Study

DENSE = 0.5
"""Density of a code from which on it is not called sparse."""
DIGITS = 6
"""Of a density: k of K latents, a mean in single precision, is that share of them."""
VARIATIONAL, AUTOENCODER, SOLVER, OTHER = "variational", "autoencoder", "solver", "other"
KINDS = (VARIATIONAL, AUTOENCODER, SOLVER, OTHER)


class Cell(NamedTuple):
    """A number of a coder."""

    score: Score
    runs: Runs
    standing: Standing
    density: float | None = None
    """That of the codes it was measured on where the coder has none at the density of the column."""


class Coder(NamedTuple):
    """A row: what was measured of a coder, and what became of its runs."""

    method: str
    label: str
    kind: str
    runs: int
    diverged: int
    """Runs that did not come to their end."""
    nothing: int
    """Runs that did and are no better than the empty model or the all-zero code: `Study.learnt_nothing`."""
    cells: dict[str, Cell]
    """By the name of the column."""
    shipped: bool = False
    """Whether its runs are not the study's own but come with the package."""

    @property
    def explained(self) -> Cell | None:
        """FVE at the density of the comparison, or at its own; None where every run diverged."""
        return self.cells.get(EXPLAINED[AT].name)

    @property
    def compared(self) -> Standing | None:
        """FVE at the density of the comparison; None where it has no such codes."""
        return self.explained.standing if self.explained and self.explained.density is None else None


class Board(NamedTuple):
    """The coders of an experiment, or of a setting of it, by falling FVE."""

    name: str
    groups: list[str]
    coders: list[Coder]
    pca: float
    """FVE at the density of the comparison of as many principal components, mean over data; nan where unknown."""

    @property
    def scores(self) -> list[Score]:
        """The columns that something was measured of."""
        return [score for score in SCORES if any(score.name in coder.cells for coder in self.coders)]


def boards(study: Study) -> list[Board]:
    """A board for each experiment, or setting of it, that has two coders or more, one of them sparse.

    Beside the study's own stand the shipped coders that were trained on the same data at the same sizes.
    Those whose coders are compared at equal density come first. Trials of constants are none: they are measured on
    validation data, and the best of many is too high.
    """
    chosen = {name: place for name, place in places(study).items() if "trials" not in study.setup(place.groups[0])}
    found = filter(None, (board(study, name, place) for name, place in chosen.items()))
    return sorted(found, key=lambda board: not any(coder.compared for coder in board.coders))


def board(study: Study, name: str, place: Frontier) -> Board | None:
    """The coders of a place; None where there are none to compare."""
    from vscbench.reference.rivals import rivals

    methods = [method for method in study.coders if any(method in study.methods(group) for group in place.groups)]
    table = _wide(study, place.groups)
    rows = {method: table[table["method"] == method] for method in methods}
    coders = {method: _coder(study, place, rows[method], method) for method in methods}
    for method, each in (rivals(study.spec_of(place.groups[0])) if methods else {}).items():
        if method not in coders:
            rows[method] = each.table.reindex(columns=table.columns)
            coders[method] = Coder(
                method, f"{each.label} (shipped)", each.kind, each.runs, each.diverged, each.nothing, {}, shipped=True
            )
    if len(coders) < 2 or not any((runs["density"] < DENSE).any() for runs in rows.values()):  # noqa: PLR2004
        return None
    numbers = {method: dict(_numbers(study, place, rows[method], coder)) for method, coder in coders.items()}
    for score in SCORES:
        here = {method: found[score.name] for method, found in numbers.items() if score.name in found}
        ranked = {m: runs for m, (runs, density) in here.items() if density is None or score.anywhere}
        standing = standings(ranked, higher=score.higher) if score.higher is not None else {}
        for method, (runs, density) in here.items():
            alone = standing.get(method) or mean_of(runs, spread=not score.paired)
            kept = alone._replace(low=max(alone.low, score.least)) if alone.low < score.least else alone
            coders[method].cells[score.name] = Cell(score, runs, kept, density)
    pca = [each.at(AT) for each in place.curves("pca").values()]
    return Board(name, place.groups, sorted(coders.values(), key=_order), float(np.mean(pca)) if pca else math.nan)


def kind_of(family: str) -> str:
    """What sort of coder a family is, by its class; other where that is not at hand.

    Example:
        >>> kind_of("topk"), kind_of("fista"), kind_of("poisson")
        ('autoencoder', 'solver', 'variational')
    """
    from vscbench.coders import FAMILIES, Posterior
    from vscbench.coders.amortised import Amortised
    from vscbench.coders.autoencoder import Autoencoder
    from vscbench.coders.langevin import Langevin
    from vscbench.coders.map_solver import MapSolver
    from vscbench.coders.omp import Omp
    from vscbench.errors import UserError

    try:
        found = registry.load(registry.address(FAMILIES, family, "family", registry.CODERS))
    except UserError:
        return OTHER
    sorts = {VARIATIONAL: (Posterior, Amortised), AUTOENCODER: (Autoencoder,), SOLVER: (MapSolver, Omp, Langevin)}
    return next((kind for kind, classes in sorts.items() if issubclass(found, classes)), OTHER)


def _wide(study: Study, groups: list[str]) -> pd.DataFrame:
    """A row a run that came to its end: method, group, repetition and the metrics of all columns."""
    names = list(dict.fromkeys(["density", *(score.metric for score in SCORES)]))
    rows = study.metrics[study.metrics["group"].isin(groups) & (study.metrics["status"] == "completed")]
    rows = rows[rows["metric"].isin(names)]
    keys: list[Any] = ["method", "group", "repetition"]
    table = rows.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    return table.reindex(columns=[*keys, *names])


def _numbers(
    study: Study, place: Frontier, rows: pd.DataFrame, coder: Coder
) -> Iterator[tuple[str, tuple[Runs, float | None]]]:
    """Each column's numbers of a coder by repetition, and the density of its codes where they are not the column's."""
    import pandas as pd

    planned = study.setup(place.groups[0]).get("repetitions", 0)
    common = (coder.label, place.groups[0])
    after = (coder.diverged, planned, folded(study, place.groups[0]))
    own = _own(rows)
    parts = {
        int(k): (part["density"].round(DIGITS).to_numpy(), {s.metric: part[s.metric].to_numpy() for s in SCORES})
        for k in rows["repetition"].unique()
        for part in (rows[rows["repetition"] == k],)
    }
    for score in SCORES:
        read = {k: float(curve(density, of[score.metric]).at(score.density)) for k, (density, of) in parts.items()}
        values = pd.Series(read, dtype=float).dropna()
        if not values.empty:
            yield score.name, (Runs(*common, values, *after), None)
        elif score.density == AT and not own.empty:
            values = own.set_index("repetition")[score.metric].astype(float).dropna()
            if not values.empty:
                yield score.name, (Runs(*common, values, *after), float(own["density"].mean()))


def _own(rows: pd.DataFrame) -> pd.DataFrame:
    """The operating point of a method nearest to the density of the comparison, of equals that of highest FVE."""
    if rows.empty:
        return rows
    means = rows.groupby("group", sort=False)[["density", "fve_draw"]].mean()
    away = np.log(means["density"].clip(lower=1e-9) / AT).abs().round(DIGITS)
    nearest = means.assign(away=away).sort_values(["away", "fve_draw"], ascending=[True, False]).index[0]
    own: pd.DataFrame = rows[rows["group"] == nearest]
    return own


def _coder(study: Study, place: Frontier, ended: pd.DataFrame, method: str) -> Coder:
    """A row of the board, without its numbers."""
    groups = [group for group in place.groups if method in study.methods(group)]
    lost = sum(len(study.of(group, "diverged_step", method)) for group in groups)
    return Coder(
        method,
        study.labels[method],
        kind_of(study.spec_of(groups[0], method)["coder"]["family"]),
        len(ended) + lost,
        lost,
        sum(int(study.learnt_nothing(group, method).sum()) for group in groups),
        {},
    )


def _order(coder: Coder) -> tuple[bool, float]:
    """Those that are compared first, by falling FVE, then those with codes of another density."""
    standing = coder.explained.standing if coder.explained else None
    return coder.compared is None, -standing.mean if standing else math.inf
