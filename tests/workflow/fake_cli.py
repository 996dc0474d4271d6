"""Stands in for `vscbench.cli` in a copy of the package: each command writes the files that it would, at once.

What Snakemake plans depends on the study, the code and the files, not on what is in them; so a study takes seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from vscbench.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINED = ("weights.safetensors", "history.csv", "config.json", "status.json", "resources.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what the command of the given arguments would."""
    command, *rest = sys.argv[1:] if arguments is None else arguments
    if "--follow" in rest:
        return 0
    name = rest[0]
    config = Path(rest[rest.index("--config") + 1])
    layout = Layout(yaml.safe_load(config.read_text(encoding="utf-8"))["results"])
    assert layout.config == config
    written = {
        "data": lambda: [layout.data(name)],
        "train": lambda: [layout.run(name) / file for file in TRAINED],
        "evaluate": lambda: [layout.run(name) / file for file in ("metrics.json", "arrays.npz")],
        "train-fid-classifier": lambda: [layout.classifier(name)],
        "baselines": lambda: [layout.baseline(name)],
        "assemble": lambda: [layout.metrics, layout.index],
        "table": lambda: [layout.tables / f"{name}.{suffix}" for suffix in ("html", "csv", "md", "tex", "txt")],
        "figure": lambda: [layout.figures / f"{name}.{suffix}" for suffix in ("png", "pdf", "svg", "txt")],
        "choose": lambda: [layout.chosen],
        "claims": lambda: [layout.tables / f"claims.{suffix}" for suffix in ("html", "csv", "md")],
        "front-page": lambda: [layout.front_page],
        "leaderboard": lambda: [layout.results / f"leaderboard.{suffix}" for suffix in ("html", "csv")],
        "track": lambda: [layout.results / "tracking.json"],
    }[command]()
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(["made by", command, *rest]))
    print(f"{command} {name}")
    return 0
