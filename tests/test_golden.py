"""Same noise in, same codes, losses, gradients and steps out as before the renovation: to 1e-9, in double precision."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from golden_file import NOTES, compact, fill, given, golden, same
from vscbench.coders.admm import Admm, admm, ridge_inverse
from vscbench.coders.amortised import Amortised
from vscbench.coders.classifier_prior import ClassifierPrior
from vscbench.coders.coder import Coder
from vscbench.coders.divergences import gamma_kl, gaussian_kl, laplace_kl, spike_slab_kl, thresholded_laplace_kl
from vscbench.coders.fista import Fista, fista
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.lista import Lista
from vscbench.coders.vamp import VampPrior, mixture_log_prob
from vscbench.config import derive_seed
from vscbench.model import build_posterior
from vscbench.networks.convolutional import ConvolutionalEncoder, ConvolutionalGenerator
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.mlp import MLP, MLPGenerator
from vscbench.objectives import Objective
from vscbench.ramps import OneCycle, Ramp
from vscbench.settings import construct
from vscbench.training.adam import Adam
from vscbench.training.two_rates import TwoRates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.coders import Posterior
    from vscbench.coders.learned_prior import LearnedPrior

HEADS = {"location": "loc", "spike": "log_active"}
CASES: dict[str, Any] = NOTES["posterior_cases"]
RULES: dict[str, Any] = NOTES["rules"]
OBJECTIVES = sorted({name.split("/")[1] for name in golden() if name.startswith("objective/")})
WARMUP = Ramp(0.1, 1.0, end=0.5)


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def section(spec: dict[str, Any]) -> dict[str, Any]:
    """The `coder` section of today for an old specification."""
    old = dict(spec)
    threshold = {"kind": old.pop("threshold", "none"), "value": old.pop("threshold_value", None)}
    for key, name in (("estimator", "estimator"), ("gamma_kl_weight", "kl_weight"), ("kl", "divergence")):
        if key in old:
            threshold[name] = old.pop(key)
    scale = old.pop("spread_prior")
    new = {**old, "prior_scale": scale if old["family"] == "laplacian" else scale**0.5}
    if "spike_prior" in new:
        new["prior_active"], new["head"] = new.pop("spike_prior"), "rectified"
    return new | ({} if threshold["kind"] == "none" else {"threshold": threshold})


def posterior_of(case: str) -> Posterior:
    posterior = build_posterior(section(CASES[case]["spec"]))
    posterior.set_step(*CASES[case]["at"])
    return posterior


def params_of(posterior: Posterior, prefix: str = "in/", *, grad: bool = False) -> dict[str, Tensor]:
    old = {new: name for name, new in HEADS.items()}
    return {head: given(f"{prefix}{old.get(head, head)}").requires_grad_(grad) for head in posterior.heads}


def noise_of(posterior: Posterior) -> dict[str, Tensor]:
    family = getattr(posterior, "base", posterior)
    names = {"Gaussian": ("normal",), "Laplacian": ("laplace",), "SpikeSlab": ("normal", "uniform")}
    learned = ("gamma",) if "log_threshold_rate" in posterior.heads else ()
    return {name: given(f"in/{name}") for name in (*names[type(family).__name__], *learned)}


def gradients(value: Tensor, of: dict[str, Tensor]) -> Tensor:
    found = torch.autograd.grad(value, list(of.values()), retain_graph=True, allow_unused=True)
    return torch.stack([torch.zeros_like(p) if g is None else g for p, g in zip(of.values(), found, strict=True)])


# -------------------------------------------------------------------- posteriors


@pytest.mark.parametrize("case", CASES)
def test_posterior(case: str) -> None:
    posterior, at = posterior_of(case), f"posterior/{case}"
    params, noise = params_of(posterior, grad=True), noise_of(posterior_of(case))
    w_codes, w_latents = given("in/w_codes"), given("in/w_latents")

    codes = posterior.codes(params, noise)
    same(codes, f"{at}/codes")
    same(gradients((codes * w_codes).sum(), params), f"{at}/codes_grad")

    kl = posterior.kl(params)
    same(torch.stack([kl, posterior.mean(params), posterior.active_prob(params)]), f"{at}/kl_mean_active")
    same(gradients((kl * w_latents).sum(), params), f"{at}/kl_grad")

    draw = posterior.draw(params, noise)
    same(draw.codes, f"{at}/draw_codes")
    log_prob, ratio = posterior.log_prob(params, draw), posterior.log_ratio(params, noise)
    same(torch.stack([log_prob, ratio]), f"{at}/log_density_and_ratio")
    threshold = None if draw.threshold is None else draw.threshold.detach()
    fixed = posterior.log_prob_at(params, draw.codes.detach(), threshold)
    found = [gradients((value * w_codes).sum(), params) for value in (log_prob, ratio, fixed)]
    same(torch.stack(found), f"{at}/density_grad")
    same(list(posterior.prior().values()), f"{at}/prior")


@pytest.mark.parametrize(
    "case",
    sorted({name.split("/")[1] for name in golden() if name.startswith("within_range/") and name.count("/") == 2}),
)
def test_clamp(case: str) -> None:
    posterior = posterior_of(case)
    raw = given("within_range/raw")
    outputs = {head: (raw + 0.1 * n).requires_grad_() for n, head in enumerate(posterior.heads)}
    clamped = posterior.clamp(outputs)
    same(torch.stack(list(clamped.values())), f"within_range/{case}/clipped")
    total = torch.stack(list(clamped.values())).sum()
    same(gradients(total, outputs), f"within_range/{case}/grad")


def test_divergences() -> None:
    functions = {
        "gaussian_kl": (gaussian_kl, ("location", "log_variance"), (0.2**0.5,)),
        "laplace_kl": (laplace_kl, ("location", "log_scale"), (0.15,)),
        "spike_slab_kl": (spike_slab_kl, ("location", "log_variance", "log_spike"), (0.2**0.5, 0.15)),
        "gamma_kl": (gamma_kl, ("log_shape", "log_rate"), (3.0, 12.0)),
        "thresholded_laplace_kl": (thresholded_laplace_kl, ("location", "log_scale"), (0.25, 0.15)),
    }
    for name, (function, heads, constants) in functions.items():
        params = {head: given(f"divergence/in/{head}").requires_grad_() for head in heads}
        value = function(*params.values(), *constants)
        rows = torch.cat([value.detach()[None], gradients(value.sum(), params)])
        same(rows, f"divergence/{name}")


def test_thresholds_of_densities() -> None:
    of = {"laplacian": Laplacian(prior_scale=0.1), "gaussian": Gaussian(prior_scale=0.1**0.5)}
    same([of[f].threshold_for(d) for f in of for d in (0.05, 0.1, 0.5)], "divergence/threshold_at")


# -------------------------------------------------------------------- objectives


def coder_of(case: str, rule: dict[str, Any], kl_weight: float, generator: nn.Module) -> Amortised:
    posterior = posterior_of(case)
    noise = noise_of(posterior)
    posterior.noise = lambda *_: noise  # type: ignore[method-assign]
    objective = Objective.of({"samples": 4, "kl_weight": kl_weight, **rule})
    return Amortised(MLP((7,), (8, 5)), generator, posterior, objective)


def dictionary() -> Dictionary:
    made = Dictionary((7,), 6)
    made.atoms.data = given("in/atoms")
    return made


@pytest.fixture
def accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers by which draws are accepted, instead of random ones."""
    uniform, numbers = Tensor.uniform_, given("in/accept")

    def accepting(self: Tensor, *args: float, generator: torch.Generator | None = None) -> Tensor:
        return self.copy_(numbers) if self.shape == numbers.shape else uniform(self, *args, generator=generator)

    monkeypatch.setattr(Tensor, "uniform_", accepting)


