"""Activity of latents that does not depend on the scale of a code."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Generator

from vscbench.metrics.units import explained_share, measure


def test_the_share_is_that_of_a_linear_gaussian_code(rng: Generator) -> None:
    """Of z = a x + s ε, x and ε standard: a²/(a² + s²)."""
    a, s = torch.tensor([0.05, 0.3, 1.0, 2.0]), torch.tensor([1.0, 1.0, 0.5, 0.0])
    mean = a * torch.randn(50_000, 4, generator=rng)
    draw = mean + s * torch.randn(50_000, 4, generator=rng)
    torch.testing.assert_close(explained_share(mean, draw), a**2 / (a**2 + s**2), rtol=0.05, atol=0.0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_code_that_is_on_by_chance_is_as_active_at_every_scale(scale: float, rng: Generator) -> None:
    """E[z] = P(on) μ: its variance is above 0.01 or below, of the same μ, by the scale alone."""
    mu = scale * torch.randn(20_000, 8, generator=rng)
    mean, draw = 0.1 * mu, mu * (torch.rand(20_000, 8, generator=rng) < 0.1)
    found = measure(SimpleNamespace(mean=mean, draw=draw))  # type: ignore[arg-type]
    assert found["active_units_relative"] == 100
    assert found["explained_share"] == pytest.approx(0.1, rel=0.1)  # 0.01 of 0.1
    absolute = (mean.var(0) > 0.011).float().mean().item()
    assert absolute == (1 if scale > 1 else 0)


def test_latents_that_say_nothing_or_never_change_are_not_active(rng: Generator) -> None:
    draw = torch.randn(1000, 3, generator=rng)
    draw[:, 1] = 0
    mean = torch.zeros(1000, 3)
    mean[:, 2] = draw[:, 2]
    e: Any = SimpleNamespace(mean=mean, draw=draw)
    assert explained_share(mean, draw).tolist() == [0, 0, 1]
    assert measure(e)["active_units_relative"] == pytest.approx(100 / 3)
