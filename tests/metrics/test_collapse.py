"""Collapse of latents: made-up values, and of draws, selected draws and divergences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from metrics.runs import untrained
from vscbench.metrics import collapse
from vscbench.metrics.collapse import collapsed

if TYPE_CHECKING:
    from vscbench.data import Data


def test_collapse_of_made_up_values() -> None:
    """A latent has collapsed where 95 % of its values are 0.01 or less."""
    values = torch.full((100, 8), 5.0)
    for latent, small in enumerate((100, 96, 95, 94, 50, 5, 1, 0)):
        values[:small, latent] = 0.01 if latent % 2 else -3.0
    assert collapsed(values) == 100 * 3 / 8
    assert collapsed(torch.full((10, 4), 0.0101)) == 0


def test_collapse_of_single_draws_and_of_selected_ones(data: Data) -> None:
    """Near a density of 5 % the two differ; the posterior's is of its divergence."""
    coder = {"family": "gaussian", "threshold": {"kind": "fixed", "value": 2.2}}
    e = untrained(coder, data, torch.from_numpy(data.train))
    found = collapse.measure(e)
    assert e.kl is not None
    expected = {"coefficient_collapse": e.best, "coefficient_collapse_draw": e.draw, "posterior_collapse": e.kl}
    for measure, values in expected.items():
        small = (values.abs() <= 0.01).double().mean(0)
        assert found[measure] == pytest.approx(100 * (small >= 0.95).double().mean().item()), measure
    assert len({found[measure] for measure in expected}) == 3
