"""Tables: mean ± standard deviation over repetitions, the published number beside ours where there is one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from vscbench.files import read_json, write_text
from vscbench.reporting import formats, matched_density, published
from vscbench.reporting.columns import TABLES, Column, Table
from vscbench.reporting.formats import Block
from vscbench.reporting.frontier import frontiers
from vscbench.reporting.numbers import MISSING, Cell, cell_of, figures_of, sign_of, text
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NOTHING = "No experiment has these numbers."
HEADER = ("experiment", "axis", "value_on_axis", "method", "label", "column", "metric", "mean", "sd", "n", "diverged")
"""Of the CSV of a table without rows."""
AXES = {"latents": "Latents", "density": "Prior density"}
"""What stands above an axis, where it is not its name."""


def columns_of(study: Study, table: Table, group: str) -> tuple[Column, ...]:
    """The columns of a table, those of the labels of a group's data first."""
    if not table.labels:
        return table.columns
    null, r = "attribute_null_", "attribute_r_"
    found = [metric.removeprefix(null) for metric in study.measured(group) if metric.startswith(null)]
    return tuple(Column(label, f"{r}{label}", null=f"{null}{label}") for label in found) + table.columns


def long_rows(study: Study, table: Table, group: str) -> list[dict[str, Any]]:
    """One row a number: method, column, mean, sd, n, and the published number with its source."""
    diverged = study.diverged(group)["method"].value_counts()
    coders, point = study.methods(group), study.points[group]
    rows = []
    for method in study.methods(group, baselines=table.baselines):
        for column in columns_of(study, table, group):
            values = study.of(group, column.metric, method)
            sign = sign_of(values) if column.null else ""
            ours = cell_of(values.abs() if column.null else values)
            if ours and column.paired:
                ours = ours._replace(sd=math.nan)
            quoted = bool(column.published) and method in coders
            spec = study.spec_of(group, method) if quoted else {}
            theirs = published.number(spec, str(column.published), column.samples) if quoted else None
            row: dict[str, Any] = {
                "experiment": study.experiment[group],
                "axis": ";".join(point),
                "value_on_axis": ";".join(point.values()),
                "method": method,
                "label": study.labels[method],
                "column": column.header,
                "metric": column.metric,
                "mean": (ours.mean if sign != "-" else -ours.mean) if ours else None,
                "sd": ours.sd if ours else None,
                "n": ours.runs if ours else 0,
                "diverged": int(diverged.get(method, 0)),
                "published_mean": theirs.mean if theirs else None,
                "published_sd": theirs.sd if theirs else None,
                "published_n": theirs.runs if theirs else None,
                "published_source": theirs.source if theirs else None,
            }
            if table.labels:
                row["sign"] = sign
                row["null"] = study.of(group, column.null, method).mean() if column.null else None
            rows.append(row)
    return rows


