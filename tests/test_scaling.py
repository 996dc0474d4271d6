"""The benchmark of a study of many runs: what passes its limits, and what does not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "benchmarks/scaling.py"


@pytest.fixture(scope="module")
def scaling() -> Any:
    spec = importlib.util.spec_from_file_location("scaling", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_limit_of_a_plan_is_met_at_the_runs_that_it_is_about(scaling: Any) -> None:
    assert max(scaling.PLAN_SIZES) == 10_000
    assert scaling.within("plan", {2000: 15, 5000: 34, 10_000: 59})
    assert not scaling.within("plan", {2000: 15, 5000: 34, 10_000: 66})


def test_growth_is_seen_and_noise_is_not_taken_for_it(scaling: Any) -> None:
    """A line, a parabola, and a stage whose first difference is lost in noise."""
    assert scaling.growth([400, 800, 1600], [12, 22, 42]) == pytest.approx(1)
    assert scaling.growth([400, 800, 1600], [4 + 16, 4 + 64, 4 + 256]) == pytest.approx(2)
    assert not scaling.within("track", {400: 20.0, 800: 68.0, 1600: 260.0})
    assert scaling.within("assemble", {400: 3.7, 800: 3.6, 1600: 4.3})
    assert not scaling.within("assemble", {400: 3.7, 800: 3.6, 1600: 9.0})


def test_two_sizes_have_no_growth() -> None:
    """They are refused at once."""
    done = subprocess.run([sys.executable, FILE, "20", "40"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "3 sizes or more" in done.stdout
