"""Commands of README, of the pages in docs and of the heads of the studies: each is one that its program takes."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from snakemake.cli import get_argument_parser

from vscbench import cli, config
from vscbench.config.study import RESERVED
from vscbench.reporting import available_outputs

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "results/README.md", *sorted((ROOT / "docs").glob("*.md"))]
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))]
PROGRAMS = ("make", "snakemake", "vscbench", "python", "pip", "conda")
"""That of pytest is run by test_wheel."""
OF_THE_READER = {"mine.yaml", "FOLDER"}
"""What a page calls by a name that a reader chooses."""


def commands(page: Path) -> list[str]:
    """Those in blocks of shell, in code between words, and in the heads of studies."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".yaml":
        found = re.findall(r"^#   (.*?)(?:  +or: (.*))?$", text, re.MULTILINE)
        lines = [line for pair in found for line in pair if line]
    else:
        blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += [
            re.sub(r"\s+", " ", code)
            for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        ]
    parts = [part.strip() for line in lines for part in line.partition("  #")[0].split("&&")]
    return [part for part in parts if any(re.match(rf"(\w+=\S+ )*{program}( |$)", part) for program in PROGRAMS)]


EVERY = sorted({command for page in (*PAGES, *STUDIES) for command in commands(page)})


def exists(name: str) -> None:
    assert name in OF_THE_READER or (ROOT / name).exists(), name


def by_make(words: list[str]) -> None:
    """Make knows the target, and what it would run names files that are there."""
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"--configfile (\S+)", done.stdout):
        exists(name)


def by_snakemake(words: list[str]) -> None:
    """Snakemake takes the options; targets are rules, or experiments of the study."""
    given = get_argument_parser().parse_args(words)
    for name in map(str, [*(given.configfile or []), *filter(None, [given.workflow_profile])]):
        exists(name)
    experiments = (
        config.load([ROOT / str((given.configfile or ["config.yaml"])[0])]).experiments if given.targets else {}
    )
    assert set(given.targets) <= set(RESERVED.split()) | set(experiments)


def by_vscbench(words: list[str]) -> None:
    """The parser takes the command with its options; where a page names it alone, it is there."""
    if len(words) == 1:
        with pytest.raises(SystemExit) as end:
            cli.parser().parse_args([*words, "--help"])
        assert end.value.code == 0
        return
    given = cli.parser().parse_args(words)
    for name in map(str, getattr(given, "config", [])):
        exists(name)


def by_python(words: list[str]) -> None:
    if words[0] == "-m":
        exists(f"src/{words[1].replace('.', '/')}")
    else:
        exists(words[0])


def by_installer(words: list[str]) -> None:
    for name in (word for word in words if word.endswith((".yml", ".txt", ".lock"))):
        exists(name)


TRIED = {
    "make": by_make,
    "snakemake": by_snakemake,
    "vscbench": by_vscbench,
    "python": by_python,
    "pip": by_installer,
    "conda": by_installer,
}


def test_the_pages_have_commands() -> None:
    assert {"make", "make test", "snakemake digits", "vscbench run --config mine.yaml"} <= set(EVERY)
    assert {command.partition(" ")[0] for command in EVERY} >= {"make", "snakemake", "vscbench", "python"}


@pytest.mark.parametrize("command", EVERY)
def test_a_command_is_one(command: str) -> None:
    words = shlex.split(command)
    while "=" in words[0]:
        words = words[1:]
    TRIED[words[0]](words[1:])


def test_a_command_that_is_none_is_found() -> None:
    for program, words in (("make", ["STUDY=nothing"]), ("snakemake", ["nothing"]), ("vscbench", ["nothing"]),
                           ("python", ["nothing.py"])):  # fmt: skip
        with pytest.raises(AssertionError):
            TRIED[program](words)


def test_help_lists_what_the_pages_name() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("study", "test", "ui", "report", "bench", "paper-check"):
        assert re.search(rf"^[a-z -]*\b{target}\b", said, re.MULTILINE)


@pytest.mark.parametrize("kind", ["array", "images"])
def test_the_studies_of_the_readme_are_complete(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those for data of one's own, where the data are there."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "recordings.npz", x=rng.random((400, 16)), session=np.arange(400) // 20)
    (tmp_path / "photographs").mkdir()
    monkeypatch.chdir(tmp_path)
    text = PAGES[0].read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if f"kind: {kind}" in b]
    content = yaml.safe_load(block)
    content.setdefault("experiments", {"mine": {"dataset": "mine", "methods": ["fista"]}})
    Path("mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert list(config.runs(config.load([Path("mine.yaml")])))
    if kind == "array":
        assert cli.main(["data", "mine", "--config", "mine.yaml"]) == 0
        assert Path("results/data/mine.safetensors").is_file()
        found = config.index(config.load([Path("mine.yaml")]))
        assert {"matched_density", "frontier"} <= {*available_outputs(found)}  # at more than one density each
        assert {run["method"] for run in found["runs"] if run["point"]} == {*content["experiments"]["mine"]["methods"]}
