"""The configuration of a study: reading, checking, and the specification of each of its runs.

Imports neither torch nor Snakemake; the class of a part is imported where its settings are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.config.checking import check, check_data, check_files, study_of
from vscbench.config.described import describe, evaluation, index, labels
from vscbench.config.reading import add_plugins, read
from vscbench.config.runs import (
    Run,
    addresses,
    data_of_repetitions,
    dataset_names,
    dataset_of,
    dataset_spec,
    resolve,
    run_key,
    run_spec,
    runs,
    source,
    spec,
)
from vscbench.config.schema import json_schema
from vscbench.config.study import Experiment, Study
from vscbench.merging import merge
from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "Experiment",
    "Run",
    "Study",
    "addresses",
    "check",
    "check_data",
    "check_files",
    "data_of_repetitions",
    "dataset_names",
    "dataset_of",
    "dataset_spec",
    "derive_seed",
    "describe",
    "evaluation",
    "index",
    "json_schema",
    "labels",
    "load",
    "merge",
    "resolve",
    "run_key",
    "run_spec",
    "runs",
    "source",
    "spec",
    "study_of",
]


def load(paths: Iterable[Path], overrides: Mapping[str, Any] | None = None, *, checked: bool = False) -> Study:
    """The study of the files at `paths`, each laid over the ones before it, and `overrides` over all.

    Args:
        paths: YAML files; a file may name others that lie below it under `extends`.
        overrides: keys as in a file.
        checked: whether a study wrote this file that was checked: no class of a part is imported.

    Raises:
        UserError: a file cannot be read, or the study is not valid: every violation on a line of its own.
    """
    content = merge(read(paths), overrides or {})
    if isinstance(plugins := content.get("plugins"), str):
        add_plugins(plugins)
    return study_of(content) if checked else check(content)
