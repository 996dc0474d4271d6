"""The table of methods at equal density: what it says of the frontiers of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vscbench.reporting.frontier import CODES, DENSITIES, REFERENCE_CURVE
from vscbench.reporting.statistics import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vscbench.reporting.frontier import Frontier
    from vscbench.reporting.study import Study

REFERENCE = "fista"
ERROR_AT = 0.1


def columns(place: Frontier, method: str) -> Iterator[tuple[str, str, pd.Series[float]]]:
    """Header, name and values by repetition of each column of a method."""
    for name, suffix in (("draw", ""), ("best", ", best of J")):
        code, curves, common = CODES[name], place.curves(method, name), place.common(name)
        yield (
            f"Area{suffix}",
            f"frontier_area_{name}",
            _values({k: c.mean(*common) for k, c in curves.items()} if common else {}),
        )
        if name == "draw":
            for density in DENSITIES:
                yield (
                    f"FVE at {100 * density:.0f} %",
                    f"frontier_fve_at_{density:g}",
                    _values({k: c.at(density) for k, c in curves.items()}),
                )
            errors = place.curves(method, error=True)
            yield (
                f"MSE at {100 * ERROR_AT:.0f} %",
                f"frontier_mse_at_{ERROR_AT:g}",
                -_values({k: c.at(ERROR_AT) for k, c in errors.items()}),
            )
            best = place.highest(method)
            yield "Highest FVE", "frontier_fve_highest", best[code.fve]
            yield "Its density", "frontier_density_highest", best[code.density]
        compared = REFERENCE in place.methods() and method != REFERENCE
        difference = place.difference(method, REFERENCE, name) if compared else _values({})
        yield f"FVE less FISTA's{suffix}", f"frontier_difference_{name}", difference


def _values(by_repetition: Mapping[int, Any]) -> pd.Series[float]:
    return pd.Series(by_repetition, dtype=float).dropna()


def rows(study: Study, name: str, place: Frontier) -> list[dict[str, Any]]:
    """One row a number of the frontier called `name`, as the long form of every table, with its interval."""
    lost = [study.diverged(group)["method"] for group in place.groups]
    diverged = pd.concat(lost).value_counts()
    # A method of which every run diverged has no point, and keeps its row.
    methods = [m for m in study.coders if any(m in study.methods(group) for group in place.groups)]
    found = []
    for method in [*methods, *(m for m in place.methods() if m == REFERENCE_CURVE)]:
        for header, metric, values in columns(place, method):
            low, high = bootstrap_interval(tuple(values)) if "difference" in metric else (np.nan, np.nan)
            found.append(
                {
                    "experiment": name,
                    "axis": "",
                    "value_on_axis": "",
                    "method": method,
                    "label": study.labels[method],
                    "column": header,
                    "metric": metric,
                    "mean": float(values.mean()) if len(values) else None,
                    "sd": float(values.std(ddof=1)) if len(values) else None,
                    "n": len(values),
                    "diverged": int(diverged.get(method, 0)),
                    "published_source": None,
                    "low": low,
                    "high": high,
                }
            )
    return found


def note(place: Frontier) -> str:
    """Over which densities the areas are, in one sentence."""
    spans = {code: place.common(code) for code in CODES}
    words = [
        f"{span[0]:.3g} to {span[1]:.3g} ({'one draw' if code == 'draw' else 'best of J'})"
        for code, span in spans.items()
        if span
    ]
    return f"Areas over densities {' and '.join(words)}." if words else "No density is in the range of all methods."
