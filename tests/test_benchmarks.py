"""The benchmarks run: what is timed is what they say, at a size of seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vscbench import config

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    import measures

    return measures


def test_all_metrics_are_timed(measures: ModuleType) -> None:
    (ratio,) = measures.compare(config.load([FOLDER.parent / "config/smoke.yaml"]), rounds=1)
    assert ratio > 1


@pytest.mark.parametrize("method", ["fista", "gaussian_thresh"])
def test_a_step_is_timed_under_the_protocol_that_it_had(tmp_path: Path, method: str) -> None:
    """One draw of twenty is back-propagated, by gradient descent at two rates."""
    import numpy as np

    study = config.load([FOLDER / "step.yaml"])
    for run in config.runs(study):
        spec = config.run_spec(study, run)
        assert (spec["objective"]["sampling"], spec["objective"]["samples"]) == ("max_elbo", 20)
        assert spec["training"]["optimizer"]["kind"] == "two_rates"
    patches = tmp_path / "patches.npy"
    np.save(patches, np.random.default_rng(0).standard_normal((200, 256)).astype(np.float32))
    line = [sys.executable, FOLDER / "step.py", FOLDER / "step.yaml", method, patches]
    done = subprocess.run(line, input="2\n", text=True, capture_output=True, check=True)
    took, where = done.stdout.split(maxsplit=1)
    assert float(took) > 0
    assert Path(where.strip()).name == "__init__.py"
