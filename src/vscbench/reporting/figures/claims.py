"""The paper's claims: effects with intervals against their margins, then the word; apart, what was not measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.claims.judge import judge
from vscbench.reporting.claims.page import worst
from vscbench.reporting.claims.size import Size, bounds
from vscbench.reporting.inference import ALPHA, FAMILY, INCONCLUSIVE, NO_VERDICT, NOT_MEASURED, NOT_SUPPORTED, SUPPORTED
from vscbench.reporting.numbers import MISSING
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import MINUS, PAGE_IN, SMALL_PT, note, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.claims.claim import Comparison
    from vscbench.reporting.claims.judge import Judgement
    from vscbench.reporting.study import Study

COLOURS = {SUPPORTED: "#0072B2", NOT_SUPPORTED: "#D55E00", INCONCLUSIVE: "0.35", NO_VERDICT: "0.35"}
ROW_IN, LINE_IN, AXIS_IN, NOTE_IN, GAP_IN = 0.31, 0.14, 0.5, 0.5, 0.1
"""Heights of a row, a line of text, what stands below the axis, the note, and the space between parts."""
LEFT_IN, RIGHT_IN = 2.8, 1.8
"""Widths of the names and of the numbers."""
FARTHEST = 300.0
"""Margins from the margin at which the axis ends: what is beyond is drawn there."""
TICKS = (-100, -10, -1, 0, 1, 10, 100)
SIMULTANEOUS = 1 - ALPHA / FAMILY
"""Level of the thin intervals, at which all twelve hold the truth together in 95 of 100 studies at least."""


def beyond(comparison: Comparison, value: float) -> float:
    """How far a value is above the margin, in margins, within the axis."""
    return min(max((value - comparison.margin) / abs(comparison.margin), -FARTHEST), FARTHEST)


def draw_interval(axes: Axes, comparison: Comparison, y: float, level: float | None, **style: object) -> None:
    """A line from one end of an interval to the other; none where it has no ends."""
    effect = comparison.effect
    assert effect is not None  # noqa: S101
    low, high = bounds(comparison) if level is None or comparison.interval else effect.interval(level)
    if not math.isnan(low):
        axes.plot([beyond(comparison, low), beyond(comparison, high)], [y, y], solid_capstyle="butt", **style)  # type: ignore[arg-type]


def draw_row(axes: Axes, judgement: Judgement, y: int) -> None:
    """The comparisons of a reading: all small, and the one that is least certain to hold with its intervals."""
    colour, chosen = COLOURS[judgement.verdict.word], worst(judgement)
    others = [beyond(each, each.effect.mean) for each in judgement.comparisons if each.effect and each is not chosen]
    axes.plot(others, [y + 0.28] * len(others), "|", color=colour, ms=4, alpha=0.6, mew=0.8)
    if chosen is not None and chosen.effect is not None and chosen.margin:
        draw_interval(axes, chosen, y, SIMULTANEOUS, color=colour, lw=0.7)
        draw_interval(axes, chosen, y, None, color=colour, lw=2.2)
        axes.plot(beyond(chosen, chosen.effect.mean), y, "o", color=colour, ms=4, mec="white", mew=0.6)


def label(judgement: Judgement) -> str:
    """The claim and its number, or the reading beside it."""
    if judgement.stated:
        return wrapped(f"{judgement.claim.number}  {judgement.claim.statement}", 53)
    return f"{judgement.claim.number}, beside: {judgement.reading.name}"


def draw_measured(axes: Axes, judgements: list[Judgement]) -> None:
    """A row for each reading: claim, intervals, effect and word."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.axvspan(0, FARTHEST, color="#0072B2", alpha=0.06, lw=0)
    axes.axvspan(-FARTHEST, 0, color="#D55E00", alpha=0.06, lw=0)
    axes.axvline(0, color="0.2", lw=0.8)
    for y, each in enumerate(judgements):
        draw_row(axes, each, y)
        chosen = worst(each)
        said = (
            str(Size.of(chosen)).partition(" of ")[0].removesuffix(" distance").replace("-", MINUS)
            if chosen
            else MISSING
        )
        axes.annotate(
            said,
            (1, y),
            (4, 1),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            fontsize=SMALL_PT,
            va="bottom",
        )
        axes.annotate(
            each.verdict.word + (f" (at {each.share.partition(' of')[0]})" if each.share else ""),
            (1, y),
            (4, -1),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            fontsize=SMALL_PT,
            va="top",
            color=COLOURS[each.verdict.word],
            fontweight="bold" if each.stated else "normal",
        )
    axes.set_xscale("symlog", linthresh=1, linscale=1)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(len(judgements) - 0.4, -0.6))
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:+g}".replace("-", MINUS) if x else "margin"))
    axes.set_yticks(range(len(judgements)), [label(each) for each in judgements], fontsize=SMALL_PT)
    for tick, each in zip(axes.get_yticklabels(), judgements, strict=True):
        tick.set_color("0.1" if each.stated else "0.45")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        f"{chr(0x2190)} does not hold   |   holds {chr(0x2192)}\n(effect beyond its margin, in margins)", fontsize=7
    )


def draw_absent(figure: Figure, judgements: list[Judgement], top: float) -> None:
    """The claims that were not measured below one another from `top` on, and what measures them."""
    lines = ["Not measured here", *(f"{each.claim.number}  {each.claim.statement}" for each in judgements)]
    lines.append(f"All are measured in {judgements[0].advice}".replace("`", ""))
    for k, line in enumerate(lines):
        y, size, weight = (top - k * LINE_IN) / figure.get_figheight(), SMALL_PT if k else 8, "normal" if k else "bold"
        figure.text(0.01, y, line, va="top", fontsize=size, fontweight=weight)


def draw(study: Study) -> Figure:
    """A forest plot of all readings that were measured; below it the claims that were not, with what measures them."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    judgements = judge(study)
    measured = [each for each in judgements if each.verdict.word != NOT_MEASURED]
    absent = [each for each in judgements if each.verdict.word == NOT_MEASURED and each.stated]
    below = NOTE_IN + ((len(absent) + 2) * LINE_IN + GAP_IN if absent else 0)
    rows = len(measured) * ROW_IN
    height = below + (AXIS_IN + rows + GAP_IN if measured else 0)
    # Text at the right of its rows is no part of what layout engines know of.
    figure = Figure(figsize=(PAGE_IN, height), layout=PlaceHolderLayoutEngine(True, True))
    if measured:
        start, width = LEFT_IN / PAGE_IN, (PAGE_IN - LEFT_IN - RIGHT_IN) / PAGE_IN
        draw_measured(figure.add_axes((start, (below + AXIS_IN) / height, width, rows / height)), measured)
    if absent:
        draw_absent(figure, absent, below - GAP_IN)
    note(
        figure,
        "Of each reading the comparison that is least certain to hold, thick with its 95 % interval, thin with that at "
        "which all twelve claims hold the truth together; ticks below it are the other comparisons. At the right its "
        "size in its own unit; the verdict, which all comparisons decide; and the share of the paper's steps.",
    )
    return figure


FIGURE = Output(
    name="claims",
    title="Which claims hold",
    caption="The paper's claims as it states them, and other readings beside them: effects with intervals against "
    "their margins. Right of the margin a claim holds, left of it it does not. What this study does not measure stands "
    "apart.",
    needs=needs.anything,
    draw=draw,
)
