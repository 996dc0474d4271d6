"""A copy of the project in which every command only writes its files: studies take seconds, plans are what they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from vscbench.preloading import ADDRESS

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).with_name("fake_cli.py")
STUDY: dict[str, Any] = {
    "study": "tiny",
    "results": "results",
    "device": "cpu",
    "protocol": "paper",
    "datasets": {
        "patches": {"kind": "synthetic", "train": 200, "validation": 20, "test": 20, "pixels": 16},
        "digits": {"kind": "digits", "train": 100, "validation": 20, "test": 20},
    },
    "experiments": {
        "recovery": {
            "dataset": "patches",
            "methods": ["fista", "gaussian", "spike_slab", "laplacian_thresh_gamma"],
            "repetitions": 2,
            "generator": {"latents": 12},
            "evaluation": {"gradients": {"passes": 5}},
        },
        "digits": {
            "dataset": "digits",
            "methods": ["gaussian_thresh"],
            "generator": {"latents": [4, 8]},
            "objective": {"samples": [2, 5]},
            "evaluation": {"gradients": False},
        },
    },
}
"""Two experiments: one linear, of four methods twice; one of images, swept along two axes."""


class Project:
    """A folder to run Snakemake in, with a package of its own that may be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder, folder / "src/vscbench"
        shutil.copytree(ROOT / "src/vscbench", self.package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(FAKE, self.package / "cli.py")
        self.write("config.yaml", STUDY)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("VSCBENCH")}
        paths = [str(folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment["PYTHONPATH"] = os.pathsep.join(paths)
        self.environment[ADDRESS] = "nobody"  # no server that imports torch for commands that do without

    def write(self, name: str, content: Any) -> str:
        """Write a configuration; its name."""
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
        return name

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the workflow of the package."""
        line = [sys.executable, "-m", "snakemake", "--cores", "2"]
        if "-s" not in arguments:
            line += ["-s", str(self.package / "template/Snakefile")]
        where = folder or self.folder
        return subprocess.run(
            [*line, *arguments],
            cwd=where,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=170,
        )

    def snakemake(self, *arguments: str, folder: Path | None = None) -> str:
        """What Snakemake says where nothing is wrong."""
        done = self.run(*arguments, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run plans."""
        said = self.snakemake("-n", *arguments)
        found = re.findall(r"^(\w+) +(\d+)$", said.split("Job stats:")[-1].split("\n\n")[0], re.MULTILINE)
        return {rule: int(count) for rule, count in found if rule not in ("total", "all")}

    def done(self) -> Project:
        """The project after a run of the whole study."""
        self.snakemake()
        return self


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which nothing was run."""
    return Project(tmp_path)


@pytest.fixture(scope="package")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the study was run; for tests that only plan, or put back what they change."""
    return Project(tmp_path_factory.mktemp("project")).done()
