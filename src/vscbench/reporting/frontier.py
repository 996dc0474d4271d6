"""Reconstruction against sparsity: methods at several operating points, compared where their codes are equally dense.

A method's operating points have a density (L0, a fraction of the latents) and a value that is to be high, the fraction
of variance explained (FVE). Between the measured points its frontier is linear in log density, and beyond them it has
no value. No maximum is taken over points: that of noisy ones is too high, and where the value falls with density it
would stand for a code of another density.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench.reporting.needs import OPERATING_POINT_AXES, WEIGHT_AXES, operating_axes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from vscbench.reporting.study import Study

DENSITIES = (0.05, 0.1, 0.2)
"""Where methods are compared by name: the authors' densities."""
REFERENCE_CURVE = "pca"


class Code(NamedTuple):
    """One of the codes of a data point, by the metrics of its density and reconstruction."""

    density: str
    fve: str
    mse: str


CODES = {"draw": Code("density", "fve_draw", "mse_draw"), "best": Code("density_best", "fve_best", "mse_best")}
"""One posterior sample, and the best of J, an oracle that looks at the data point."""

# ------------------------------------------------------------------------- curves


def efficient(*costs: ArrayLike) -> NDArray[np.bool_]:
    """Which points are on the Pareto frontier: no other is as low in every cost (N,), and lower in one.

    Example:
        >>> efficient([0.1, 0.2, 0.3], [5, 6, 4])
        array([ True, False,  True])
    """
    c = np.stack([np.asarray(each, dtype=float) for each in costs])
    no_worse = (c[:, :, None] <= c[:, None]).all(0)  # [i, j]: i is no worse than j
    better = (c[:, :, None] < c[:, None]).any(0)
    dominated: NDArray[np.bool_] = np.asarray((no_worse & better).any(0))
    return ~dominated


