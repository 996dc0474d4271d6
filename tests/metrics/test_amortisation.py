"""The amortisation gap against models whose optimal posterior is known, and what the metric must leave alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from metrics.runs import evaluation, made_up
from metrics.test_bounds import coder_of, exact_posterior
from vscbench.coders.amortised import Amortised
from vscbench.metrics import amortisation
from vscbench.metrics.measuring import filled

PIXELS, LATENTS, WEIGHT, PRIOR = 9, 4, 0.2, 0.5


def gap(coder: Amortised, x: Tensor, **settings: Any) -> Any:
    return amortisation.measure(
        evaluation(coder, made_up(x)), points=len(x), **{"steps": (0, 100), "samples": 50} | settings
    )


def data(rng: Generator) -> Tensor:
    return torch.randn(160, PIXELS, generator=rng, dtype=torch.float64)


def test_an_exact_encoder_has_no_gap(rng: Generator) -> None:
    """Steps do not leave the optimum, but for the noise of their draws: a fiftieth of the gaps below."""
    coder, _, _ = exact_posterior(PIXELS, LATENTS, WEIGHT)
    found = gap(coder, data(rng))
    assert -0.01 < found["amortisation_gap"] < 1e-9


@pytest.mark.parametrize(("turn", "spread"), [(0.3, 0.0), (0.0, 1.0), (-0.5, -0.7)])
def test_gap_of_a_perturbed_encoder_is_its_divergence_from_the_posterior(
    turn: float, spread: float, rng: Generator
) -> None:
    """log p(x) - ELBO = KL(q ‖ p(z|x)): means off by `turn`, log-variances by `spread`."""
    coder, _, noise = exact_posterior(PIXELS, LATENTS, WEIGHT)
    with torch.no_grad():
        coder.heads.bias[:LATENTS] += turn
        coder.heads.bias[LATENTS:] += spread
    variance = 1 / (1 / PRIOR + 1 / noise)
    divergence = LATENTS / 2 * (math.exp(spread) + turn**2 / variance - 1 - spread)
    found = gap(coder, data(rng))
    assert found["amortisation_gap_se"] < 0.03 * divergence  # the same for each data point, but for the draws
    assert found["amortisation_gap"] == pytest.approx(divergence, abs=4 * found["amortisation_gap_se"])


def test_gap_to_the_best_of_a_family_that_does_not_have_the_posterior(rng: Generator) -> None:
    """Of atoms that overlap: q* = N(E[z|x], 1/diag of the precision), and the gap is KL(q ‖ p) - KL(q* ‖ p)."""
    coder, dictionary, noise = exact_posterior(PIXELS, LATENTS, WEIGHT)
    with torch.no_grad():
        dictionary.atoms += 0.3
        atoms, x = dictionary.atoms, data(rng)
        precision = atoms.T @ atoms / noise + torch.eye(LATENTS, dtype=torch.float64) / PRIOR
        off = coder.params(x)["loc"] - torch.linalg.solve(precision, atoms.T @ x.T / noise).T
        ratio = coder.params(x)["log_variance"].exp() * precision.diag()
        divergence = ((off @ precision * off).sum(1) + (ratio - 1 - ratio.log()).sum(1)).mean() / 2
    assert divergence > 0.5
    found = gap(coder, x)
    assert found["amortisation_gap"] == pytest.approx(float(divergence), rel=0.06)


def test_each_number_of_steps_has_a_bound_and_an_error(rng: Generator) -> None:
    """More steps, more of the bound; without one they are those of the encoder's own draws."""
    coder = coder_of("gaussian_sample_thresh", 0.3)
    assert isinstance(coder, Amortised)
    x = torch.randn(30, 16, generator=rng, dtype=torch.float64)
    e = evaluation(coder, made_up(x))
    found = amortisation.measure(e, points=30, steps=(0, 5, 40))
    bounds = [found[f"amortisation_bound_r{count}"] for count in (0, 5, 40)]
    assert bounds == sorted(bounds)
    assert found["amortisation_gap"] == pytest.approx(bounds[-1] - bounds[0])
    assert bounds[0] == pytest.approx(
        float(coder.log_weights(x, 2000, rng).mean()) - 8 * math.log(2 * math.pi * 2.4), abs=0.2
    )
    with torch.no_grad():
        error = (coder.decode(coder.sample(x, 2000, rng)) - x).square().mean()
    assert found["amortisation_error_r0"] == pytest.approx(float(error), rel=0.02)


@pytest.mark.parametrize(
    "name", ["spike_slab", "spike_slab_disarm", "spike_slab_relax", "poisson", "gaussian_mmd", "semi_amortised"]
)
def test_a_coder_is_left_as_it_was(name: str, rng: Generator) -> None:
    """Whatever it was trained by; and each of these has something to gain."""
    coder = coder_of(name, 0.3).eval()
    assert isinstance(coder, Amortised)
    x = torch.randn(20, 16, generator=rng, dtype=torch.float64)
    before = {key: value.clone() for key, value in coder.state_dict().items()}
    said = coder.objective, coder.distance, coder.sample(x, 3, Generator().manual_seed(0))
    found = gap(coder, x, steps=(0, 30))
    assert found["amortisation_gap"] > 3 * found["amortisation_gap_se"]
    assert all(torch.equal(value, before[key]) for key, value in coder.state_dict().items())
    assert (coder.objective, coder.distance) == said[:2]
    assert torch.equal(coder.sample(x, 3, Generator().manual_seed(0)), said[2])
    assert all(parameter.grad is None for parameter in coder.parameters())


def test_what_has_no_bound_has_no_gap(rng: Generator) -> None:
    x = torch.randn(5, 16, generator=rng)
    for name in ("fista", "entropy_bound"):
        assert amortisation.measure(evaluation(coder_of(name, 0.3).float(), made_up(x))) == {}


def test_it_is_measured_on_request() -> None:
    assert "amortisation" not in filled({})
    assert filled({"amortisation": {"points": 7}})["amortisation"]["points"] == 7
    assert "amortisation" in filled({}, only=["amortisation"])
