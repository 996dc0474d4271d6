"""What a coder is: codes, reconstructions and a loss, all a function of its weights and of a random state."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import Generator

from vscbench import model as models
from vscbench.coders.amortised import Amortised
from vscbench.testing.models import BATCH, LATENTS, PIXELS, SAMPLES, make_coder, run_spec

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.coders import Coder
    from vscbench.testing.specs import Spec


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_shapes_and_dtypes(coder_spec: Spec, dtype: torch.dtype, rng: Generator) -> None:
    coder, x = make_coder(coder_spec, dtype, samples=3)
    loss = coder.loss(x, rng)
    assert loss.codes.shape[1:] == (BATCH, LATENTS)
    for value in (loss.value, loss.mse, loss.kl):
        assert (value.shape, value.dtype) == ((BATCH,), dtype)
        assert value.isfinite().all()
    shapes = {
        "encode": (coder.encode(x), (BATCH, LATENTS)),
        "sample": (coder.sample(x, SAMPLES, rng), (SAMPLES, BATCH, LATENTS)),
        "best": (coder.best(x, SAMPLES, rng), (BATCH, LATENTS)),
        "decode": (coder.decode(loss.codes), (*loss.codes.shape[:2], PIXELS)),
    }
    for what, (found, shape) in shapes.items():
        assert (found.shape, found.dtype) == (shape, dtype), what
        assert found.isfinite().all(), what
    assert not shapes["sample"][0].requires_grad
    assert not shapes["best"][0].requires_grad


def test_what_may_be_missing_is_none_or_has_its_shape(coder_spec: Spec, rng: Generator) -> None:
    coder, x = make_coder(coder_spec, torch.float64)
    kl, prior, posterior = coder.kl(x), coder.sample_prior(9, rng), coder.posterior(x)
    assert kl is None or kl.shape == (BATCH, LATENTS)
    assert prior is None or prior.shape == (9, LATENTS)
    assert (posterior is not None) == coder.stochastic
    if posterior is not None:
        assert posterior.batch_shape == (BATCH, LATENTS)
        assert posterior.rsample((2, 3), rng).shape == (2, 3, BATCH, LATENTS)
        assert posterior.sample((), rng).shape == (BATCH, LATENTS)
        assert torch.equal(posterior.mean, coder.encode(x))


def test_decoding_is_of_each_code(coder_spec: Spec, rng: Generator) -> None:
    coder, x = make_coder(coder_spec, torch.float64)
    codes = coder.sample(x, SAMPLES, rng)
    torch.testing.assert_close(coder.decode(codes)[1], coder.decode(codes[1]))


def test_every_parameter_gets_a_finite_gradient(coder_spec: Spec, rng: Generator) -> None:
    """Of encoder, heads (each its own rows), generator and prior: all that it has."""
    coder, x = make_coder(coder_spec, torch.float64, samples=3)
    parameters = dict(coder.named_parameters())
    value = coder.loss(x.repeat(10, 1), rng).value.mean()
    assert value.requires_grad == bool(parameters)
    if parameters:
        value.backward()
    for key, parameter in parameters.items():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        heads = len(coder.family.heads) if isinstance(coder, Amortised) and key.startswith("heads") else 1
        for part in parameter.grad.chunk(heads):
            assert part.any(), key


def test_codes_are_a_function_of_the_generator_state(coder_spec: Spec) -> None:
    untouched, x = make_coder(coder_spec, torch.float32, samples=3)

    def codes(seed: int) -> list[torch.Tensor]:
        rng, coder = Generator().manual_seed(seed), deepcopy(untouched)  # a training step may keep count of something
        sampled, best = coder.sample(x, SAMPLES, rng), coder.best(x, SAMPLES, rng)
        return [sampled, best, coder.loss(x, rng).codes.detach()]

    assert all(torch.equal(a, b) for a, b in zip(codes(1), codes(1), strict=True))
    assert (not torch.equal(codes(1)[0], codes(2)[0])) == untouched.stochastic


def test_best_of_many_reconstructs_no_worse_than_any_draw(coder_spec: Spec) -> None:
    coder, x = make_coder(coder_spec, torch.float64, samples=3)
    draws = coder.sample(x, 8, Generator().manual_seed(0))
    best = coder.best(x, 8, Generator().manual_seed(0))
    errors = (coder.decode(draws) - x).square().sum(-1)  # (S, B)
    torch.testing.assert_close((coder.decode(best) - x).square().sum(-1), errors.min(0).values)


def test_end_of_training_is_the_evaluation_state(coder_spec: Spec) -> None:
    coder, x = make_coder(coder_spec, torch.float64)

    def codes() -> torch.Tensor:
        return coder.sample(x, SAMPLES, Generator().manual_seed(0))

    fresh = codes()
    for end in (1, 37):
        coder.set_step(0, 1000)
        coder.set_step(end, end)
        assert torch.equal(codes(), fresh)


def test_atoms_are_those_of_a_linear_generator(coder_spec: Spec) -> None:
    coder, _ = make_coder(coder_spec, torch.float64)
    linear = getattr(coder.generator, "linear", False)
    if coder.atoms is None:
        assert not linear
    else:
        codes = torch.eye(LATENTS, dtype=torch.float64)
        torch.testing.assert_close(coder.decode(codes), coder.atoms.T)


def test_saved_and_loaded_model_gives_the_same_codes(coder_spec: Spec, tmp_path: Path) -> None:
    run, rng = run_spec(coder_spec, samples=3), Generator().manual_seed(0)
    model = models.build(run, (PIXELS,))
    with torch.no_grad():
        for parameter in model.parameters():  # as if trained
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    save_file(model.state_dict(), tmp_path / "weights.safetensors", {"shape": str(PIXELS)})
    loaded = models.load(run, tmp_path / "weights.safetensors", torch.device("cpu"))
    x = torch.randn(BATCH, PIXELS, generator=rng)
    coders: list[Coder] = [model.coder, loaded.coder]
    assert torch.equal(*(coder.sample(x, SAMPLES, Generator().manual_seed(1)) for coder in coders))
    assert torch.equal(*(coder.encode(x) for coder in coders))


def test_initial_weights_are_a_function_of_the_seed(coder_spec: Spec) -> None:
    run, state = run_spec(coder_spec), torch.get_rng_state()
    first, again, other = (models.build(run | {"seed": seed}, (PIXELS,)).coder for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)  # torch's own generator is left as it was
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    weights = [key for key, value in first.named_parameters() if (value != value.flatten()[0]).any()]
    assert not any(torch.equal(first.get_parameter(key), other.get_parameter(key)) for key in weights)
