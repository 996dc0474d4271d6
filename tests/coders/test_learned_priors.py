"""Learned priors: mixtures of posteriors at pseudo-inputs against plain loops, the classifier's picks, training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor, nn

from vscbench.coders import PRIORS, vamp
from vscbench.coders.amortised import Amortised
from vscbench.coders.classifier_prior import ClassifierPrior
from vscbench.coders.vamp import mixture_log_prob
from vscbench.data import Data
from vscbench.objectives.iwae import log_mean_exp
from vscbench.testing.models import BATCH, LATENTS, draw_params, leaves, make_coder, make_posterior, within
from vscbench.testing.specs import POSTERIOR_SPECS, Spec, class_of, name
from vscbench.training.trainer import Trainer

CPU = torch.device("cpu")
J, M = 6, 4

# Estimators of gradients change no density, and a learned prior takes the place of the divergence.
SPECS = [
    spec
    for spec in POSTERIOR_SPECS
    if spec.get("threshold", {}).get("estimator", "straight_through") == "straight_through"
    and "divergence" not in spec.get("threshold", {})
    and "gate_estimator" not in spec
    and "prior" in class_of(spec).takes
]
every_posterior = pytest.mark.parametrize("spec", SPECS, ids=name)
every_prior = pytest.mark.parametrize("prior", PRIORS)


def make(spec: Spec, prior: str, count: int = M, **objective: object) -> tuple[Any, Tensor]:
    coder, x = make_coder(spec | {"prior": {"kind": prior, "pseudo_inputs": count}}, **objective)
    assert isinstance(coder, Amortised)
    coder.set_step(1, 2)  # while things still ramp
    return coder, x


# --------------------------------------------------------------------- the mixture


@every_posterior
@pytest.mark.parametrize("block", [1, 2**21])
def test_mixture_density_against_a_plain_loop(spec: Spec, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whole codes, and of each latent; in one block and in as many as there are draws."""
    monkeypatch.setattr(vamp, "BLOCK", block)
    posterior, params = make_posterior(spec)
    pseudo = draw_params(posterior, M, LATENTS, seed=1)
    draw = posterior.draw(params, posterior.noise(params, J, Generator().manual_seed(0)))
    joint = torch.zeros(J, BATCH, dtype=torch.float64)
    marginal = torch.zeros(J, BATCH, LATENTS, dtype=torch.float64)
    for m in range(M):
        density = posterior.log_prob_at({k: v[m] for k, v in pseudo.items()}, draw.codes, draw.threshold).exp()
        joint += density.prod(-1) / M
        marginal += density / M
    torch.testing.assert_close(mixture_log_prob(posterior, pseudo, draw), joint.log())
    torch.testing.assert_close(mixture_log_prob(posterior, pseudo, draw, marginal=True), marginal.log())


