"""Networks for images: shapes, sizes, and how batch-norm treats the candidates of a selection."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from battery import POSTERIOR_SPECS, Spec, name
from vscbench.coders import build_coder
from vscbench.data.batches import flipped, inputs
from vscbench.errors import UserError
from vscbench.networks import build_encoder, build_generator

CPU = torch.device("cpu")
GENERATORS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dictionary": ({"kind": "dictionary", "latents": 5}, (9,)),
    "mlp": ({"kind": "mlp", "latents": 5, "widths": [7]}, (1, 8, 8)),
    "convolutional_28": ({"kind": "convolutional", "latents": 5, "width": 0.1}, (1, 28, 28)),
    "convolutional_64": ({"kind": "convolutional", "latents": 5, "width": 0.1}, (3, 64, 64)),
}
ENCODERS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "mlp": ({"kind": "mlp", "widths": [7, 6]}, (9,)),
    "mlp_of_images": ({"kind": "mlp", "widths": [7, 6]}, (1, 8, 8)),
    "convolutional_28": ({"kind": "convolutional", "width": 0.1}, (1, 28, 28)),
    "convolutional_64": ({"kind": "convolutional", "width": 0.1}, (3, 64, 64)),
    "resnet18": ({"kind": "resnet18"}, (1, 28, 28)),
}


def small(generator_of: str, spec: Spec, **objective: Any) -> tuple[nn.Module, nn.Module, Tensor]:
    """A coder, a generator and images (B, C, H, W), in float64, in training."""
    generator_spec, shape = GENERATORS[generator_of]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kind = "mlp" if generator_of == "mlp" else "convolutional"
        constants = {"widths": [8]} if kind == "mlp" else {"width": 0.1}
        encoder, generator = build_encoder({"kind": kind, **constants}, shape), build_generator(generator_spec, shape)
        coder = build_coder(spec, encoder, generator, objective)
        x = torch.rand(6, *shape, dtype=torch.float64)
    return coder.double(), generator.double(), x


def gradients(coder: nn.Module, generator: nn.Module) -> dict[str, Tensor]:
    found = [("coder", coder), ("generator", generator)]
    return {f"{of}.{key}": p.grad for of, module in found for key, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("which", GENERATORS)
def test_generator_decodes_any_leading_shape(which: str) -> None:
    spec, shape = GENERATORS[which]
    generator = build_generator(spec, shape).eval()
    codes = torch.randn(2, 3, 5)
    images = generator(codes)
    assert images.shape == (2, 3, *shape)
    torch.testing.assert_close(images[1], generator(codes[1]), rtol=1e-4, atol=1e-5)
    if which != "dictionary":
        assert 0 < images.min() < images.max() < 1


@pytest.mark.parametrize("which", ENCODERS)
def test_encoder_gives_the_features_that_it_names(which: str) -> None:
    spec, shape = ENCODERS[which]
    encoder = build_encoder(spec, shape).eval()
    assert encoder(torch.rand(4, *shape)).shape == (4, encoder.features)


@pytest.mark.parametrize(
    ("shape", "latents", "encoder", "generator"),
    [
        ((1, 28, 28), 20, 466_088, 463_233),
        ((1, 28, 28), 1024, 725_120, 591_745),
        ((3, 64, 64), 64, 1_840_448, 1_048_000),
    ],
)
def test_sizes_are_the_published_ones(shape: tuple[int, ...], latents: int, encoder: int, generator: int) -> None:
    """Parameters with the two heads of a dense posterior (published_protocol.md, 3); of CelebA to three digits."""
    network = build_generator({"kind": "convolutional", "latents": latents}, shape)
    of_images = build_encoder({"kind": "convolutional"}, shape)
    coder = build_coder({"family": "gaussian"}, of_images, network, {})
    count = [sum(p.numel() for p in module.parameters()) for module in (coder, network)]
    if shape[-1] == 28:
        assert count == [encoder, generator]
    else:  # published with the two heads of a learned threshold
        heads = 2 * 64 * (256 + 1)
        assert count[0] + heads == pytest.approx(encoder, rel=0.01)
        assert count[1] == pytest.approx(generator, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 64), (256,)])
@pytest.mark.parametrize("build", [build_generator, build_encoder])
def test_sizes_without_a_network_are_refused(build: Any, shape: tuple[int, ...]) -> None:
    spec = {"kind": "convolutional"} | ({"latents": 4} if build is build_generator else {})
    with pytest.raises(UserError, match=r"no convolutional network for .*, only for 28x28 and 64x64: choose kind mlp"):
        build(spec, shape)


@pytest.mark.parametrize("spec", POSTERIOR_SPECS, ids=name)
def test_selected_backward_is_the_plain_one_without_batch_norm(spec: Spec) -> None:
    """Values and gradients of `selected` and `all`, through a network, in float64."""
    found = []
    for backward in ("selected", "all"):
        coder, generator, x = small("mlp", spec, samples=4, backward=backward)
        coder.set_step(1, 2)
        loss = coder.loss(x, Generator().manual_seed(1))
        loss.value.sum().backward()
        found.append((loss, gradients(coder, generator)))
    (selected, of_selected), (plain, of_plain) = found
    torch.testing.assert_close(selected.value, plain.value)
    torch.testing.assert_close(selected.codes, plain.codes)
    assert of_selected.keys() == of_plain.keys()
    for key, gradient in of_plain.items():
        torch.testing.assert_close(of_selected[key], gradient, msg=key)


def statistics(module: nn.Module) -> list[Tensor]:
    return [value.clone() for key, value in module.state_dict().items() if "running" in key or "tracked" in key]


def test_running_statistics_follow_the_chosen_codes_alone() -> None:
    """They end as if the chosen codes had been decoded once, whatever J is."""
    coder, generator, x = small("convolutional_28", {"family": "gaussian"}, samples=5)
    reference = deepcopy(generator)
    before = statistics(generator)
    codes = coder.loss(x, Generator().manual_seed(1)).codes
    reference(codes.detach())
    for after, expected, old in zip(statistics(generator), statistics(reference), before, strict=True):
        torch.testing.assert_close(after, expected)
        assert not torch.equal(after, old)


def test_candidates_are_normalised_as_the_chosen_codes_are() -> None:
    """Each candidate's error is that of a batch with one code for each image, in training mode."""
    coder, generator, x = small("convolutional_28", {"family": "gaussian"}, samples=5)
    with torch.no_grad():
        params = coder.params(x)
        transport, posterior = coder.family.transport(params), coder.posterior
        noise = coder.objective.select(x, posterior, params, transport, generator, Generator().manual_seed(1))
        draws = posterior.noise(params, 5, Generator().manual_seed(1))
        error = torch.stack([(generator(z) - x).square().mean((1, 2, 3)) for z in transport(draws)])
    rows = torch.arange(len(x))
    assert torch.equal(noise["normal"][0], draws["normal"][error.argmin(0), rows])


def test_images_enter_as_numbers_between_0_and_1() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, 2, 2, 2)
    x = inputs(images, CPU)
    assert x.shape == (3, 2, 2, 2)
    torch.testing.assert_close(x[:, 0, 0, 0], torch.tensor([0, 0.2, 1]))
    patches = torch.randn(3, 4)
    assert inputs(patches, CPU) is patches


def test_flip_mirrors_half_of_the_images_left_to_right() -> None:
    x = torch.arange(3.0).expand(400, 1, 2, 3)
    mirrored = flipped(x, Generator().manual_seed(0))
    turned = (mirrored == x.flip(-1)).all((1, 2, 3))
    assert torch.equal(mirrored[~turned], x[~turned])
    assert 160 < int(turned.sum()) < 240