@pytest.mark.parametrize(
    ("case", "rule"),
    sorted({tuple(n.split("/")[1:3]) for n in golden() if n.startswith("objective/")}),
)
@pytest.mark.usefixtures("accept")
def test_objective(case: str, rule: str) -> None:
    coder, at = coder_of(case, RULES[rule], 0.05, dictionary()), f"objective/{case}/{rule}"
    params = params_of(coder.family, grad=True)
    loss = coder.loss_at(given("in/x"), params, None)
    same(torch.stack([loss.value, loss.mse, loss.kl]), f"{at}/value_mse_kl")
    same(loss.codes, f"{at}/codes")
    both = params | {"atoms": coder.generator.atoms}
    found = torch.autograd.grad(loss.value.mean(), list(both.values()), allow_unused=True)
    same(torch.stack(list(found[:-1])), f"{at}/params_grad")
    same(found[-1], f"{at}/atoms_grad")


@pytest.mark.parametrize(
    "rule", sorted({n.split("/")[1] for n in golden() if n.startswith("objective_convolutional/")})
)
@pytest.mark.usefixtures("accept")
def test_objective_of_a_generator_with_batch_norm(rule: str) -> None:
    generator, at = ConvolutionalGenerator((1, 28, 28), 6, 0.1), f"objective_convolutional/{rule}"
    fill(generator, 36, {name: name for name in generator.state_dict()})
    generator.train()
    coder = coder_of("gaussian", RULES[rule], 0.001, generator)
    images = torch.from_numpy(np.random.default_rng(5).uniform(0, 1, (5, 1, 28, 28)))
    params = params_of(coder.family, grad=True)
    loss = coder.loss_at(images, params, None)
    same(torch.stack([loss.value, loss.mse, loss.kl]), f"{at}/value_mse_kl")
    names = sorted(dict(generator.named_parameters()))
    weights = [generator.get_parameter(name) for name in names]
    found = torch.autograd.grad(loss.value.mean(), [*params.values(), *weights])
    same(torch.stack(found[: len(params)]), f"{at}/params_grad")
    same(compact(list(found[len(params) :])), f"{at}/generator_grads_compact")
    running = sorted(name for name in dict(generator.named_buffers()) if "running" in name)
    same(compact([generator.get_buffer(name) for name in running]), f"{at}/running_compact")


