"""Rate, distortion and density of every method at its operating points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.figures.frontier import FLOOR
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import logarithmic, note, panels, rows, wide, wrapped
from vscbench.reporting.tables.rate_distortion import COSTS, places

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study

COLOURS = "viridis_r"
ACROSS = 4


def points(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """Means over repetitions of the runs with a rate: method, weight, rate, fve_draw, density, best."""
    means = runs.dropna(subset=COSTS).groupby(["group", "method"], sort=False).mean().reset_index()
    weights = [
        next((study.points[group][axis] for axis in needs.WEIGHT_AXES if axis in study.points[group]), "")
        for group in means["group"]
    ]
    return means.assign(weight=weights)


def show(axes: Axes, table: pd.DataFrame, norm: Normalize) -> None:
    """Draw FVE against rate, a point in the colour of its density, ringed where unbeaten; lines join equal weights."""
    import seaborn as sns

    for _, line in table.groupby("weight", sort=False):
        axes.plot(line["rate"], line["fve_draw"], color="0.8", lw=0.8, zorder=1)
    edges = ["black" if best > 0.5 else "white" for best in table["best"]]  # noqa: PLR2004  (in most repetitions)
    sns.scatterplot(
        table, x="rate", y="fve_draw", hue="density", hue_norm=norm, palette=COLOURS, legend=False, s=34, ax=axes,
        edgecolor=edges, linewidth=0.9,
    )  # fmt: skip
    axes.set(xlabel="rate (nats)", ylabel="")


def draw(study: Study) -> Figure:
    """A row for each experiment, a panel for each of its methods with a rate."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import LogLocator, NullLocator

    found = {place.setting.name: place for place in places(study)}
    tables = {name: points(study, place.runs) for name, place in found.items()}
    heights = {
        name: 1.1 + 1.5 * -(-table["method"].nunique() // ACROSS) for name, table in tables.items() if len(table)
    }
    figure, parts = rows(heights, "no run has a rate")
    for name, part in parts.items():
        table = tables[name]
        methods = list(table["method"].unique())
        many = wide(table["density"])
        norm = (LogNorm if many else Normalize)(table["density"].min(), table["density"].max() * (1 + 1e-9))
        each = panels(part, len(methods), min(ACROSS, len(methods)), sharex=True, sharey=True)
        for axes, method in zip(each, methods, strict=True):
            show(axes, table[table["method"] == method], norm)
            axes.set_title(wrapped(study.labels[method], 24))
            axes.label_outer()
        if wide(table["rate"]):
            logarithmic(each[0], "x")
        inside = table.loc[table["fve_draw"] >= FLOOR, "fve_draw"]
        if len(inside) < len(table):
            each[0].set_ylim(1.5 * FLOOR, max(inside.max(), 0) + 0.05)
        below = table.loc[table["fve_draw"] < FLOOR, "method"].unique()
        bar = part.colorbar(
            ScalarMappable(norm, COLOURS), ax=each, label="density of the code", pad=0.01, format="{x:g}"
        )
        if many:
            bar.ax.yaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_locator=NullLocator())
        part.supylabel("variance explained, one draw", fontsize=8)
        note(
            part,
            "Mean over seeds at each operating point, coloured by the density of one draw. Grey lines join points of "
            "one weight of the divergence. Ringed in black: in most repetitions no other run, of any method, is as "
            "low in rate, squared error and density.",
            *(f"{study.labels[method]}: points worse than FVE = {FLOOR:g} lie below the axis." for method in below),
            study.outcomes(found[name].setting.groups),
        )
    return figure


FIGURE = Output(
    name="rates",
    title="Rate, distortion and density",
    caption="Variance explained by one posterior draw against the rate (divergence from the prior, nats a data point), "
    "each method at its operating points, by the density of its codes. Higher left and lighter is better.",
    needs=needs.operating_points,
    draw=draw,
)
