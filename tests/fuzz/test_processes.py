"""A sample of the inputs through real processes, Snakemake's among them, which reads a configuration by itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from vscbench.planning import SNAKEFILE

from .configurations import study
from .judging import files

if TYPE_CHECKING:
    from pathlib import Path

WRONG = {
    "not_utf_8": ("study: größe".encode("latin-1"), "is not UTF-8 text"),
    "missing": (None, "No such file"),
    "nested": (b"a: " + b"[" * 5000 + b"]" * 5000, "nested deeper than 20 levels"),
    "a_key_twice": (b"seed: 1\nseed: 2\n", "the key seed is given twice"),
    "misspelt": (
        yaml.safe_dump(study("config/smoke.yaml") | {"repetition": 2}).encode(),
        "unknown key repetition; did you mean repetitions?",
    ),
}
LINES = {
    "vscbench": ["-m", "vscbench", "runs", "--config"],
    "snakemake": ["-m", "snakemake", "-s", str(SNAKEFILE), "-n", "--configfile"],
}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [("vscbench", "not_utf_8"), ("vscbench", "misspelt"), *(("snakemake", wrong) for wrong in WRONG)],
)
def test_a_configuration(line: str, wrong: str, tmp_path: Path) -> None:
    text, said = WRONG[wrong]
    if text is not None:
        (tmp_path / "study.yaml").write_bytes(text)
    before = files(tmp_path)
    command = [sys.executable, *LINES[line], "study.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    told = done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert said in told
    assert "Traceback" not in told
    assert len(told.splitlines()) < 10
    assert {name: at for name, at in files(tmp_path).items() if not name.startswith(".snakemake")} == before


def test_a_file_that_is_no_data_set(tmp_path: Path) -> None:
    """One that a process was about to map into memory."""
    (tmp_path / "results/data").mkdir(parents=True)
    (tmp_path / "results/data/digits.safetensors").write_bytes(b"\xff" * 64)
    content = study("config/smoke.yaml") | {"results": "results"}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    line = ["-m", "vscbench", "train", "digits/laplacian_thresh__latents-4/0", "--config", "study.yaml"]
    done = subprocess.run(
        [sys.executable, *line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 2
    (told,) = done.stderr.splitlines()
    assert told.startswith("vscbench train: results/data/digits.safetensors is damaged")
