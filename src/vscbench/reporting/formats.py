"""A table as Markdown, as LaTeX, and as a page of HTML that needs nothing beside it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: .5em 0 1em }
th, td { text-align: left; vertical-align: top; padding: .35em .6em; border-bottom: 1px solid #ddd }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } td.number { white-space: nowrap }
.verdict { font-weight: 600; white-space: nowrap; padding: .1em .5em; border-radius: .3em }
.supported { background: #cfe8f7; color: #00466e } .not-supported { background: #fbdcc4; color: #7a2b00 }
.inconclusive { background: #eee; color: #444 } .small { color: #555; font-size: 90% }
.wide { overflow-x: auto; width: max-content; min-width: 100%; max-width: calc(100vw - 3em);
        position: relative; left: 50%; transform: translateX(-50%);  /* wider than the text, where the page is */
        background: linear-gradient(to left, white 2em, #fff0) right / 3em 100% no-repeat local,
        linear-gradient(to left, #0002, #0000) right / 1em 100% no-repeat white }  /* a shadow where more follows */
.wide th { min-width: 4.5em; vertical-align: bottom }
.wide :is(td, th):first-child { white-space: nowrap; position: sticky; left: 0; background: white }
details { margin: .3em 0 1.2em } summary { cursor: pointer; color: #00466e }
"""


class Block(NamedTuple):
    """Rows of a table that were measured on the same data."""

    where: str
    """What they were measured on."""
    frame: pd.DataFrame
    """The rows, all text."""
    notes: list[str]
    """What is said below them."""


def markdown(name: str, caption: str, blocks: Iterable[Block]) -> str:
    """The table `name` as Markdown."""
    text = f"# {name}\n\n{caption}\n"
    for where, frame, notes in blocks:
        aligned = ("left", *("right" for _ in frame.columns[1:]))
        text += f"\n{where}\n\n{frame.to_markdown(index=False, colalign=aligned, disable_numparse=True)}\n"
        text += "".join(f"\n{note}  " for note in notes)
    return text.rstrip() + "\n"


def latex(caption: str, blocks: Iterable[Block]) -> str:
    """The tables for LaTeX's booktabs."""
    text = f"% {caption}\n"
    for where, frame, notes in blocks:
        text += "".join(f"% {line}\n" for line in (where, *notes)) + _latex(frame)
    return text


def page(title: str, body: str) -> str:
    """A page of HTML under `title`."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>\n"
    )


def webpage(name: str, caption: str, blocks: Iterable[Block]) -> str:
    """The table `name` as a page of HTML."""
    body = f"<p>{html.escape(caption)}</p>"
    for where, frame, notes in blocks:
        head = "".join(_cell("th", column, place) for place, column in enumerate(frame.columns))
        rows = "".join(
            f"<tr>{''.join(_cell('td', value, place) for place, value in enumerate(row))}</tr>"
            for row in frame.itertuples(index=False)
        )
        body += f'<p>{html.escape(where)}</p><div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
        body += "".join(f'<div class="small">{html.escape(note)}</div>' for note in notes)
    return page(name, body)


def _cell(tag: str, value: str, place: int) -> str:
    kind = ' class="number"' if place else ""
    return f"<{tag}{kind}>{html.escape(value)}</{tag}>"


def _latex(frame: pd.DataFrame) -> str:
    escapes = {character: f"\\{character}" for character in "%&_#${}"}
    escapes |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {"λ": r"$\lambda$", "±": r"$\pm$", "–": "--", "|": "$|$"}

    def escape(value: str) -> str:
        return "".join(escapes.get(character, character) for character in value)

    escaped = frame.map(escape).rename(columns=escape)
    return str(escaped.to_latex(index=False, escape=False, column_format="l" + "r" * (len(frame.columns) - 1)))
