"""Codes that all metrics share: their noise is their own, and they are inferred in chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from metrics.runs import CODERS, loaded, untrained
from vscbench.metrics import reconstruction

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data


def test_settings_change_what_they_name(data: Data, spike_slab: Path) -> None:
    """More draws to choose from reconstruct better; a metric's noise is its own."""
    few, many = (loaded(spike_slab, data, samples=samples) for samples in (1, 50))
    error = [reconstruction.measure(e) for e in (few, many)]
    assert float(error[1]["mse_best"]) < float(error[0]["mse_best"])
    assert error[0]["mse_draw"] == error[1]["mse_draw"]
    assert torch.equal(few.draw, loaded(spike_slab, data).draw)
    assert not torch.equal(few.draw, few.best)
    other = loaded(spike_slab, data, samples=1, seed=few.seed + 1)
    assert not torch.equal(few.draw, other.draw)


@pytest.mark.parametrize("name", ["gaussian", "laplacian", "spike_slab"])
def test_codes_are_inferred_in_chunks(name: str, data: Data) -> None:
    """As many codes as data points, in their order."""
    x = torch.from_numpy(np.tile(data.train, (4, 1)))  # 840: more than a chunk
    e = untrained(CODERS[name], data, x)
    for codes in e.codes.values():
        assert codes.shape == (840, 12)
    with torch.no_grad():
        torch.testing.assert_close(e.mean, e.coder.encode(x))