def wide(long: list[dict[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """The table as it is read: a row a method at a point, a column a metric, the published number beside; its sources.

    Args:
        long: rows of `long_rows`.
    """
    sources: list[str] = []
    by_column: dict[str, list[dict[str, Any]]] = {}
    for row in long:
        by_column.setdefault(row["column"], []).append(row)
    first = next(iter(by_column.values()))
    points = [dict(zip(row["axis"].split(";"), row["value_on_axis"].split(";"), strict=True)) for row in first]
    columns = {"Method": [_row_label(row) for row in first]}
    for axis in dict.fromkeys(axis for point in points for axis in point):
        values = [point.get(axis, MISSING) for point in points]
        if axis and len(set(values)) > 1:
            columns[AXES.get(axis, axis)] = values
    keys = list(columns)
    for header, rows in by_column.items():
        columns[header] = [_shown(row) for row in rows]
        if any(row["published_source"] for row in rows):
            columns[f"{header}, published"] = [_quoted(row, sources) for row in rows]
    frame = pd.DataFrame(columns)
    # A run that diverged is a result: its method keeps its row where no number is left.
    kept = pd.Series([row["diverged"] > 0 for row in first])
    frame = frame[(frame.drop(columns=keys) != MISSING).any(axis=1) | kept]
    shown = [name for name in frame if name in keys or (frame[name] != MISSING).any()]
    return frame[shown], sources


def _row_label(row: dict[Any, Any]) -> str:
    return f"{row['label']} ({row['diverged']} diverged)" if row["diverged"] else str(row["label"])


def _shown(row: dict[Any, Any]) -> str:
    if not row["n"]:
        return MISSING
    shown = text(Cell(row["mean"], row["sd"], row["n"]))
    if not math.isnan(row.get("low", math.nan)):
        form = figures_of(row["mean"], row["sd"])
        shown += f" [{row['low']:{form}}, {row['high']:{form}}]"
    if not row.get("sign"):
        return shown
    return f"{'+' if row['sign'] == '+' else ''}{shown} ({row['null']:.2f})"


def _quoted(row: dict[Any, Any], sources: list[str]) -> str:
    """The published number of a row with the place of its source in `sources`, which is added where it is new."""
    source = row["published_source"]
    if source is None:
        return MISSING
    if source not in sources:
        sources.append(source)
    return f"{text(Cell(row['published_mean'], row['published_sd'], row['published_n']))} [{sources.index(source) + 1}]"


def blocks(study: Study, table: Table) -> list[list[str]]:
    """The groups that a table shows, those together that share a block of it."""
    if not table.sweeps:
        return [[group] for group in study.side_by_side if _belongs(study, table, group)]
    groups = [group for group in study.groups if _belongs(study, table, group)]
    by_experiment = ([g for g in groups if study.experiment[g] == experiment] for experiment in study.experiments)
    return [block for block in by_experiment if block]


def _belongs(study: Study, table: Table, group: str) -> bool:
    if table.sweeps and study.linear(group) and not study.points[group]:
        return False
    measured = study.measured(group)
    if not measured:  # all runs diverged: a result too
        return not table.labels
    return any(metric in measured for metric in table.needs or [column.metric for column in table.columns])


def setting(study: Study, groups: list[str], name: str = "") -> str:
    """What the numbers of a block, called by its experiment or `name`, were measured on, in one sentence."""
    runs = {group: [study.runs(group, method) for method in study.methods(group)] for group in groups}
    flat = [run for by_method in runs.values() for its_runs in by_method for run in its_runs]
    specs, steps = [study.spec(run) for run in flat], max(read_json(run / "status.json")["step"] for run in flat)
    repetitions = max(len(its_runs) for by_method in runs.values() for its_runs in by_method)
    latents = _joined(spec["generator"]["latents"] for spec in specs)
    samples = _joined(spec["objective"]["samples"] for spec in specs)
    name = name or (groups[0] if len(groups) == 1 else study.experiment[groups[0]])
    return (
        f"{name}: {latents} latents, {steps:,} steps of {specs[0]['training']['batch_size']}, J = {samples}, "
        f"{repetitions} repetition{'s' if repetitions > 1 else ''}, test data of {specs[0]['dataset']['name']}."
    )


def parts(study: Study, table: Table) -> Iterator[tuple[str, list[dict[str, Any]], list[str]]]:
    """The blocks of a table: what it was measured on, its long rows, and its groups."""
    if table.frontiers:
        for name, place in frontiers(study).items():
            where = f"{setting(study, place.groups, name)} {matched_density.note(place)}"
            yield where, matched_density.rows(study, name, place), place.groups
        return
    for groups in blocks(study, table):
        rows = [row for group in groups for row in long_rows(study, table, group)]
        rows.sort(key=lambda row: list(study.labels).index(row["method"]))  # and of a method along the sweep
        yield setting(study, groups), rows, groups


def distance(study: Study, group: str) -> str:
    """How far the setting of the published numbers beside a group is from ours, in one sentence."""
    kind = study.spec_of(group)["dataset"]["kind"]
    theirs = published.DEEP[kind].setting if kind in published.DEEP else published.LINEAR_SETTING
    return f"The published numbers are of {theirs}: they are quoted, not matched."


def _joined(values: Iterable[int]) -> str:
    return "/".join(str(value) for value in sorted(set(values)))


def write_table(name: str, results: Path, out: Path) -> None:
    """Write the table `name` of the study in `results` to the folder `out`, as CSV, Markdown, LaTeX and HTML."""
    study, table = Study(results), TABLES[name]
    caption = f"{table.caption} Mean ± standard deviation over repetitions."
    long: list[dict[str, Any]] = []
    shown: list[Block] = []
    for measured_on, rows, groups in parts(study, table):
        long += rows
        frame, sources = wide(rows)
        if table.labels:
            frame = frame.set_index("Method").T.rename_axis("Label", axis=0).reset_index().rename_axis(None, axis=1)
        where = measured_on + (f" {distance(study, groups[0])}" if sources else "")
        shown.append(Block(where, frame, [f"[{k}] published: {source}" for k, source in enumerate(sources, 1)]))
    if not shown:
        caption += f" {NOTHING}"
    header = None if long else HEADER
    write_text(out / f"{name}.csv", pd.DataFrame(long, columns=header).to_csv(index=False, lineterminator="\n"))
    write_text(out / f"{name}.md", formats.markdown(name, caption, shown))
    write_text(out / f"{name}.tex", formats.latex(caption, shown))
    write_text(out / f"{name}.html", formats.webpage(name, caption, shown))