@every_posterior
def test_gradient_of_the_mixture_is_the_same_in_blocks(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, params = make_posterior(spec)
    noise = posterior.noise(params, J, Generator().manual_seed(0))
    found = []
    for block in (1, 2**21):
        monkeypatch.setattr(vamp, "BLOCK", block)
        here, pseudo = leaves(params), leaves(draw_params(posterior, M, LATENTS, seed=1))
        density = mixture_log_prob(posterior, pseudo, posterior.draw(here, noise))
        found.append(torch.autograd.grad(density.sum(), [*here.values(), *pseudo.values()]))
    for one, other in zip(*found, strict=True):
        assert one.any()
        torch.testing.assert_close(one, other)


@every_prior
@every_posterior
def test_one_pseudo_input_at_x_leaves_no_divergence(spec: Spec, prior: str) -> None:
    """Of the draws under every rule, and of each latent: the prior is the posterior."""
    for rule in ("average", "max_elbo", "rejection"):
        coder, x = make(spec, prior, count=1, sampling=rule, samples=J)
        x = x[:1]
        with torch.no_grad():
            coder.learned_prior.pseudo_inputs.copy_(x)
            loss = coder.loss(x, Generator().manual_seed(0))
        torch.testing.assert_close(loss.kl, torch.zeros(1).double(), rtol=0, atol=1e-10)
        torch.testing.assert_close(loss.value, loss.mse)
        torch.testing.assert_close(coder.kl(x), torch.zeros(1, LATENTS).double(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("spec", [s for s in SPECS if "gamma" not in s.get("threshold", {}).get("kind", "")], ids=name)
def test_draws_of_the_mixture_have_its_density(spec: Spec) -> None:
    """E_p[q(z)/p(z)] = 1 for a component q, z drawn from the prior."""
    coder, _ = make(spec, "vamp")
    coder.set_step(1, 1)
    codes = coder.sample_prior(20_000, Generator().manual_seed(0))[None]
    with torch.no_grad():
        pseudo = coder.pseudo_params(coder.learned_prior)
        component = {head: value[:1] for head, value in pseudo.items()}
        q = coder.family.log_prob_at(component, codes).sum(-1)
        p = mixture_log_prob(coder.family, pseudo, vamp.Draw(codes))
    within((q - p).exp().T, torch.ones(1).double())
    assert (q - p).std() > 1e-3


def test_divergence_from_the_mixture_is_bounded_by_that_from_its_parts(rng: Generator) -> None:
    """KL(q ‖ 1/M Σ_m q_m) ≤ log M + min_m KL(q ‖ q_m), and the same q among the parts: at most log M."""
    coder, x = make({"family": "gaussian"}, "vamp", count=BATCH, sampling="average", samples=200)
    with torch.no_grad():
        coder.learned_prior.pseudo_inputs.copy_(x)
        kl = coder.loss(x, rng).kl
    assert (kl <= math.log(BATCH) + 1e-9).all()
    assert (kl > 0).any()


# --------------------------------------------------------------------- sampling rules


def loss_and_gradients(spec: Spec, prior: str, **objective: object) -> tuple[list[Tensor], dict[str, Tensor]]:
    coder, x = make(spec, prior, **objective)
    loss = coder.loss(x, Generator().manual_seed(0))
    loss.value.mean().backward()
    torch.testing.assert_close(loss.value, loss.mse + objective["kl_weight"] * loss.kl)
    parameters = dict(coder.named_parameters())
    return list(loss), {name: parameter.grad for name, parameter in parameters.items()}


@every_prior
@every_posterior
def test_max_elbo_counts_the_draw_of_smallest_loss(spec: Spec, prior: str) -> None:
    """Its divergence included: the fast backward pass and the plain one agree on value, codes and gradients."""
    rule = {"sampling": "max_elbo", "samples": J, "kl_weight": 0.05}
    one, other = (loss_and_gradients(spec, prior, **rule, backward=each) for each in ("selected", "all"))
    for a, b in zip(one[0], other[0], strict=True):
        torch.testing.assert_close(a, b)
    for key, gradient in one[1].items():
        torch.testing.assert_close(gradient, other[1][key], rtol=1e-7, atol=1e-12)

    coder, x = make(spec, prior, **rule)
    params, rng = coder.params(x), Generator().manual_seed(0)
    log_prior = coder.log_prior(x, rng)
    noise = coder.family.noise(params, J, rng)
    mse = (coder.decode(coder.family.codes(params, noise)) - x).square().mean(-1)
    losses = mse + 0.05 * coder.divergence(params, noise, log_prior)
    torch.testing.assert_close(one[0][0], losses.min(0).values)


@every_prior
@every_posterior
def test_gradient_reaches_all_that_learns(spec: Spec, prior: str) -> None:
    """Pseudo-inputs and classifier under every rule; each finite."""
    for rule in ("average", "max_elbo", "iwae", "iwae_published", "rejection"):
        _, gradients = loss_and_gradients(spec, prior, sampling=rule, samples=3, kl_weight=0.05)
        assert "learned_prior.pseudo_inputs" in gradients
        for key, gradient in gradients.items():
            assert gradient.isfinite().all(), key
            assert gradient.any(), key


def test_bound_of_a_mixture() -> None:
    """iwae is the plain mean of the weights with the mixture's density in them, which is what is measured."""
    coder, x = make({"family": "spike_slab"}, "vamp", sampling="iwae", samples=J, kl_weight=0.3)
    params = coder.params(x)
    noise = coder.family.noise(params, J, Generator().manual_seed(0))
    draw = coder.family.draw(params, noise)
    mse = (coder.decode(draw.codes) - x).square().mean(-1)
    p = mixture_log_prob(coder.family, coder.pseudo_params(coder.learned_prior), draw)
    weights = (p - coder.family.log_prob(params, draw).sum(-1) - mse / 0.3).exp()
    loss = coder.loss(x, Generator().manual_seed(0))
    torch.testing.assert_close(loss.value, -0.3 * weights.mean(0).log())
    measured = coder.log_weights(x, J, Generator().manual_seed(0))
    torch.testing.assert_close(log_mean_exp(measured), weights.mean(0).log().detach())
    assert coder.bounded
    assert not make({"family": "gaussian"}, "classifier", kl_weight=0.3)[0].bounded


# --------------------------------------------------------------------- the classifier


def test_picks_follow_the_logits(rng: Generator) -> None:
    """A hard Gumbel-softmax draws index m with probability softmax(logits)_m, at any temperature."""
    prior = ClassifierPrior((3,), M).double()
    x = torch.randn(3, generator=rng, dtype=torch.float64).expand(20_000, 3)
    expected = prior.classifier(x[:1]).softmax(-1)[0].tolist()
    for step in (0, 1):
        prior.set_step(step, 1)
        choice = prior.choose(x, rng)
        assert torch.equal(choice.detach().sum(-1), torch.ones(len(x)).double())
        assert torch.equal(choice.detach().max(-1).values, torch.ones(len(x)).double())
        for m in range(M):
            assert stats.binomtest(int(choice[:, m].sum()), len(x), expected[m]).pvalue > 1e-4


def test_prior_of_a_data_point_is_the_posterior_that_is_picked() -> None:
    coder, x = make({"family": "laplacian"}, "classifier")
    params = coder.params(x)
    draw = coder.family.draw(params, coder.family.noise(params, J, Generator().manual_seed(1)))
    found = coder.log_prior(x, Generator().manual_seed(0))(draw)
    picked = coder.learned_prior.choose(x, Generator().manual_seed(0)).argmax(-1)
    pseudo = {head: value[picked] for head, value in coder.pseudo_params(coder.learned_prior).items()}
    torch.testing.assert_close(found, coder.family.at_final_schedule().log_prob(pseudo, draw).sum(-1))


def test_prior_draws_from_what_training_picked(rng: Generator) -> None:
    """Frequencies that training follows, and evaluation leaves alone."""
    prior = ClassifierPrior((3,), 2)
    with torch.no_grad():
        prior.classifier[-1].bias.copy_(torch.tensor([0.0, math.log(9)]))
        prior.classifier[-1].weight.zero_()
    prior.eval().choose(torch.zeros(10, 3), rng)
    assert prior.frequency.tolist() == [0.5, 0.5]
    prior.train()
    for _ in range(1000):
        prior.choose(torch.zeros(100, 3), rng)
    torch.testing.assert_close(prior.frequency, torch.tensor([0.1, 0.9]), rtol=0, atol=0.02)
    drawn = int(prior.pick(10_000, rng).sum())
    assert stats.binomtest(drawn, 10_000, float(prior.frequency[1])).pvalue > 1e-4


def test_temperature_falls_as_the_authors_does() -> None:
    """1 × 0.9995 a step down to 0.01, in a training of 240,000 steps."""
    prior = ClassifierPrior((3,), M)
    assert prior.temperature == 0.01
    for step in (0, 100, 3000, 9000, 20_000):
        prior.set_step(step, 240_000)
        assert prior.temperature == pytest.approx(max(0.9995**step, 0.01), rel=2e-3)


# --------------------------------------------------------------------- in training

IMAGES = {"kind": "convolutional", "width": 0.05}


def run_spec(coder: Spec, *, images: bool) -> dict[str, Any]:
    two_rates = {"kind": "two_rates", "encoder_rate": {"peak": 0.01}, "dictionary_rate": {"peak": 0.1}}
    adam = {"kind": "adam", "rate": {"peak": 1e-3}}
    return {
        "seed": 1,
        "encoder": IMAGES if images else {"kind": "mlp", "widths": [8]},
        "generator": (IMAGES if images else {"kind": "dictionary"}) | {"latents": 5},
        "coder": coder,
        "objective": {"samples": 3, "kl_weight": 0.01},
        "training": {"epochs": 2, "batch_size": 8, "optimizer": adam if images else two_rates},
    }


@every_prior
@pytest.mark.parametrize("images", [False, True], ids=["patches", "images"])
@pytest.mark.parametrize(
    "spec", [{"family": "spike_slab"}, {"family": "laplacian", "threshold": {"kind": "gamma", "value": 0.1}}], ids=name
)
def test_training_ends_with_a_finite_loss(spec: Spec, images: bool, prior: str) -> None:
    """Pseudo-inputs move, the encoder's running statistics are those of the data, draws of the prior have a shape."""
    rng = np.random.default_rng(0)
    x = (
        rng.integers(0, 256, (24, 1, 28, 28), dtype=np.uint8)
        if images
        else rng.standard_normal((24, 9), dtype=np.float32)
    )
    full = run_spec(spec | {"prior": {"kind": prior, "pseudo_inputs": M}}, images=images)
    trainer = Trainer(full, Data(x, x, x), CPU)
    coder = trainer.coder
    assert isinstance(coder, Amortised)
    assert coder.learned_prior is not None
    before = coder.learned_prior.pseudo_inputs.detach().clone()
    trainer.train()
    assert all(math.isfinite(value) for row in trainer.history for value in row.values())
    assert not torch.equal(before, coder.learned_prior.pseudo_inputs)
    for layer in coder.encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.training
            assert layer.num_batches_tracked == trainer.steps
    assert coder.sample_prior(7, Generator().manual_seed(0)).shape == (7, 5)
    assert coder.kl(trainer.validation).isfinite().all()


def test_fixed_prior_is_what_a_method_without_one_has() -> None:
    """The same weights, draws and loss."""
    found = []
    for extra in ({}, {"prior": None}):
        coder, x = make_coder({"family": "spike_slab"} | extra, torch.float64, samples=J)
        found.append((coder.state_dict(), coder.loss(x, Generator().manual_seed(0))))
    assert found[0][0].keys() == found[1][0].keys()
    assert all(torch.equal(value, found[1][0][key]) for key, value in found[0][0].items())
    assert all(torch.equal(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))
