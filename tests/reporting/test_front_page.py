"""The front page says what its study says, stands alone, leads nowhere that is not there, and fits its window."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
import yaml

from vscbench.cli import main
from vscbench.closing import closing
from vscbench.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


STUDY = {
    "study": "tiny",
    "repetitions": 2,
    "device": "cpu",
    "datasets": {"small": {"kind": "synthetic", "train": 200, "validation": 20, "test": 60, "pixels": 16}},
    "experiments": {
        "recovery": {
            "dataset": "small",
            "methods": ["fista", "gaussian_thresh"],
            "generator": {"latents": 12},
            "objective": {"samples": 2},
            "training": {"epochs": 1},
            "evaluation": {"gradients": {"passes": 5}},
        }
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a study with all its tables, two of its figures, and its front page."""
    place = tmp_path_factory.mktemp("study")
    results, config = place / "results", place / "config.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"results": str(results), "protocol": "paper"}))
    runs = [f"recovery/{method}/{n}" for method in ("fista", "gaussian_thresh") for n in (0, 1)]
    lines = [["data", "small"], *(["train", run] for run in runs), ["evaluate", *runs], ["baselines", "recovery"]]
    lines += [["assemble"], ["table", "table1"], ["figure", "claims"], ["figure", "dictionaries"], ["claims"]]
    for line in (*lines, ["front-page"]):
        assert main([*line, "--config", str(config)]) == 0
    shutil.copy(config, results)
    return results


def test_every_link_leads_somewhere(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    links = re.findall(r'href="([^"]*)"', page)
    assert len(links) > 10
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page
        elif not link.startswith("http://127.0.0.1"):
            assert (folder / unquote(link)).exists(), link


def test_page_needs_nothing_beside_it(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    sources = re.findall(r'src="([^"]{5})', page)
    assert sources
    assert set(sources) == {"data:"}
    assert not re.findall("<link|@import|<script src", page)


def test_page_is_small_enough_for_a_report(folder: Path) -> None:
    """Browsers show no address of data above 2 MB, as which Snakemake's report holds a page, in base 64."""
    page = (folder / "index.html").read_bytes()
    figures = sum((folder / "figures" / f"{name}.png").stat().st_size for name in ("claims", "dictionaries"))
    assert len(page) < figures  # in base 64 the files as they are would take a third more
    assert 4 / 3 * len(page) < 2 << 20


def test_page_says_what_was_run(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    assert "This rests on 4 runs, 2 of each method and setting; none of them diverged." in page
    assert "Of the paper&#39;s 12 claims" in page
    assert "synthetic, 16, 200 to train on and 60 to test" in page


def test_the_last_lines_of_a_study_are_of_its_tables(folder: Path) -> None:
    runs, claims, page = closing(Layout(folder))
    assert runs == "runs: 4, 0 of them diverged"
    assert sum(map(int, re.findall(r"(\d+) ", claims))) == 12
    assert page == f"open {folder}/index.html"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_page_is_as_wide_as_its_window(folder: Path, tmp_path: Path, width: int, height: int) -> None:
    inside = f'<iframe src="inner.html" style="width: {width}px; height: {height}px; border: 0"></iframe>'
    (tmp_path / "inner.html").write_text((folder / "index.html").read_text())
    measure = (
        "<script>onload = () => { const page = document.querySelector('iframe').contentDocument.documentElement;"
        " document.title = `${page.scrollWidth} of ${page.clientWidth}` }</script>"
    )
    (tmp_path / "outer.html").write_text(inside + measure)
    command = [CHROMIUM, *FLAGS, "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--dump-dom", (tmp_path / "outer.html").as_uri()]
    page = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout  # type: ignore[arg-type]
    scroll, inner = re.search(r"<title>(\d+) of (\d+)</title>", page).groups()  # type: ignore[union-attr]
    assert int(inner) in range(width - 20, width + 1)
    assert int(scroll) <= int(inner)
