from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vscbench.data.synthetic import Synthetic

if TYPE_CHECKING:
    from vscbench.data import Data


@pytest.fixture(scope="session")
def data() -> Data:
    """210 vectors of 16 pixels to train on."""
    return Synthetic(train=210, validation=30, test=30, pixels=16, latents=16).load()
