"""MAP codes under a network: against FISTA on a dictionary, and against the optimality conditions."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor, nn

from vscbench.coders.deep_fista import deep_fista
from vscbench.coders.fista import Fista, fista
from vscbench.networks.convolutional import ConvolutionalGenerator
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives.lasso import lasso_objective

PENALTY = 0.5


@pytest.fixture
def linear(rng: Generator) -> tuple[Tensor, Dictionary]:
    dictionary = Dictionary((16,), 24).double()
    dictionary.atoms.data = torch.randn(16, 24, generator=rng, dtype=torch.float64) / 4
    return 3 * torch.randn(12, 16, generator=rng, dtype=torch.float64), dictionary


def test_on_a_dictionary_it_finds_the_lasso_solution(linear: tuple[Tensor, Dictionary]) -> None:
    x, dictionary = linear
    codes = deep_fista(x, dictionary, PENALTY, 1500, 1e-10)
    atoms = dictionary.atoms.detach()
    expected = fista(x, atoms, PENALTY, 20_000, 1e-10).codes
    found, optimum = (lasso_objective(x, z @ atoms.T, z, PENALTY) for z in (codes, expected))
    torch.testing.assert_close(found, optimum, rtol=1e-6, atol=0)
    torch.testing.assert_close(codes, expected, rtol=0, atol=1e-3)


class Smooth(nn.Module):
    """Without ReLUs: a minimum at a kink of the network has no gradient to test."""

    latents = 5

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 16), nn.Sigmoid())

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (B, K) to images (B, 1, 4, 4)."""
        images: Tensor = self.layers(codes).unflatten(-1, (1, 4, 4))
        return images


def network(rng: Generator) -> tuple[Tensor, nn.Module]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = Smooth().double()
    return torch.rand(6, 1, 4, 4, generator=rng, dtype=torch.float64), generator


def test_codes_of_a_network_are_stationary_and_better_than_zero(rng: Generator) -> None:
    """Where z_k ≠ 0 the gradient is -λ sign(z_k), elsewhere it is at most λ in size."""
    x, generator = network(rng)
    penalty = 0.02
    codes = deep_fista(x, generator, penalty, 5000, 1e-12).requires_grad_()
    (0.5 * (generator(codes) - x).square().sum()).backward()
    assert codes.grad is not None
    on = codes != 0
    assert 0 < int(on.sum()) < on.numel()
    torch.testing.assert_close(codes.grad[on], -penalty * codes.detach().sign()[on], rtol=0, atol=1e-4)
    assert codes.grad[~on].abs().max() <= penalty + 1e-4
    with torch.no_grad():
        loss = 0.5 * (generator(codes) - x).square().sum((1, 2, 3)) + penalty * codes.abs().sum(1)
        zero = 0.5 * (generator(torch.zeros_like(codes)) - x).square().sum((1, 2, 3))
    assert (loss < zero).all()


def test_a_data_point_is_solved_by_itself(rng: Generator) -> None:
    x, generator = network(rng)
    together = deep_fista(x, generator, 0.02, 300, 1e-9)
    alone = torch.cat([deep_fista(point, generator, 0.02, 300, 1e-9) for point in x.split(1)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_a_large_penalty_leaves_nothing(rng: Generator) -> None:
    x, generator = network(rng)
    assert (deep_fista(x, generator, 1e3, 50, 1e-6) == 0).all()


def test_as_a_coder_it_trains_the_network_and_leaves_its_mode(rng: Generator) -> None:
    """Batch-norm is as at evaluation while it solves, and in training where the generator learns."""
    shape = (1, 28, 28)
    generator = ConvolutionalGenerator(shape, 4, 0.1)
    coder = Fista(generator, penalty=0.01, max_iterations=5)
    x = torch.rand(3, *shape, generator=rng)
    loss = coder.loss(x, None)
    loss.value.sum().backward()
    assert generator.training
    assert loss.codes.shape == (1, 3, 4)
    assert all(p.grad is not None for p in generator.parameters())
    assert torch.equal(coder.sample(x, 2, None)[0], coder.encode(x))
    assert coder.sample_prior(2, None) is None
