"""Snakemake's report of a study that was run: every table and figure by its title, with its caption."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vscbench import registry
from vscbench.reporting import OUTPUTS

if TYPE_CHECKING:
    from .conftest import Project

STYLE = Path(__file__).parents[2] / "workflow/report/style.css"


@pytest.fixture(scope="module")
def report(finished: Project) -> str:
    """The page, of a project whose figures are a line of text."""
    said = finished.snakemake("--report", "report.html", "--report-stylesheet", str(STYLE))
    assert "ERROR" not in said  # of a caption that is no reStructuredText
    path = finished.folder / "report.html"
    page = path.read_text(encoding="utf-8")
    path.unlink()
    return page


def content(report: str, name: str) -> Any:
    """What the page has in the script of a name."""
    (found,) = re.findall(rf'<script id="{name}">\s*var \w+ = (.*);', report)
    return json.loads(found)


def test_every_table_and_figure_has_its_title_and_caption(report: str, finished: Project) -> None:
    results = content(report, "results")
    made = {str(p.relative_to(finished.folder)) for end in ("tables/*.html", "figures/*.png", "*.html")
            for p in (finished.folder / "results").glob(end)}  # fmt: skip
    assert set(results) == made
    for path, result in results.items():
        name = Path(path).stem
        if Path(path).parent.name in ("tables", "figures") and path != "results/tables/claims.html":
            output = registry.load(OUTPUTS[name])
            assert list(result["labels"].values()) == [output.title]
            plain = html.unescape(re.sub("<.*?>", "", str(result["caption"])))
            assert " ".join(plain.split()) == " ".join(output.caption.split())


def test_the_front_page_has_the_verdicts(report: str) -> None:
    """As they are drawn in the figure of the claims."""
    front = content(report, "workflow-desc")
    assert "made by figure claims" in front
    assert "made by figure frontier" not in front  # this study has none
    assert STYLE.read_text() in report


def test_the_front_page_of_the_results_has_a_caption_of_its_own(report: str) -> None:
    """Not the text, with all its pictures, that the report begins with."""
    caption = str(content(report, "results")["results/index.html"]["caption"])
    assert "answer in words" in caption
    assert "<svg" not in caption
    assert content(report, "workflow-desc") != caption
