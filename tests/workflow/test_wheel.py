"""The wheel: nothing of it needs the clone that it was built from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the unpacked wheel, and no clone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for part in ("src", "config", "workflow", "profiles"):
        shutil.copytree(
            ROOT / part, source / part, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
        )
    for part in ("Snakefile", "config.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source / part)
    build = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", "out"]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (source / "out").iterdir()
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    package = source / "src/vscbench"
    files = {path.relative_to(source / "src") for path in package.rglob("*.*") if path.is_file()}
    assert {str(path) for path in files if not (folder / "installed" / path).is_file()} == set()
    shutil.rmtree(source)
    paths = [str(folder / "installed"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "INSTALLED": str(folder / "installed")}


def test_a_study_from_the_wheel(installed: dict[str, str], tmp_path: Path) -> None:
    """`vscbench init`, then Snakemake in the folder: the data of the smoke study."""
    for line, where in (
        (["-m", "vscbench", "init", "mine"], tmp_path),
        (["-m", "snakemake", "--cores", "1", "--configfile", "config/smoke.yaml", "--", "data"], tmp_path / "mine"),
    ):
        done = subprocess.run(
            [sys.executable, *line], cwd=where, env=installed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "mine/results/smoke/data/digits.safetensors").is_file()
    said = subprocess.run(
        [sys.executable, "-c", "import vscbench; print(vscbench.__file__)"],
        cwd=tmp_path,
        env=installed,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(installed["INSTALLED"])


def test_the_battery_from_the_wheel(installed: dict[str, str], tmp_path: Path) -> None:
    """The class that the README shows, by the README's own command: pytest finds the option by the entry point."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"PYTHONPATH=plugins pytest (--pyargs \S+ --coder topk:TopK)", readme)
    code = re.search(r"```python\n(import torch\n.*?class TopK.*?)```", readme, re.DOTALL)
    assert command
    assert code
    (tmp_path / "plugins").mkdir()
    here = 'import os, vscbench\nassert vscbench.__file__.startswith(os.environ["INSTALLED"])\n'
    (tmp_path / "plugins/topk.py").write_text(code[1] + here)
    env = installed | {"PYTHONPATH": os.pathsep.join([installed["INSTALLED"], "plugins"])}
    line = [sys.executable, "-m", "pytest", *command[1].split(), "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^=+ \d+ passed in [^,]*$", done.stdout, re.MULTILINE)  # and none skipped
