"""A figure as files: PNG, PDF and SVG."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import matplotlib as mpl

from vscbench.files import atomic, write_text
from vscbench.reporting.formats import caption_text
from vscbench.reporting.style import set_theme

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.output import Figure
    from vscbench.reporting.study import Study

# A file without a date: the same picture gives the same file.
METADATA: dict[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def write_figure(figure: Figure, study: Study, out: Path) -> None:
    """Draw a figure of a study and write it to the folder `out`, its caption beside it."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # a line for each glyph of a PDF
    with mpl.rc_context():
        set_theme()
        canvas = figure.draw(study)
        canvas.draw_without_rendering()
        canvas.set_layout_engine("none")  # laid out once, not again for each format
        for suffix, metadata in METADATA.items():
            with atomic(out / f"{figure.name}.{suffix}") as partial:
                canvas.savefig(partial, format=suffix, metadata=metadata)
    write_text(out / f"{figure.name}.txt", caption_text(figure, figure.caption))
