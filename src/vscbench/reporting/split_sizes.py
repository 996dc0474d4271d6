"""How much data each run had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.config.runs import FOLD
from vscbench.data.dataset import SPLITS
from vscbench.data.prepared import made_from, mapped
from vscbench.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def split_sizes(results: Path, dataset: Mapping[str, Any]) -> dict[str, int]:
    """How many data points train, validation and test have; empty where neither the data nor their settings tell.

    Of the user's own data the settings say no more than a share, or the sizes of patches, so the file that was prepared
    from them is asked first: of the whole data set, or of the fold. Only headers are read.

    Args:
        results: the folder of the study.
        dataset: that section of a run's config.json.
    """
    names = (dataset["name"], f"{dataset['name']}{FOLD}{dataset.get('fold')}")
    path = next((path for name in names if made_from(path := Layout(results).data(name), dataset)), None)
    if path is None:
        return {name: dataset[name] for name in SPLITS} if "train" in dataset else {}
    arrays = mapped(path)[1]
    return {name: len(arrays[name]) for name in SPLITS}
