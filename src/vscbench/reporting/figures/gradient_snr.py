"""Signal-to-noise ratio of the gradients of inference network and generator (paper, figure 4)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.published import linear
from vscbench.reporting.style import logarithmic, looks, note, rows, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

NETWORKS = {"inference": "Inference network", "generator": "Generator"}
NATURAL = ("natural_images", "olshausen")
"""Kinds of data set that the published ratios may stand beside: theirs are of natural images."""
SHAPES = ("o", "s", "^", "D")
"""A marker for each J, in rising order."""
PUBLISHED_FLOOR = math.sqrt(2 / math.pi / 1000)
"""Mean of |ε|/√passes, ε ~ N(0, 1): the authors take means over parameters of 1,000 passes."""
FLOOR: dict[str, Any] = {"facecolor": "0.9", "edgecolor": "0.4", "ls": "--", "lw": 0.8}
Published: TypeAlias = dict[tuple[str, int], tuple[float, float]]
"""The authors' mean and standard deviation by method and J."""
PUBLISHED_LINE: dict[str, Any] = {"color": "0.4", "ls": ":", "lw": 1}


def sample_counts(study: Study, group: str) -> list[int]:
    """The J at which gradients were measured."""
    names = study.metrics.loc[study.metrics["group"] == group, "metric"].unique()
    found = (re.fullmatch(r"gradient_snr_inference_j(\d+)", name) for name in names)
    return sorted(int(match[1]) for match in found if match)


def published(study: Study, group: str) -> Published:
    """The ratios of the inference network in the authors' figure 4."""
    if study.setup(group)["kind"] not in NATURAL or study.points[group]:
        return {}
    methods, numbers = study.methods(group), linear()
    numbers = numbers[(numbers["metric"] == "gradient_snr_inference") & numbers["method"].isin(methods)]
    return {
        (row["method"], int(row["samples"])): (float(row["mean"]), float(row["std"]))
        for row in numbers.to_dict("records")
    }


def show_method(
    axes: Axes, study: Study, group: str, method: str, network: str, samples: int, y: float, shape: str, look: Look
) -> None:
    """Draw the ratios of a method at one J on the line y."""

    def values(part: str) -> pd.Series[float]:
        return study.of(group, f"gradient_snr{part}_{network}_j{samples}", method)

    seeds, colour = values(""), look.colour
    axes.plot([values("_low").mean(), values("_high").mean()], [y, y], color=colour, lw=3.5, alpha=0.4)
    axes.plot(seeds, np.full(len(seeds), y), ".", color=colour, ms=3)
    axes.plot(seeds.mean(), y, shape, color=colour, ms=4.5)
    axes.plot(values("_published").mean(), y, "|", color=colour, ms=6, mew=1.3)


def show(
    axes: Axes, study: Study, group: str, methods: list[str], network: str, counts: list[int], printed: Published
) -> None:
    """Draw the ratios of one network: a band for each method, in it a line for each J."""
    look = looks(study.coders)
    offsets = np.linspace(-0.2, 0.2, len(counts)) if len(counts) > 1 else np.zeros(1)
    for place, method in enumerate(methods):
        for offset, samples, shape in zip(offsets, counts, shapes(counts), strict=True):
            y = place + offset
            show_method(axes, study, group, method, network, samples, y, shape, look[method])
            if (method, samples) in printed:
                mean, std = printed[method, samples]
                colour = look[method].colour
                axes.errorbar(mean, y, xerr=std, fmt=shape, color=colour, ms=4.5, mfc="white", mew=1, lw=0.8)
    floor = noise_floor(study, group, network, counts)
    axes.axvline(floor, color=FLOOR["edgecolor"], ls=FLOOR["ls"], lw=FLOOR["lw"], zorder=1)
    if printed:
        axes.axvline(PUBLISHED_FLOOR, zorder=1, **PUBLISHED_LINE)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_yticks(range(len(methods)), [wrapped(study.name(group, method), 20) for method in methods])
    axes.set(title=NETWORKS[network], xlabel="signal-to-noise ratio, |mean| / std")
    axes.grid(visible=False, axis="y")


