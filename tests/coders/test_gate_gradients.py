"""Gradients of gates: no bias against exact enumeration of all of them, and less variance than a plain score."""

from __future__ import annotations

import itertools
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vscbench.coders.gate_gradients import SpikeSlabGates, antithetic, disarm, leave_one_out
from vscbench.coders.masks import below
from vscbench.coders.relax import Relax
from vscbench.errors import UserError
from vscbench.metrics.gradients import mean_loss, stream
from vscbench.model import build_coder
from vscbench.objectives import squared_error
from vscbench.testing.models import run_spec, within

K, P, DRAWS = 12, 5, 20_000
ESTIMATORS = ("leave_one_out", "disarm", "relax")
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)


def cost(gates: Tensor) -> Tensor:
    """An error of gates (..., K) with interactions of all orders: (...)."""
    weights = torch.randn(K, 3, generator=Generator().manual_seed(3), dtype=torch.float64)
    return torch.tanh(gates @ weights).square().sum(-1) + 0.5 * (gates.sum(-1) - 2).square()


def exact_gradient(logit: Tensor) -> Tensor:
    """∇ E[f(b)] by enumeration of all 2^K gates: (K,)."""
    logit = logit.detach().requires_grad_()
    gates = torch.tensor(list(itertools.product((0.0, 1.0), repeat=K)), dtype=torch.float64)
    log_q = (gates * logit - torch.nn.functional.softplus(logit)).sum(-1)
    return torch.autograd.grad((log_q.exp() * cost(gates)).sum(), logit)[0]


def estimates(estimator: str, samples: int) -> Tensor:
    """Of many independent sets of draws, each its own data point: (N, K)."""
    logit = torch.linspace(-3, 2, K, dtype=torch.float64).expand(DRAWS, K).clone().requires_grad_()
    count = samples // 2 if estimator == "disarm" else samples
    uniform = torch.rand(count, DRAWS, K, generator=Generator().manual_seed(0), dtype=torch.float64)
    uniform = antithetic(uniform) if estimator == "disarm" else uniform
    gate = below(uniform, logit.sigmoid())
    if estimator == "relax":
        return relaxed(logit.detach(), uniform).mean(0)
    surrogate = {"disarm": disarm, "leave_one_out": leave_one_out}[estimator](cost(gate), gate, logit)
    return torch.autograd.grad(surrogate.mean(0).sum(), logit)[0]


def control_variate() -> Relax:
    """One whose constants are arbitrary."""
    relax = Relax(1 + K).double()
    relax.values += torch.randn(len(relax.values), generator=Generator().manual_seed(5))
    return relax


def relaxed(logit: Tensor, uniform: Tensor, relax: Relax | None = None) -> Tensor:
    """Estimates by the control variate, an arbitrary one that does not learn if none is given: (S, N, K)."""
    relax, gate = relax or control_variate().eval(), below(uniform, logit.sigmoid())
    x, slab = torch.ones(len(logit), 1, dtype=torch.float64), torch.ones_like(uniform)
    return relax.gradient(cost, x, slab, logit, uniform, gate, cost(gate))


@every_estimator
@pytest.mark.parametrize("samples", [2, 6])
def test_no_bias_against_enumeration(estimator: str, samples: int) -> None:
    exact = exact_gradient(torch.linspace(-3, 2, K, dtype=torch.float64))
    found = estimates(estimator, samples)
    within(found, exact)
    error = found.std(0) / DRAWS**0.5
    assert (exact.abs() > 5 * error).sum() >= K - 2  # there is something to agree on


def test_less_variance_than_what_they_are_means_of() -> None:
    """A baseline helps the score; a DisARM pair is the mean of ARM's (f(b) - f(b̃))(u - ½) given both of its gates."""
    logit = torch.linspace(-3, 2, K, dtype=torch.float64)
    uniform = torch.rand(1, DRAWS, K, generator=Generator().manual_seed(0), dtype=torch.float64)
    both = antithetic(uniform)
    gate = below(both, logit.sigmoid())
    plain = cost(gate[:1]).unsqueeze(-1) * (gate[:1] - logit.sigmoid())
    arm = (cost(gate[:1]) - cost(gate[1:])).unsqueeze(-1) * (0.5 - uniform)
    for one, other in (("leave_one_out", plain), ("disarm", arm)):
        within(other[0], exact_gradient(logit))
        assert (estimates(one, 2).var(0) < other[0].var(0)).all()


@pytest.mark.parametrize("wrong", ["no correction", "the whole slope"])
def test_a_control_variate_whose_mean_is_not_put_back_is_found_biased(wrong: str, monkeypatch: Any) -> None:
    """The test above has power: c' w is left out, or taken without its w."""
    logit = torch.linspace(-3, 2, K, dtype=torch.float64).expand(DRAWS, K)
    constant = 0.0 if wrong == "no correction" else 1.0
    where = torch.where
    monkeypatch.setattr(torch, "where", lambda test, *values: constant * torch.ones_like(where(test, *values)))
    found = relaxed(logit, torch.rand(1, DRAWS, K, generator=Generator().manual_seed(0), dtype=torch.float64))[0]
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="standard errors off"):
        within(found, exact_gradient(logit[0]))


