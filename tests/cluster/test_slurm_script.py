"""Taking a Slurm down that is not there any more: without Slurm, as anyone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("slurm.sh")


@pytest.mark.parametrize("own", [True, False])
def test_down_removes_no_configuration_but_its_own(own: bool, tmp_path: Path) -> None:
    """That names the folder; one of a cluster, or of another test, stays."""
    conf, folder = tmp_path / "slurm.conf", tmp_path / "cluster"
    conf.write_text(f"ClusterName=tests\nStateSaveLocation={folder if own else tmp_path / 'cluster-2'}/state\n")
    environment = os.environ | {"SLURM_CONF": str(conf)}
    done = subprocess.run([SCRIPT, "down", folder], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert conf.exists() != own


def test_down_without_any_configuration(tmp_path: Path) -> None:
    environment = os.environ | {"SLURM_CONF": str(tmp_path / "slurm.conf")}
    subprocess.run([SCRIPT, "down", tmp_path / "cluster"], env=environment, check=True)
