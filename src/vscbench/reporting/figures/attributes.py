"""Correlation of latents with labels of the data, with its sign (paper, figures 6 and 8)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.pictures import shown
from vscbench.reporting.style import MINUS, note, panels, rows, say, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

    from vscbench.reporting.pictures import Shown
    from vscbench.reporting.study import Study

PANELS = 2
LABELS = 12
"""Labels shown: more are not readable on a page."""
LINE_IN = 0.19
CELL_PT = 5.5


class Alignment(NamedTuple):
    """Correlations of a method's latents with the labels."""

    r: NDArray[np.float64]
    """(K, A), 0 where a latent is constant."""
    labels: NDArray[Any]

    def strongest(self) -> NDArray[np.float64]:
        """|r| of the best latent of each label: (A,)."""
        best: NDArray[np.float64] = np.abs(self.r).max(0)
        return best

    def best(self, labels: NDArray[np.intp]) -> list[int]:
        """The best latent of each of `labels`, in their order, each latent once."""
        return list(dict.fromkeys(np.abs(self.r[:, labels]).argmax(0).tolist()))


def alignment(study: Study, each: Shown) -> Alignment | None:
    """What the run of a method left."""
    r = study.array(each.run, "attribute_correlation") if each.run else None
    labels = study.array(each.run, "attribute_names") if each.run else None
    return None if r is None or labels is None else Alignment(np.nan_to_num(r.astype(np.float64)), labels)


def nulls(study: Study, each: Shown, labels: NDArray[Any]) -> NDArray[np.float64]:
    """What chance gives for each label, mean over seeds: (A,)."""
    return np.array([study.of(each.group, f"attribute_null_{label}", each.method).mean() for label in labels])


def written(r: float) -> str:
    """A correlation with its sign, as short as it can be: '.31', '−.05'."""
    sign = MINUS if round(r, 2) < 0 else ""
    return sign + f"{abs(r):.2f}".removeprefix("0")


def panel(axes: Axes, found: Alignment, columns: NDArray[np.intp], null: NDArray[np.float64], scale: float) -> None:
    """Draw the best latents of the labels `columns` as a heat map, what exceeds chance in bold."""
    import seaborn as sns

    latents = found.best(columns)
    r = found.r[latents][:, columns]
    sns.heatmap(
        r,
        ax=axes,
        cmap="RdBu_r",
        vmin=-scale,
        vmax=scale,
        annot=np.vectorize(written)(r),
        fmt="",
        annot_kws={"fontsize": CELL_PT},
        cbar=False,
        xticklabels=[str(found.labels[k]).replace("_", " ") for k in columns],
        yticklabels=[f"z{k}" for k in latents],
    )
    for text, beyond in zip(axes.texts, (np.abs(r) > null).flat, strict=True):
        text.set_fontweight("bold" if beyond else "normal")
    axes.tick_params(left=False, bottom=False, pad=1)
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)


def block(part: SubFigure, study: Study, methods: list[Shown]) -> None:
    """Draw the methods of an experiment, all on the same scale, and say what chance gives."""
    found = [alignment(study, each) for each in methods]
    measured = [each for each in found if each]
    strongest = np.mean([each.strongest() for each in measured], axis=0)
    columns = np.sort(np.argsort(-strongest, kind="stable")[:LABELS])
    scale = max(float(each.strongest()[columns].max()) for each in measured)
    chance, grid = [], panels(part, len(methods), PANELS)
    for axes, each, its in zip(grid, methods, found, strict=True):
        axes.set_title(wrapped(each.label, 36))
        if its is None:
            say(axes, each.why_not(study))
            continue
        chance.append(nulls(study, each, its.labels[columns]))
        panel(axes, its, columns, chance[-1], scale)
    image = next(axes.collections[0] for axes in grid if axes.collections)
    part.colorbar(image, ax=grid, label="correlation r", shrink=0.4, pad=0.01)
    low, high = np.nanmin(chance), np.nanmax(chance)
    left = len(strongest) - len(columns)
    note(
        part,
        "Point-biserial r of each label (columns) with the latents (rows) that are the best of some label, in the "
        f"labels' order; first completed repetition. Bold: |r| above the permutation null, {low:.2f} to {high:.2f}, "
        "the 95 % quantile of the largest |r| over all latents with the labels permuted."
        + (f" The {len(columns)} labels of largest |r|; {left} more are in the table." if left else ""),
        study.divergences(methods[0].group),
    )


def draw(study: Study) -> Figure:
    """Heat maps of every method, a block for each experiment."""
    found = shown(study, "attribute_correlation")
    heights = {}
    for name, methods in found.items():
        labels = next(its.labels for each in methods if (its := alignment(study, each)))
        names = max(len(str(label)) for label in labels)
        height = LINE_IN * min(LABELS, len(labels)) + 0.4 + 0.055 * names
        heights[name] = 0.5 + height * math.ceil(len(methods) / PANELS)
    figure, parts = rows(heights, "no labels to align latents with")
    for name, part in parts.items():
        block(part, study, found[name])
    return figure


FIGURE = Output(
    name="attributes",
    title="Latents and labels",
    caption="Correlation, with its sign, of latents with what is known of the images; the authors' plot hides negative "
    "ones. A latent is of interest where it goes beyond the null, what the best of all latents reaches by chance.",
    needs=needs.network,
    draw=draw,
)
