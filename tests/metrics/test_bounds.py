"""Evidence bounds: the order they are in, a model whose evidence is known, and what has none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Generator, nn
from torch.distributions import MultivariateNormal, Normal

from metrics.runs import CODERS, evaluation, made_up, spec_of
from vscbench.coders.amortised import Amortised
from vscbench.coders.gaussian import Gaussian
from vscbench.metrics import bounds
from vscbench.metrics.standard_errors import over_data
from vscbench.model import build_coder
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives import Objective
from vscbench.objectives.iwae import log_mean_exp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.metrics.evaluation import Evaluation


def coder_of(name: str, kl_weight: float) -> Coder:
    spec = spec_of(CODERS[name])
    spec["objective"]["kl_weight"] = kl_weight
    coder = build_coder(spec, (16,)).double()
    coder.set_step(1, 1)
    return coder


BOUNDED = [
    name
    for name in CODERS
    if isinstance(coder_of(name, 0.3), Amortised) and name not in ("classifier", "entropy_bound")
]


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_lie_where_they_must(name: str, rng: Generator) -> None:
    """max - log K ≤ IWAE_K ≤ max for each data point and group, and the mean grows with K."""
    coder = coder_of(name, 0.3)
    assert isinstance(coder, Amortised)
    x = torch.randn(20, 16, generator=rng, dtype=torch.float64)
    e = evaluation(coder, made_up(x))
    squares, log_ratio = bounds.draws(e, coder, x)
    assert squares.shape == log_ratio.shape == (100, len(x))
    noise = 0.3 * 16 / 2
    log_w = log_ratio - squares / (2 * noise) - 8 * math.log(2 * math.pi * noise)
    for k in bounds.GROUPS.values():
        groups = log_w.unflatten(0, (-1, k)).transpose(0, 1)
        bound, top = log_mean_exp(groups), groups.max(0).values
        assert (bound <= top + 1e-12).all()
        assert (bound >= top - math.log(k) - 1e-12).all()
    found = bounds.measure(e)
    assert np.all(np.diff([float(found[name]) for name in bounds.GROUPS]) > 0)
    assert found["iwae_100"] == pytest.approx(float(log_w.exp().mean(0).log().mean()))
    assert found["elbo_se"] == pytest.approx(float(log_w.mean(0).std()) / 20**0.5)
    assert found["noise_training"] == pytest.approx(noise)
    for bound in bounds.FITTED:
        assert found[f"{bound}_fitted"] >= found[bound]


class Linear(nn.Identity):
    """Features that are the data."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.features = size


def exact_posterior(pixels: int, latents: int, kl_weight: float) -> tuple[Amortised, Dictionary, float]:
    """A dictionary of orthonormal atoms, whose posterior N(v Aᵀx/s², v), 1/v = 1/s₀ + 1/s², is what the heads say."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dictionary = Dictionary((pixels,), latents).double()
        objective = Objective.of({"kl_weight": kl_weight})
        coder = Amortised(Linear(pixels), dictionary, Gaussian(prior_scale=0.5**0.5), objective).double()
    noise = kl_weight * pixels / 2
    variance = 1 / (1 / 0.5 + 1 / noise)
    with torch.no_grad():
        dictionary.atoms.copy_(torch.linalg.qr(dictionary.atoms).Q)
        coder.heads.weight.zero_()
        coder.heads.bias.zero_()
        coder.heads.weight[:latents] = variance / noise * dictionary.atoms.T
        coder.heads.bias[latents:] = math.log(variance)
    return coder, dictionary, noise


def test_every_bound_of_an_exact_posterior_is_the_evidence(rng: Generator) -> None:
    """log N(x; 0, s₀AAᵀ + s²I), by torch: the weights have no variance left."""
    coder, dictionary, noise = exact_posterior(9, 4, 0.2)
    x = torch.randn(30, 9, generator=rng, dtype=torch.float64)
    e = evaluation(coder, made_up(x))
    found = bounds.measure(e, points=20)
    covariance = 0.5 * dictionary.atoms @ dictionary.atoms.T + noise * torch.eye(9, dtype=torch.float64)
    evidence = (
        MultivariateNormal(torch.zeros(9, dtype=torch.float64), covariance).log_prob(e.x[e.spread(20)]).mean().item()
    )
    for name in bounds.GROUPS:
        assert found[name] == pytest.approx(evidence, rel=1e-10)


@pytest.mark.parametrize("name", ["gaussian", "exact", "spike_slab"])
def test_rate_is_the_divergence_of_the_codes(name: str, rng: Generator) -> None:
    """Of those whose divergence has a closed form; with the noise that is fitted it gives the ELBO."""
    coder = coder_of(name, 0.3)
    with torch.no_grad():
        coder.get_parameter("heads.bias").mul_(0).add_(0.2)  # no encoder at random is far from the prior
    e = evaluation(coder, made_up(torch.randn(200, 16, generator=rng, dtype=torch.float64)))
    found = bounds.measure(e)
    assert e.kl is not None
    kl = float(e.kl.sum(1).mean())
    assert kl > 0.1
    error = float(bounds.draws(e, coder, e.x)[1].mean(1).std()) / 100**0.5  # over draws, each a mean over the data
    assert found["rate"] == pytest.approx(kl, abs=4 * error)
    noise = float(found["noise_fitted"])
    assert found["elbo_fitted"] == pytest.approx(-8 * (math.log(2 * math.pi * noise) + 1) - float(found["rate"]))


def test_bounds_of_a_wrong_posterior_stay_below_the_evidence(rng: Generator) -> None:
    """And come near it with K."""
    coder, dictionary, noise = exact_posterior(9, 4, 0.2)
    x = torch.randn(500, 9, generator=rng, dtype=torch.float64)
    covariance = 0.5 * dictionary.atoms @ dictionary.atoms.T + noise * torch.eye(9, dtype=torch.float64)
    evidence = MultivariateNormal(torch.zeros(9, dtype=torch.float64), covariance).log_prob(x).mean().item()
    with torch.no_grad():
        coder.heads.bias += 0.3
    found = bounds.measure(evaluation(coder, made_up(x)))
    gaps = [evidence - float(found[name]) for name in bounds.GROUPS]
    assert gaps[0] > 0.1
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < gaps[-1] < 0.1 * gaps[0]


def test_floors_are_of_the_same_points_at_the_same_noise(rng: Generator) -> None:
    """The empty model by torch's density, paired: its difference has a smaller error than either."""
    coder, _, noise = exact_posterior(9, 4, 0.2)
    x = 3 * torch.randn(60, 1, generator=rng, dtype=torch.float64) + torch.randn(60, 9, generator=rng).double()
    e = evaluation(coder, made_up(x))
    found = bounds.measure(e, points=20)
    points = e.x[e.spread(20)]
    for name, variance in (("elbo", noise), ("elbo_fitted", points.square().mean().item())):
        empty = Normal(0.0, variance**0.5).log_prob(points).sum(1)
        assert found[f"empty_model/{name}"] == pytest.approx(empty.mean().item())
        assert found[f"empty_model/{name}_se"] == pytest.approx(empty.std().item() / 20**0.5)
        assert found[f"{name}_above_empty"] == pytest.approx(found[name] - empty.mean().item())
    assert found["empty_model/iwae_100"] == found["empty_model/elbo"]
    assert found["elbo_above_empty_se"] < found["empty_model/elbo_se"]
    # What data of one strong direction are most likely under is PCA, not a dictionary at random, nor nothing.
    assert found["ppca/elbo_fitted"] > max(found["iwae_100_fitted"], found["empty_model/elbo_fitted"])


