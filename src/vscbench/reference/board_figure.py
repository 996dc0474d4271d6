"""`python -m vscbench.reference.board_figure FILE`: what coders explain at 10 % density on each data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from vscbench.reference import leaderboard
from vscbench.reference.board import MAIN, SCORE
from vscbench.reporting.style import PAGE_IN, set_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"variational": "C0", "autoencoder": "C1", "solver": "C2"}
ROW_IN = 0.2


def draw() -> Figure:
    """A panel for each experiment: mean and 95 % interval of each ranked coder, in order of their mean rank."""
    set_theme()
    table = leaderboard()
    assert table is not None  # noqa: S101  (it is shipped)
    ranked = table[(table["column"] == MAIN) & table["rank"].notna()]
    experiments = list(ranked["experiment"].unique())
    order = list(ranked.groupby("label")["rank"].mean().sort_values(kind="stable").index)
    size = (PAGE_IN, ROW_IN * len(order) + 1)
    figure, axes = plt.subplots(1, len(experiments), figsize=size, sharey=True, layout="constrained", squeeze=False)
    for panel, name in zip(axes.flat, experiments, strict=True):
        for kind, rows in ranked[ranked["experiment"] == name].groupby("kind"):
            at = [order.index(label) for label in rows["label"]]
            spread = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
            panel.errorbar(rows["mean"], at, xerr=spread, fmt="o", ms=3.5, lw=1, color=COLOURS[kind], label=kind)
        panel.set(title=name.replace("_", " "), xlim=(-0.1, 1), yticks=range(len(order)), yticklabels=order)
        panel.grid(axis="x")
    axes[0, 0].invert_yaxis()
    figure.supxlabel(SCORE[MAIN].header.replace("FVE", "Variance that one draw explains") + " density", fontsize=8)
    handles = {label: each for p in axes.flat for each, label in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=3)
    return figure


if __name__ == "__main__":
    draw().savefig(Path(sys.argv[1]))
