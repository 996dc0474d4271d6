"""Tables: mean ± standard deviation over repetitions, the published number beside ours where there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from vscbench.files import read_json, write_text
from vscbench.reporting.study import Study

PUBLISHED = Path(__file__).with_name("published_results.csv")
PUBLISHED_DATASET = "natural_patches"
MISSING = "–"


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


class Table(NamedTuple):
    """A table: what it says, and its columns."""

    caption: str
    columns: tuple[Column, ...]
    baselines: bool
    """Whether the reference codes have rows."""


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
    ),
    "honest": Table(
        "The same runs, measured so that numbers compare: squared error of one draw (J=1), of the posterior mean and "
        "of the best of J, an oracle; density of one draw; what the encoder loses against FISTA on the same "
        "dictionary; multi-information less that of codes shuffled per latent; Jaccard index of the supports of two "
        "draws, and that of draws of different data (null).",
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
        baselines=False,
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
        baselines=False,
    ),
    "resources": Table(
        "What the training of one run took: wall-clock time and largest memory of the process (of the GPU's allocator "
        "on a GPU). The only numbers of the study that differ when it is run again.",
        (Column("Training (s)", "train_seconds"), Column("Peak memory (MB)", "peak_memory_mb")),
        baselines=False,
    ),
}


# --------------------------------------------------------------------- numbers


def summarise(study: Study, experiment: str, method: str, metric: str) -> Cell | None:
    """Mean and standard deviation (n - 1) of a metric over the repetitions of a method; None where there is none."""
    rows = study.values(experiment, metric)
    values = rows.loc[rows["method"] == method, "value"]
    if values.empty:
        return None
    return Cell(float(values.mean()), float(values.std(ddof=1)), len(values))


def published_numbers() -> pd.DataFrame:
    """The authors' numbers of the linear generator, by method, metric and J."""
    numbers = pd.read_csv(PUBLISHED)
    linear = numbers[(numbers["dataset"] == PUBLISHED_DATASET)].copy()
    # "max_20" of the ablation over sampling is the method itself at J = 20.
    linear["samples"] = linear["value_on_axis"].astype(str).str.removeprefix("max_")
    # Where the ablation repeats a number (with another decay), the main experiment's goes first.
    return linear.sort_values("axis", key=lambda axis: axis == "sampling", kind="stable")


def published_cell(numbers: pd.DataFrame, method: str, column: Column) -> tuple[Cell, str] | None:
    """The published number of a method beside a column, and where it was found."""
    chosen = numbers[
        (numbers["method"] == method)
        & (numbers["metric"] == column.published)
        & (numbers["samples"] == str(column.samples))
    ]
    if chosen.empty:
        return None
    row = chosen.iloc[0]
    return Cell(float(row["mean"]), float(row["std"]), int(row["seeds"])), str(row["source"])


def figures_of(value: float, sd: float) -> str:
    """The format that shows `value` to the second digit of its spread, or to four digits where it has none."""
    if value == 0 and not sd > 0:
        return ".0f"
    if max(abs(value), 0 if math.isnan(sd) else sd) < 1e-3:  # noqa: PLR2004
        return ".1e"
    scale = sd if sd > 0 else abs(value) / 100
    decimals = 1 - math.floor(math.log10(scale))
    return f".{min(max(decimals, 0), 4)}f"


def text(cell: Cell | None, plus_minus: str = " ± ") -> str:
    """'mean ± sd', 'mean' for a single number, a dash for none."""
    if cell is None:
        return MISSING
    form = figures_of(cell.mean, cell.sd)
    spread = "" if math.isnan(cell.sd) else f"{plus_minus}{cell.sd:{form}}"
    return f"{cell.mean:{form}}{spread}"


# ---------------------------------------------------------------------- tables


def long_rows(study: Study, table: Table, experiment: str) -> pd.DataFrame:
    """One row a number: method, column, mean, sd, n, and the published number with its source."""
    numbers = published_numbers()
    diverged = study.diverged(experiment)["method"].value_counts()
    rows = []
    for method in study.methods(experiment, baselines=table.baselines):
        for column in table.columns:
            ours = summarise(study, experiment, method, column.metric)
            theirs = published_cell(numbers, method, column) if column.published else None
            rows.append(
                {
                    "experiment": experiment,
                    "method": method,
                    "label": study.labels[method],
                    "column": column.header,
                    "metric": column.metric,
                    "mean": ours.mean if ours else None,
                    "sd": ours.sd if ours else None,
                    "n": ours.runs if ours else 0,
                    "diverged": int(diverged.get(method, 0)),
                    "published_mean": theirs[0].mean if theirs else None,
                    "published_sd": theirs[0].sd if theirs else None,
                    "published_n": theirs[0].runs if theirs else None,
                    "published_source": theirs[1] if theirs else None,
                }
            )
    return pd.DataFrame(rows)


