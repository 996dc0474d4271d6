"""What tests of several coders begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vscbench.networks.dictionary import Dictionary

if TYPE_CHECKING:
    from torch import Generator, Tensor


@pytest.fixture
def problem(rng: Generator) -> tuple[Tensor, Dictionary]:
    """Data (200, 16) with sparse codes on a dictionary of 24 unit atoms, in float64."""
    dictionary = Dictionary((16,), 24).double()
    atoms = torch.randn(16, 24, generator=rng, dtype=torch.float64)
    dictionary.atoms.data = atoms / atoms.norm(dim=0)
    codes = torch.randn(200, 24, generator=rng, dtype=torch.float64)
    codes = 3 * codes * (torch.rand(200, 24, generator=rng) < 0.1)
    return codes @ dictionary.atoms.detach().T, dictionary
