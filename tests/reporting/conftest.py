"""The study folder that tests of reports share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reporting.pages import TABLES
from reporting.planted import RUNS, make_results
from vscbench.reporting import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods of two repetitions: one complete, one with a run that diverged, one with no other."""
    return make_results(tmp_path_factory.mktemp("results"), RUNS)


@pytest.fixture(scope="session")
def out(results: Path) -> Path:
    """The folder with every table of those results."""
    for name in TABLES:
        write(name, results, results / "tables")
    return results / "tables"
