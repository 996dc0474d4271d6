"""How much data each run had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.config.runs import FOLD
from vscbench.data.dataset import SPLITS
from vscbench.data.prepared import mapped
from vscbench.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def split_sizes(results: Path, dataset: Mapping[str, Any]) -> dict[str, int]:
    """How many data points train, validation and test have; empty where neither the data nor their settings tell.

    Of the user's own data the settings say no more than a share, or the sizes of patches, so the prepared file is asked
    first. Only its header is read.

    Args:
        results: the folder of the study.
        dataset: that section of a run's config.json.
    """
    names = (f"{dataset['name']}{FOLD}{dataset.get('fold')}", dataset["name"])
    path = next((path for name in names if (path := Layout(results).data(name)).is_file()), None)
    if path is None:
        return {name: dataset[name] for name in SPLITS} if "train" in dataset else {}
    arrays = mapped(path)[1]
    return {name: len(arrays[name]) for name in SPLITS}
