"""Figures: one file each, drawn from a finished study, in PNG, PDF and SVG."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vscbench import registry
from vscbench.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.output import Figure

FIGURES = {
    name: f"vscbench.reporting.figures.{name}:FIGURE"
    for name in (
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
}
"""Where each figure stands, in the order of the report."""
# A file without a date: the same picture gives the same file.
METADATA: dict[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def draw(name: str, results: Path, out: Path) -> None:
    """Draw the figure `name` of the study in `results` and write it to the folder `out`."""
    import matplotlib as mpl

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import set_theme

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # a line for each glyph of a PDF
    found: Figure = registry.load(registry.address(FIGURES, name, "figure"))
    with mpl.rc_context():
        set_theme()
        figure = found.draw(Study(results))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not again for each format
        for suffix, metadata in METADATA.items():
            with atomic(out / f"{name}.{suffix}") as partial:
                figure.savefig(partial, format=suffix, metadata=metadata)