class Curve(NamedTuple):
    """A frontier: its measured points by rising density."""

    density: NDArray[np.float64]
    value: NDArray[np.float64]

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest density; nan of no point."""
        return (float(self.density[0]), float(self.density[-1])) if len(self.density) else (np.nan, np.nan)

    def at(self, density: ArrayLike) -> NDArray[np.float64]:
        """The value at a density, linear in its logarithm between the points; nan outside of them."""
        where = np.asarray(density, dtype=float)
        if not len(self.density):
            return np.full(where.shape, np.nan)
        found: NDArray[np.float64] = np.interp(
            np.log(where), np.log(self.density), self.value, left=np.nan, right=np.nan
        )
        return found

    def mean(self, low: float, high: float) -> float:
        """∫ value d(log density)/log(high/low) over [low, high], exactly: the normalised area under the frontier.

        nan where the curve does not reach from `low` to `high`, or there is nothing between them.
        """
        start, end = self.range
        if not start <= low < high <= end:
            return float("nan")
        nodes = np.array([low, *self.density[(self.density > low) & (self.density < high)], high])
        return float(np.trapezoid(self.at(nodes), np.log(nodes)) / np.log(high / low))


def curve(density: ArrayLike, value: ArrayLike) -> Curve:
    """Points (N,) in any order as a curve; of equal densities the mean value.

    Points of no density have no place on a logarithmic axis, those of no value none at all.
    """
    d, v = np.asarray(density, dtype=float), np.asarray(value, dtype=float)
    kept = (d > 0) & np.isfinite(v)
    nodes, place, count = np.unique(d[kept], return_inverse=True, return_counts=True)
    return Curve(nodes, np.bincount(place, v[kept], len(nodes)) / count)


def envelope(of: Curve) -> Curve:
    """The rising curve nearest to the points in least squares (isotonic regression): for the eye, not for a number.

    Example:
        >>> envelope(curve([0.1, 0.2, 0.4], [1, 3, 2])).value
        array([1. , 2.5, 2.5])
    """
    from scipy.optimize import isotonic_regression

    return of._replace(value=isotonic_regression(of.value).x) if len(of.value) else of


def overlap(curves: Iterable[Curve]) -> tuple[float, float] | None:
    """The densities that all curves reach; None where there are none or only one."""
    ranges = [each.range for each in curves]
    low, high = max((a for a, _ in ranges), default=np.nan), min((b for _, b in ranges), default=np.nan)
    return (low, high) if low < high else None


# ------------------------------------------------------------------------- methods


class Frontier(NamedTuple):
    """The operating points of the methods of an experiment, at one point of all that is no knob of theirs."""

    groups: list[str]
    """Those of the study that it gathers."""
    points: pd.DataFrame
    """A row for each run, and for each size of PCA: method, repetition (0 of PCA), and the metrics of CODES."""

    def methods(self) -> list[str]:
        """Those with a run that came to its end, in the order of the config, PCA last."""
        return list(self.points["method"].unique())

    def curves(self, method: str, code: str = "draw", *, error: bool = False) -> dict[int, Curve]:
        """The frontier of each repetition of a method: of FVE, or of -MSE."""
        names = CODES[code]
        rows = self.points[self.points["method"] == method]
        return {
            k: curve(part[names.density], -part[names.mse] if error else part[names.fve])
            for k in sorted(rows["repetition"].unique())
            for part in (rows[rows["repetition"] == k],)
        }

    def spans(self, method: str, code: str = "draw") -> dict[int, Curve]:
        """The frontiers of a method that span a range of densities, by repetition; a dense code has none.

        That of PCA stands beside every repetition, but where each has data of its own and so its own PCA.
        """
        found = {k: each for k, each in self.curves(method, code).items() if len(each.density) > 1}
        if method == REFERENCE_CURVE and len(found) == 1:
            return dict.fromkeys(self.points["repetition"].unique(), found[0])
        return found

    def swept(self) -> bool:
        """Whether some method has several operating points."""
        return any(self.spans(method) for method in self.methods() if method != REFERENCE_CURVE)

    def common(self, code: str = "draw") -> tuple[float, float] | None:
        """The densities that every repetition of every method with a range reaches, PCA aside."""
        methods = [method for method in self.methods() if method != REFERENCE_CURVE]
        return overlap(each for method in methods for each in self.spans(method, code).values())

    def difference(self, first: str, second: str, code: str = "draw", at: float | None = None) -> pd.Series[float]:
        """FVE of `first` less that of `second` at equal density, by repetition.

        Args:
            first: a method.
            second: another.
            code: the code whose density is matched, of CODES.
            at: a density; None: the mean over log density where all repetitions of both overlap.

        Returns:
            A value for each repetition that both reach it in; empty where there is none: nothing is extrapolated.
        """
        import pandas as pd

        curves = [self.spans(method, code) for method in (first, second)]
        shared = [k for k in curves[0] if k in curves[1]]
        if at is None:
            span = overlap(each[k] for each in curves for k in shared)
            found = {k: curves[0][k].mean(*span) - curves[1][k].mean(*span) for k in shared} if span else {}
        else:
            found = {k: float(curves[0][k].at(at) - curves[1][k].at(at)) for k in shared}
        return pd.Series(found, dtype=float).rename_axis("repetition").dropna()

    def highest(self, method: str, code: str = "draw") -> pd.DataFrame:
        """The operating point of highest FVE of each repetition of a method."""
        rows = self.points[self.points["method"] == method]
        return rows.loc[rows.groupby("repetition")[CODES[code].fve].idxmax()].set_index("repetition")


class Setting(NamedTuple):
    """A point of an experiment on the axes that are no knob of a method."""

    name: str
    groups: list[str]
    references: bool
    """Whether the reference codes have its number of latents: theirs is the largest."""


def knobs(study: Study, experiment: str) -> set[str]:
    """The axes that curves of an experiment are along.

    Where a method has a knob for sparsity and a weight of the divergence its curves are along the knob, one at each
    weight: points of all weights in one curve would be none.
    """
    points = [study.points[group] for group in study.groups_of(experiment)]
    both = any(len({axis in WEIGHT_AXES for axis in operating_axes(point)}) > 1 for point in points)
    return {*OPERATING_POINT_AXES} - ({*WEIGHT_AXES} if both else set())


def settings(study: Study, experiment: str, knobs: Collection[str]) -> Iterator[Setting]:
    """The points of an experiment on all axes but `knobs`, with the groups that stand there.

    A method that lacks such an axis stands at each of its points.
    """
    fixed = {
        group: {axis: value for axis, value in study.points[group].items() if axis not in knobs}
        for group in study.groups_of(experiment)
    }
    distinct: list[dict[str, str]] = []
    for point in fixed.values():
        if point not in distinct:
            distinct.append(point)
    largest = max((float(point["latents"]) for point in distinct if "latents" in point), default=None)
    for point in distinct:
        if not any(point.items() < other.items() for other in distinct):
            name = ", ".join([experiment, *(f"{axis} = {value}" for axis, value in point.items())])
            groups = [group for group, its_point in fixed.items() if its_point.items() <= point.items()]
            yield Setting(name, groups, "latents" not in point or float(point["latents"]) == largest)


def places(study: Study) -> dict[str, Frontier]:
    """The operating points of a study by the name of their place: the experiment, and its setting where that is swept.

    A method may have a single one.
    """
    import pandas as pd

    names = list(dict.fromkeys(name for code in CODES.values() for name in code))
    chosen = study.metrics[study.metrics["metric"].isin(names)]
    found = {}
    for experiment in study.experiments:
        references = chosen[(chosen["experiment"] == experiment) & (chosen["method"] == REFERENCE_CURVE)]
        for setting in settings(study, experiment, knobs(study, experiment)):
            runs = chosen[chosen["group"].isin(setting.groups) & (chosen["status"] == "completed")]
            rows = pd.concat([runs, references]) if setting.references else runs
            found[setting.name] = Frontier(setting.groups, _wide(rows, names))
    return found


def frontiers(study: Study) -> dict[str, Frontier]:
    """Those of the `places` of a study in which some method has several operating points of different density."""
    return {name: place for name, place in places(study).items() if place.swept()}


def _wide(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row for each run and each size of PCA, in the order of the rows."""
    keys: list[Any] = ["method", "group", "repetition"]
    rows = rows.assign(repetition=rows["repetition"].fillna(0).astype(int))
    table = rows.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    table = table.reindex(columns=[*keys, *names])
    # A reference code is no draw of many: the best of J is the code itself.
    table["density_best"] = table["density_best"].fillna(table["density"])
    return table.dropna()