# --------------------------------------------------------------------- learned priors


@pytest.mark.parametrize("case", sorted({n.split("/")[1] for n in golden() if n.startswith("vamp/")}))
def test_vamp_prior(case: str) -> None:
    posterior, at = posterior_of(case), f"vamp/{case}"
    params, pseudo = params_of(posterior, grad=True), params_of(posterior, "in/pseudo_", grad=True)
    noise, w_codes = noise_of(posterior), given("in/w_codes")
    draw = posterior.draw(params, noise)
    whole, marginal = (mixture_log_prob(posterior, pseudo, draw, marginal=each) for each in (False, True))
    same(whole, f"{at}/log_density")
    same(marginal, f"{at}/marginal")
    for value, weight, name in ((whole, w_codes[..., 0], "grad"), (marginal, w_codes, "marginal_grad")):
        same(gradients((value * weight).sum(), pseudo), f"{at}/{name}_pseudo")
        same(gradients((value * weight).sum(), params), f"{at}/{name}_params")
    coder = coder_of(case, {}, 0.05, dictionary())
    log_prior = lambda d: mixture_log_prob(posterior.at_final_schedule(), pseudo, d)  # noqa: E731
    both = coder.divergence(params, noise, log_prior), coder.log_ratio(params, noise, log_prior)
    same(torch.stack(both), f"{at}/divergence_and_log_ratio")


