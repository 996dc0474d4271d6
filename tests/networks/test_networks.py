"""Networks for images: shapes, sizes, and how batch-norm treats the candidates of a selection."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from vscbench.data.batches import flipped, inputs
from vscbench.errors import UserError
from vscbench.model import build_coder, part
from vscbench.networks import ENCODERS, GENERATORS
from vscbench.testing.specs import POSTERIOR_SPECS, Spec, name

CPU = torch.device("cpu")
OF_CODES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dictionary": ({"kind": "dictionary", "latents": 5}, (9,)),
    "mlp": ({"kind": "mlp", "latents": 5, "widths": [7]}, (1, 8, 8)),
    "convolutional_28": ({"kind": "convolutional", "latents": 5, "width": 0.1}, (1, 28, 28)),
    "convolutional_64": ({"kind": "convolutional", "latents": 5, "width": 0.1}, (3, 64, 64)),
}
OF_DATA: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "mlp": ({"kind": "mlp", "widths": [7, 6]}, (9,)),
    "linear_plus": ({"kind": "linear_plus", "widths": [7, 6]}, (9,)),
    "mlp_of_images": ({"kind": "mlp", "widths": [7, 6]}, (1, 8, 8)),
    "convolutional_28": ({"kind": "convolutional", "width": 0.1}, (1, 28, 28)),
    "convolutional_64": ({"kind": "convolutional", "width": 0.1}, (3, 64, 64)),
    "resnet18": ({"kind": "resnet18"}, (1, 28, 28)),
}


def build_generator(spec: dict[str, Any], shape: tuple[int, ...]) -> Any:
    return part(GENERATORS, spec, "kind of generator", shape=shape)


def build_encoder(spec: dict[str, Any], shape: tuple[int, ...]) -> Any:
    return part(ENCODERS, spec, "kind of encoder", shape=shape)


def model_of(generator: dict[str, Any], encoder: dict[str, Any], coder: Spec, **objective: Any) -> dict[str, Any]:
    return {"seed": 0, "generator": generator, "encoder": encoder, "coder": coder, "objective": objective}


def small(generator_of: str, spec: Spec, **objective: Any) -> tuple[Any, Tensor]:
    """A coder with a generator, and images (B, C, H, W), in float64, in training."""
    generator, shape = OF_CODES[generator_of]
    kind = "mlp" if generator_of == "mlp" else "convolutional"
    constants: dict[str, Any] = {"widths": [8]} if kind == "mlp" else {"width": 0.1}
    coder = build_coder(model_of(generator, {"kind": kind} | constants, spec, **objective), shape).double()
    return coder, torch.rand(6, *shape, dtype=torch.float64, generator=Generator().manual_seed(0))


def gradients(coder: nn.Module) -> dict[str, Tensor]:
    return {key: p.grad for key, p in coder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("which", OF_CODES)
def test_generator_decodes_any_leading_shape(which: str) -> None:
    spec, shape = OF_CODES[which]
    generator = build_generator(spec, shape).eval()
    codes = torch.randn(2, 3, 5)
    images = generator(codes)
    assert images.shape == (2, 3, *shape)
    torch.testing.assert_close(images[1], generator(codes[1]), rtol=1e-4, atol=1e-5)
    if which != "dictionary":
        assert 0 < images.min() < images.max() < 1


@pytest.mark.parametrize("which", OF_DATA)
def test_encoder_gives_the_features_that_it_names(which: str) -> None:
    spec, shape = OF_DATA[which]
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
    """Parameters with the two heads of a dense posterior; of CelebA to three digits."""
    kind = {"kind": "convolutional"}
    coder = build_coder(model_of(kind | {"latents": latents}, kind, {"family": "gaussian"}), shape)
    assert coder.generator is not None
    of_generator, of_all = (sum(p.numel() for p in module.parameters()) for module in (coder.generator, coder))
    count = [of_all - of_generator, of_generator]
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
        coder, x = small("mlp", spec, samples=4, backward=backward)
        coder.set_step(1, 2)
        loss = coder.loss(x, Generator().manual_seed(1))
        loss.value.sum().backward()
        found.append((loss, gradients(coder)))
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
    coder, x = small("convolutional_28", {"family": "gaussian"}, samples=5)
    reference = deepcopy(coder.generator)
    before = statistics(coder.generator)
    codes = coder.loss(x, Generator().manual_seed(1)).codes
    reference(codes.detach())
    for after, expected, old in zip(statistics(coder.generator), statistics(reference), before, strict=True):
        torch.testing.assert_close(after, expected)
        assert not torch.equal(after, old)


def test_candidates_are_normalised_as_the_chosen_codes_are() -> None:
    """Each candidate's error is that of a batch with one code for each image, in training mode."""
    coder, x = small("convolutional_28", {"family": "gaussian"}, samples=5)
    with torch.no_grad():
        params = coder.params(x)
        transport = coder.family.transport(params)
        noise = coder.select(x, params, transport, 5, Generator().manual_seed(1))
        draws = coder.family.noise(params, 5, Generator().manual_seed(1))
        error = torch.stack([(coder.decode(z) - x).square().mean((1, 2, 3)) for z in transport(draws)])
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


@pytest.mark.parametrize("widths", [[], [7, 6]])
def test_linear_features_are_the_data(widths: list[int], rng: Generator) -> None:
    """And behind them what the network of the same seed gives."""
    x = torch.randn(4, 9, generator=rng)
    encoder = build_encoder({"kind": "linear_plus", "widths": widths}, (9,))
    features = encoder(x)
    assert features.shape == (4, encoder.features)
    assert torch.equal(features[:, :9], x)
    assert torch.equal(features[:, 9:], encoder.network(x) if widths else x[:, 9:])
