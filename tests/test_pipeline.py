"""The pipeline as a user runs it: `snakemake` on the smoke study, again, and after each kind of change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vscbench.reporting.claims import CLAIMS
from vscbench.reporting.columns import TABLES
from vscbench.reporting.figures import FIGURES

ROOT = Path(__file__).parents[1]
MADE_TABLES = set(TABLES) - {"recovery", "matched_density"}
MADE_FIGURES = set(FIGURES) - {"recovery", "frontier", "ablation"}
"""What the smoke study has something for: no known dictionary, no operating points, no setting of a dictionary."""
PARTS = ("Snakefile", "config.yaml", "environment.yml", "config", "workflow", "profiles", "src")
pytestmark = pytest.mark.alone
SMOKE_SECONDS, NOTHING_TO_DO_SECONDS = 90, 5


def snakemake(study: Path, *arguments: str, configfiles: tuple[str, ...] = ("config/smoke.yaml",)) -> str:
    """Run snakemake on the smoke study in the folder `study`; what it printed."""
    # The package is imported from the copy, so that a test may change its code.
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(study / "src"),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", *configfiles]
    done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def planned(study: Path, *arguments: str, configfiles: tuple[str, ...] = ("config/smoke.yaml",)) -> dict[str, int]:
    """How many jobs of each rule a dry run plans."""
    output = snakemake(study, "-n", *arguments, configfiles=configfiles)
    found = re.findall(r"^(\w+) +(\d+)$", output.split("Job stats:")[-1].split("\n\n")[0], re.MULTILINE)
    return {rule: int(count) for rule, count in found if rule not in ("total", "all")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the smoke study has run once."""
    folder = tmp_path_factory.mktemp("study")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    started = time.monotonic()
    snakemake(folder)
    assert time.monotonic() - started < SMOKE_SECONDS
    return folder


def test_smoke_study_makes_everything(study: Path) -> None:
    results = study / "results/smoke"
    assert (results / "metrics.csv").stat().st_size > 1000
    for name in MADE_TABLES:
        for suffix in ("csv", "md", "tex", "html"):
            assert (results / f"tables/{name}.{suffix}").stat().st_size > 0
    for suffix in ("csv", "md", "html"):
        assert (results / f"tables/claims.{suffix}").stat().st_size > 1000
    for name in MADE_FIGURES:
        for suffix in ("png", "pdf", "svg"):
            assert (results / f"figures/{name}.{suffix}").stat().st_size > 1000
    assert {path.stem for path in (results / "tables").iterdir()} == {*MADE_TABLES, "claims"}
    assert {path.stem for path in (results / "figures").iterdir()} == {*MADE_FIGURES}
    assert (results / "mlflow/mlflow.db").is_file()


def test_second_run_has_nothing_to_do(study: Path) -> None:
    started = time.monotonic()
    output = snakemake(study)
    assert "Nothing to be done" in output
    assert time.monotonic() - started < NOTHING_TO_DO_SECONDS


def test_changed_constant_reruns_its_method_alone(study: Path) -> None:
    overlay = study / "changed.yaml"
    overlay.write_text("methods: {gaussian: {spread_prior: 0.2}}\n")
    files = ("config/smoke.yaml", str(overlay))
    plan = planned(study, configfiles=files)
    assert plan.pop("make_table") == len(MADE_TABLES)
    assert plan.pop("draw_figure") == len(MADE_FIGURES)
    assert plan.pop("decide_claims") == 1
    assert plan == {"train_run": 1, "evaluate_natural_images_gaussian": 1, "assemble_metrics": 1, "track_runs": 1}

    weights = {p: p.stat().st_mtime_ns for p in study.glob("results/smoke/runs/*/*/*/weights.safetensors")}
    snakemake(study, "metrics", configfiles=files)
    changed = [p.parts[-3] for p, before in weights.items() if p.stat().st_mtime_ns != before]
    assert changed == ["gaussian"]
    snakemake(study)  # back to the study as it was, for the other tests


