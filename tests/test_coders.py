"""One battery for every registered coder: shapes, gradients, moments, divergence, saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Generator
from torch.distributions import Gamma, kl_divergence

from battery import (
    BASE_SPECS,
    BATCH,
    CODER_SPECS,
    LATENTS,
    LOG_DENSITIES,
    POSTERIOR_SPECS,
    SAMPLES,
    Spec,
    draw_codes,
    draw_params,
    extreme_outputs,
    make_coder,
    make_posterior,
    name,
    within,
)
from vscbench import model as models
from vscbench.coders import SOLVERS, build_posterior

if TYPE_CHECKING:
    from pathlib import Path

DRAWS = 40_000

every_coder = pytest.mark.parametrize("spec", CODER_SPECS, ids=name)
every_posterior = pytest.mark.parametrize("spec", POSTERIOR_SPECS, ids=name)
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


# ----------------------------------------------------------- what a posterior is


@both_dtypes
@every_posterior
def test_shapes_and_dtypes(spec: Spec, dtype: torch.dtype, rng: Generator) -> None:
    posterior = build_posterior(spec)
    params = draw_params(posterior, dtype=dtype)
    noise = posterior.noise(params, SAMPLES, rng)
    assert len(set(posterior.heads)) == len(posterior.heads)
    assert noise
    for part, draws in noise.items():
        assert (draws.shape, draws.dtype) == ((SAMPLES, BATCH, LATENTS), dtype), part
    codes = posterior.codes(params, noise)
    assert (codes.shape, codes.dtype) == ((SAMPLES, BATCH, LATENTS), dtype)
    assert codes.isfinite().all()
    for value in (posterior.kl(params), posterior.mean(params), posterior.active_probability(params)):
        assert (value.shape, value.dtype) == ((BATCH, LATENTS), dtype)
        assert value.isfinite().all()


@every_posterior
def test_noise_without_parameters_in_it(spec: Spec, rng: Generator) -> None:
    """The noise of one sample can be transported alone, and with a graph gives the codes that it gave without."""
    posterior, params = make_posterior(spec)
    noise = posterior.noise(params, SAMPLES, rng)
    assert not any(draws.requires_grad for draws in noise.values())
    with torch.no_grad():
        codes = posterior.codes(params, noise)
    params = {head: value.requires_grad_() for head, value in params.items()}
    again = posterior.codes(params, {part: draws[1:2] for part, draws in noise.items()})
    assert again.requires_grad
    torch.testing.assert_close(again.detach(), codes[1:2], rtol=1e-12, atol=0)
    assert torch.equal(again == 0, codes[1:2] == 0)


@every_posterior
def test_codes_differentiate_in_every_head(spec: Spec, rng: Generator) -> None:
    """Through the codes alone, without the divergence."""
    posterior, params = make_posterior(spec)
    params = {head: value.requires_grad_() for head, value in params.items()}
    for step in (0, 1):  # at the start of training, where a gate may be relaxed, and at its end
        posterior.at(step, 1)
        codes = posterior.codes(params, posterior.noise(params, 50, rng))
        gradients = torch.autograd.grad(codes.square().sum(), list(params.values()))
        for head, gradient in zip(params, gradients, strict=True):
            assert gradient.isfinite().all(), head
            assert gradient.any(), head


@every_posterior
def test_extreme_parameters_stay_finite(spec: Spec, rng: Generator) -> None:
    """Heads of ±10, e^±10 times the usual spread: codes, divergence and gradients are finite in float32."""
    posterior = build_posterior(spec)
    outputs = extreme_outputs(posterior)
    params = posterior.within_range(outputs)
    codes = posterior.codes(params, posterior.noise(params, SAMPLES, rng))
    loss = codes.square().sum() + posterior.kl(params).sum()
    assert loss.isfinite()
    for gradient in torch.autograd.grad(loss, list(outputs.values())):
        assert gradient.isfinite().all()
    for value in (posterior.mean(params), posterior.active_probability(params)):
        assert value.isfinite().all()


@every_posterior
def test_mean_is_that_of_the_codes(spec: Spec) -> None:
    posterior, params = make_posterior(spec)
    within(draw_codes(posterior, params, DRAWS), posterior.mean(params))


@every_posterior
def test_active_probability_is_the_fraction_of_nonzero_codes(spec: Spec) -> None:
    posterior, params = make_posterior(spec)
    active = draw_codes(posterior, params, DRAWS).ne(0).double()
    within(active, posterior.active_probability(params))


WARMED_UP = [spec for spec in POSTERIOR_SPECS if "noise_warmup" in spec]


@pytest.mark.parametrize("spec", WARMED_UP, ids=name)
def test_moments_while_the_noise_warms_up(spec: Spec) -> None:
    posterior, params = make_posterior(spec)
    posterior.at(1, 2)
    codes = draw_codes(posterior, params, DRAWS)
    within(codes, posterior.mean(params))
    within(codes.ne(0).double(), posterior.active_probability(params))


# The published gate is on less often than its divergence assumes (spec 1.1).
CONSISTENT = [spec for spec in BASE_SPECS if spec.get("gate") != "published"]


@pytest.mark.parametrize("spec", CONSISTENT, ids=name)
def test_kl_is_the_mean_log_ratio_of_the_densities(spec: Spec) -> None:
    if spec["family"] not in LOG_DENSITIES:
        pytest.skip(f"battery.LOG_DENSITIES states no densities for {spec['family']}")
    posterior, params = make_posterior(spec)
    z = draw_codes(posterior, params, DRAWS)
    q, p = LOG_DENSITIES[spec["family"]](posterior, params, z)
    within(q - p, posterior.kl(params))


@every_posterior
def test_kl_is_not_negative(spec: Spec) -> None:
    posterior, params = make_posterior(spec)
    assert (posterior.kl(params) >= 0).all()


THRESHOLDED = [spec for spec in POSTERIOR_SPECS if "threshold" in spec and "kl" not in spec]


@pytest.mark.parametrize("spec", THRESHOLDED, ids=name)
def test_kl_of_a_thresholded_posterior_is_that_of_its_base(spec: Spec) -> None:
    """And, where the threshold is drawn, a tenth of the divergence of its Gamma (spec 1.2)."""
    posterior, params = make_posterior(spec)
    expected = posterior.base.kl(params)
    if spec["threshold"] == "gamma":
        shape, rate = params["log_threshold_shape"].exp(), params["log_threshold_rate"].exp()
        prior = Gamma(torch.tensor(3.0).double(), torch.tensor(3 / spec["threshold_value"]).double())
        expected = expected + 0.1 * kl_divergence(Gamma(shape, rate), prior)
    torch.testing.assert_close(posterior.kl(params), expected, rtol=1e-10, atol=1e-10)


def test_published_gate_has_the_divergence_of_the_corrected_one() -> None:
    published, params = make_posterior({"family": "spike_slab", "gate": "published"})
    corrected = build_posterior({"family": "spike_slab", "gate": "logit"})
    assert torch.equal(published.kl(params), corrected.kl(params))


@every_posterior
def test_end_of_training_is_the_evaluation_state(spec: Spec, rng: Generator) -> None:
    """What a posterior was built as, `at(1, 1)` restores, and so does the end of any training."""
    posterior, params = make_posterior(spec)
    noise = posterior.noise(params, SAMPLES, rng)
    with torch.no_grad():
        fresh = posterior.codes(params, noise)
        for end in (1, 37):
            posterior.at(0, 1000)
            posterior.at(end, end)
            assert torch.equal(posterior.codes(params, noise), fresh)


# --------------------------------------------------------------- what a coder is


@both_dtypes
@every_coder
def test_coder_shapes_and_dtypes(spec: Spec, dtype: torch.dtype, rng: Generator) -> None:
    coder, dictionary, x = make_coder(spec, dtype, samples=3)
    loss = coder.loss(x, dictionary, rng)
    assert loss.codes.shape[1:] == (BATCH, LATENTS)
    for value in (loss.value, loss.mse, loss.kl):
        assert (value.shape, value.dtype) == ((BATCH,), dtype)
    codes = {
        "sample": coder.sample(x, dictionary, SAMPLES, rng),
        "best": coder.best(x, dictionary, SAMPLES, rng),
        "mean": coder.mean(x, dictionary),
    }
    assert codes["sample"].shape == (SAMPLES, BATCH, LATENTS)
    for value in codes.values():
        assert value.shape[-2:] == (BATCH, LATENTS)
        assert value.dtype == dtype
        assert not value.requires_grad
    kl = coder.kl(x)
    assert kl is None or kl.shape == (BATCH, LATENTS)


@every_coder
def test_every_parameter_gets_a_finite_gradient(spec: Spec, rng: Generator) -> None:
    """Of encoder, heads (each its own rows) and dictionary. Solvers have no parameters but the dictionary's."""
    coder, dictionary, x = make_coder(spec, torch.float64, samples=3)
    x = x.repeat(10, 1)
    coder.loss(x, dictionary, rng).value.mean().backward()
    parameters = dict(coder.named_parameters()) | dict(dictionary.named_parameters())
    assert (spec["family"] in SOLVERS) == (len(parameters) == 1)
    for key, parameter in parameters.items():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        parts = len(coder.posterior.heads) if key.startswith("heads") else 1
        for part in parameter.grad.chunk(parts):
            assert part.any(), key