@pytest.mark.parametrize(
    ("case", "rule"),
    sorted({tuple(n.split("/")[1:3]) for n in golden() if n.startswith("vamp/") and n.count("/") == 3}),
)
@pytest.mark.usefixtures("accept")
def test_objective_under_a_learned_prior(case: str, rule: str) -> None:
    coder, at = coder_of(case, RULES[rule], 0.05, dictionary()), f"vamp/{case}/{rule}"
    family = coder.family
    params, pseudo = params_of(family, grad=True), params_of(family, "in/pseudo_", grad=True)
    coder.log_prior = lambda *_, **__: lambda draw: mixture_log_prob(family.at_final_schedule(), pseudo, draw)  # type: ignore[method-assign]
    loss = coder.loss_at(given("in/x"), params, None)
    same(torch.stack([loss.value, loss.mse, loss.kl]), f"{at}/value_mse_kl")
    same(gradients(loss.value.mean(), params), f"{at}/params_grad")
    same(gradients(loss.value.mean(), pseudo), f"{at}/pseudo_grad")
    same(gradients(loss.value.mean(), {"atoms": coder.generator.atoms})[0], f"{at}/atoms_grad")


def test_classifier_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = ClassifierPrior((7,), 3)
    fill(prior, 31, {name: name for name in prior.state_dict()})
    prior.eval()
    prior.set_step(2, 100)
    same(prior.temperature, "clf/heat")
    monkeypatch.setattr(Tensor, "exponential_", lambda self, *_, **__: self.copy_(given("in/exponential")))
    choice = prior.choose(given("in/x"), None)
    same(choice, "clf/choice")
    value = (choice * given("in/w_latents")[:, :3]).sum()
    names = NOTES["clf_grad_order"]
    found = torch.autograd.grad(value, [prior.get_parameter(name) for name in names], allow_unused=True)
    same(compact([g for g in found if g is not None]), "clf/grad")
    family = posterior_of("laplacian_fixed_straight_through")
    draw = family.draw(params_of(family), noise_of(family))
    log_prior = prior.log_prob_for(given("in/x"), params_of(family, "in/pseudo_"), family, None)
    same(log_prior(draw), "clf/log_prior")


# ------------------------------------------------------------------------ solvers


@pytest.mark.parametrize(("name", "limits"), [("default", (500, 1e-3)), ("exact", (20000, 1e-12))])
def test_solvers(name: str, limits: tuple[int, float]) -> None:
    x, atoms = given("in/x"), given("in/atoms")
    tolerance = 1e-9 if name == "default" else 1e-8
    found = fista(x, atoms, 0.3, *limits)
    same(found.codes, f"solver/fista_{name}/codes", tolerance)
    for rho in (1.0, 10.0):
        at = f"solver/admm_{name}_rho{rho:g}"
        if f"{at}/codes" in golden():
            same(admm(x, atoms, 0.3, rho, *limits).codes, f"{at}/codes", tolerance)
    if name == "default":
        same(found.iterations, "solver/fista_default/iterations")


def test_solvers_of_other_shapes() -> None:
    same(ridge_inverse(given("in/atoms"), 1.5), "solver/ridge_inverse_tall")
    same(ridge_inverse(given("in/atoms").T, 1.5), "solver/ridge_inverse_wide")
    same(fista(given("in/w_latents"), given("in/atoms").T, 0.3).codes, "solver/fista_wide/codes")


@pytest.mark.parametrize("case", ["fista_loss", "fista_loss@mid", "admm_loss", "admm_loss@mid"])
def test_loss_of_a_solver(case: str) -> None:
    admm = case.startswith("admm")
    coder = Admm(dictionary(), 0.3, WARMUP, rho=1.0) if admm else Fista(dictionary(), 0.3, WARMUP, stop="change")
    coder.set_step(*((3, 10) if case.endswith("@mid") else (10, 10)))
    loss = coder.loss(given("in/x"), None)
    same(torch.stack([loss.value, loss.mse, loss.kl]), f"solver/{case}/value_mse_kl")
    same(loss.codes.reshape(golden()[f"solver/{case}/codes"].shape), f"solver/{case}/codes")
    (found,) = torch.autograd.grad(loss.value.mean(), [coder.generator.get_parameter("atoms")])
    name = next(n for n in golden() if n.startswith(f"solver/{case}/") and "grad" in n)
    same(found, name)