def test_errors_of_patches_are_those_over_their_images(rng: Generator) -> None:
    """Six images, whose patches are as bright as one another: over patches the error would be a third of that."""
    coder, _, _ = exact_posterior(9, 4, 0.2)
    images = torch.arange(60) // 10
    x = (1 + images)[:, None] * torch.randn(60, 9, generator=rng, dtype=torch.float64)
    e = evaluation(coder, made_up(x))
    alone = bounds.measure(e)
    object.__setattr__(e.data, "groups", {"test": images.numpy()})
    found = bounds.measure(e)
    assert found["elbo"] == alone["elbo"]
    assert found["elbo_se"] == pytest.approx(over_data(bounds_of(e, coder), images.numpy()).error)
    assert found["elbo_se"] > 2 * alone["elbo_se"]
    few = bounds.measure(e, points=12)  # two of each image
    assert few["empty_model/elbo_se"] > bounds.measure(evaluation(coder, made_up(x)), points=12)["empty_model/elbo_se"]


def bounds_of(e: Evaluation, coder: Amortised) -> NDArray[Any]:
    """The bound of one draw of each test point, by the mean of the same draws."""
    squares, log_ratio = bounds.draws(e, coder, e.x)
    noise = 0.2 * 9 / 2
    values: NDArray[Any] = (log_ratio - squares / (2 * noise)).mean(0).numpy()
    return values


def test_a_model_that_learnt_less_than_nothing_is_below_the_empty_one(rng: Generator) -> None:
    """Audit A2: one whose codes are the data's noise, and one whose posterior is the prior and whose atoms are 0."""
    coder, dictionary, _ = exact_posterior(9, 4, 0.2)
    e = evaluation(coder, made_up(0.1 * torch.randn(50, 9, generator=rng, dtype=torch.float64)))
    with torch.no_grad():
        coder.heads.weight.zero_()
        coder.heads.bias.copy_(torch.tensor([0.0] * 4 + [math.log(0.5)] * 4))
    assert float(bounds.measure(e)["elbo_above_empty"]) < 0
    with torch.no_grad():
        dictionary.atoms.zero_()
    found = bounds.measure(e)
    for name in ("elbo_above_empty", "iwae_100_above_empty", "elbo_fitted_above_empty", "iwae_100_fitted_above_empty"):
        assert found[name] == pytest.approx(0, abs=1e-9)


def test_what_has_no_bound_is_left_out() -> None:
    """A solver, a likelihood without variance, and a prior that looks at the data."""
    for name, weight in (("fista", 0.1), ("gaussian", 0.0), ("classifier", 0.1)):
        assert bounds.measure(evaluation(coder_of(name, weight), made_up(torch.zeros(3, 16).double()))) == {}