@every_coder
def test_codes_are_a_function_of_the_generator_state(spec: Spec) -> None:
    coder, dictionary, x = make_coder(spec, torch.float32, samples=3)

    def codes(seed: int) -> list[torch.Tensor]:
        rng = Generator().manual_seed(seed)
        sampled = coder.sample(x, dictionary, SAMPLES, rng)
        best = coder.best(x, dictionary, SAMPLES, rng)
        return [sampled, best, coder.loss(x, dictionary, rng).codes.detach()]

    pairs = list(zip(codes(1), codes(1), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    differ = not torch.equal(codes(1)[0], codes(2)[0])
    assert differ == coder.stochastic


@every_coder
def test_best_of_many_reconstructs_no_worse_than_any_draw(spec: Spec) -> None:
    coder, dictionary, x = make_coder(spec, torch.float64, samples=3)
    draws = coder.sample(x, dictionary, 8, Generator().manual_seed(0))
    best = coder.best(x, dictionary, 8, Generator().manual_seed(0))
    errors = (dictionary(draws) - x).square().sum(-1)  # (S, B)
    torch.testing.assert_close((dictionary(best) - x).square().sum(-1), errors.min(0).values)


@every_coder
def test_saved_and_loaded_model_gives_the_same_codes(spec: Spec, tmp_path: Path) -> None:
    run: dict[str, Any] = {
        "seed": 3,
        "encoder": {"kind": "mlp", "widths": [8]},
        "generator": {"kind": "dictionary", "latents": LATENTS},
        "coder": spec,
        "objective": {"samples": 3},
    }
    rng = Generator().manual_seed(0)
    model = models.build(run, shape=(7,))
    with torch.no_grad():
        for parameter in model.parameters():  # as if trained
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    loaded = models.load(run, tmp_path / "weights.safetensors", (7,), torch.device("cpu"))
    x = torch.randn(BATCH, 7, generator=rng)
    codes = [each.coder.sample(x, each.generator, SAMPLES, Generator().manual_seed(1)) for each in (model, loaded)]
    assert torch.equal(*codes)
    assert torch.equal(model.coder.mean(x, model.generator), loaded.coder.mean(x, loaded.generator))


def test_initial_weights_are_a_function_of_the_seed() -> None:
    run: dict[str, Any] = {
        "encoder": {"kind": "mlp", "widths": [8]},
        "generator": {"kind": "dictionary", "latents": LATENTS},
        "coder": {"family": "laplacian"},
        "objective": {},
    }
    state = torch.get_rng_state()
    first, again, other = (models.build(run | {"seed": seed}, shape=(7,)).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)  # torch's own generator is left as it was
    for key, value in first.items():
        assert torch.equal(value, again[key]), key
        assert not torch.equal(value, other[key]), key
