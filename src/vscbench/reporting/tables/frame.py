"""The rows and columns that tables share: mean ± deviation over repetitions, the published number beside ours."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench import records
from vscbench.reporting import published
from vscbench.reporting.numbers import Cell, cell_of, sign_of
from vscbench.reporting.output import Column
from vscbench.reporting.tables.best import mark_group
from vscbench.reporting.tables.wide import wide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from vscbench.reporting.study import Study

Rows = list[dict[str, Any]]
HEADER = ("experiment", "point", "method", "label", "column", "metric", "mean", "sd", "n", "diverged", "learnt_nothing")
"""Of the CSV of a table without rows."""
REFERENCES = {
    "zero_code": "All-zero code",
    "pca_same_size": "PCA, K components",
    "pca_same_density": "PCA, K/10 components",
    "empty_model": "Empty model",
    "ppca": "Probabilistic PCA",
}
"""Rows of codes and models that have nothing to learn, which each run measures as `ROW/METRIC`."""


class Block(NamedTuple):
    """Rows of a table that were measured on the same data."""

    where: str
    """What they were measured on."""
    frame: pd.DataFrame
    """The rows, all text, as they are read."""
    notes: list[str]
    """What is said below them."""
    long: Rows
    """One row a number: of the CSV."""


# ------------------------------------------------------------------- kinds of tables


def by_group(
    study: Study,
    columns: Sequence[Column],
    measured: Sequence[str] = (),
    *,
    baselines: bool = False,
    references: bool = False,
    linear: bool = False,
) -> Iterator[Block]:
    """A block for each experiment, or point of one, where methods compare: a row a method, a column a metric.

    Args:
        study: the study.
        columns: of the table.
        measured: metrics of which a group must have one to be in it; one of its columns by default.
        baselines: whether the reference codes have rows.
        references: whether what each run measured of `REFERENCES` has.
        linear: whether only experiments with a dictionary are shown.
    """
    for group in study.side_by_side:
        if linear and not study.linear(group):
            continue
        if shows(study, group, measured or [column.metric for column in columns]):
            rows = long_rows(study, columns, group, baselines=baselines)
            mark_group(study, group, columns, rows)
            yield block(study, [group], rows + reference_rows(study, columns, [group]) * references)


def by_sweep(study: Study, columns: Sequence[Column], measured: Sequence[str]) -> Iterator[Block]:
    """A block for each experiment, with all points of its sweep, the networks without one too: arguments as above."""
    for experiment in study.experiments:
        groups = [
            group
            for group in study.groups_of(experiment)
            if (study.points[group] or not study.linear(group)) and shows(study, group, measured)
        ]
        rows = [row for group in groups for row in long_rows(study, columns, group)]
        rows.sort(key=lambda row: list(study.labels).index(row["method"]))  # and of a method along the sweep
        if rows:
            yield block(study, groups, rows + reference_rows(study, columns, groups))


def by_label(study: Study, columns: Sequence[Column]) -> Iterator[Block]:
    """A block for each group whose data have labels: methods as columns; each label a row, then `columns`."""
    null, r = "attribute_null_", "attribute_r_"
    for group in study.side_by_side:
        found = [metric.removeprefix(null) for metric in study.measured(group) if metric.startswith(null)]
        if found:
            of_labels = [Column(label, f"{r}{label}", null=f"{null}{label}") for label in found]
            made = block(study, [group], long_rows(study, [*of_labels, *columns], group))
            turned = made.frame.set_index("Method").T.rename_axis("Label", axis=0).reset_index()
            yield made._replace(frame=turned.rename_axis(None, axis=1))


def shows(study: Study, group: str, metrics: Sequence[str]) -> bool:
    """Whether a group has one of the metrics; one of which all runs diverged is a result too."""
    measured = study.measured(group)
    return not measured or any(metric in measured for metric in metrics)


def block(study: Study, groups: list[str], rows: Rows, where: str = "") -> Block:
    """Long rows as they are read, with what they were measured on and the sources of the published numbers."""
    frame, sources = wide(folded(rows))
    said = where or setting(study, groups)
    if sources:
        said += f" {distance(study, groups[0])}"
    return Block(said, frame, [f"[{k}] published: {source}" for k, source in enumerate(sources, 1)], rows)


# --------------------------------------------------------------------- rows and cells


def long_rows(study: Study, columns: Sequence[Column], group: str, *, baselines: bool = False) -> Rows:
    """One row a number: method, column, mean, sd, n, and the published number with its source."""
    diverged = study.diverged(group)["method"].value_counts()
    coders = study.methods(group)
    compared_with_chance = any(column.null for column in columns)
    rows = []
    for method in study.methods(group, baselines=baselines):
        nothing = int(study.learnt_nothing(group, method).sum())
        for column in columns:
            values = study.of(group, column.metric, method)
            sign = sign_of(values) if column.null else ""
            quoted = bool(column.published) and method in coders
            theirs = published.beside(study, group, method, str(column.published), column.samples) if quoted else None
            row = number(study, group, method, study.labels[method], column, values) | {
                "diverged": int(diverged.get(method, 0)),
                "learnt_nothing": nothing,
                "published_mean": theirs.mean if theirs else None,
                "published_sd": theirs.sd if theirs else None,
                "published_n": theirs.runs if theirs else None,
                "published_source": theirs.source if theirs else None,
            }
            if compared_with_chance:
                row["sign"] = sign
                row["null"] = study.of(group, column.null, method).mean() if column.null else None
            rows.append(row)
    return rows


def number(
    study: Study, group: str, method: str, label: str, column: Column, values: pd.Series[float]
) -> dict[str, Any]:
    """The row of one number, the mean of `values` over repetitions."""
    point = study.points[group]
    cell = cell_of(values.abs() if column.null else values)
    if cell and column.error:
        cell = Cell(cell.sd / math.sqrt(cell.runs), math.nan, cell.runs) if cell.runs > 1 else None
    elif cell and (column.paired or column.apart):
        cell = cell._replace(sd=math.nan)
    if cell and column.null and sign_of(values) == "-":
        cell = cell._replace(mean=-cell.mean)
    return {
        "experiment": study.experiment[group],
        "point": json.dumps(point) if point else "",
        "method": method,
        "label": label,
        "column": column.header,
        "metric": column.metric,
        "mean": cell.mean if cell else None,
        "sd": cell.sd if cell else None,
        "n": cell.runs if cell else 0,
        "diverged": 0,
        "learnt_nothing": 0,
        "published_source": None,
    }


def rows_under(study: Study, group: str, method: str, columns: Sequence[Column], name: str, label: str) -> Rows:
    """What the runs of a method measured of a row of another name, `name`/METRIC, called `label`.

    Of `REFERENCES` from the first run alone: its repetitions, on the same data, say the same again.
    """
    runs = 1 if name in REFERENCES else None
    found = [(column, study.of(group, f"{name}/{column.metric}", method).iloc[:runs]) for column in columns]
    return [number(study, group, f"{method}/{name}", label, column, values) for column, values in found]


def reference_rows(study: Study, columns: Sequence[Column], groups: Sequence[str]) -> Rows:
    """Rows of `REFERENCES` that the groups have no row of: one each, or one for each point or method that differ.

    Runs on the same data all say the same, but the noise of a bound, or the size of a code, may be a method's own.
    """
    rows: Rows = []
    for name, label in REFERENCES.items():
        found: dict[tuple[float | None, ...], list[tuple[str, str, Rows]]] = {}
        for group in groups:
            for method in study.methods(group) if name not in study.methods(group, baselines=True) else ():
                made = rows_under(study, group, method, columns, name, label)
                values = tuple(float(f"{row['mean']:.6g}") if row["n"] else None for row in made)
                if any(row["n"] for row in made):
                    found.setdefault(values, []).append((group, method, made))
        for same in found.values():
            group, _, made = same[0]
            of_group = [key for key, each in found.items() if any(at == group for at, _, _ in each)]
            methods = ", ".join(study.labels[method] for at, method, _ in same if at == group)
            called = {"method": name, "label": label if len(of_group) == 1 else f"{label} ({methods})"}
            called |= {} if len(found) > 1 else {"point": ""}
            rows += [row | called for row in made]
    return rows


def folded(rows: Rows) -> Rows:
    """Rows as they are read: of a reference that methods have their own of, one, with the `means` of all."""
    alike: dict[tuple[str, ...], Rows] = {}
    for row in rows:
        alone = "" if row["method"] in REFERENCES else row["label"]
        alike.setdefault((row["method"], row["point"], row["column"], alone), []).append(row)
    made = []
    for (method, *_), same in alike.items():
        several = {"label": f"{REFERENCES.get(method)}, by method", "means": [row["mean"] for row in same if row["n"]]}
        made.append(same[0] | (several if len(same) > 1 else {}))
    return made


def setting(study: Study, groups: list[str], name: str = "") -> str:
    """What the numbers of a block, called by its experiment or `name`, were measured on, in one sentence."""
    runs = {group: [study.runs(group, method) for method in study.methods(group)] for group in groups}
    flat = [run for by_method in runs.values() for its_runs in by_method for run in its_runs]
    specs, steps = [study.spec(run) for run in flat], max(records.status(run)["step"] for run in flat)
    repetitions = max(len(its_runs) for by_method in runs.values() for its_runs in by_method)
    latents = _joined(spec["generator"]["latents"] for spec in specs)
    samples = _joined(spec["objective"]["samples"] for spec in specs)
    name = name or (groups[0] if len(groups) == 1 else study.experiment[groups[0]])
    folds = specs[0]["dataset"].get("folds")
    return (
        f"{name}: {latents} latents, {steps:,} steps of {specs[0]['training']['batch_size']}, J = {samples}, "
        f"{repetitions} repetition{'s' if repetitions > 1 else ''}, test data of {specs[0]['dataset']['name']}"
        f"{f', {folds} folds of images, one a repetition' if folds else ''}."
    )


def distance(study: Study, group: str) -> str:
    """How far the setting of the published numbers beside a group is from ours, in one sentence."""
    kind = study.setup(group)["kind"]
    theirs = published.DEEP[kind].setting if kind in published.DEEP else published.LINEAR_SETTING
    return f"The published numbers are of {theirs}: they are quoted, not matched."


def _joined(values: Iterable[int]) -> str:
    return "/".join(str(value) for value in sorted(set(values)))