@pytest.mark.parametrize("case", sorted({n.split("/")[1] for n in golden() if n.startswith("lista/")}))
def test_lista(case: str) -> None:
    words = case.removesuffix("@mid").split("_")
    coder = Lista(dictionary(), 0.3, WARMUP, 4, tied=words[0] == "tied", mode=words[1])  # type: ignore[arg-type]
    coder.set_step(*((3, 10) if case.endswith("@mid") else (10, 10)))
    loss = coder.loss(given("in/x"), None)
    same(coder.encode(given("in/x")), f"lista/{case}/codes")
    same(torch.stack([loss.value, loss.mse]), f"lista/{case}/value_mse")
    parameters = {name: coder.get_parameter(name) for name in ("analysis", "lateral", "log_threshold")}
    parameters["atoms"] = coder.generator.get_parameter("atoms")
    found = torch.autograd.grad(loss.value.mean(), list(parameters.values()), allow_unused=True)
    for (name, parameter), gradient in zip(parameters.items(), found, strict=True):
        same(torch.zeros_like(parameter) if gradient is None else gradient, f"lista/{case}/grad_{name}")


@pytest.mark.parametrize("case", sorted({n.split("/")[1] for n in golden() if n.startswith("deep_fista/")}))
def test_fista_on_a_network(case: str) -> None:
    generator = MLPGenerator((1, 3, 3), 6, (5,))
    fill(generator, 32, {name: name for name in generator.state_dict()})
    coder = Fista(generator, 0.02, WARMUP, max_iterations=200, tolerance=1e-3)
    coder.set_step(*((3, 10) if case.endswith("@mid") else (10, 10)))
    loss = coder.loss(given("in/images9"), None)
    same(loss.codes.reshape(golden()[f"deep_fista/{case}/codes"].shape), f"deep_fista/{case}/codes")
    same(loss.mse, f"deep_fista/{case}/mse")
    names = sorted(dict(generator.named_parameters()))
    found = torch.autograd.grad(loss.value.mean(), [generator.get_parameter(name) for name in names])
    same(compact(list(found)), f"deep_fista/{case}/grad")


# ----------------------------------------------------------------------- networks