def noise_floor(study: Study, group: str, network: str, counts: list[int]) -> float:
    """The ratio that gradients of pure noise would show."""
    return float(study.values(group, f"gradient_snr_null_{network}_j{counts[0]}")["value"].max())


def shade(axes: Axes, floor: float) -> None:
    """Shade what lies below `floor`, within the limits that the marks have set: a shade from 0 has no place on them."""
    limits = axes.get_xlim()
    axes.axvspan(limits[0], floor, color=FLOOR["facecolor"], lw=0, zorder=0)
    axes.set_xlim(limits)


def shapes(counts: list[int]) -> list[str]:
    """A marker for each J."""
    return [SHAPES[i % len(SHAPES)] for i in range(len(counts))]


def key(counts: list[int], any_published: bool) -> list[Artist]:
    """What the marks mean."""
    grey: dict[str, Any] = {"color": "0.25", "lw": 0}
    handles: list[Artist] = [
        Line2D([], [], marker=shape, ms=4.5, label=f"J = {samples}", **grey)
        for samples, shape in zip(counts, shapes(counts), strict=True)
    ]
    handles += [
        Line2D([], [], marker=".", ms=3, label="single seeds", **grey),
        Line2D([], [], color="0.25", lw=3.5, alpha=0.4, label="95 % interval"),
        Patch(label="noise floor", **FLOOR),
        Line2D([], [], marker="|", ms=6, mew=1.3, label="mean over parameters", **grey),
    ]
    if any_published:
        handles += [
            Line2D([], [], marker="o", ms=4.5, mfc="white", mew=1, label="published", **grey),
            Line2D([], [], label="noise floor of published", **PUBLISHED_LINE),
        ]
    return handles


def draw(study: Study) -> Figure:
    """The ratio of every method at each J against that of pure noise, a row of panels for each experiment."""
    counts = {name: found for name in study.side_by_side if (found := sample_counts(study, name))}
    methods = {
        name: [
            method
            for method in study.methods(name)
            if len(study.of(name, f"gradient_snr_inference_j{counts[name][0]}", method))
            or not study.finished(name, method)
        ]
        for name in counts
    }
    figure, parts = rows({name: 1.9 + 0.34 * len(found) for name, found in methods.items()}, "no gradients measured")
    for group, part in parts.items():
        printed = published(study, group)
        inference, generator = part.subplots(1, 2, sharex=True, sharey=True)
        show(inference, study, group, methods[group], "inference", counts[group], printed)
        show(generator, study, group, methods[group], "generator", counts[group], {})
        logarithmic(inference, "x")
        for axes, network in ((inference, "inference"), (generator, "generator")):
            shade(axes, noise_floor(study, group, network, counts[group]))
        handles = key(counts[group], bool(printed))
        part.legend(handles=handles, loc="outside upper center", ncols=math.ceil(len(handles) / 2))
        note(part, *explanation(study, group, methods[group], bool(printed)))
    return figure


def explanation(study: Study, group: str, methods: list[str], any_published: bool) -> list[str]:
    """What a reader must know to compare the marks."""
    lines = []
    lines.append(
        "Filled: median over parameters, mean over seeds, with its bootstrap interval over parameters (mostly narrower "
        "than the marker). Noise floor: the median that gradients of pure noise would show at this number of passes."
    )
    if any_published:
        lines.append(
            "Published: the paper's figure 4, mean over parameters of 1,000 passes (compare with our means over "
            f"parameters; pure noise gives about {PUBLISHED_FLOOR:.3f}), of another data set and 240,000 steps. Its "
            "generator values, above 10,000, are implausible and on another scale: left out."
        )
    missing = [study.labels[method] for method in study.methods(group) if method not in methods]
    if missing:
        lines.append(f"Without gradient noise: {', '.join(missing)}.")
    return lines + study.divergences(group)


FIGURE = Output(
    "gradient_snr",
    "Gradient signal-to-noise ratio",
    "Signal-to-noise ratio of the gradients of inference network and generator over repeated passes on a fixed "
    "batch, at J = 1 and J = 20; further right is less noisy. In the shaded area a ratio cannot be told from pure "
    "noise; hollow marks are the paper's, a mean over parameters, to be compared with our vertical ticks and not "
    "with our medians.",
    needs.gradients,
    draw,
)
