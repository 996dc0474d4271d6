"""Signal-to-noise ratio of the gradients of inference network and generator (paper, figure 4)."""

from __future__ import annotations

import math
import re
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.published import linear
from vscbench.reporting.style import area, legend, logarithmic, looks, mark, note, rows, wrapped

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
PUBLISHED_LINE: dict[str, Any] = {"color": "0.4", "ls": ":", "lw": 1}
FIELDS = ("", "_low", "_high", "_published")


def sample_counts(study: Study, group: str) -> list[int]:
    """The J at which gradients were measured."""
    names = study.metrics.loc[study.metrics["group"] == group, "metric"].unique()
    found = (re.fullmatch(r"gradient_snr_inference_j(\d+)", name) for name in names)
    return sorted(int(match[1]) for match in found if match)


def ratios(study: Study, group: str, methods: list[str], network: str, counts: list[int]) -> pd.DataFrame:
    """A row for each run and J: the ratio, its interval, and the mean over parameters."""
    import pandas as pd

    parts = []
    for method, samples in product(methods, counts):
        of = {field: study.of(group, f"gradient_snr{field}_{network}_j{samples}", method) for field in FIELDS}
        parts.append(pd.DataFrame(of).assign(method=method, samples=samples))
    return pd.concat(parts)


def places(methods: list[str], counts: list[int]) -> pd.DataFrame:
    """Where the ratios of each method and J stand: a band for each method, in it a line `y` for each J."""
    import pandas as pd

    offsets = np.linspace(-0.2, 0.2, len(counts)) if len(counts) > 1 else [0.0]
    found = [
        (method, samples, place + offset)
        for place, method in enumerate(methods)
        for samples, offset in zip(counts, offsets, strict=True)
    ]
    return pd.DataFrame(found, columns=["method", "samples", "y"])


def published(study: Study, group: str, methods: list[str], counts: list[int]) -> pd.DataFrame:
    """The ratios of the inference network in the authors' figure 4: `method`, `samples`, `mean`, `std`."""
    numbers = linear()
    quoted = study.spec_of(group)["dataset"]["kind"] in NATURAL and not study.points[group]
    kept = quoted & (numbers["metric"] == "gradient_snr_inference") & numbers["method"].isin(methods)
    kept &= numbers["samples"].isin(map(str, counts))
    return numbers[kept].astype({"samples": int})


def show(axes: Axes, table: pd.DataFrame, printed: pd.DataFrame, counts: list[int], look: dict[str, Look]) -> None:
    """Draw the ratios of one network."""
    import seaborn as sns

    colours = {method: look[method].colour for method in (*table["method"], *printed["method"])}
    marks = {"hue": "method", "palette": colours, "legend": False, "ax": axes, "linewidth": 0}
    means = table.groupby(["method", "samples", "y"], sort=False)[[*FIELDS]].mean().reset_index()
    axes.hlines(means["y"], means["_low"], means["_high"], means["method"].map(colours).tolist(), lw=3.5, alpha=0.4)
    sns.scatterplot(table, x="", y="y", marker=".", s=18, **marks)
    for samples, shape in zip(counts, SHAPES, strict=False):
        sns.scatterplot(means[means["samples"] == samples], x="", y="y", marker=shape, s=20, **marks)
    sns.scatterplot(means, x="_published", y="y", marker="|", s=36, **marks | {"linewidth": 1.3})
    for method, samples, mean, std, y in printed[["method", "samples", "mean", "std", "y"]].to_numpy():
        shape = SHAPES[counts.index(samples) % len(SHAPES)]
        axes.errorbar(mean, y, xerr=std, fmt=shape, color=colours[method], mfc="white", mew=1, lw=0.8)