def test_changed_figure_code_redraws_that_figure_alone(study: Path) -> None:
    path = study / "src/vscbench/reporting/figures/threshold.py"
    original = path.read_text()
    path.write_text(original + "\n# changed\n")
    assert planned(study) == {"draw_figure": 1}
    path.write_text(original)
    assert planned(study) == {}


def test_changed_coder_retrains_its_family_alone(study: Path) -> None:
    path = study / "src/vscbench/coders/spike_slab.py"
    original = path.read_text()
    path.write_text(original + "\n# changed\n")
    assert planned(study, "train") == {"train_run": 1, "train": 1}
    path.write_text(original)


@pytest.mark.parametrize(
    ("file", "target", "rule", "count"),
    [
        ("objectives/loss.py", "train", "train_run", 6),
        ("coders/masks.py", "train", "train_run", 6),
        ("metrics/bounds.py", "metrics", "evaluate_natural_images_gaussian", 1),
        ("reporting/statistics.py", "tables", "make_table", len(MADE_TABLES)),
        ("reporting/numbers.py", "tables", "decide_claims", 1),
    ],
)
def test_changed_code_reruns_what_uses_it(study: Path, file: str, target: str, rule: str, count: int) -> None:
    path = study / "src/vscbench" / file
    original = path.read_text()
    path.write_text(original + "\n# changed\n")
    assert planned(study, target)[rule] == count
    path.write_text(original)


def test_added_seed_trains_only_the_new_repetitions(study: Path) -> None:
    overlay = study / "seeds.yaml"
    overlay.write_text("repetitions: 2\n")
    plan = planned(study, "metrics", configfiles=("config/smoke.yaml", str(overlay)))
    methods = ("fista", "gaussian", "spike_slab", "laplacian_thresh")
    evaluated = {f"evaluate_natural_images_{method}": 1 for method in methods}
    assert plan == {"train_run": 4, **evaluated, "assemble_metrics": 1, "metrics": 1}


def test_ninth_method_of_existing_parts_needs_no_code(study: Path) -> None:
    overlay = study / "ninth.yaml"
    overlay.write_text(
        "methods:\n"
        "  gaussian_low_threshold: {family: gaussian, threshold: fixed, threshold_value: 0.2, sampling: average}\n"
        "experiments:\n"
        "  natural_images: {methods: [fista, gaussian, spike_slab, laplacian_thresh, gaussian_low_threshold]}\n"
    )
    files = ("config/smoke.yaml", str(overlay))
    assert planned(study, "train", configfiles=files) == {"train_run": 1, "train": 1}
    snakemake(study, "metrics", configfiles=files)
    assert "gaussian_low_threshold" in (study / "results/smoke/metrics.csv").read_text()


def test_config_mistake_is_named_before_any_job(study: Path) -> None:
    overlay = study / "wrong.yaml"
    overlay.write_text("methods: {gaussian: {spread_piror: 0.2}}\n")
    command = [sys.executable, "-m", "snakemake", "-n", "--configfile", str(overlay)]
    environment = os.environ | {"PYTHONPATH": str(study / "src")}
    done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "methods.gaussian: unknown key spread_piror; did you mean spread_prior?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_every_study_is_known_by_its_name(study: Path) -> None:
    """Of what lies in config/, all but the smoke test and what the ablations share; what decides a claim is there."""
    names = {path.stem for path in (ROOT / "config").glob("*.yaml")} - {"smoke", "ablation"}
    targets = set(snakemake(study, "--list").split())
    assert names <= targets
    assert {claim.study for claim in CLAIMS} <= targets
    assert planned(study, "ablation_gate") == {"ablation_gate": 1}


def test_report_and_lint(study: Path) -> None:
    snakemake(study, "metrics", "tables", "figures")
    snakemake(study, "--report", "results/smoke/report.html")
    assert (study / "results/smoke/report.html").stat().st_size > 10_000
    snakemake(study, "--lint")
