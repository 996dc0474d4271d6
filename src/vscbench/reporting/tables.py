"""Tables: mean ± standard deviation over repetitions, the published number beside ours where there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from vscbench.files import read_json, write_text
from vscbench.reporting import formats, matched_density, published
from vscbench.reporting.formats import Block
from vscbench.reporting.frontier import frontiers
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MISSING = "–"
NOTHING = "No experiment has these numbers."
HEADER = ("experiment", "axis", "value_on_axis", "method", "label", "column", "metric", "mean", "sd", "n", "diverged")
"""Of the CSV of a table without rows."""
AXES = {"latents": "Latents", "density": "Prior density"}
"""What stands above an axis, where it is not its name."""
PRECISE = 0.1
"""Values below this may have six decimals, others four."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    header: str
    """What stands above it."""
    metric: str
    """The metric of metrics.csv that is shown."""
    published: str | None = None
    """The metric of published_results.csv that stands beside it."""
    samples: int = 20
    """J of the published number."""
    null: str | None = None
    """The metric that chance gives, in parentheses behind it: that of a correlation, whose sign is shown."""


class Table(NamedTuple):
    """A table: what it says, and its columns."""

    caption: str
    columns: tuple[Column, ...]
    baselines: bool = False
    """Whether the reference codes have rows."""
    needs: tuple[str, ...] = ()
    """Metrics of which an experiment must have one to be in it; without them one of its columns."""
    sweeps: bool = False
    """Whether a table shows all points of an experiment's sweep, and no linear generator without one."""
    labels: bool = False
    """Whether it has a column for each label of the data, and methods as columns, labels as rows on the page."""
    frontiers: bool = False
    """Whether its rows are methods along their operating points, a block for each frontier."""


class Cell(NamedTuple):
    """A number with its spread over repetitions."""

    mean: float
    sd: float
    """nan for a single repetition."""
    runs: int


