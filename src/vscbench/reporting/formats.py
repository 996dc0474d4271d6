"""A table as CSV, Markdown, LaTeX, and a page of HTML that needs nothing beside it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from vscbench.files import write_text
from vscbench.reporting.tables.frame import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from jinja2 import Environment

    from vscbench.reporting.output import Table
    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

NOTHING = "No experiment has these numbers."


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("vscbench.reporting")
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def webpage(template: str, title: str, **content: Any) -> str:
    """A page of HTML by the template of that name, which escapes all that is put into it."""
    return _templates().get_template(f"{template}.html").render(title=title, **content) + "\n"


def markdown(title: str, caption: str, blocks: Iterable[Block]) -> str:
    """A table as Markdown."""
    text = f"# {title}\n\n{caption}\n"
    for block in blocks:
        aligned = ("left", *("right" for _ in block.frame.columns[1:]))
        table = block.frame.to_markdown(index=False, colalign=aligned, disable_numparse=True)
        text += f"\n{block.where}\n\n{table}\n"
        text += "".join(f"\n{note}  " for note in block.notes)
    return text.rstrip() + "\n"


def latex(caption: str, blocks: Iterable[Block]) -> str:
    """The tables for LaTeX's booktabs."""
    text = f"% {caption}\n"
    for block in blocks:
        text += "".join(f"% {line}\n" for line in (block.where, *block.notes)) + _latex(block.frame)
    return text


def _latex(frame: pd.DataFrame) -> str:
    escapes = {character: f"\\{character}" for character in "%&_#${}"}
    escapes |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {"λ": r"$\lambda$", "±": r"$\pm$", "–": "--", "|": "$|$"}

    def escape(value: str) -> str:
        return "".join(escapes.get(character, character) for character in value)

    escaped = frame.map(escape).rename(columns=escape)
    return str(escaped.to_latex(index=False, escape=False, column_format="l" + "r" * (len(frame.columns) - 1)))


def write_table(table: Table, study: Study, out: Path) -> None:
    """Write a table of a study to the folder `out`, as CSV (a number a row), Markdown, LaTeX and HTML."""
    blocks = list(table.make(study))
    each = any(row["n"] > 1 for block in blocks for row in block.long)  # else a row is one run
    caption = table.caption + " Mean ± standard deviation over repetitions." * each
    if not blocks:
        caption += f" {NOTHING}"
    long = pd.DataFrame([row for block in blocks for row in block.long], columns=None if blocks else HEADER)
    write_text(out / f"{table.name}.csv", long.to_csv(index=False, lineterminator="\n"))
    write_text(out / f"{table.name}.md", markdown(table.title, caption, blocks))
    write_text(out / f"{table.name}.tex", latex(caption, blocks))
    write_text(out / f"{table.name}.html", webpage("table", table.title, caption=caption, blocks=blocks))
