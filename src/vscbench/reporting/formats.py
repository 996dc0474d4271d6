"""A table as CSV, Markdown, LaTeX, and a page of HTML that needs nothing beside it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from vscbench.files import write_text
from vscbench.reporting.tables.best import HOW
from vscbench.reporting.tables.frame import HEADER
from vscbench.reporting.tables.wide import BOLD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd
    from jinja2 import Environment
    from markupsafe import Markup

    from vscbench.reporting.output import Output, Table
    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

NOTHING = "No experiment has these numbers."


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("vscbench.reporting")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["code"] = code
    return environment


def code(text: str) -> Markup:
    """Text for a page of HTML, escaped, in which what stands between back-ticks is code.

    Example:
        >>> print(code("`make` <5 min"))
        <code>make</code> &lt;5 min
    """
    from markupsafe import Markup

    tagged = Markup("<code>{}</code>")
    return Markup("").join(tagged.format(piece) if k % 2 else piece for k, piece in enumerate(text.split("`")))


def webpage(template: str, title: str, **content: Any) -> str:
    """A page of HTML by the template of that file name, which escapes all that is put into it."""
    return _templates().get_template(template).render(title=title, **content) + "\n"


def markdown(title: str, caption: str, blocks: Iterable[Block]) -> str:
    """A table as Markdown."""
    text = f"# {title}\n\n{caption}\n"
    for block in blocks:
        aligned = ("left", *("right" for _ in block.frame.columns[1:]))
        table = block.frame.to_markdown(index=False, colalign=aligned, disable_numparse=True)
        text += f"\n{block.where}\n\n{table}\n"
        text += "".join(f"\n{note}  " for note in block.notes)
    return text.rstrip() + "\n"


def latex(name: str, title: str, caption: str, blocks: Iterable[Block]) -> str:
    """The tables for LaTeX's booktabs, each with its caption; `tab:NAME`, or `tab:NAME-2` and so on, refers to one."""
    texts = [
        _latex(block.frame, " ".join((f"{title}.", block.where, caption, *block.notes)), f"{name}{f'-{k}' * (k > 1)}")
        for k, block in enumerate(blocks, 1)
    ]
    return "\n".join(texts) or f"% {title}. {caption}\n"


def _latex(frame: pd.DataFrame, caption: str, label: str) -> str:
    def cell(value: str) -> str:
        inner = escaped(value.removeprefix(BOLD).removesuffix(BOLD))
        return rf"\textbf{{{inner}}}" if value.startswith(BOLD) else inner

    return str(
        frame.map(cell)
        .rename(columns=escaped)
        .to_latex(
            index=False,
            escape=False,
            column_format="l" + "r" * (len(frame.columns) - 1),
            caption=escaped(caption),
            label=f"tab:{label}",
        )
    )


ESCAPES = {character: f"\\{character}" for character in "%&_#${}"}
ESCAPES |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}
MATH = {"λ": r"\lambda", "±": r"\pm", "×": r"\times", "²": "^2", "₂": "_2", "≥": r"\geq", "−": "-", "|": "|"}
MATH |= {"↑": r"\uparrow", "↓": r"\downarrow", "<": "<", ">": ">", "√": r"\surd", "‖": r"\|", "Σ": r"\Sigma"}
MATH |= {"γ": r"\gamma", "μ": r"\mu", "π": r"\pi", "σ": r"\sigma"}
ESCAPES |= {character: f"${code}$" for character, code in MATH.items()}


def escaped(value: str) -> str:
    """Text as LaTeX writes it, in ASCII where it is known how."""
    return "".join(ESCAPES.get(character, character) for character in value)


def caption_text(output: Output, caption: str, more: Iterable[str] = ()) -> str:
    """Title and caption of a table or figure as a text file, with what else is said of it."""
    return "\n\n".join((output.title, caption, *more)) + "\n"


def write_table(table: Table, study: Study, out: Path) -> None:
    """Write a table of a study to the folder `out`: CSV (a number a row), Markdown, LaTeX, HTML, its caption."""
    import pandas as pd

    blocks = list(table.make(study))
    rows = [row for block in blocks for row in block.long]
    caption = table.caption
    caption += " Mean ± standard deviation over repetitions." * any(row["n"] > 1 for row in rows)  # else a row is a run
    caption += HOW * any("best" in row for row in rows)
    if not blocks:
        caption += f" {NOTHING}"
    long = pd.DataFrame(rows, columns=None if blocks else HEADER)
    write_text(out / f"{table.name}.csv", long.to_csv(index=False, lineterminator="\n"))
    write_text(out / f"{table.name}.md", markdown(table.title, caption, blocks))
    write_text(out / f"{table.name}.tex", latex(table.name, table.title, caption, blocks))
    write_text(
        out / f"{table.name}.html", webpage("table.html", table.title, caption=caption, blocks=blocks, bold=BOLD)
    )
    said = ["\n".join((block.where, *block.notes)) for block in blocks]
    write_text(out / f"{table.name}.txt", caption_text(table, caption, said))
