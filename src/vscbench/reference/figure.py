"""`python -m vscbench.reference.figure FILE`: metrics of the reference runs against their training steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import seaborn as sns

from vscbench.reference import labels, published
from vscbench.reporting.style import handle, looks, set_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {
    "fve_draw": "Variance explained, one draw",
    "lasso20_best": "Lasso objective, λ = 20, best of 20",
    "elbo_above_empty": "ELBO above the empty model (nats)",
    "iwae_100_fitted_above_empty": "IWAE-100 above it, fitted noise (nats)",
    "support_bits": "Support: bits that the data say",
    "posterior_collapse": "Posterior collapse (%)",
}
LOGARITHMIC = ("lasso20_best", "support_bits")


def draw() -> Figure:
    """A panel for each metric: mean of the repetitions, and their range as an area."""
    set_theme()
    names, table = labels(), published()
    look = looks(names)
    figure, axes = plt.subplots(2, 3, figsize=(7, 4.6), layout="constrained")
    for place, (metric, title) in zip(axes.flat, PANELS.items(), strict=True):
        options = {
            "errorbar": ("pi", 100),  # their range
            "palette": {method: look[method].colour for method in names},
            "markers": {method: look[method].marker for method in names},
            "dashes": {method: look[method].dash or "" for method in names},
            "legend": False,
        }
        shown = table[table[metric] > 0] if metric in LOGARITHMIC else table
        sns.lineplot(shown, x="step", y=metric, hue="method", style="method", ax=place, lw=1, ms=4, **options)
        place.set(xscale="log", xlabel="Training steps", ylabel="")
        place.set_title(title, fontsize=7)
        if metric in LOGARITHMIC:
            place.set_yscale("log")
        if metric == "fve_draw":
            place.set_ylim(-0.15, 1)
        if metric == "elbo_above_empty":
            place.set_ylim(-45, 25)
            place.axhline(0, color="0.35", ls="--", lw=0.9)
        if metric == "iwae_100_fitted_above_empty":
            place.axhline(0, color="0.35", ls="--", lw=0.9)
    handles = [handle(look[method], label) for method, label in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=6.5)
    return figure


if __name__ == "__main__":
    draw().savefig(Path(sys.argv[1]), dpi=200)
