"""The configuration of a study: merging, reading, checking, sweeps, and the specification of each of its runs.

Imports neither torch nor Snakemake: the workflow reads it at every start, and a machine with torch alone too.
"""

from vscbench.config.checking import check, nearest, schema
from vscbench.config.contents import worth_making
from vscbench.config.merging import merge
from vscbench.config.reading import load
from vscbench.config.runs import (
    EVALUATION_DEFAULTS,
    TRAINING_DEFAULTS,
    baseline_spec,
    dataset_spec,
    derive_seed,
    evaluation_spec,
    experiments,
    labels,
    linear_experiments,
    run_key,
    run_name,
    run_spec,
    runs,
    threshold_at,
)

__all__ = [
    "EVALUATION_DEFAULTS",
    "TRAINING_DEFAULTS",
    "baseline_spec",
    "check",
    "dataset_spec",
    "derive_seed",
    "evaluation_spec",
    "experiments",
    "labels",
    "linear_experiments",
    "load",
    "merge",
    "nearest",
    "run_key",
    "run_name",
    "run_spec",
    "runs",
    "schema",
    "threshold_at",
    "worth_making",
]