def wide(study: Study, table: Table, experiment: str) -> tuple[pd.DataFrame, list[str]]:
    """The table as it is read: a row a method, a column a metric, the published number beside; and its sources."""
    numbers = published_numbers()
    diverged = study.diverged(experiment)["method"].value_counts()
    methods = study.methods(experiment, baselines=table.baselines)
    sources: list[str] = []
    columns: dict[str, list[str]] = {"Method": [_row_label(study, method, diverged) for method in methods]}
    for column in table.columns:
        columns[column.header] = [text(summarise(study, experiment, m, column.metric)) for m in methods]
        found = [published_cell(numbers, method, column) if column.published else None for method in methods]
        if any(found):
            cells = []
            for each in found:
                if each and each[1] not in sources:
                    sources.append(each[1])
                mark = f" [{sources.index(each[1]) + 1}]" if each else ""
                cells.append(text(each[0] if each else None) + mark)
            columns[f"{column.header}, published"] = cells
    frame = pd.DataFrame(columns)
    # A run that diverged is a result: its method keeps its row where no number is left.
    kept = pd.Series([method in diverged for method in methods])
    frame = frame[(frame.drop(columns="Method") != MISSING).any(axis=1) | kept]
    shown = [name for name in frame if name == "Method" or (frame[name] != MISSING).any()]
    return frame[shown], sources


def _row_label(study: Study, method: str, diverged: pd.Series[int]) -> str:
    count = int(diverged.get(method, 0))
    return study.labels[method] + (f" ({count} diverged)" if count else "")


def setting(study: Study, experiment: str) -> str:
    """What the numbers of an experiment were measured on, in one sentence, and how far that is from the paper."""
    runs = [run for method in study.methods(experiment) for run in study.runs(experiment, method)]
    spec, steps = study.spec(runs[0]), max(read_json(run / "status.json")["step"] for run in runs)
    repetitions = len(study.runs(experiment, spec["method"]))
    return (
        f"{experiment}: {spec['generator']['latents']} latents, {steps:,} steps of {spec['training']['batch_size']}, "
        f"J = {spec['objective']['samples']}, {repetitions} repetition{'s' if repetitions > 1 else ''}, test data of "
        f"{spec['dataset']['name']}. The published numbers are of 256 latents, 240,000 steps of 100, J = 20, on "
        "overlapping validation patches of Olshausen's images: they are quoted, not matched."
    )


def write_table(name: str, results: Path, out: Path) -> None:
    """Write the table `name` of the study in `results` to the folder `out`, as CSV, Markdown and LaTeX."""
    study, table = Study(results), TABLES[name]
    long = [long_rows(study, table, experiment) for experiment in study.experiments]
    write_text(out / f"{name}.csv", pd.concat(long).to_csv(index=False, lineterminator="\n"))
    markdown = [f"# {name}\n\n{table.caption} Mean ± standard deviation over repetitions.\n"]
    latex = [f"% {table.caption}\n"]
    for experiment in study.experiments:
        frame, sources = wide(study, table, experiment)
        where = setting(study, experiment)
        notes = [f"[{k}] published: {source}" for k, source in enumerate(sources, 1)]
        aligned = ("left", *("right" for _ in frame.columns[1:]))
        markdown.append(f"\n{where}\n\n{frame.to_markdown(index=False, colalign=aligned, disable_numparse=True)}\n")
        markdown += [f"\n{note}  " for note in notes]
        latex += [f"% {line}\n" for line in (where, *notes)] + [_latex(frame)]
    write_text(out / f"{name}.md", "".join(markdown).rstrip() + "\n")
    write_text(out / f"{name}.tex", "".join(latex))


def _latex(frame: pd.DataFrame) -> str:
    """The table for LaTeX's booktabs."""
    escapes = {character: f"\\{character}" for character in "%&_#${}"}
    escapes |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {"λ": r"$\lambda$", "±": r"$\pm$", "–": "--"}

    def escape(value: str) -> str:
        return "".join(escapes.get(character, character) for character in value)

    escaped = frame.map(escape).rename(columns=escape)
    return str(escaped.to_latex(index=False, escape=False, column_format="l" + "r" * (len(frame.columns) - 1)))