NETWORKS: dict[str, Any] = {
    "dictionary": (lambda: Dictionary((7,), 6), 33, "in/w_codes"),
    "mlp": (lambda: MLP((7,), (8, 5)), 34, "in/x"),
    "mlp_generator": (lambda: MLPGenerator((1, 3, 3), 6, (5,)), 32, "in/w_codes"),
    "convolutional_encoder": (lambda: ConvolutionalEncoder((1, 28, 28), 0.1), 35, None),
    "convolutional_generator": (lambda: ConvolutionalGenerator((1, 28, 28), 6, 0.1), 36, "in/w_codes"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str) -> None:
    make, seed, source = NETWORKS[name]
    network = make()
    fill(network, seed, {key: key for key in network.state_dict()})
    if source is None:
        x = torch.from_numpy(np.random.default_rng(4).uniform(0, 1, (3, 1, 28, 28)))
    else:
        x = given(source)[0, :2] if name == "convolutional_generator" else given(source)
    for mode in ("eval", "train"):
        at = f"network/{name}/{mode}"
        if not any(key.startswith(at) for key in golden()):
            continue
        network.train(mode == "train")
        x = x.clone().requires_grad_()
        output = network(x)
        weight = torch.from_numpy(np.random.default_rng(98).standard_normal(tuple(output.shape)))
        names = sorted(dict(network.named_parameters()))
        found = torch.autograd.grad((output * weight).sum(), [x, *(network.get_parameter(n) for n in names)])
        if f"{at}/output" in golden():
            same(output, f"{at}/output")
        else:
            same(compact([output])[0].reshape(golden()[f"{at}/output_compact"].shape), f"{at}/output_compact")
        if f"{at}/input_grad" in golden():
            same(found[0], f"{at}/input_grad")
            for key, gradient in zip(names, found[1:], strict=True):
                same(gradient, f"{at}/grad/{key}")
        else:
            same(compact(list(found)), f"{at}/grads_compact")


@pytest.mark.parametrize("case", ["fixed_prior", "vamp"])
def test_amortised_coder(case: str) -> None:
    family, at = posterior_of("laplacian_gamma_straight_through"), f"amortised/{case}"
    noise = noise_of(family)
    family.noise = lambda *_: noise  # type: ignore[method-assign]
    prior: LearnedPrior | None = VampPrior((7,), 3) if case == "vamp" else None
    coder = Amortised(MLP((7,), (8, 5)), dictionary(), family, Objective.of({"samples": 4, "kl_weight": 0.05}), prior)
    fill(coder, 37, {name: name for name in coder.state_dict() if not name.startswith("generator.")})
    with torch.no_grad():
        coder.heads.weight *= 0.3
        coder.heads.bias += torch.tensor([0, -1.3, 1.1, 2.5]).repeat_interleave(6)
    x = given("in/x")
    params = coder.params(x)
    same(torch.stack(list(params.values())), f"{at}/encoded")
    loss = coder.loss(x, None)
    same(torch.stack([loss.value, loss.mse, loss.kl]), f"{at}/value_mse_kl")
    same(loss.codes, f"{at}/codes")
    same(coder.encode(x), f"{at}/mean")
    same(coder.sample(x, 4, None), f"{at}/sample")
    same(coder.best(x, 4, None), f"{at}/best")
    same(coder.log_weights(x, 4, None), f"{at}/log_weights")
    names = sorted(name for name, _ in coder.named_parameters() if not name.startswith("generator."))
    weights = [coder.get_parameter(name) for name in names]
    found = torch.autograd.grad(loss.value.mean(), [*weights, coder.generator.atoms])
    same(compact(list(found)), f"{at}/grads_compact")
    if prior is None:
        same(coder.kl(x), f"{at}/kl")


# ------------------------------------------------------------------ steps and schedules


class Linear(Coder):
    """z = x Wᵀ + b, with parameters that learn or without."""

    def __init__(self, generator: nn.Module, *, learns: bool) -> None:
        super().__init__(generator)
        weight, bias = given("optimizer/in/weight"), given("optimizer/in/bias")
        self.weight = nn.Parameter(weight) if learns else weight
        self.bias = nn.Parameter(bias) if learns else bias

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row of x."""
        return x @ self.weight.T + self.bias


@pytest.mark.parametrize("name", NOTES["trainings"])
def test_optimiser(name: str) -> None:
    settings = {key: value for key, value in NOTES["trainings"][name].items() if key != "optimizer"}
    coder = Linear(dictionary(), learns=not name.endswith("solver"))
    settings.setdefault("clip_norm", None)
    kind = Adam if name.startswith("adam") else TwoRates
    optimizer = construct(kind, settings, coder=coder, pixels=7)
    x, rows = given("in/x"), []
    for step in range(3):
        optimizer.set_rates(step, 10)
        loss = (x - coder.decode(coder.encode(x))).square().mean()
        optimizer.step(loss)
        parts = [coder.generator.get_parameter("atoms"), coder.weight, coder.bias]
        rows.append(torch.cat([loss.detach()[None], *(part.detach().flatten() for part in parts)]))
    expected = golden()[f"optimizer/{name}"]
    same(torch.stack(rows)[:, : expected.shape[1]], f"optimizer/{name}")


@pytest.mark.parametrize("name", NOTES["schedules"])
def test_schedule(name: str) -> None:
    kind, arguments = re.fullmatch(r"(\w+)\((.*)\)", NOTES["schedules"][name]).groups()  # type: ignore[union-attr]
    made = {"Ramp": Ramp, "OneCycle": OneCycle}[kind](**eval(f"dict({arguments})"))  # noqa: S307  (our own file)
    same([made(step, 100) for step in golden()["schedule/steps"]], f"schedule/{name}")


def test_seeds() -> None:
    tuples = [json.loads(str(each)) for each in golden()["derive_seed/tuples"]]
    assert [str(derive_seed(*each)) for each in tuples] == [str(seed) for seed in golden()["derive_seed/seeds"]]
