from __future__ import annotations

import os
import signal
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Generator

from vscbench import config as configs
from vscbench.data import Data, source

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tensors are tiny here: threads cost more than they bring. Sums are made in the same order in every process, too.
os.environ["OMP_NUM_THREADS"] = "1"  # in the processes that tests start too: sums depend on the number of threads
torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]

STUDY: dict[str, Any] = {
    "study": "tiny",
    "results": "results",
    "seed": 0,
    "repetitions": 2,
    "device": "cpu",
    "checkpoint_seconds": 0,
    "datasets": {
        "synthetic": {
            "kind": "synthetic",
            "train": 210,
            "validation": 30,
            "test": 30,
            "pixels": 16,
            "latents": 16,
        },
    },
    "experiments": {
        "recovery": {
            "dataset": "synthetic",
            "methods": ["fista", "laplacian_thresh_gamma", "spike_slab"],
            "generator": {"kind": "dictionary", "latents": 12},
            "encoder": {"kind": "mlp", "widths": [16]},
            "objective": {"sampling": "max_elbo", "samples": 3, "kl_weight": 0.01},
            "training": {
                "epochs": 2,
                "batch_size": 10,
                "encoder_rate": {"peak": 0.001},
                "dictionary_rate": {"initial": 0.1, "final": 0.02, "shape": "geometric"},
                "dictionary_decay": 1e-4,
            },
            "evaluation": {},
        },
    },
    "methods": {
        "fista": {"family": "fista", "penalty": 0.2},
        "laplacian_thresh_gamma": {"family": "laplacian", "threshold": "gamma", "threshold_value": 0.25},
        "spike_slab": {"family": "spike_slab"},
    },
}


@pytest.fixture
def study() -> dict[str, Any]:
    """The configuration of a study of seconds, to be changed at will."""
    return configs.check(deepcopy(STUDY))


@pytest.fixture(scope="session")
def splits() -> Data:
    """The data of that study."""
    found = source(STUDY["datasets"]["synthetic"]).load()
    assert isinstance(found, Data)
    return found


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