def test_a_control_variate_learns_what_lessens_the_variance() -> None:
    """By its own gradient, that of Σ g² against finite differences; an evaluated one stays as it is."""
    logit = torch.linspace(-3, 2, K, dtype=torch.float64).expand(200, K)
    relax, rng = control_variate(), Generator().manual_seed(1)
    uniform = torch.rand(1, 200, K, generator=rng, dtype=torch.float64)
    learned: list[Tensor] = []
    relax.learn = learned.append  # type: ignore[method-assign]
    relaxed(logit, uniform, relax)
    for place in (0, 1, 2, len(relax.values) - 1):
        ends = []
        for shift in (-1e-5, 1e-5):
            shifted = deepcopy(relax).eval()
            shifted.values[place] += shift
            ends.append(relaxed(logit, uniform, shifted).square().sum(-1).mean())
        torch.testing.assert_close((ends[1] - ends[0]) / 2e-5, learned[0][place], rtol=1e-5, atol=1e-8)
    del relax.learn
    variance = []
    for _ in range(200):
        found = relaxed(logit, torch.rand(1, 200, K, generator=rng, dtype=torch.float64), relax)
        variance.append(float(found.var(1).sum()))
    assert sum(variance[-20:]) < 0.5 * sum(variance[:20])
    before = relax.values.clone()
    relaxed(logit, uniform, relax.eval())
    assert torch.equal(before, relax.values)


# ------------------------------------------------------------------- as a coder


def make(estimator: str, samples: int = 4, kind: str = "mlp", seed: int = 0) -> tuple[Any, Tensor]:
    """A coder of images with a network as generator, its slabs without noise, and one data point."""
    spec: dict[str, Any] = run_spec({"family": "spike_slab_gates", "gate_estimator": estimator}, samples=samples)
    spec |= {"seed": seed, "generator": {"kind": kind, "latents": K, "widths": [6]}}
    coder = build_coder(spec, (1, 2, 3)).double()
    with torch.no_grad():
        rows = coder.heads.bias.view(3, K)
        rows[0] = torch.linspace(-2, 2, K)
        rows[1] = -40.0
        rows[2] = -1.0
    return coder, torch.rand(1, 1, 2, 3, generator=Generator().manual_seed(1), dtype=torch.float64)


@every_estimator
def test_gradients_of_a_coder_are_those_of_the_enumerated_loss(estimator: str) -> None:
    """Of a loss through a network: in all of the heads, encoder and generator, each by many draws."""
    coder, x = make(estimator)
    params = coder.params(x)
    gates = torch.tensor(list(itertools.product((0.0, 1.0), repeat=K)), dtype=torch.float64)
    logit = coder.family.gate_logit(params)
    log_q = (gates * logit - torch.nn.functional.softplus(logit)).sum(-1)
    error = squared_error(x, coder.decode(gates.unsqueeze(1) * params["loc"]))[:, 0]
    weight = coder.objective.kl_weight
    exact = (log_q.exp() * error).sum() + weight * coder.family.kl(params).sum()
    named = {"heads": coder.heads.bias, "generator": next(coder.generator.parameters())}
    expected = dict(zip(named, torch.autograd.grad(exact, list(named.values())), strict=True))
    rng, rows = Generator().manual_seed(0), 200
    found: dict[str, list[Tensor]] = {name: [] for name in named}
    for _ in range(200):  # means of 200 draws each
        value = coder.loss(x.expand(rows, -1, -1, -1), rng).value.mean()
        for name, gradient in zip(named, torch.autograd.grad(value, list(named.values())), strict=True):
            found[name].append(gradient)
    for name, each in found.items():
        stacked = torch.stack(each)
        off = (stacked.mean(0) - expected[name]).abs()
        assert (off <= 5 * stacked.std(0) / len(each) ** 0.5 + 1e-12).all(), name
        assert expected[name].abs().max() > 1e-4


def test_variance_by_the_measure_of_the_suite() -> None:
    """As 1/J, or faster where there are more draws for a baseline."""
    variance = {}
    for estimator, samples in itertools.product(ESTIMATORS, (4, 16)):
        coder, x = make(estimator, samples)
        groups = {"inference": [coder.heads.bias]}
        moments = stream(partial(mean_loss, coder, x, Generator().manual_seed(0)), groups, 150)
        variance[estimator, samples] = float(moments["inference"].variance[2 * K :].mean())
    for estimator in ESTIMATORS:
        assert 2.5 < variance[estimator, 4] / variance[estimator, 16] < 8


def test_what_the_control_variate_learns_is_no_gradient_of_the_model() -> None:
    """It is no parameter, so that nothing clips or counts it, and the model's gradient is the same if it learns."""
    coder, x = make("relax")
    names = [name for name, _ in coder.named_parameters()]
    assert not any(name.startswith("relax") for name in names)
    start = deepcopy(coder)
    start.relax.eval()
    gradients = []
    for each in (coder, start):
        value = each.loss(x, Generator().manual_seed(0)).value.mean()
        gradients.append(torch.autograd.grad(value, list(each.parameters())))
    assert all(torch.equal(*each) for each in zip(*gradients, strict=True))
    assert not torch.equal(coder.relax.values, start.relax.values)
    with torch.no_grad():  # as data for validation
        learned = coder.relax.values.clone()
        coder.loss(x, None)
    assert torch.equal(coder.relax.values, learned)


def test_draws_are_made_in_pairs_and_never_alone() -> None:
    for estimator, samples, made in (("disarm", 1, 2), ("disarm", 5, 6), ("leave_one_out", 1, 2), ("relax", 1, 1)):
        coder, x = make(estimator, samples)
        assert len(coder.loss(x, None).codes) == made


def test_another_rule_is_refused() -> None:
    spec = run_spec({"family": "spike_slab_gates"}) | {"objective": {"sampling": "max_elbo"}}
    with pytest.raises(UserError, match="they need sampling: average"):
        build_coder(spec, (P,))
    assert SpikeSlabGates.unfit({"objective": {"sampling": "iwae"}})
    assert not SpikeSlabGates.unfit({"objective": {"sampling": "average"}})
