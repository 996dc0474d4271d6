"""The benchmark compares like with like: its plain training step has the suite's loss and gradients."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from vscbench import model as models

if TYPE_CHECKING:
    from types import ModuleType

P, K, B, J = 16, 12, 7, 5
CONSTANTS: dict[str, Any] = {"spread_prior": 0.1}
METHODS: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian"},
    "laplacian": {"family": "laplacian"},
    "spike_slab": {"family": "spike_slab", "spike_prior": 0.1},
    "gaussian_thresh": {"family": "gaussian", "threshold": "fixed", "threshold_value": 0.52},
    "laplacian_thresh": {"family": "laplacian", "threshold": "fixed", "threshold_value": 0.25},
    "gaussian_thresh_gamma": {"family": "gaussian", "threshold": "gamma", "threshold_value": 0.52},
    "laplacian_thresh_gamma": {"family": "laplacian", "threshold": "gamma", "threshold_value": 0.25},
}


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "plain.py"
    found = importlib.util.spec_from_file_location("plain", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["plain"] = module
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", METHODS)
def test_plain_step_has_the_loss_and_gradients_of_the_suite(
    name: str, plain: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {
        "seed": 1,
        "generator": {"kind": "dictionary", "latents": K},
        "encoder": {"kind": "mlp", "widths": [20, 24]},
        "coder": CONSTANTS | METHODS[name],
        "objective": {"sampling": "max_elbo", "samples": J, "kl_weight": 0.01},
        "training": {"batch_size": B, "dictionary_decay": 1e-4},
    }
    model = models.build(spec, (P,)).double()
    coder = model.coder
    x = torch.randn(B, P, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    reference = plain.PlainStep(model, spec, x.numpy(), encoder_rate=0.0, dictionary_rate=0.0)
    coder.at(1, 1)

    torch.manual_seed(3)
    params = reference.encode(x)
    noise = reference.draw(params)
    result = reference.forward(x, params, noise)
    result.loss.backward()

    shared = {key: value.detach().transpose(0, 1) for key, value in noise.items()}
    if "threshold" in shared:
        shared["gamma"] = shared.pop("threshold") * coder.encode(x)["log_threshold_rate"].detach().exp()
    if "logistic" in shared:
        shared["uniform"] = torch.sigmoid(-shared.pop("logistic"))  # what the suite subtracts
    monkeypatch.setattr(coder.posterior, "noise", lambda *_: shared)
    loss = coder.loss(x, model.generator, None)
    loss.value.mean().backward()

    torch.testing.assert_close(loss.value.mean(), result.loss)
    encoder = [parameter.grad for parameter in coder.encoder.parameters()]
    torch.testing.assert_close(encoder, [parameter.grad for parameter in reference.features.parameters()])
    for kind in ("weight", "bias"):
        heads = torch.cat([getattr(head, kind).grad for head in reference.heads.values()])
        torch.testing.assert_close(getattr(coder.heads, kind).grad, heads)
    atoms = torch.from_numpy(reference.dictionary_gradient(x, result))
    torch.testing.assert_close(model.generator.atoms.grad, -2 / P * atoms)
