"""config/published.yaml, constant by constant, against what the authors' code says.

The numbers are transcribed from a reading of that code, section by section; nothing else may stand in the study.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vscbench import config as configs
from vscbench.config import Run
from vscbench.metrics.dependence import PATCH_EDGES
from vscbench.model import build_coder, build_posterior
from vscbench.ramps import OneCycle, Ramp
from vscbench.settings import construct
from vscbench.training.two_rates import TwoRates

STUDY = configs.load([Path(__file__).parents[1] / "config/published.yaml"])
BOTH = {"olshausen": 20, "olshausen_j1": 1}
"""J of each experiment."""

EPOCHS, PATCHES, BATCH = 300, 80_000, 100
STEPS = EPOCHS * PATCHES // BATCH
PER_EPOCH = PATCHES // BATCH

# ------------------------------------------------------------------------ the table

DATA = {
    "kind": "olshausen",
    "split": "leaky",  # 1.9: patches of all images, shuffled; mean and deviation per pixel over all patches
    "images": None,
    "folds": None,
    "fold": None,
    "equal_contrast": False,  # 1.9: nothing is scaled but by the statistics of a pixel
    "trim": 0,  # 1.9: 247,009 positions an image, 497 by 497
    "patch_size": 16,  # 3
    "train": PATCHES,  # 3
    "test": 16_000,  # 3: their validation patches
    "validation": 16_000,
}
GENERATOR = {"kind": "dictionary", "latents": 256}  # 3
ENCODER = {"kind": "mlp", "widths": [512, 1024, 512, 256]}  # 1.1
OBJECTIVE = {"sampling": "max_elbo", "kl_weight": 0.01, "variance": "fixed", "backward": "all"}  # 1.4, 3
TRAINING = {"epochs": EPOCHS, "batch_size": BATCH, "flip": False, "precision": "single", "validation_penalty": 20}  # 3
OPTIMIZER = {
    "kind": "two_rates",
    "encoder_rate": {"peak": 0.01, "warmup": 0.05, "warmup_at_least": 0, "first_at_peak": True},  # 1.6
    "dictionary_rate": {  # 1.7
        "initial": 0.5,
        "final": 0.5 * 0.99**EPOCHS,
        "start": 0,
        "end": 1,
        "shape": "geometric",
        "unit": "fraction",
        "levels": EPOCHS,
    },
    "dictionary_decay": 1e-4,  # 3: fnorm_reg
    "clip_norm": None,  # 1.6
}


def ramp(initial: float, final: float, start: float, end: float, shape: str = "linear") -> dict[str, Any]:
    found = {"initial": initial, "final": final, "start": start, "end": end}
    return {**found, "shape": shape, "unit": "steps", "levels": None}


GAUSSIAN = {"family": "gaussian", "prior_scale": math.sqrt(0.1)}  # 1.2: a variance
LAPLACIAN = {
    "family": "laplacian",
    "prior_scale": 0.1,  # 1.2: a scale
    "noise_bound": -math.log(1e-6),  # 1.2: log max(1 - 2|u|, 1e-6)
    "noise_warmup": ramp(0.1, 1, 1500, 1500 + 0.9 / 2e-4),  # 1.6
}
FIXED = {"kind": "fixed", "estimator": "published", "divergence": "base"}  # 1.2, 1.3
GAMMA = {"kind": "gamma", "estimator": "published", "kl_weight": 0.1}  # 1.3
CODERS: dict[str, dict[str, Any]] = {
    "fista": {
        "family": "fista",
        "penalty": 20,  # 3
        "penalty_warmup": ramp(0.1, 1, 0, 0.9 / 1e-4),  # 1.6
        "stop": "published",  # 1.8
        "tolerance": 1e-3,
        "max_iterations": 500,
    },
    "gaussian": GAUSSIAN,
    "laplacian": LAPLACIAN,
    "spike_slab": {
        "family": "spike_slab",
        "prior_scale": math.sqrt(0.1),
        "prior_active": 0.1,  # 3
        "gate": "published",  # 1.2
        "head": "rectified",
        "gate_estimator": "straight_through",
        "noise_warmup": LAPLACIAN["noise_warmup"],
        "temperature": ramp(1, 0.5, 0, math.log(0.5) / math.log(0.9995), "geometric"),  # 1.6
    },
    "gaussian_thresh": {**GAUSSIAN, "threshold": {**FIXED, "value": 0.52}},  # 3
    "gaussian_thresh_gamma": {**GAUSSIAN, "threshold": {**GAMMA, "value": 0.52}},
    "laplacian_thresh": {**LAPLACIAN, "threshold": {**FIXED, "value": 0.25}},
    "laplacian_thresh_gamma": {**LAPLACIAN, "threshold": {**GAMMA, "value": 0.25}},
}
BESIDE = {"dataset": {"name", "seed", "source", "cache"}, "fista": {"gap"}}
"""Keys that are no constants of theirs: the gap is of another rule than theirs."""


def flat(part: dict[str, Any], above: str = "") -> dict[str, Any]:
    found = {}
    for key, value in part.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def same(part: dict[str, Any], expected: dict[str, Any], beside: set[str] | None = None) -> None:
    """Every setting of a part is in the table and has its value."""
    found, wanted = flat({key: value for key, value in part.items() if key not in (beside or set())}), flat(expected)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        assert found[key] == (pytest.approx(value, rel=1e-12) if is_number else value), key


def spec_of(method: str, experiment: str = "olshausen") -> dict[str, Any]:
    return configs.run_spec(STUDY, Run(experiment, method))


@pytest.mark.parametrize("experiment", BOTH)
@pytest.mark.parametrize("method", CODERS)
def test_constants(method: str, experiment: str) -> None:
    if method not in STUDY.experiments[experiment].methods:
        assert (method, experiment) == ("fista", "olshausen_j1")  # which draws no samples
        return
    spec = spec_of(method, experiment)
    same(spec["dataset"], DATA, BESIDE["dataset"])
    same(spec["generator"], GENERATOR)
    same(spec["encoder"], ENCODER)
    same(spec["objective"], {**OBJECTIVE, "samples": BOTH[experiment]})
    same(spec["training"], {**TRAINING, "optimizer": OPTIMIZER})
    same(spec["coder"], CODERS[method], BESIDE.get(method))


def test_runs_and_measures() -> None:
    assert list(STUDY.experiments["olshausen"].methods) == list(CODERS)  # the eight of table 1
    assert (STUDY.repetitions, STEPS) == (3, 240_000)
    for experiment, samples in BOTH.items():
        found = configs.evaluation(STUDY, experiment)
        assert (found["samples"], found["penalties"]) == (samples, [20])
        edges = np.sort([*np.linspace(-2, 2, 20), -1e-50, 1e-50])  # of the multi-information: 2
        assert np.array_equal(PATCH_EDGES, edges)
        assert found["gradients"] == {"passes": 1000, "batches": 16_000 // BATCH, "samples": [samples]}  # 2


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("gaussian", 1_444_608),
        ("laplacian_thresh", 1_444_608),
        ("spike_slab", 1_510_400),
        ("gaussian_thresh_gamma", 1_576_192),
    ],
)
def test_size_of_the_inference_network(method: str, parameters: int) -> None:
    coder = build_coder(spec_of(method), (256,))
    atoms = coder.generator.get_parameter("atoms")  # type: ignore[union-attr]
    assert sum(p.numel() for p in coder.parameters()) - atoms.numel() == parameters  # 1.1
    torch.testing.assert_close(atoms.norm(dim=0), torch.ones(256))  # 1.7


# ------------------------------------------------------------------------ schedules

WHEN = np.unique(
    [0, 1, 2, 799, 800, 1385, 1386, 1500, 1501, 5999, 6000, 9000, 11_999, 12_000, 12_001, *range(0, STEPS, 7_777)]
)


def test_rate_of_the_encoder() -> None:
    """Full at the first step; then from 4e-4 to 0.01 in 5 % of the steps, and down to 4e-8 by a cosine."""
    rate = construct(OneCycle, spec_of("gaussian")["training"]["optimizer"]["encoder_rate"])
    turn = STEPS // 20
    for step in map(int, WHEN):
        p = (step - turn) / (STEPS - turn)
        expected = (
            4e-4 + (0.01 - 4e-4) * step / turn if p < 0 else 4e-8 + (0.01 - 4e-8) * (1 + math.cos(math.pi * p)) / 2
        )
        assert rate(step, STEPS) == pytest.approx(0.01 if step == 0 else expected, rel=1e-9), step


def test_rate_of_the_dictionary_changes_once_an_epoch() -> None:
    rate = construct(Ramp, spec_of("gaussian")["training"]["optimizer"]["dictionary_rate"])
    for epoch in range(EPOCHS):
        first, last = (rate(step, STEPS) for step in (epoch * PER_EPOCH, (epoch + 1) * PER_EPOCH - 1))
        assert first == last == pytest.approx(0.5 * 0.99**epoch, rel=1e-9)


def test_step_of_the_dictionary() -> None:
    """A ← A + η (mean_b (x - A z) zᵀ - 2·1e-4·A) in the first epoch, of FISTA's codes: 1.7."""
    spec = spec_of("fista")
    coder = build_coder(spec, (256,))
    settings = {key: value for key, value in spec["training"]["optimizer"].items() if key != "kind"}
    optimizer = construct(TwoRates, settings, coder=coder, pixels=256)
    x = torch.randn(20, 256, generator=torch.Generator().manual_seed(0))
    atoms = coder.generator.get_parameter("atoms")  # type: ignore[union-attr]
    before = atoms.detach().clone()
    coder.set_step(0, STEPS)
    optimizer.set_rates(0, STEPS)
    loss = coder.loss(x, None)
    z = loss.codes[0].detach()
    assert z.any()
    optimizer.step(loss.value.mean())
    expected = before + 0.5 * ((x - z @ before.T).T @ z / len(x) - 2e-4 * before)
    torch.testing.assert_close(atoms.detach(), expected, rtol=1e-5, atol=1e-6)


