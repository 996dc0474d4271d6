"""Masks as numbers against comparisons."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vscbench.coders.masks import below, nonzero, positions

X = torch.tensor([[-2.0, 0.0, 3.0], [-0.0, 1e-38, -1e-38]])
layouts = pytest.mark.parametrize("x", [X, X.double(), X.T, X[:, ::2], X[:0]], ids=["32", "64", "T", "parts", "none"])


@layouts
def test_masks_are_comparisons(x: Tensor) -> None:
    assert torch.equal(nonzero(x), (x != 0).to(x.dtype))
    assert torch.equal(below(x, x.new_zeros(())), (x < 0).to(x.dtype))
    assert torch.equal(below(x, x[:1].clone()), (x < x[:1]).to(x.dtype))
    assert not nonzero(x.clone().requires_grad_()).requires_grad


@layouts
def test_positions_are_those_of_what_is_not_zero(x: Tensor) -> None:
    assert torch.equal(positions(x), x.flatten().nonzero().squeeze(-1))


def test_a_rejected_proposal_that_is_nan_has_a_position() -> None:
    assert positions(torch.tensor([0.0, torch.nan, 0.0])).tolist() == [1]
