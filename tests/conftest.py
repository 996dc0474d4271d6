from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Generator

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tensors are tiny here: threads cost more than they bring. Sums are made in the same order in every process, too.
os.environ["OMP_NUM_THREADS"] = "1"  # in the processes that tests start too: sums depend on the number of threads
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Fail a test that would otherwise loop for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def rng() -> Generator:
    """A source of random numbers, the same for each test."""
    return Generator().manual_seed(0)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Where data that is not part of the project lies."""
    folder = Path(os.environ.get("VSCBENCH_DATA", ROOT / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}: set VSCBENCH_DATA to try real data")
    return folder