def test_warmups_and_temperature() -> None:
    gate, penalty = (CODERS[method] for method in ("spike_slab", "fista"))
    warmup, temperature = (
        construct(Ramp, spec_of("spike_slab")["coder"][key]) for key in ("noise_warmup", "temperature")
    )
    multiplier = construct(Ramp, spec_of("fista")["coder"]["penalty_warmup"])
    assert gate["prior_active"] == 0.1
    assert penalty["penalty"] == 20
    for step in map(int, WHEN):
        assert warmup(step, STEPS) == pytest.approx(min(1, 0.1 + 2e-4 * max(0, step - 1500)), rel=1e-9)
        assert temperature(step, STEPS) == pytest.approx(max(0.5, 0.9995**step), rel=1e-9)
        assert multiplier(step, STEPS) == pytest.approx(min(1, 0.1 + 1e-4 * step), rel=1e-9)


# --------------------------------------------------------------------------- codes


@pytest.mark.parametrize(
    "method", ["gaussian_thresh", "gaussian_thresh_gamma", "laplacian_thresh", "laplacian_thresh_gamma"]
)
def test_active_latents_count_their_mean_twice(method: str) -> None:
    """z + T - sg(z), z = μ + e: ∂z/∂μ = 2 where active and 1 elsewhere, of the threshold of detached noise."""
    posterior = build_posterior(spec_of(method)["coder"])
    rng = torch.Generator().manual_seed(0)
    params = {name: torch.full((1, 4000), -1.0) for name in posterior.heads} | {"loc": torch.full((1, 4000), 0.3)}
    params["loc"].requires_grad_()
    codes = posterior.codes(params, posterior.noise(params, 1, rng))
    (found,) = torch.autograd.grad(codes.sum(), params["loc"])
    active = codes[0] != 0
    assert 0.02 < active.float().mean() < 0.98
    assert torch.equal(found, 1 + active.float())


