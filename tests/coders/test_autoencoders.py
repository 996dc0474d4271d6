"""Sparse autoencoders against straightforward formulations, derivatives by enumeration, and what they were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import softshrink

from vscbench.coders.batch_topk import BatchTopK
from vscbench.coders.gated import Gated
from vscbench.coders.jumprelu import JumpRelu
from vscbench.coders.relu import Relu
from vscbench.coders.topk import TopK
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.linear_plus import LinearPlus
from vscbench.networks.mlp import MLPGenerator

if TYPE_CHECKING:
    from vscbench.coders.autoencoder import Autoencoder

BATCH, PIXELS, LATENTS = 40, 9, 12
FAMILIES = [TopK, BatchTopK, Relu, JumpRelu, Gated]


def make(family: type[Autoencoder], **settings: Any) -> Autoencoder:
    torch.manual_seed(0)
    coder = family(Dictionary((PIXELS,), LATENTS), LinearPlus((PIXELS,), ()), LATENTS, **settings)
    return coder.double()


@pytest.fixture
def x(rng: Generator) -> Tensor:
    return 2 * torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_start_at_the_correlations(family: type[Autoencoder], x: Tensor) -> None:
    coder = make(family)
    assert coder.atoms is not None
    torch.testing.assert_close(coder.scores(x), x @ coder.atoms)
    directions = torch.nn.functional.normalize(x[:2], dim=1)
    coder.set_atoms(torch.tensor([3, 1]), directions)
    torch.testing.assert_close(coder.atoms[:, [3, 1]], directions.T)
    torch.testing.assert_close(coder.scores(x)[:, [3, 1]], x @ directions.T)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_sided_codes_are_those_of_positive_scores(family: type[Autoencoder], x: Tensor) -> None:
    """And signed ones are odd in the data, before biases are learned."""
    one_sided, signed = make(family, signed=False), make(family)
    assert (one_sided.encode(x) >= 0).all()
    assert one_sided.encode(x).any()
    both = signed.encode(torch.cat([x, -x]))
    torch.testing.assert_close(both[:BATCH], -both[BATCH:])
    assert (both < 0).any()


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kept", [1, 4])
def test_topk_keeps_what_sorting_keeps(x: Tensor, kept: int, signed: bool) -> None:
    coder = make(TopK, density=kept / LATENTS, signed=signed)
    scores, codes = coder.scores(x), coder.encode(x)
    for row, code in zip(scores.tolist(), codes.tolist(), strict=True):
        size = [abs(a) if signed else max(a, 0) for a in row]
        largest = sorted(range(LATENTS), key=size.__getitem__)[-kept:]
        expected = [a if k in largest and (signed or a > 0) else 0 for k, a in enumerate(row)]
        assert code == pytest.approx(expected)


def test_auxk_is_the_error_of_reconstructing_what_is_left_over(x: Tensor) -> None:
    """From the P/2 largest scores among the dead, and no gradient reaches what the living reconstruct."""
    coder = make(TopK, density=2 / LATENTS, aux_weight=0.5, dead_after=3)
    assert isinstance(coder, TopK)
    dead = torch.tensor([0, 2, 3, 5, 7, 9])
    coder.idle[dead] = 3
    scores, atoms = coder.scores(x), coder.atoms
    assert atoms is not None
    left = (x - coder.encode(x) @ atoms.T).detach()
    best = scores[:, dead].abs().topk(PIXELS // 2, dim=1)
    values = scores[:, dead].gather(1, best.indices)
    guess = (values.unsqueeze(1) * atoms[:, dead[best.indices]].permute(1, 0, 2)).sum(-1)
    loss = coder.loss(x, None)
    torch.testing.assert_close(loss.value - loss.mse, 0.5 * (left - guess).square().mean(1))
    expected = torch.autograd.grad((left - guess).square().mean(1).sum() * 0.5, coder.head.weight)[0]
    coder.idle[dead] = 3
    again = coder.loss(x, None)
    found = torch.autograd.grad((again.value - again.mse).sum(), coder.head.weight)[0]
    torch.testing.assert_close(found, expected)


def test_latents_die_by_not_being_used(x: Tensor) -> None:
    coder = make(TopK, density=1 / LATENTS, dead_after=2)
    assert isinstance(coder, TopK)
    used = coder.encode(x[:3]).ne(0).any(0)
    for step in range(3):
        loss = coder.loss(x[:3], None)
        assert torch.equal(coder.idle, torch.where(used, 0, step + 1))
        assert bool((loss.value == loss.mse).all()) == (step < 2)
    coder.eval().loss(x[:3], None)
    assert int(coder.idle.max()) == 3
    off = make(TopK, density=1 / LATENTS, dead_after=1, aux_weight=0.0)
    for _ in range(3):
        loss = off.loss(x[:3], None)
    assert torch.equal(loss.value, loss.mse)


def test_batch_topk_keeps_what_sorting_the_batch_keeps(x: Tensor) -> None:
    coder = make(BatchTopK, density=3 / LATENTS)
    assert isinstance(coder, BatchTopK)
    scores, codes = coder.scores(x), coder.loss(x, None).codes[0]
    least = scores.abs().flatten().sort(descending=True).values[3 * BATCH - 1]
    torch.testing.assert_close(codes, torch.where(scores.abs() >= least, scores, 0.0))
    assert len(codes.count_nonzero(1).unique()) > 1  # not as many for every data point
    torch.testing.assert_close(coder.threshold, least.detach())
    torch.testing.assert_close(coder.encode(x), codes)


def test_threshold_of_batch_topk_gives_its_density_on_new_data(rng: Generator) -> None:
    """Each data point by itself."""
    coder = make(BatchTopK, density=3 / LATENTS)
    assert isinstance(coder, BatchTopK)
    for _ in range(50):
        coder.loss(torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64), None)
    new = torch.randn(4000, PIXELS, generator=rng, dtype=torch.float64)
    density = coder.encode(new).ne(0).double().mean()
    assert float(density) == pytest.approx(3 / LATENTS, rel=0.05)
    before = coder.threshold.clone()
    coder.eval().loss(new, None)
    assert torch.equal(coder.threshold, before)


@pytest.mark.parametrize("family", [Relu, Gated])
def test_before_it_learns_a_code_is_one_step_of_ista(family: type[Autoencoder], x: Tensor) -> None:
    coder = make(family, penalty=0.7)
    torch.testing.assert_close(coder.encode(x), softshrink(coder.scores(x), 0.7))


def test_relu_minimises_the_lasso_of_its_codes(x: Tensor) -> None:
    """2/P times ½‖x - Az‖² + λ‖z‖₁, whatever the length of the atoms."""
    coder = make(Relu, penalty=0.7)
    atoms = coder.atoms
    assert atoms is not None
    codes = coder.encode(x)
    expected = 0.5 * (x - codes @ atoms.T).square().sum(1) + 0.7 * codes.abs().sum(1)
    torch.testing.assert_close(coder.loss(x, None).value, expected * 2 / PIXELS)
    penalty = coder.lengths(codes)
    atoms.data *= 3
    torch.testing.assert_close(coder.lengths(codes / 3), penalty)


def test_derivative_of_a_jump_is_that_of_the_mean_over_data(rng: Generator) -> None:
    """Of E 1(|a| > θ) and E a 1(|a| > θ) w for a ~ N(0, 1), w = sign a: -2 φ(θ) and -2 θ φ(θ), times dθ/d log θ = θ."""
    coder = make(JumpRelu, bandwidth=0.1, initial_threshold=0.8)
    assert isinstance(coder, JumpRelu)
    scores = torch.randn(400_000, 1, generator=rng, dtype=torch.float64).expand(-1, LATENTS)
    density = 2 * torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.8)).exp().double()
    (of_count,) = torch.autograd.grad(coder.gate(scores).mean(0).sum(), coder.log_threshold)
    torch.testing.assert_close(of_count, (-0.8 * density).expand(LATENTS), rtol=0.02, atol=0)
    (of_code,) = torch.autograd.grad((coder.activate(scores) * scores.sign()).mean(0).sum(), coder.log_threshold)
    torch.testing.assert_close(of_code, (-0.8 * 0.8 * density).expand(LATENTS), rtol=0.02, atol=0)


def test_jumprelu_passes_what_exceeds_its_threshold(x: Tensor) -> None:
    coder = make(JumpRelu, initial_threshold=1.2, density=0.25, l0_weight=0.3)
    scores = coder.scores(x).detach().requires_grad_()
    codes = coder.activate(scores)
    on = scores.detach().abs() > 1.2
    assert torch.equal(codes != 0, on)
    torch.testing.assert_close(codes[on], scores[on])
    (gradient,) = torch.autograd.grad(codes.sum(), scores)
    assert torch.equal(gradient, on.double())
    loss = coder.loss(x, None)
    expected = 0.3 * (on.sum(1).double().mean() / (0.25 * LATENTS) - 1) ** 2
    torch.testing.assert_close(loss.value - loss.mse, expected.expand(BATCH))


def test_jumprelu_finds_its_density(x: Tensor) -> None:
    coder = make(JumpRelu, density=0.2, l0_weight=10.0, initial_threshold=0.1, bandwidth=0.5)
    optimizer = torch.optim.Adam(coder.parameters(), lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        coder.loss(x, None).value.mean().backward()
        optimizer.step()
    assert float(coder.encode(x).ne(0).double().mean()) == pytest.approx(0.2, abs=0.03)


def test_gate_and_magnitude_are_told_apart(x: Tensor) -> None:
    coder = make(Gated, penalty=0.7)
    assert isinstance(coder, Gated)
    coder.log_gain.data += 0.3
    coder.offset.data += 0.2
    scores = coder.scores(x)
    size = torch.exp(torch.tensor(0.3, dtype=torch.float64)) * scores.abs() - 0.5
    expected = torch.where(scores.abs() > 0.7, scores.sign() * size, 0.0)
    torch.testing.assert_close(coder.encode(x), expected)


def test_gate_reconstructs_by_itself_under_frozen_atoms(x: Tensor) -> None:
    coder = make(Gated, penalty=0.7)
    assert isinstance(coder, Gated)
    assert coder.atoms is not None
    coder.offset.data += 0.2  # gate and code differ
    loss, gate = coder.loss(x, None), softshrink(coder.scores(x), 0.7)
    alone = (x - gate @ coder.atoms.T).square().mean(1)
    penalty = 2 * 0.7 / PIXELS * gate.abs().sum(1)
    torch.testing.assert_close(loss.value, loss.mse + penalty + alone)
    rest = torch.autograd.grad((loss.value - loss.mse).sum(), coder.atoms, retain_graph=True)[0]
    of_penalty = torch.autograd.grad(2 * 0.7 / PIXELS * coder.lengths(gate).sum(), coder.atoms)[0]
    torch.testing.assert_close(rest, of_penalty)
    assert torch.autograd.grad((loss.value - loss.mse).sum(), coder.head.weight)[0].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_may_decode(family: type[Autoencoder], rng: Generator) -> None:
    images = torch.rand(6, 1, 4, 4, generator=rng)
    coder = family(MLPGenerator((1, 4, 4), LATENTS, (8,)), LinearPlus((1, 4, 4), (8,)), LATENTS)
    if isinstance(coder, TopK):
        coder.idle += 1000
    coder.loss(images, None).value.mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in coder.parameters())