TABLES: dict[str, Table] = {
    "table1": Table(
        "The paper's metrics as its authors define them, on best-of-J codes. Most mislead: the all-zero code beats "
        "most methods on the lasso objective; multi-information is a sum of marginal entropies less a constant (see "
        "its null in the honest table); coefficient collapse flags healthy units of sparse codes.",
        (
            Column("Lasso objective λ=20", "lasso20_best", "lasso_objective_lambda20"),
            Column("Lasso objective λ=8", "lasso8_best", "lasso_objective_lambda8"),
            Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits"),
            Column("Posterior collapse (%)", "posterior_collapse"),
            Column("Coefficient collapse (%)", "coefficient_collapse"),
        ),
        baselines=True,
        needs=("lasso20_best", "lasso8_best"),
    ),
    "honest": Table(
        "The same runs, measured so that numbers compare: squared error of one draw (J=1), of the posterior mean and "
        "of the best of J, an oracle; density of one draw; what the encoder loses against FISTA on the same "
        "dictionary; multi-information less that of codes shuffled per latent; Jaccard index of the supports of two "
        "draws, and that of draws of different data (null); evidence bounds under the noise that the training loss "
        "implies, of one draw and of 100; matched |cos| of the dictionaries of two seeds, and with pixels in another "
        "order (null).",
        (
            Column("MSE J=1", "mse_draw"),
            Column("MSE mean", "mse_mean"),
            Column("MSE best of J", "mse_best"),
            Column("Density", "density"),
            Column("Hoyer", "hoyer"),
            Column("Gini", "gini"),
            Column("Lasso gap λ=20", "lasso20_gap"),
            Column("MI excess (bits)", "multi_information_excess"),
            Column("Jaccard", "jaccard_draw"),
            Column("Jaccard null", "jaccard_null"),
            Column("Dead units (%)", "dead_units"),
            Column("Active units (%)", "active_units"),
            Column("Bound (nats)", "elbo"),
            Column("IWAE-100 (nats)", "iwae_100"),
            Column("Dictionary across seeds", "dictionary_agreement"),
            Column("Its null", "dictionary_agreement_null"),
        ),
        baselines=True,
    ),
    "gradients_inference": Table(
        "Noise of the inference network's gradients over passes on a fixed batch at the end of training. SNR is "
        "|mean|/std, median over parameters; null is what pure noise would show at this number of passes; unbiased is "
        "√(‖E g‖²/E‖g - E g‖²), freed of that bias. As published is a mean over parameters with an epsilon: at their "
        "1,000 passes pure noise scores 0.025.",
        (
            Column("SNR J=1", "gradient_snr_inference_j1"),
            Column("SNR J=20", "gradient_snr_inference_j20"),
            Column("Null", "gradient_snr_null_inference_j1"),
            Column("Unbiased J=1", "gradient_snr_unbiased_inference_j1"),
            Column("Unbiased J=20", "gradient_snr_unbiased_inference_j20"),
            Column("Variance J=1", "gradient_variance_inference_j1"),
            Column("Variance J=20", "gradient_variance_inference_j20"),
            Column("As published J=1", "gradient_snr_published_inference_j1", "gradient_snr_inference", 1),
            Column("As published J=20", "gradient_snr_published_inference_j20", "gradient_snr_inference", 20),
        ),
    ),
    "gradients_generator": Table(
        "The same of the dictionary's gradients. The published values, in the tens of thousands, are no ratio of this "
        "kind (an epsilon of 1e-9 after a division by two million) and are quoted for the record.",
        (
            Column("SNR J=1", "gradient_snr_generator_j1"),
            Column("SNR J=20", "gradient_snr_generator_j20"),
            Column("Null", "gradient_snr_null_generator_j1"),
            Column("Unbiased J=1", "gradient_snr_unbiased_generator_j1"),
            Column("Unbiased J=20", "gradient_snr_unbiased_generator_j20"),
            Column("Variance J=1", "gradient_variance_generator_j1"),
            Column("Variance J=20", "gradient_variance_generator_j20"),
            Column("As published J=1", "gradient_snr_published_generator_j1", "gradient_snr_generator", 1),
            Column("As published J=20", "gradient_snr_published_generator_j20", "gradient_snr_generator", 20),
        ),
    ),
    "recovery": Table(
        "Recovery of the dictionary that made-up data were made from. Matched |cos|: mean over the true atoms, each "
        "with the learnt one that the best pairing gives it; found: those above 0.9. Precision, recall and F1 of the "
        "support of one draw (J=1), and F1 of the best of J, an oracle, against the true codes; F1 FISTA, true atoms: "
        "what the lasso reaches on the true dictionary at its best penalty. Amplitude bias: slope of the codes on the "
        "true ones less 1, over true positives. Calibration: expected calibration error of the posterior's "
        "probability that a code is non-zero.",
        (
            Column("Matched absolute cos", "recovery_cosine"),
            Column("Atoms found (%)", "recovery_atoms"),
            Column("Precision", "recovery_precision"),
            Column("Recall", "recovery_recall"),
            Column("F1", "recovery_f1"),
            Column("F1 best of J", "recovery_f1_best"),
            Column("F1 FISTA, true atoms", "recovery_f1_oracle"),
            Column("Amplitude bias", "recovery_amplitude_bias"),
            Column("Calibration", "recovery_calibration"),
        ),
        needs=("recovery_cosine",),
    ),
    "resources": Table(
        "What the training of one run took: wall-clock time and largest memory of the process (of the GPU's allocator "
        "on a GPU). The only numbers of the study that differ when it is run again.",
        (Column("Training (s)", "train_seconds"), Column("Peak memory (MB)", "peak_memory_mb")),
    ),
    "sweeps": Table(
        "Every point of the experiments that sweep a setting, and the deep generators that sweep none. Squared error "
        "of the best of J, an oracle, of one draw (J=1) and of the posterior mean; density of one draw; "
        "multi-information and what it exceeds that of codes shuffled per latent by; evidence bounds under the noise "
        "that the training loss implies; SNR of the inference network's gradients, freed of its bias; FID and KID of "
        "reconstructions (best of J) and of samples from the prior, by the features of the network named: those of "
        "the classifier of our own compare with no FID elsewhere. A published number stands beside a run of the same "
        "latents and density.",
        (
            Column("MSE best of J", "mse_best", "mse_per_pixel"),
            Column("MSE J=1", "mse_draw"),
            Column("MSE mean", "mse_mean"),
            Column("Density", "density"),
            Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits"),
            Column("MI excess (bits)", "multi_information_excess"),
            Column("Bound (nats)", "elbo"),
            Column("IWAE-20 (nats)", "iwae_20"),
            Column("Gradient SNR J=20", "gradient_snr_unbiased_inference_j20"),
            Column("Jaccard", "jaccard_draw"),
            Column("Jaccard null", "jaccard_null"),
            Column("Dead units (%)", "dead_units"),
            *(
                Column(f"{score} {shown} ({network})", f"{score.lower()}_{network}_{codes}")
                for network in ("classifier", "inception")
                for score, codes, shown in (
                    ("FID", "best", "best of J"),
                    ("FID", "prior", "prior"),
                    ("KID", "best", "best of J"),
                )
            ),
        ),
        needs=("mse_best",),
        sweeps=True,
    ),
    "attributes": Table(
        "Point-biserial correlation of each label with its best latent, with its sign; in parentheses the 95 % "
        "quantile of the largest |r| over all latents with the labels permuted. The prior leaves the sign of a latent "
        "free: where repetitions disagree on it, |r| stands without. Found is a label whose best latent exceeds the "
        "null, is the best of no other label, and has that label as its own best. Probe: linear classifiers on the "
        "mean codes, mean over labels.",
        (
            Column("Mean absolute r", "attribute_r_mean"),
            Column("Labels found", "attributes_found"),
            Column("Probe AUC", "probe_auc"),
            Column("Probe balanced accuracy", "probe_accuracy"),
        ),
        labels=True,
    ),
    "matched_density": Table(matched_density.CAPTION, (), frontiers=True),
}