def test_gate() -> None:
    """P(on) = γ/(1+γ) of γ = exp(-ReLU(-h)), which has no gradient where h > 0; only the divergence clips γ."""
    posterior = build_posterior(spec_of("spike_slab")["coder"])
    head = torch.tensor([[math.log(0.1), math.log(0.5), 3.0, -40.0]], dtype=torch.float64, requires_grad=True)
    params = posterior.clamp(
        {"loc": torch.zeros_like(head), "log_variance": torch.zeros_like(head), "log_active": head}
    )
    expected = torch.tensor([[0.1 / 1.1, 1 / 3, 0.5, math.exp(-40)]], dtype=torch.float64)
    torch.testing.assert_close(posterior.active_prob(params), expected)
    (of_gate,) = torch.autograd.grad(posterior.active_prob(params).log().sum(), head, retain_graph=True)
    assert of_gate.tolist()[0] == pytest.approx([1 / 1.1, 1 / 1.5, 0, 1])

    kl = posterior.kl(params)
    slab, gamma = 0.5 * (1 / 0.1 - 1 - math.log(1 / 0.1)), np.clip([0.1, 0.5, 1, math.exp(-40)], 1e-6, 1 - 1e-6)
    by_hand = gamma * slab + (1 - gamma) * np.log((1 - gamma) / 0.9) + gamma * np.log(gamma / 0.1)
    assert kl.tolist()[0] == pytest.approx(by_hand, rel=1e-9)
    (of_kl,) = torch.autograd.grad(kl.sum(), head)
    assert of_kl[0, :2].all()
    assert not of_kl[0, 2:].any()


@pytest.mark.parametrize("method", CODERS)
def test_a_step_of_each_method(method: str) -> None:
    """Two steps leave all parameters finite, and move all that learn."""
    spec = spec_of(method)
    coder = build_coder(spec, (256,))
    settings = {key: value for key, value in spec["training"]["optimizer"].items() if key != "kind"}
    optimizer = construct(TwoRates, settings, coder=coder, pixels=256)
    rng = torch.Generator().manual_seed(0)
    before = [p.detach().clone() for p in coder.parameters()]
    for step in range(2):
        coder.set_step(step, STEPS)
        optimizer.set_rates(step, STEPS)
        optimizer.step(coder.loss(torch.randn(4, 256, generator=rng), rng).value.mean())
    for old, new in zip(before, coder.parameters(), strict=True):
        assert new.isfinite().all()
        assert not torch.equal(old, new)
