"""profiles/slurm on a real Slurm of one node: Debian's slurm-wlm and munge, as root, with Snakemake's plug-in."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("slurm.sh")
CONF = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("slurmctld", "slurmd", "munged")
PATIENCE_S = 2400
"""The most that a study may take: ten times what it takes on two cores that are free."""
TWO_AXES = {"experiments": {"digits": {"objective": {"samples": [2, 5]}}}}
"""Beside the sizes that the smoke study sweeps."""
LONG: dict[str, Any] = {
    "study": "long",
    "checkpoint_seconds": 1,
    "datasets": {"vectors": {"kind": "synthetic", "train": 2000, "validation": 20, "test": 50, "pixels": 16}},
    "experiments": {
        "long": {
            "dataset": "vectors",
            "methods": ["laplacian_thresh_gamma"],
            "generator": {"latents": 12},
            "encoder": {"widths": [16]},
            "training": {"steps": 60000},
        }
    },
}
"""A run that takes longer than the minute that is Slurm's shortest limit."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))), reason="apt-get install slurm-wlm"
    ),
    pytest.mark.skipif(os.getuid() != 0, reason="only root may start Slurm"),
    pytest.mark.skipif(CONF.exists(), reason="there is a Slurm already"),
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
        reason="pip install --editable '.[slurm]'",
    ),
]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Path]:
    """A Slurm that ends with the test; its folder."""
    folder = tmp_path / "cluster"
    try:
        subprocess.run([SCRIPT, "up", folder], check=True)
        yield folder
    finally:
        subprocess.run([SCRIPT, "down", folder], check=True)


def snakemake(folder: Path, *arguments: str) -> str:
    """Run the workflow in a folder; what it says."""
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), *arguments]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout + done.stderr


def on_slurm(folder: Path, *arguments: str) -> str:
    """The same by the profile; of a Slurm that keeps no accounts, and is asked more often than a shared one may be."""
    profile = ["--workflow-profile", str(ROOT / "profiles/slurm")]
    unaccounted = ["--slurm-status-command", "squeue", "--slurm-no-account"]
    often = ["--slurm-init-seconds-before-status-checks", "5", "--seconds-between-status-checks", "5"]
    return snakemake(folder, *profile, *unaccounted, *often, "--latency-wait", "10", *arguments)


def jobs(cluster: Path) -> list[str]:
    """The states in which the jobs of a cluster ended."""
    return re.findall(r"JobState=(\w+)", (cluster / "jobs.log").read_text())


def same_runs(one: Path, other: Path) -> int:
    """How many runs two folders of results have, all of the same bits."""
    weights = sorted(path.relative_to(one) for path in one.glob("runs/**/weights.safetensors"))
    for path in weights:
        assert (one / path).read_bytes() == (other / path).read_bytes(), path
        history = path.with_name("history.csv")
        assert (one / history).read_bytes() == (other / history).read_bytes(), path
    return len(weights)


def test_the_smoke_study_with_a_sweep_of_two_axes(cluster: Path, tmp_path: Path) -> None:
    """All of it, short jobs in groups; every run as on this machine alone."""
    config = [str(ROOT / "config/smoke.yaml"), str(tmp_path / "two_axes.yaml")]
    Path(config[1]).write_text(yaml.safe_dump(TWO_AXES))
    said = on_slurm(tmp_path, "--configfile", *config)
    steps = int(re.findall(r"\d+ of (\d+) steps \(100%\) done", said)[-1])
    ended = jobs(cluster)
    assert set(ended) == {"COMPLETED"}
    assert len(ended) < steps / 2
    results = tmp_path / "results/smoke"
    shutil.move(results / "runs", tmp_path / "runs")
    snakemake(tmp_path, "train", "--cores", "2", "--configfile", *config)
    assert same_runs(tmp_path, results) == 8


def test_a_job_that_is_stopped_goes_on(cluster: Path, tmp_path: Path) -> None:
    """Cancelled by a person, then by its time limit: to the same bits as one left alone."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(LONG))
    saved = tmp_path / "results/checkpoints/long/laplacian_thresh_gamma/0.pt"
    cancelled, over = [], threading.Event()

    def cancel() -> None:
        while not saved.is_file():
            if over.wait(0.2):
                return
        command = ["squeue", "--noheader", "--states", "RUNNING", "--format", "%i"]
        cancelled.extend(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        subprocess.run(["scancel", *cancelled], check=True)

    person = threading.Thread(target=cancel)
    person.start()
    log = tmp_path / "results/logs/train/long/laplacian_thresh_gamma/0.log"
    limit = ["--set-resources", "train_run:runtime=1", "--retries", "10"]
    try:
        on_slurm(tmp_path, "train", *limit, "--configfile", "config.yaml")
    finally:
        over.set()
        person.join()
    assert len(cancelled) == 1
    assert {"CANCELLED", "TIMEOUT", "COMPLETED"} <= set(jobs(cluster))
    assert "resuming at step" in log.read_text()
    shutil.move(tmp_path / "results/runs", tmp_path / "runs")
    snakemake(tmp_path, "train", "--cores", "1", "--configfile", "config.yaml")
    assert same_runs(tmp_path, tmp_path / "results") == 1
