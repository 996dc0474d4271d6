"""Figures: one file each, drawn from a finished study, in PNG, PDF and SVG. The workflow reads their names too."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from vscbench.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = (
    "threshold",
    "dictionaries",
    "gradient_snr",
    "training_curves",
    "reconstruction_density",
    "frontier",
    "support_agreement",
    "recovery",
    "sweeps",
    "ablation",
    "reconstructions",
    "prior_samples",
    "recovered_dictionaries",
    "attributes",
    "traversals",
)
# A file without a date: the same picture gives the same file.
METADATA: dict[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def draw(name: str, results: Path, out: Path) -> None:
    """Draw the figure `name` of the study in `results` and write it to the folder `out`."""
    import matplotlib as mpl

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import STYLE

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # a line for each glyph of a PDF
    with mpl.rc_context(STYLE):
        figure = import_module(f"vscbench.reporting.figures.{name}").draw(Study(results))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not again for each format
        for suffix, metadata in METADATA.items():
            with atomic(out / f"{name}.{suffix}") as partial:
                figure.savefig(partial, format=suffix, metadata=metadata)
