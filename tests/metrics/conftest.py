from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metrics.runs import CODERS, trained
from vscbench.data.synthetic import Synthetic

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data


@pytest.fixture(scope="session")
def data() -> Data:
    """Made-up vectors of 16 pixels."""
    return Synthetic(train=210, validation=30, test=40, pixels=16, latents=16).load()


@pytest.fixture(scope="session", params=CODERS.values(), ids=CODERS.keys())
def run(request: pytest.FixtureRequest, data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and measured run of each coder."""
    return trained(request.param, data, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def spike_slab(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and measured run of a sparse posterior."""
    return trained({"family": "spike_slab"}, data, tmp_path_factory.mktemp("spike_slab"))
