"""How soon is a training nearly as good as it ends?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vscbench.metrics.reconstruction import variance
from vscbench.training.curves import VALIDATION_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vscbench.metrics.evaluation import Evaluation, Measures

SHARES = (90, 95)
"""Percentages of the final value."""
LAST = 3
"""Points whose mean is the final value; a tenth of the curve where that is more."""


def reached(values: Sequence[float], share: float) -> float:
    """Where a curve gets above `share` of its final value for good, in points from its start; nan: nowhere.

    The curve v_1, ..., v_n starts at v_0 = 0. The final value is the mean of its last three points, or of the last
    tenth where that is more; noise is taken off by running medians of three. The place is where the line through the
    last point below the level and its successor crosses it. It is nowhere where the final value is not above 0, or
    of fewer than three points.

    Args:
        values: of the curve at equal or other distances.
        share: of the final value.

    Example:
        >>> reached([0.5, 0.8, 1.0, 1.0, 1.0], 0.9)  # half the way from the second point to the third
        2.5
    """
    curve = np.asarray(values, dtype=float)
    if len(curve) < LAST or not np.isfinite(curve).all():
        return np.nan
    final = curve[-max(LAST, len(curve) // 10) :].mean()
    if final <= 0:
        return np.nan
    medians = np.median(np.lib.stride_tricks.sliding_window_view(curve, 3), axis=1)
    curve, level = np.concatenate(([0.0], curve[:1], medians, medians[-1:])), share * final
    below = int(np.flatnonzero(curve < level)[-1])
    if below == len(curve) - 1:  # its last points differ by more than the share leaves room for
        return np.nan
    return float(below + (level - curve[below]) / (curve[below + 1] - curve[below]))


def measure(e: Evaluation) -> Measures:
    """`steps_to_90`, `seconds_to_90`: until a draw explains 90 % of the variance that it explains in the end; and 95 %.

    Of the validation data, by the curve of `mse_draw` after each epoch and `reached`, with a line from one epoch to the
    next; before the first is the zero code, which explains nothing. Seconds are of this machine and what else it did,
    and of all runs of a stack that trained together; curves and all they take are a part of them. Left out: coders
    whose past is not known or has fewer than three epochs, or that explain nothing in the end.
    """
    if e.past is None or not e.past.history:
        return {}
    total = variance(e, torch.from_numpy(e.data.validation[:VALIDATION_POINTS]))
    explained = [1 - row["validation_mse_draw"] / total for row in e.past.history]
    axes = {"steps": [row["step"] for row in e.past.history], "seconds": e.past.seconds}
    measures: Measures = {}
    for share in SHARES:
        place = reached(explained, share / 100)
        for name, along in axes.items():
            if np.isfinite(place) and len(along) == len(explained):
                measures[f"{name}_to_{share}"] = float(np.interp(place, range(len(along) + 1), [0, *along]))
    return measures
