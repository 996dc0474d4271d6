"""Refined parameters against the exact optimum that a linear Gaussian model has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from vscbench.coders.refinement import Refinement
from vscbench.methods import METHODS
from vscbench.model import build_coder
from vscbench.testing.models import LATENTS, make_coder, run_spec

WEIGHT = 0.05


def make(steps: int, rate: float = 0.1, **objective: Any) -> tuple[Any, Tensor]:
    refinement = {"kind": "gradient", "steps": steps, "rate": rate}
    settings = {"sampling": "average", "samples": 64, "kl_weight": WEIGHT} | objective
    return make_coder({"family": "gaussian", "refinement": refinement}, **settings)


def bound(coder: Any, x: Tensor, params: dict[str, Tensor]) -> Tensor:
    """‖x - Aμ‖²/P + Σ_k σ_k² ‖a_k‖²/P + weight · KL, the expected objective in closed form: (B,)."""
    atoms, variance = coder.atoms, params["log_variance"].exp()
    error = (x - params["loc"] @ atoms.T).square().mean(1) + variance @ atoms.square().mean(0)
    return error + WEIGHT * coder.family.kl(params).sum(1)  # type: ignore[no-any-return]


def test_many_steps_reach_the_optimum() -> None:
    """μ = (AᵀA + s²/s₀² I)⁻¹ Aᵀx and σ_k² = 1/(‖a_k‖²/s² + 1/s₀²) with s² = weight · P/2, for each data point."""
    coder, x = make(400, 0.05, samples=512)
    with torch.no_grad():
        found = coder.params(x)
        atoms, s2, s02 = coder.atoms, WEIGHT * x.shape[1] / 2, 0.1
        mean = torch.linalg.solve(atoms.T @ atoms + s2 / s02 * torch.eye(LATENTS), atoms.T @ x.T).T
        variance = 1 / (atoms.square().sum(0) / s2 + 1 / s02)
        best = {"loc": mean, "log_variance": variance.log().expand_as(mean)}
        amortised = build_coder(run_spec({"family": "gaussian"}), (x.shape[1],)).double().params(x)  # type: ignore[operator]
        gap, left = (bound(coder, x, each) - bound(coder, x, best) for each in (amortised, found))
    assert (gap > 0.1).all()
    assert (left >= 0).all()
    assert (left < 0.02 * gap).all()
    torch.testing.assert_close(found["loc"], mean, rtol=0, atol=0.05)


def test_each_step_helps_each_data_point() -> None:
    bounds = []
    for steps in (1, 4, 16):
        coder, x = make(steps)
        with torch.no_grad():
            bounds.append(bound(coder, x, coder.params(x)))
    assert (bounds[1] < bounds[0]).all()
    assert (bounds[2] < bounds[1]).all()


def test_codes_are_a_function_of_the_data_and_leave_the_model_as_it_was(rng: Generator) -> None:
    coder, x = make(3)
    before = {name: value.clone() for name, value in coder.state_dict().items()}
    state = torch.get_rng_state()
    assert torch.equal(coder.encode(x), coder.encode(x))
    assert torch.equal(torch.get_rng_state(), state)
    coder.loss(x, rng)
    assert all(torch.equal(value, before[name]) for name, value in coder.state_dict().items())
    assert all(parameter.grad is None for parameter in coder.parameters())


def test_encoder_has_the_gradient_at_the_refined_parameters() -> None:
    """That of the loss in the outputs of the heads, passed straight to them."""
    coder, x = make(3)
    (found,) = torch.autograd.grad(coder.loss(x, Generator().manual_seed(1)).value.sum(), coder.heads.bias)
    with torch.no_grad():
        refined = {head: value.clone() for head, value in coder.params(x).items()}
    leaves = {head: value.requires_grad_() for head, value in refined.items()}
    value = coder.loss_at(x, leaves, Generator().manual_seed(1)).value.sum()
    expected = torch.cat([each.sum(0) for each in torch.autograd.grad(value, list(leaves.values()))])
    torch.testing.assert_close(found, expected)


def test_with_a_learned_prior_it_is_refused() -> None:
    assert Refinement.unfit({"coder": {"prior": {"kind": "vamp"}}})
    assert not Refinement.unfit({"coder": {}})


def test_method() -> None:
    method = METHODS["semi_amortised"](density=0.1, steps=7)
    coder = build_coder(run_spec(method.settings), (9,))
    assert coder.refinement == Refinement(7)
