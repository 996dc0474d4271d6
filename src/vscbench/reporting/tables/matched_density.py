"""Methods at equal density: what the frontiers of reconstruction against density say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.frontier import CODES, DENSITIES, REFERENCE_CURVE, frontiers
from vscbench.reporting.numbers import cell_of
from vscbench.reporting.output import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from vscbench.reporting.frontier import Frontier
    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

REFERENCE = "fista"
ERROR_AT = 0.1
NO_SCORE = ("frontier_density_highest", "frontier_difference_draw", "frontier_difference_best")
"""Columns by which no method is the best."""


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
    import pandas as pd

    return pd.Series(by_repetition, dtype=float).dropna()


def rows(study: Study, name: str, place: Frontier) -> list[dict[str, Any]]:
    """One row a number of the frontier called `name`, as the long form of every table, with its interval."""
    import pandas as pd

    from vscbench.metrics.standard_errors import over_repetitions
    from vscbench.reporting.claims.compare import Runs, folded
    from vscbench.reporting.tables.best import mark

    lost = [study.diverged(group)["method"] for group in place.groups]
    diverged = pd.concat(lost).value_counts()
    # A method of which every run diverged has no point, and keeps its row.
    methods = [m for m in study.coders if any(m in study.methods(group) for group in place.groups)]
    found: list[dict[str, Any]] = []
    scores: dict[str, dict[str, Runs]] = {}
    for method in [*methods, *(m for m in place.methods() if m == REFERENCE_CURVE)]:
        nothing = sum(int(study.learnt_nothing(group, method).sum()) for group in place.groups)
        for header, metric, values in columns(place, method):
            cell = cell_of(values)
            if metric not in NO_SCORE and method in methods:
                runs = Runs(study.labels[method], name, values, 0, len(values), folded(study, place.groups[0]))
                scores.setdefault(header, {})[method] = runs
            low, high = (
                over_repetitions(values).interval() if "difference" in metric and len(values) else (np.nan, np.nan)
            )
            found.append(
                {
                    "experiment": name,
                    "point": "",
                    "method": method,
                    "label": study.labels[method],
                    "column": header,
                    "metric": metric,
                    "mean": cell.mean if cell else None,
                    "sd": cell.sd if cell else None,
                    "n": len(values),
                    "diverged": int(diverged.get(method, 0)),
                    "learnt_nothing": nothing,
                    "published_source": None,
                    "low": low,
                    "high": high,
                }
            )
    for header, of_method in scores.items():
        mark(found, header, of_method, higher=not header.startswith("MSE"))
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


def make(study: Study) -> Iterator[Block]:
    """A block for each frontier: methods along their operating points."""
    from vscbench.reporting.tables.frame import block, setting

    for name, place in frontiers(study).items():
        where = f"{setting(study, place.groups, name)} {note(place)}"
        yield block(study, place.groups, rows(study, name, place), where)


CAPTION = (
    "Reconstruction at equal density, L0 as a fraction of the latents. A method has an operating point for each value "
    "of its knob (density of the prior, KL weight, penalty); its frontier is linear in log density between the "
    "measured points, falling where they fall, and never beyond them: a dash stands where a method has no codes "
    "that dense. FVE is the fraction of variance explained by one posterior draw (J=1), MSE its squared error "
    "per pixel; best of J is an oracle that looks at the data, at the density of its codes. Area is the mean of the "
    "frontier over log density, where all methods that span a range have one. Highest FVE is that of the best "
    "operating point, whatever its density. FVE less FISTA's is a mean over log density where both overlap, in "
    "brackets its 95 % interval over repetitions, Student's: of two or three it is wide, of one there is none."
)
TABLE = Table("matched_density", "Methods at equal density", CAPTION, needs.operating_points, make)
