"""The code that jobs depend on: what is followed, what is not, and that it holds all that a job imports."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vscbench import commands, provenance
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(provenance.__file__).parent
JOBS = (
    *("data", "train", "evaluate", "train_fid_classifier", "baselines"),
    *("assemble", "table", "figure", "claims", "leaderboard", "track"),
)
"""The commands that rules run."""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package, whose modules are those that are followed."""
    shutil.copytree(PACKAGE, tmp_path / "vscbench", ignore=shutil.ignore_patterns("__pycache__", "template"))
    monkeypatch.setattr(provenance, "OWN", (tmp_path, "vscbench"))
    forget()
    yield tmp_path / "vscbench"
    forget()


def forget() -> None:
    """As in a new process."""
    for function in vars(provenance).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def names(*entries: str) -> set[str]:
    """The closure as paths below the folder that each is in."""
    return {f"{path.parent.name}/{path.name}" for path in provenance.closure(*entries)}


def plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> None:
    """Modules of a user's own on the Python path."""
    for name, text in modules.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(folder)
    forget()


# ------------------------------------------------------------------- what is followed


def test_imports_are_followed_wherever_they_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(
        tmp_path / "mine",
        monkeypatch,
        mine_start=(
            "import mine_plain, numpy\n"
            "from mine_names import something\n"
            "from mine_package import inner\n"
            "def f():\n    import mine_lazy\n"
            "try:\n    import mine_tried\nexcept ImportError:\n    pass\n"
            "if TYPE_CHECKING:\n    import mine_typed\nelse:\n    import mine_run\n"
        ),
        **dict.fromkeys(
            ("mine_plain", "mine_names", "mine_lazy", "mine_tried", "mine_typed", "mine_run", "mine_other"), ""
        ),
        mine_package__init__="",
        mine_package__inner="from . import beside\nfrom .deep.leaf import x\n",
        mine_package__beside="",
        mine_package__deep____init__="",
        mine_package__deep__leaf="from ..other import y\nfrom vscbench import errors",
        mine_package__other="",
        mine_package__unused="",
    )
    (tmp_path / "mine/mine_package/__init__.py").write_text("")
    (tmp_path / "mine/mine_package/deep/__init__.py").write_text("")
    found = names("mine_start:Part")
    followed = {"plain", "names", "lazy", "tried", "run"}
    assert found == {
        "mine/mine_start.py",
        *(f"mine/mine_{name}.py" for name in followed),
        *(f"mine_package/{name}.py" for name in ("__init__", "inner", "beside", "other")),
        *(f"deep/{name}.py" for name in ("__init__", "leaf")),
        "vscbench/__init__.py",
        "vscbench/errors.py",
    }


def test_what_is_installed_is_not_followed_but_for_the_package_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    plugin(folder, monkeypatch, installed_coder="import installed_other", installed_other="")
    assert names("installed_coder") == {"site-packages/installed_coder.py"}


def test_a_module_that_is_not_there_or_broken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, monkeypatch, broken_coder="def (:\n")
    with pytest.raises(UserError, match="there is no module no_such_module on the Python path"):
        provenance.closure("no_such_module:Part")
    with pytest.raises(UserError, match=r"broken_coder.py, line 1: "):
        provenance.closure("broken_coder")


def test_planning_is_not_followed() -> None:
    """What it decides of a job is a parameter of the job."""
    for job in JOBS:
        assert not any(path.parent.name == "config" for path in provenance.closure(f"vscbench.commands:{job}"))


# ----------------------------------------------------------------------------- edits


def test_an_edit_changes_the_fingerprints_of_what_imports_it(copy: Path) -> None:
    """Of each module of the package, and of no others."""
    entries = [f"vscbench.commands:{job}" for job in JOBS]
    files = {entry: set(provenance.closure(entry)) for entry in entries}
    before = {entry: provenance.fingerprint(entry) for entry in entries}
    modules = sorted(copy.rglob("*.py"))
    assert {path for path in set().union(*files.values()) if path.suffix == ".py"} < set(modules)
    for module in modules:
        original = module.read_text()
        module.write_text(original + "\nEDITED = True\n")
        provenance.fingerprint.cache_clear()
        provenance._content.cache_clear()
        changed = {entry for entry in entries if provenance.fingerprint(entry) != before[entry]}
        module.write_text(original)
        assert changed == {entry for entry in entries if module in files[entry]}, module


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("reference/leaderboard.csv", {"claims", "leaderboard", "front_page"}),
        ("reporting/templates/index.html", {"front_page"}),
        ("reporting/templates/table.html", {"assemble", "table", "figure", "claims", "leaderboard", "front_page"}),
        ("reporting/published_results.csv", {"assemble", "table", "figure", "claims", "leaderboard", "front_page"}),
    ],
)
def test_a_file_that_a_module_reads_is_followed(copy: Path, file: str, jobs: set[str]) -> None:
    """Else a page beside reference runs stays as it was when these change."""

    def fingerprints() -> dict[str, str]:
        forget()
        return {job: provenance.fingerprint(f"vscbench.commands:{job}") for job in (*JOBS, "front_page")}

    before = fingerprints()
    (copy / file).write_text((copy / file).read_text() + "\n")
    after = fingerprints()
    assert {job for job in before if before[job] != after[job]} == jobs


def test_bounds_and_gaps_of_every_run_depend_on_what_computes_them() -> None:
    metrics = provenance.closure("vscbench.metrics.bounds:measure", "vscbench.metrics.lasso:measure")
    assert {PACKAGE / "objectives/iwae.py", PACKAGE / "coders/fista.py"} <= set(metrics)


@pytest.mark.parametrize(
    ("table", "job"),
    [("coders", "train"), ("objectives", "train"), ("data", "data"), ("metrics", "evaluate"), ("reporting", "table")],
)
def test_a_part_that_is_added_changes_nothing(copy: Path, table: str, job: str) -> None:
    """But what else stands beside a table does."""
    path, entry = copy / table / "__init__.py", f"vscbench.commands:{job}"
    before = provenance.fingerprint(entry)
    text = path.read_text()
    place = next(
        node.end_lineno
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict)
    )
    lines = text.splitlines(keepends=True)
    path.write_text("".join([*lines[: place - 1], '    "mine": "my_module:Mine",\n', *lines[place - 1 :]]))
    ast.parse(path.read_text())
    forget()
    assert provenance.fingerprint(entry) == before
    path.write_text(text + "\nEDITED = True\n")
    forget()
    assert provenance.fingerprint(entry) != before


# ------------------------------------------------------------------ what Python reads

LOADED = """
import importlib, json, sys
names = json.loads(sys.argv[1])
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:  # an attribute of the module before the dot
        assert "." in name
files = {name: module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "vscbench"}
print(json.dumps([file for name, file in files.items() if not name.startswith("vscbench.config")]))
"""


def loaded(*names: str) -> set[Path]:
    """The files of the package that a new process has read after importing modules, those of planning left out."""
    line = [sys.executable, "-c", LOADED, json.dumps(names)]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    return {Path(file) for file in json.loads(said)}


@pytest.mark.parametrize("job", JOBS)
def test_all_that_a_command_imports_is_in_its_closure(job: str) -> None:
    """As Python imports it, which needs no reading of code; what only planning needs is not followed."""
    imported = provenance._imports(Path(commands.__file__), "vscbench.commands", job)
    beyond = loaded(*imported) - loaded("vscbench.config")
    assert beyond <= set(provenance.closure(f"vscbench.commands:{job}"))
