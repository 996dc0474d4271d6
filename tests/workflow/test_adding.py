"""Adding a family, a metric with a setting, a figure, a data set and a sampling rule: two files each, and they run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "config.yaml", "config", "workflow", "profiles", "src")


class Addition(NamedTuple):
    """A part that somebody adds: its own file, and its line in a table of the package."""

    file: str
    source: str
    table: str
    after: str
    """The line behind which its own goes."""
    line: str


ADDITIONS = {
    "family": Addition(
        "coders/shrinkage.py",
        '''
        """One shrinkage step: z = soft(Aᵀx, λ)."""

        from __future__ import annotations

        import torch.nn.functional as F
        from torch import Tensor, nn

        from vscbench.coders.coder import Coder
        from vscbench.settings import Positive


        class Shrinkage(Coder):
            """z = soft(Aᵀx, λ) of a dictionary A."""

            def __init__(self, generator: nn.Module, penalty: Positive = 0.5) -> None:
                super().__init__(generator)
                self.penalty = penalty

            def encode(self, x: Tensor) -> Tensor:
                """The codes (B, K) of data (B, P)."""
                return F.softshrink(x @ self.generator.atoms.detach(), self.penalty)
        ''',
        "coders/__init__.py",
        "FAMILIES = {",
        '    "shrinkage": "vscbench.coders.shrinkage:Shrinkage",',
    ),
    "metric": Addition(
        "metrics/tails.py",
        '''
        """How often are codes large?"""

        from __future__ import annotations

        from typing import TYPE_CHECKING

        from vscbench.settings import Positive

        if TYPE_CHECKING:
            from vscbench.metrics.evaluation import Evaluation, Measures


        def measure(e: Evaluation, *, beyond: Positive = 1.0) -> Measures:
            """`tails`: the fraction of codes with |z| > `beyond`."""
            return {"tails": float((e.draw.abs() > beyond).float().mean())}
        ''',
        "metrics/__init__.py",
        "METRICS = {",
        '    "tails": "vscbench.metrics.tails:measure",',
    ),
    "figure": Addition(
        "reporting/figures/tails.py",
        '''
        """How often codes are large, by method."""

        from __future__ import annotations

        from typing import TYPE_CHECKING

        from vscbench.reporting.output import Figure

        if TYPE_CHECKING:
            from matplotlib.figure import Figure as Canvas

            from vscbench.reporting.study import Study


        def draw(study: Study) -> Canvas:
            """A point a run."""
            import seaborn as sns
            from matplotlib.figure import Figure as Canvas

            canvas = Canvas()
            rows = study.metrics[study.metrics["metric"] == "tails"]
            sns.stripplot(rows, x="value", y="label", ax=canvas.subplots())
            return canvas


        FIGURE = Figure("tails", "Tails", "How often codes are large.", needs=lambda index: True, draw=draw)
        ''',
        "reporting/__init__.py",
        "OUTPUTS = {",
        '    "tails": "vscbench.reporting.figures.tails:FIGURE",',
    ),
    "data set": Addition(
        "data/stripes.py",
        '''
        """Stripes: sines of random frequency and phase."""

        from __future__ import annotations

        from dataclasses import dataclass

        import numpy as np

        from vscbench.data.dataset import Data
        from vscbench.data.sources import Counted


        @dataclass(kw_only=True)
        class Stripes(Counted):
            """sin(f p + φ), p = 0 ... 15."""

            @property
            def shape(self) -> tuple[int, ...]:
                """(16,)."""
                return (16,)

            def load(self) -> Data:
                """The data set."""
                rng = np.random.default_rng(self.seed)
                parts = {
                    name: np.sin(rng.uniform(0, 2, (n, 1)) * np.arange(16) + rng.uniform(0, 6, (n, 1)))
                    for name, n in self.counts.items()
                }
                return Data(**{name: part.astype(np.float32) for name, part in parts.items()})
        ''',
        "data/__init__.py",
        "SOURCES = {",
        '    "stripes": "vscbench.data.stripes:Stripes",',
    ),
    "sampling rule": Addition(
        "objectives/median.py",
        '''
        """The median of J draws."""

        from __future__ import annotations

        from typing import TYPE_CHECKING

        from vscbench.objectives.rule import Outcome, Rule

        if TYPE_CHECKING:
            from torch import Generator, Tensor


        class Median(Rule):
            """median_j mse_j + kl_weight · mean_j kl_j."""

            def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float, rng: Generator | None) -> Outcome:
                """The loss of errors and divergences (J, B)."""
                middle, kl = mse.median(0).values, kl.mean(0)
                return Outcome(middle + kl_weight * kl, middle, kl)
        ''',
        "objectives/__init__.py",
        "RULES = {",
        '    "median": "vscbench.objectives.median:Median",',
    ),
}
STUDY = """
datasets:
  stripes: {kind: stripes, train: 500, validation: 50, test: 100}
methods:
  shrinkage: {family: shrinkage, penalty: 0.3}
  gaussian_median: {base: gaussian_thresh, objective: {sampling: median}}
experiments:
  stripes:
    dataset: stripes
    methods: [shrinkage, gaussian_median]
    generator: {latents: 8}
    training: {steps: 20}
    evaluation: {tails: {beyond: 0.5}, gradients: false}
"""


def files(folder: Path) -> dict[Path, bytes]:
    """The contents of all files of a package."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A copy of the project with the five parts added, and how many files each addition touched."""
    folder = tmp_path_factory.mktemp("adding")
    for part in COPIED:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    package, touched = folder / "src/vscbench", {}
    for name, addition in ADDITIONS.items():
        before = files(package)
        (package / addition.file).write_text(dedent(addition.source).lstrip(), encoding="utf-8")
        table = package / addition.table
        lines = table.read_text(encoding="utf-8").splitlines()
        (place,) = (
            n for n, line in enumerate(lines) if line.startswith(addition.after.split(" = ")[0]) and "{" in line
        )
        table.write_text("\n".join([*lines[: place + 1], addition.line, *lines[place + 1 :], ""]), encoding="utf-8")
        after = files(package)
        touched[name] = sum(after[path] != before.get(path) for path in after)
    (folder / "stripes.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "smoke.yaml").write_text(f"extends: config/smoke.yaml\n{STUDY}", encoding="utf-8")
    return folder, touched


def snakemake(folder: Path, *arguments: str) -> None:
    """Run the project's workflow, with its own package."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_part_touches_two_files_at_most(project: tuple[Path, dict[str, int]]) -> None:
    assert max(project[1].values()) <= 2, project[1]


def test_all_five_run(project: tuple[Path, dict[str, int]]) -> None:
    folder, _ = project
    snakemake(folder, "results/figures/tails.png", "--configfile", "stripes.yaml")
    runs = folder / "results/runs/stripes"
    for method in ("shrinkage", "gaussian_median"):
        found = json.loads((runs / method / "0/metrics.json").read_text(encoding="utf-8"))
        assert 0 < found["metrics"]["tails"] < 1
        assert found["settings"]["tails"] == {"beyond": 0.5}
        assert found["metrics"]["fve_draw"] < 1
    assert json.loads((runs / "gaussian_median/0/config.json").read_text())["objective"]["sampling"] == "median"
    assert (folder / "results/figures/tails.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_smoke_study_runs_with_all_five(project: tuple[Path, dict[str, int]]) -> None:
    folder, _ = project
    snakemake(folder, "--configfile", "smoke.yaml")
    assert (folder / "results/smoke/figures/tails.png").stat().st_size > 1000
    assert (folder / "results/smoke/runs/stripes/shrinkage/0/metrics.json").is_file()