# --------------------------------------------------------------------- numbers


def summarise(study: Study, group: str, method: str, metric: str) -> Cell | None:
    """Mean and standard deviation (n - 1) of a metric over the repetitions of a method; None where there is none."""
    return cell_of(study.of(group, metric, method))


def cell_of(values: pd.Series[float]) -> Cell | None:
    """Mean and standard deviation (n - 1) of values; None of no value."""
    return None if values.empty else Cell(float(values.mean()), float(values.std(ddof=1)), len(values))


def sign_of(values: pd.Series[float]) -> str:
    """The sign that all of `values` share, 'mixed' where they do not."""
    return "+" if (values >= 0).all() else "-" if (values < 0).all() else "mixed"


def figures_of(value: float, sd: float) -> str:
    """The format that shows `value` to the second digit of its spread, or to four digits where it has none."""
    if value == 0 and not sd > 0:
        return ".0f"
    if max(abs(value), 0 if math.isnan(sd) else sd) < 1e-3:  # noqa: PLR2004
        return ".1e"
    scale = sd if sd > 0 else abs(value) / 100
    decimals = 1 - math.floor(math.log10(scale))
    return f".{min(max(decimals, 0), 6 if abs(value) < PRECISE else 4)}f"


def text(cell: Cell | None, plus_minus: str = " ± ") -> str:
    """'mean ± sd', 'mean' for a single number, a dash for none."""
    if cell is None:
        return MISSING
    form = figures_of(cell.mean, cell.sd)
    spread = "" if math.isnan(cell.sd) else f"{plus_minus}{cell.sd:{form}}"
    return f"{cell.mean:{form}}{spread}"


# ---------------------------------------------------------------------- tables


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
