"""VAEase against torch.distributions, its published loss and its rule."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Generator
from torch.distributions import Normal, kl_divergence

from vscbench.coders.vaease import Vaease
from vscbench.methods import METHODS
from vscbench.metrics.sparsity import density_by_rule
from vscbench.model import build_posterior
from vscbench.testing.models import draw_codes, draw_params, make_coder, within


def test_codes_are_normal_but_where_the_gate_is_shut() -> None:
    """Moments, density and divergence of what torch builds from μ and σ."""
    posterior = Vaease()
    params = draw_params(posterior)
    loc, sigma = params["loc"], (params["log_variance"] / 2).exp()
    shut = params["log_variance"] == 0
    assert 0 < shut.double().mean() < 0.5  # some heads were positive
    codes = draw_codes(posterior, params, 20_000)
    assert (codes[:, shut] == 0).all()
    assert (codes[:, ~shut] != 0).all()
    within(codes, (1 - sigma) * loc)
    within(codes.square(), (1 - sigma).square() * (loc.square() + sigma.square()))
    torch.testing.assert_close(posterior.kl(params), kl_divergence(Normal(loc, sigma), Normal(0.0, 1.0)))
    q = Normal((1 - sigma) * loc, ((1 - sigma) * sigma).where(~shut, 1.0))
    found = posterior.log_prob_at(params, codes[:5])
    torch.testing.assert_close(found[:, ~shut], q.log_prob(codes[:5])[:, ~shut])
    assert (found[:, shut] == 0).all()
    assert (posterior.log_prob_at(params, torch.ones(1, 5, 6).double())[0][shut] == -torch.inf).all()


def test_loss_is_the_authors() -> None:
    """‖x - G((1 - σ)(μ + σε))‖²/P + kl_weight · ½ Σ (σ² + μ² - log σ² - 1), from the same ε."""
    coder, x = make_coder({"family": "vaease"}, sampling="average", samples=1, kl_weight=0.03)
    loss = coder.loss(x, Generator().manual_seed(0))
    params = coder.params(x)  # type: ignore[operator]
    loc, log_variance = params["loc"], params["log_variance"]
    epsilon = coder.family.noise(params, 1, Generator().manual_seed(0))["normal"][0]  # type: ignore[union-attr, operator]
    sigma = (log_variance / 2).exp()
    error = (x - coder.decode((1 - sigma) * (loc + sigma * epsilon))).square().mean(1)
    kl = (sigma.square() + loc.square() - log_variance - 1).sum(1) / 2
    torch.testing.assert_close(loss.value, error + 0.03 * kl)


def test_pruning_is_of_the_trained_and_follows_the_rule() -> None:
    posterior = Vaease(pruned=True)
    params = {
        "loc": torch.ones(1, 3).double(),
        "log_variance": torch.tensor([[0.049, 0.051, 1.0]], dtype=torch.float64).log(),
    }
    assert draw_codes(posterior, params, 1).ne(0).tolist() == [[[True, False, False]]]
    assert posterior.active_prob(params).tolist() == [[1.0, 0.0, 0.0]]
    assert posterior.mean(params)[0].tolist() == pytest.approx([1 - math.sqrt(0.049), 0, 0])
    posterior.set_step(1, 10)
    assert draw_codes(posterior, params, 1).ne(0).tolist() == [[[True, True, False]]]


def test_density_by_the_rule_is_reported() -> None:
    coder, x = make_coder({"family": "vaease"})
    with torch.no_grad():
        coder.heads.bias.view(2, -1)[1] = torch.tensor([-9.0, -9, -1, -1, 1, 1])  # type: ignore[union-attr, operator]
        coder.heads.weight.zero_()  # type: ignore[union-attr, operator]
    evaluation = SimpleNamespace(coder=coder, family=coder.family, chunks=lambda: [x])
    assert density_by_rule(evaluation) == pytest.approx(2 / 6)  # type: ignore[arg-type]


def test_method() -> None:
    assert build_posterior(METHODS["vaease"]().settings).prior_density == 0
