"""Gradients of thresholded codes and of gates against the definitions of their estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from scipy import special
from torch import Generator, Tensor

from vscbench.coders import Base
from vscbench.coders.spike_slab import SpikeSlab
from vscbench.coders.threshold import FixedThreshold, Thresholded
from vscbench.model import build_posterior
from vscbench.testing.models import draw_params
from vscbench.testing.specs import THRESHOLD_SPECS, Spec, name

if TYPE_CHECKING:
    from vscbench.coders import Noise, Params

N, K = 60, 4

SPECS: list[Spec] = [
    {"family": family} | threshold for family in ("gaussian", "laplacian") for threshold in THRESHOLD_SPECS
]
SUBGRADIENT = [spec for spec in SPECS if spec["threshold"]["estimator"] == "subgradient"]
SPREAD = {"gaussian": ("log_variance", 0.5), "laplacian": ("log_scale", 1.0)}
"""The head that spreads the deviation e, and d log|e| / d head."""


class Thresholding(NamedTuple):
    """Codes, and all that they were made of."""

    posterior: Any
    params: Params
    noise: Noise
    codes: Tensor
    deviation: Tensor
    threshold: Tensor

    @property
    def active(self) -> Tensor:
        """1 where a code is not zero."""
        return (self.deviation.abs() > self.threshold).double()

    def gradient(self, head: str) -> Tensor:
        """∂z/∂head of each code: (1, N, K)."""
        (gradient,) = torch.autograd.grad(self.codes.sum(), self.params[head], retain_graph=True)
        return gradient.unsqueeze(0)


def make(spec: Spec) -> Thresholding:
    posterior = build_posterior(spec)
    assert isinstance(posterior, Thresholded)
    params = draw_params(posterior, N, K)
    noise = posterior.noise(params, 1, Generator().manual_seed(0))
    params = {head: value.requires_grad_() for head, value in params.items()}
    codes = posterior.codes(params, noise)
    with torch.no_grad():
        deviation = posterior.base.deviation(params, noise)
        threshold = torch.as_tensor(posterior.threshold(params, noise)).expand_as(codes)
    made = Thresholding(posterior, params, noise, codes, deviation, threshold)
    assert 0.1 < made.active.mean() < 0.9
    assert torch.equal(made.active, codes.ne(0).double())
    return made


every_spec = pytest.mark.parametrize("spec", SPECS, ids=name)


@every_spec
def test_gradient_in_loc(spec: Spec) -> None:
    """∂z/∂μ on active and on inactive codes."""
    made = make(spec)
    on, off = {"straight_through": (1, 1), "published": (2, 1), "subgradient": (1, 0)}[spec["threshold"]["estimator"]]
    torch.testing.assert_close(made.gradient("loc"), on * made.active + off * (1 - made.active))


@every_spec
def test_gradient_in_the_spread(spec: Spec) -> None:
    """∂z/∂head = e · d log|e|/d head: everywhere, as without a threshold; on active codes for the subgradient."""
    made = make(spec)
    head, power = SPREAD[spec["family"]]
    mask = made.active if spec["threshold"]["estimator"] == "subgradient" else 1
    torch.testing.assert_close(made.gradient(head), power * made.deviation * mask)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec["threshold"]["kind"] == "gamma"], ids=name)
def test_gradient_in_the_gamma_of_the_threshold(spec: Spec) -> None:
    """∂z/∂λ = -sign(e) on active codes, whatever the estimator, and λ = F⁻¹(F(g; α); α)/β moves with α and β."""
    made = make(spec)
    through = -made.deviation.sign() * made.active
    torch.testing.assert_close(made.gradient("log_threshold_rate"), through * -made.threshold)

    shape, rate = (made.params[f"log_threshold_{each}"].detach() for each in ("shape", "rate"))
    quantile = special.gammainc(shape.exp().numpy(), made.noise["gamma"].numpy())
    h = 1e-5
    up, down = (torch.from_numpy(special.gammaincinv((shape + s * h).exp().numpy(), quantile)) for s in (1, -1))
    expected = through * (up - down) / (2 * h) / rate.exp()
    # torch's implicit derivative is a rational approximation, good to 5e-4.
    torch.testing.assert_close(made.gradient("log_threshold_shape"), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec["threshold"]["kind"] == "fixed"], ids=name)
def test_gradient_in_a_fixed_threshold(spec: Spec) -> None:
    """∂z/∂λ = -sign(e) on active codes, whatever the estimator."""
    made = make(spec)
    assert isinstance(made.posterior, FixedThreshold)
    value = torch.full((N, K), 0.3, dtype=torch.float64, requires_grad=True)
    made.posterior.level = value  # type: ignore[assignment]
    (found,) = torch.autograd.grad(made.posterior.codes(made.params, made.noise).sum(), value)
    torch.testing.assert_close(found.unsqueeze(0), -made.deviation.sign() * made.active)


@pytest.mark.parametrize("spec", SUBGRADIENT, ids=name)
def test_subgradient_is_the_derivative(spec: Spec) -> None:
    """Against finite differences, away from the kink, in all that λ's own draw does not depend on."""
    made = make(spec)
    assert ((made.deviation.abs() - made.threshold).abs() > 1e-5).all()
    heads = [head for head in made.params if head != "log_threshold_shape"]

    def codes(*values: Tensor) -> Tensor:
        return made.posterior.codes(made.params | dict(zip(heads, values, strict=True)), made.noise)  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(codes, [made.params[head] for head in heads], eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("family", ["gaussian", "laplacian"])
def test_estimators_agree_on_the_codes(family: str) -> None:
    """They differ in the gradient alone."""
    for kind in ("fixed", "gamma"):
        same = [spec for spec in SPECS if (spec["family"], spec["threshold"]["kind"]) == (family, kind)]
        first, *others = (make(spec).codes for spec in same)
        assert all(torch.equal(first, codes) for codes in others)


@pytest.mark.parametrize("family", ["gaussian", "laplacian"])
def test_dense_codes_differentiate_exactly(family: str, rng: Generator) -> None:
    posterior = build_posterior({"family": family})
    assert isinstance(posterior, Base)
    params = draw_params(posterior, 3, 2)
    noise = posterior.noise(params, 2, rng)

    def codes(*values: Tensor) -> Tensor:
        return posterior.codes(dict(zip(posterior.heads, values, strict=True)), noise)

    assert torch.autograd.gradcheck(codes, [value.requires_grad_() for value in params.values()])


# ------------------------------------------------------------------------ gates


def gate_gradients(estimator: str, gate: str, seed: int, rows: int = 30_000) -> Tensor:
    """Gradient of a loss that is not linear in the code, in the spike head, for many draws at a few heads: (N, K)."""
    posterior = SpikeSlab(gate=gate, gate_estimator=estimator)  # type: ignore[arg-type]
    heads = torch.tensor([-3.0, -1.0, -0.4, -0.05], dtype=torch.float64)
    params = {
        "loc": torch.full((rows, 4), 0.8, dtype=torch.float64),
        "log_variance": torch.full((rows, 4), -2.0, dtype=torch.float64),
        "log_active": heads.repeat(rows, 1).requires_grad_(),
    }
    codes = posterior.codes(params, posterior.noise(params, 1, Generator().manual_seed(seed)))
    loss = (codes - 0.5).square() + 0.3 * codes**3
    return torch.autograd.grad(loss.sum(), params["log_active"])[0]


@pytest.mark.parametrize("gate", ["logit", "published"])
def test_gumbel_rao_has_the_expectation_of_straight_through_and_less_variance(gate: str) -> None:
    """Paulus et al. (2021), on independent draws."""
    straight, rao = (gate_gradients(each, gate, k) for k, each in enumerate(("straight_through", "gumbel_rao")))
    error = ((straight.var(0) + rao.var(0)) / len(rao)).sqrt()
    assert ((straight.mean(0) - rao.mean(0)).abs() < 4 * error).all()
    assert (straight.mean(0).abs() > 4 * error).any()  # there is something to agree on
    assert (rao.var(0) < straight.var(0)).all()


def test_straight_through_gate_has_the_gradient_of_its_relaxation(rng: Generator) -> None:
    """∂z/∂head = slab · dσ((a - ℓ)/T)/d head, with a hard gate in the forward pass."""
    posterior = SpikeSlab()
    params = draw_params(posterior)
    log_active = params["log_active"].requires_grad_()
    noise = posterior.noise(params, 1, rng)
    (found,) = torch.autograd.grad(posterior.codes(params, noise).sum(), log_active)
    slab = params["loc"] + noise["normal"] * (params["log_variance"] / 2).exp()
    soft = torch.sigmoid((log_active.exp().logit() - noise["uniform"].logit()) / posterior.current_temperature)
    (expected,) = torch.autograd.grad((soft * slab).sum(), log_active)
    torch.testing.assert_close(found, expected)


def test_relaxed_gate_is_hard_only_at_evaluation(rng: Generator) -> None:
    posterior = SpikeSlab(gate_estimator="gumbel")
    params = draw_params(posterior)
    noise = posterior.noise(params, 50, rng)
    for step, relaxed in ((0, True), (5, True), (10, False)):
        posterior.set_step(step, 10)
        with torch.no_grad():
            assert posterior.codes(params, noise).ne(0).all() == relaxed


def test_relaxed_gate_differentiates_exactly(rng: Generator) -> None:
    posterior = SpikeSlab(gate_estimator="gumbel")
    posterior.set_step(0, 1)
    params = draw_params(posterior, 3, 2)
    noise = posterior.noise(params, 2, rng)

    def codes(*values: Tensor) -> Tensor:
        return posterior.codes(dict(zip(posterior.heads, values, strict=True)), noise)

    assert torch.autograd.gradcheck(codes, [value.requires_grad_() for value in params.values()])
