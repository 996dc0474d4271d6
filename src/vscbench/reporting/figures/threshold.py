"""The threshold acting on a Laplacian: what makes its samples spike-and-slab distributed (paper, figure 2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import LOOKS, PAGE_IN, SMALL_PT, area, mark, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study

LOC, SCALE = 0.15, 0.1
"""μ, off zero so that spike and slab are seen apart, and b, the prior's scale."""
DENSITIES = (0.5, 0.2, 0.1)
"""γ = e^{-λ/b} of the thresholds shown."""
SAMPLES = 200_000
RANGE = (-0.35, 0.65)
BINS = 80
DASHES = ("-", "--", ":")
COLOUR = LOOKS["laplacian_thresh"].colour
BASE = "0.75"


def sample(density: float) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
    """Base samples, the same thresholded, λ and the exact P(z ≠ 0), from the coder itself."""
    import torch

    from vscbench.coders.laplacian import Laplacian
    from vscbench.coders.threshold import FixedThreshold

    base = Laplacian(prior_scale=SCALE)
    posterior = FixedThreshold(base, density=density)
    params = {"loc": torch.tensor([[LOC]]), "log_scale": torch.tensor([[math.log(SCALE)]])}
    with torch.no_grad():
        noise = posterior.noise(params, SAMPLES, torch.Generator().manual_seed(0))
        codes = [each.codes(params, noise).flatten().numpy() for each in (base, posterior)]
        active = float(posterior.active_prob(params))
    return codes[0], codes[1], posterior.level, active


def show_map(axes: Axes, thresholds: list[float]) -> None:
    """Draw T_λ as a function of the base sample, for each λ."""
    import torch

    from vscbench.coders.threshold import shifted_soft_threshold

    base = np.linspace(*RANGE, 2001, dtype=np.float32)
    axes.plot(base, base, color=BASE, lw=1)
    for threshold, dash in zip(thresholds, DASHES, strict=True):
        z = shifted_soft_threshold(torch.from_numpy(base - LOC), torch.tensor(LOC), threshold).numpy()
        jumps = np.abs(np.diff(z, append=z[-1])) > LOC / 2
        axes.plot(base, np.where(jumps, np.nan, z), dash, color=COLOUR, label=f"λ = {threshold:.3f}")
        axes.vlines(base[jumps], 0, LOC, COLOUR, "-", lw=0.5)
    axes.set(xlim=RANGE, ylim=RANGE)
    axes.set(title="The map $T_λ$", xlabel="base sample μ + e", ylabel="thresholded sample z")
    axes.plot(LOC, LOC, "o", color="black", ms=3)
    axes.annotate("(μ, μ)", (LOC, LOC), (-4, 2), textcoords="offset points", ha="right", fontsize=SMALL_PT)
    axes.legend(loc="upper left", fontsize=SMALL_PT, borderaxespad=0, handlelength=1.8)


def show_samples(axes: Axes, density: float, last: bool) -> None:
    """Draw base and thresholded samples for one λ against γ Laplace(μ, b) + (1 - γ) δ₀."""
    base, codes, threshold, active = sample(density)
    edges = np.linspace(*RANGE, BINS + 1)
    weight = 1 / (len(base) * (edges[1] - edges[0]))  # a density, of which few are outside
    slab = codes[codes != 0]
    for values, colour in ((base, BASE), (slab, COLOUR)):
        axes.stairs(weight * np.histogram(values, edges)[0], edges, fill=True, color=colour, alpha=0.6, lw=0)
    z = np.linspace(*RANGE, 1001)
    axes.plot(z, active / (2 * SCALE) * np.exp(-np.abs(z - LOC) / SCALE), color="black", lw=1)
    axes.set(xlim=RANGE, ylim=(0, 5.5), xlabel="sample", ylabel="")

    mass, measured = axes.twinx(), len(slab) / len(codes)
    mass.set_ylim(0, 1.1)
    mass.grid(visible=False)
    arrow = {"arrowstyle": "-|>", "color": COLOUR, "lw": 2, "shrinkA": 0, "shrinkB": 0}
    mass.annotate("", (0, 1 - measured), (0, 0), arrowprops=arrow)
    mass.text(-0.04, 1 - measured, f"{1 - measured:.3f}", ha="right", va="top", fontsize=SMALL_PT, color=COLOUR)
    if last:
        mass.set_ylabel("P(z = 0)", color=COLOUR)
    mass.tick_params(right=last, labelright=last, colors=COLOUR)
    mass.spines["right"].set(visible=last, color=COLOUR)
    axes.set_title(f"λ = {threshold:.3f}\nγ = {active:.3f} exact\n{measured:.3f} measured", fontsize=7)


def draw(study: Study) -> Figure:  # noqa: ARG001  (the same in every study)
    """The map T_λ, and samples before and after it against the exact spike-and-slab density, for three λ."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_IN, 2.5), layout="constrained")
    panels = figure.subplots(1, 1 + len(DENSITIES), width_ratios=[1.15] + [1] * len(DENSITIES))
    show_map(panels[0], [-SCALE * math.log(density) for density in DENSITIES])
    for axes, density in zip(panels[1:], DENSITIES, strict=True):
        show_samples(axes, density, last=axes is panels[-1])
        axes.tick_params(labelleft=axes is panels[1])
    panels[1].set_ylabel("density")
    handles = {
        "base samples μ + e": area(color=BASE, alpha=0.6),
        "non-zero thresholded samples": area(color=COLOUR, alpha=0.6),
        "γ Laplace(μ, b), exact": mark(color="black", lw=1),
        "(1 − γ) δ₀, spike at exactly 0 (right axis)": mark(color=COLOUR, lw=0, marker="^"),
    }
    place: dict[str, Any] = {"loc": "outside upper center", "ncols": 4, "columnspacing": 1.2, "handletextpad": 0.5}
    figure.legend([*handles.values()], [*handles], **place)
    note(figure, f"Laplace posterior with μ = {LOC}, b = {SCALE}; {SAMPLES:,} samples from the coder itself.")
    return figure


FIGURE = Output(
    name="threshold",
    title="The threshold",
    caption="The shifted soft threshold as a map of the base sample, and samples of a Laplace posterior before and "
    "after it, for thresholds λ that keep 50, 20 and 10 % of them. The non-zero samples should fill the exact density "
    "γ Laplace(μ, b) drawn as a line, and the arrow is the mass at exactly zero, 1 − γ with γ = exp(−λ/b).",
    needs=needs.anything,
    draw=draw,
)