def finish(axes: Axes, floor: float, title: str, labels: list[str]) -> None:
    """Name the methods, and shade what lies below the ratio of pure noise within the limits that the marks set."""
    limits = axes.get_xlim()  # a shade from 0 has no place on a logarithmic axis
    axes.axvspan(limits[0], floor, color=FLOOR["facecolor"], lw=0, zorder=0)
    axes.axvline(floor, color=FLOOR["edgecolor"], ls=FLOOR["ls"], lw=FLOOR["lw"], zorder=1)
    axes.set(xlim=limits, ylim=(len(labels) - 0.5, -0.5), title=title, xlabel="signal-to-noise ratio, |mean| / std")
    axes.set(yticks=range(len(labels)), yticklabels=labels, ylabel="")
    axes.grid(visible=False, axis="y")


def noise_floor(study: Study, group: str, network: str, samples: int) -> float:
    """The ratio that gradients of pure noise would show."""
    return float(study.values(group, f"gradient_snr_null_{network}_j{samples}")["value"].max())


def key(counts: list[int], any_published: bool) -> list[Artist]:
    """What the marks mean."""
    grey: dict[str, Any] = {"color": "0.25", "lw": 0}
    shapes = zip(counts, SHAPES, strict=False)
    handles: list[Artist] = [mark(marker=shape, label=f"J = {samples}", **grey) for samples, shape in shapes]
    handles += [
        mark(marker=".", ms=3, label="single seeds", **grey),
        mark(color="0.25", lw=3.5, alpha=0.4, label="95 % interval"),
        area(label="noise floor", **FLOOR),
        mark(marker="|", ms=6, mew=1.3, label="mean over parameters", **grey),
    ]
    if any_published:
        handles += [
            mark(marker="o", mfc="white", mew=1, label="published", **grey),
            mark(label="noise floor of published", **PUBLISHED_LINE),
        ]
    return handles


def explanation(study: Study, group: str, methods: list[str], any_published: bool) -> list[str]:
    """What a reader must know to compare the marks."""
    lines = [
        (
            "Filled: median over parameters, mean over seeds, with its bootstrap interval over parameters (mostly "
            "narrower than the marker). Noise floor: the median that gradients of pure noise would show at this number "
            "of passes."
        )
    ]
    if any_published:
        lines.append(
            "Published: the paper's figure 4, mean over parameters of 1,000 passes (compare with our means over "
            f"parameters; pure noise gives about {PUBLISHED_FLOOR:.3f}), of another data set and 240,000 steps. Its "
            "generator values, above 10,000, are implausible and on another scale: left out."
        )
    missing = [study.labels[method] for method in study.methods(group) if method not in methods]
    if missing:
        lines.append(f"Without gradient noise: {', '.join(missing)}.")
    return [*lines, study.divergences(group)]


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
    look = looks(study.coders)
    figure, parts = rows({name: 1.9 + 0.34 * len(found) for name, found in methods.items()}, "no gradients measured")
    for group, part in parts.items():
        here, at = methods[group], counts[group]
        bands = places(here, at)
        printed = published(study, group, here, at).merge(bands)
        panels = part.subplots(1, 2, sharex=True, sharey=True)
        for axes, network in zip(panels, NETWORKS, strict=True):
            table = ratios(study, group, here, network, at).merge(bands)
            show(axes, table, printed if network == "inference" else printed[:0], at, look)
        if len(printed):
            panels[0].axvline(PUBLISHED_FLOOR, zorder=1, **PUBLISHED_LINE)
        logarithmic(panels[0], "x")
        labels = [wrapped(study.name(group, method), 20) for method in here]
        for axes, (network, title) in zip(panels, NETWORKS.items(), strict=True):
            finish(axes, noise_floor(study, group, network, at[0]), title, labels)
        handles = key(at, bool(len(printed)))
        legend(part, handles, math.ceil(len(handles) / 2))
        note(part, *explanation(study, group, here, bool(len(printed))))
    return figure


FIGURE = Output(
    name="gradient_snr",
    title="Gradient noise",
    caption="Signal-to-noise ratio of the gradients of inference network and generator over repeated passes on a fixed "
    "batch, at J = 1 and J = 20; further right is less noisy. In the shaded area a ratio cannot be told from pure "
    "noise; hollow marks are the paper's, a mean over parameters, to be compared with our vertical ticks and not with "
    "our medians.",
    needs=needs.gradients,
    draw=draw,
)
