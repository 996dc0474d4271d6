"""Golden file of the old vscbench (commit da54d27): inputs by numpy, outputs by the old code. See README.md.

    PYTHONPATH=OLD/src OMP_NUM_THREADS=1 python tests/golden/make_golden.py [OUT.npz]    (OLD: a checkout of da54d27)
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

import vscbench

assert not Path(vscbench.__file__).is_relative_to(Path(__file__).parents[2]), "this is the new code: see above"
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

from vscbench.coders import Amortised, build_posterior
from vscbench.coders.admm import Admm, admm, ridge_inverse
from vscbench.coders.base import Draw
from vscbench.coders.classifier_prior import ClassifierPrior
from vscbench.coders.deep_fista import DeepFista
from vscbench.coders.divergences import gamma_kl, gaussian_kl, laplace_kl, spike_slab_kl, thresholded_laplace_kl
from vscbench.coders.fista import Fista, fista
from vscbench.coders.gamma import standard_gamma
from vscbench.coders.gaussian import half_normal_quadrature
from vscbench.coders.lista import Lista
from vscbench.coders.noise import laplace, normal, uniform
from vscbench.coders.polygamma import digamma_and_trigamma
from vscbench.coders.vamp import VampPrior, mixture_log_density
from vscbench.config import derive_seed, threshold_at
from vscbench.data import Splits, faces, synthetic
from vscbench.data.patches import cut_patches, split_by_image
from vscbench.data.splits import standardise
from vscbench.data.subsets import choose
from vscbench.data.whitening import whiten, whitening_filter
from vscbench.generators import Dictionary
from vscbench.generators.convolutional import ConvolutionalEncoder, ConvolutionalGenerator
from vscbench.generators.mlp import MLP, MLPGenerator
from vscbench.metrics import (
    attributes,
    collapse,
    dependence,
    exactness,
    features,
    generation,
    gradients,
    lasso,
    pictures,
    reconstruction,
    recovery,
    sparsity,
    stability,
)
from vscbench.metrics.baselines import baselines, sizes
from vscbench.metrics.evaluation import Evaluation
from vscbench.model import Model
from vscbench.objectives import Objective, squared_error
from vscbench.objectives.divergence import divergence, log_ratio
from vscbench.objectives.iwae import log_mean_exp, log_weights
from vscbench.objectives.lasso import lasso_objective
from vscbench.ramps import OneCycle, Ramp
from vscbench.reporting.agreement import matched_cosine
from vscbench.reporting.frontier import Frontier, curve, efficient, overlap
from vscbench.reporting.statistics import bootstrap_interval, holm, p_above, repetitions_needed
from vscbench.training.optimizer import learning

torch.set_default_dtype(torch.float64)  # after the imports, as a fixture would (README)

B, K, P, S, M = 5, 6, 7, 4, 3
OUT: dict[str, np.ndarray] = {}
ALIASES: list[tuple[str, str]] = []
SEEN: dict[bytes, str] = {}
NOTES: dict[str, object] = {}


def put(name, value):
    """Store as float64 (strings and seeds as they are); an entry equal to an earlier one becomes its alias."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    value = np.array(value)
    if value.dtype.kind not in "U":
        value = value.astype(np.float64)
    value = np.ascontiguousarray(value) if value.ndim else value
    assert name not in OUT and name not in dict(ALIASES), name
    key = f"{value.shape}{value.dtype}".encode() + value.tobytes()
    if value.nbytes >= 16 and key in SEEN:
        ALIASES.append((name, SEEN[key]))
        return
    SEEN[key] = name
    OUT[name] = value


def named(name, values):
    """Store a dict of numbers: NAME/names and NAME/values."""
    put(f"{name}/names", list(values))
    put(f"{name}/values", [float(v) for v in values.values()])


def T(array):
    return torch.from_numpy(np.array(array, dtype=np.float64))


def leaf(tensor):
    return tensor.detach().clone().requires_grad_()


def grads(value, leaves):
    """Gradients of a number in leaves, 0 where there is none."""
    found = torch.autograd.grad(value, leaves, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(leaves, found, strict=True)]


def compact(gradients):
    """(n, 3): of each gradient g its sum, its sum of squares, and Σ g·w with w = default_rng(99).standard_normal(g.shape)."""
    rows = []
    for g in gradients:
        g = g.detach().numpy()
        w = np.random.default_rng(99).standard_normal(g.shape)
        rows.append([g.sum(), np.square(g).sum(), (g * w).sum()])
    return np.array(rows)


def fill(module, seed):
    """Fill the state of a module, in sorted order of its keys, from one numpy stream (README)."""
    rng = np.random.default_rng(seed)
    state = module.state_dict()
    names = []
    for key in sorted(state):
        if key.endswith("num_batches_tracked"):
            continue
        shape = tuple(state[key].shape)
        value = rng.uniform(0.5, 1.5, shape) if key.endswith("running_var") else 0.5 * rng.standard_normal(shape)
        state[key] = T(value)
        names.append((key, shape))
    module.load_state_dict(state)
    return names


@contextmanager
def injected(**draws):
    """Let in-place draws of torch (uniform_, exponential_) return the given arrays; other arguments are ignored."""
    before = {}
    for method, array in draws.items():
        before[method] = getattr(torch.Tensor, method)
        fixed = T(array)

        def replaced(self, *args, fixed=fixed, **kwargs):
            assert self.shape == fixed.shape, (self.shape, fixed.shape)
            return self.copy_(fixed)

        setattr(torch.Tensor, method, replaced)
    try:
        yield
    finally:
        for method in before:
            delattr(torch.Tensor, method)  # the attribute of the base class shows again


# ---------------------------------------------------------------- common inputs

rng = np.random.default_rng(20240607)
I: dict[str, np.ndarray] = {
    "location": 0.5 * rng.standard_normal((B, K)),
    "log_variance": -2.0 + 0.7 * rng.standard_normal((B, K)),
    "log_scale": -1.3 + 0.5 * rng.standard_normal((B, K)),
    "spike": np.log(rng.uniform(0.05, 0.95, (B, K))),
    "log_threshold_shape": np.log(3.0) + 0.4 * rng.standard_normal((B, K)),
    "log_threshold_rate": np.log(12.0) + 0.4 * rng.standard_normal((B, K)),
    "normal": rng.standard_normal((S, B, K)),
    "laplace": rng.laplace(size=(S, B, K)),
    "uniform": rng.uniform(0.001, 0.999, (S, B, K)),
}
I["gamma"] = rng.gamma(np.exp(I["log_threshold_shape"]), size=(S, B, K))
I |= {
    "w_codes": rng.standard_normal((S, B, K)),
    "w_latents": rng.standard_normal((B, K)),
    "x": rng.standard_normal((B, P)),
    "atoms": rng.standard_normal((P, K)) / np.sqrt(P),
    "accept": rng.uniform(0.001, 0.999, (S, B)),
    "exponential": rng.exponential(size=(B, M)),
}
for head, (low, spread) in {
    "location": (0.0, 0.5),
    "log_variance": (-1.5, 0.6),
    "log_scale": (-1.0, 0.4),
    "spike": (-1.2, 0.3),
    "log_threshold_shape": (1.0, 0.3),
    "log_threshold_rate": (2.4, 0.3),
}.items():
    I[f"pseudo_{head}"] = low + spread * rng.standard_normal((M, K))
for name, value in I.items():
    put(f"in/{name}", value)


def params_of(posterior, prefix=""):
    return {head: leaf(T(I[prefix + head])) for head in posterior.heads}


NOISES = ("normal", "laplace", "uniform", "gamma")


def noise_of(posterior):
    """The given arrays under the names that this posterior's own noise has."""
    probe = posterior.noise({h: v.detach() for h, v in params_of(posterior).items()}, S, torch.Generator().manual_seed(0))
    assert set(probe) <= set(NOISES)
    return {name: T(I[name]) for name in probe}


def with_noise(posterior):
    """The same posterior, whose noise is the given one."""
    fixed = noise_of(posterior)

    def noise(params, samples, rng):
        assert samples == S
        return dict(fixed)

    posterior.noise = noise
    return posterior


# ------------------------------------------------------------------- posteriors

WARMUP = {"initial": 0.1, "final": 1, "start": 0.2, "end": 0.8}
LAPLACE = {"family": "laplacian", "spread_prior": 0.15, "noise_warmup": WARMUP}
GAUSS = {"family": "gaussian", "spread_prior": 0.2}
SPIKE = {"family": "spike_slab", "spread_prior": 0.2, "spike_prior": 0.15, "noise_warmup": WARMUP}
END, MID = (10, 10), (3, 10)
CASES: dict[str, tuple[dict, tuple[int, int]]] = {
    "gaussian": (GAUSS, END),
    "laplacian": (LAPLACE, END),
    "laplacian@mid": (LAPLACE, MID),
}
for gate in ("logit", "published"):
    for estimator in ("straight_through", "gumbel", "gumbel_rao"):
        for tag, when in (("", END), ("@mid", MID)):
            CASES[f"spike_slab_{gate}_{estimator}{tag}"] = (SPIKE | {"gate": gate, "gate_estimator": estimator}, when)
for base, spec in (("gaussian", GAUSS), ("laplacian", LAPLACE)):
    for threshold in ("fixed", "gamma"):
        extra = {"threshold": threshold, "threshold_value": 0.25}
        extra |= {"gamma_kl_weight": 0.2} if threshold == "gamma" else {}
        for estimator in ("straight_through", "published", "subgradient"):
            CASES[f"{base}_{threshold}_{estimator}"] = (spec | extra | {"estimator": estimator}, END)
        if base == "laplacian":
            CASES[f"{base}_{threshold}_straight_through@mid"] = (spec | extra | {"estimator": "straight_through"}, MID)
EXACT = LAPLACE | {"threshold": "fixed", "threshold_value": 0.25, "kl": "exact"}
CASES |= {"laplacian_fixed_exact": (EXACT, END), "laplacian_fixed_exact@mid": (EXACT, MID)}
NOTES["posterior_cases"] = {name: {"spec": spec, "at": when} for name, (spec, when) in CASES.items()}

for case, (spec, when) in CASES.items():
    posterior = build_posterior(spec)
    posterior.at(*when)
    params, noise = params_of(posterior), noise_of(posterior)
    leaves = list(params.values())
    w, wk = T(I["w_codes"]), T(I["w_latents"])
    at = f"posterior/{case}"

    codes = posterior.codes(params, noise)
    with torch.no_grad():
        assert torch.allclose(posterior.codes(params, noise), codes, rtol=0, atol=1e-14), case
    put(f"{at}/codes", codes)
    put(f"{at}/codes_grad", torch.stack(grads((codes * w).sum(), leaves)))

    kl = posterior.kl(params)
    mean, active = posterior.mean(params), posterior.active_probability(params)
    put(f"{at}/kl_mean_active", torch.stack((kl, mean, active)))
    put(f"{at}/kl_grad", torch.stack(grads((kl * wk).sum(), leaves)))

    draw = posterior.draw(params, noise)
    density, ratio = posterior.log_density(params, draw), posterior.log_ratio(params, noise)
    held = None if draw.threshold is None else draw.threshold.detach()
    at_fixed = posterior.log_density_at(params, draw.codes.detach(), held)
    assert torch.equal(at_fixed, density.detach()) or torch.allclose(at_fixed, density, rtol=0, atol=1e-12)
    put(f"{at}/draw_codes", draw.codes)
    put(f"{at}/log_density_and_ratio", torch.stack((density, ratio)))
    rows = [torch.stack(grads((value * w).sum(), leaves)) for value in (density, ratio, at_fixed)]
    put(f"{at}/density_grad", torch.stack(rows))
    assert tuple(posterior.prior()) == tuple(posterior.heads)
    put(f"{at}/prior", list(posterior.prior().values()))

# Heads that are out of range.
I_raw = np.random.default_rng(1).standard_normal((4, K)) * 14
put("within_range/raw", I_raw)
for case in ("spike_slab_logit_straight_through", "gaussian_gamma_straight_through", "gaussian"):
    posterior = build_posterior(CASES[case][0])
    raw = {h: leaf(T(I_raw + 0.1 * n)) for n, h in enumerate(posterior.heads)}
    clipped = posterior.within_range(raw)
    put(f"within_range/{case}/clipped", torch.stack([clipped[h] for h in posterior.heads]))
    put(f"within_range/{case}/grad", torch.stack(grads(sum(v.sum() for v in clipped.values()), list(raw.values()))))

# The closed forms by themselves, over a wide range.
wide = np.random.default_rng(2)
D = {
    "location": wide.standard_normal(12) * 2,
    "log_variance": wide.standard_normal(12) * 2,
    "log_scale": wide.standard_normal(12) * 2,
    "log_spike": np.log(wide.uniform(1e-4, 1 - 1e-4, 12)),
    "log_shape": wide.standard_normal(12) * 2,
    "log_rate": wide.standard_normal(12) * 2,
}
D["location"][0] = 0.0
for name, value in D.items():
    put(f"divergence/in/{name}", value)
for name, function, heads, constants in (
    ("gaussian_kl", gaussian_kl, ("location", "log_variance"), (0.2,)),
    ("laplace_kl", laplace_kl, ("location", "log_scale"), (0.15,)),
    ("spike_slab_kl", spike_slab_kl, ("location", "log_variance", "log_spike"), (0.2, 0.15)),
    ("gamma_kl", gamma_kl, ("log_shape", "log_rate"), (3.0, 12.0)),
    ("thresholded_laplace_kl", thresholded_laplace_kl, ("location", "log_scale"), (0.25, 0.15)),
):
    leaves = [leaf(T(D[h])) for h in heads]
    value = function(*leaves, *constants)
    put(f"divergence/{name}", torch.stack((value, *grads(value.sum(), leaves))))
put("divergence/digamma_and_trigamma", torch.stack(digamma_and_trigamma(T(D["log_shape"]).exp())))
put("divergence/half_normal_quadrature", np.array(list(half_normal_quadrature())))
put("divergence/threshold_at", [threshold_at(d, f, 0.1) for f in ("laplacian", "gaussian") for d in (0.05, 0.1, 0.5)])

# ------------------------------------------------------------------- objectives


def dictionary():
    generator = Dictionary((P,), K)
    generator.atoms = nn.Parameter(T(I["atoms"]))
    return generator


RULES = {
    "average": {"sampling": "average"},
    "max_elbo_selected": {"sampling": "max_elbo", "backward": "selected"},
    "max_elbo_all": {"sampling": "max_elbo", "backward": "all"},
    "iwae": {"sampling": "iwae"},
    "iwae_published": {"sampling": "iwae_published"},
    "rejection": {"sampling": "rejection"},
}
OBJECTIVE_POSTERIORS = {
    "gaussian": END,
    "laplacian@mid": MID,
    "spike_slab_logit_straight_through": END,
    "spike_slab_logit_gumbel@mid": MID,
    "gaussian_fixed_published": END,
    "laplacian_gamma_straight_through": END,
}
NOTES["rules"] = RULES
KL_WEIGHT = 0.05
x = T(I["x"])

for case, when in OBJECTIVE_POSTERIORS.items():
    for rule, spec in RULES.items():
        if "gumbel" in case and rule in ("max_elbo_all", "iwae_published", "rejection"):
            continue
        posterior = build_posterior(CASES[case][0])
        posterior.at(*when)
        with_noise(posterior)
        params, generator = params_of(posterior), dictionary()
        objective = Objective(samples=S, kl_weight=KL_WEIGHT, **spec)
        with injected(uniform_=I["accept"]):
            loss = objective(x, posterior, params, generator, None)
        at = f"objective/{case}/{rule}"
        put(f"{at}/value_mse_kl", torch.stack((loss.value, loss.mse, loss.kl)))
        put(f"{at}/codes", loss.codes)
        found = grads(loss.value.mean(), [*params.values(), generator.atoms])
        put(f"{at}/params_grad", torch.stack(found[:-1]))
        put(f"{at}/atoms_grad", found[-1])

# ---------------------------------------------------------------- learned priors

for case in ("gaussian", "laplacian_fixed_straight_through", "spike_slab_logit_straight_through",
             "gaussian_gamma_straight_through", "laplacian_gamma_straight_through"):
    posterior = build_posterior(CASES[case][0])
    posterior.at(*END)
    params, pseudo, noise = params_of(posterior), params_of(posterior, "pseudo_"), noise_of(posterior)
    leaves = [*pseudo.values(), *params.values()]
    draw = posterior.draw(params, noise)
    wb = T(I["w_codes"][..., 0])
    mixture = mixture_log_density(posterior, pseudo, draw)
    each = mixture_log_density(posterior, pseudo, draw, marginal=True)
    at, heads = f"vamp/{case}", len(pseudo)
    put(f"{at}/log_density", mixture)
    put(f"{at}/marginal", each)
    for name, value in (("grad", (mixture * wb).sum()), ("marginal_grad", (each * T(I["w_codes"])).sum())):
        found = grads(value, leaves)
        put(f"{at}/{name}_pseudo", torch.stack(found[:heads]))
        put(f"{at}/{name}_params", torch.stack(found[heads:]))
    log_prior = lambda draw: mixture_log_density(posterior, pseudo, draw)
    put(f"{at}/divergence_and_log_ratio", torch.stack(
        (divergence(posterior, params, noise, log_prior), log_ratio(posterior, params, noise, log_prior))))
    if case not in ("spike_slab_logit_straight_through", "laplacian_gamma_straight_through"):
        continue
    # Objectives under it.
    for rule in ("average", "max_elbo_selected", "iwae"):
        given = with_noise(build_posterior(CASES[case][0]))
        given.at(*END)
        generator = dictionary()
        loss = Objective(samples=S, kl_weight=KL_WEIGHT, **RULES[rule])(x, given, params, generator, None, log_prior)
        put(f"{at}/{rule}/value_mse_kl", torch.stack((loss.value, loss.mse, loss.kl)))
        found = grads(loss.value.mean(), [*leaves, generator.atoms])
        put(f"{at}/{rule}/pseudo_grad", torch.stack(found[:heads]))
        put(f"{at}/{rule}/params_grad", torch.stack(found[heads:-1]))
        put(f"{at}/{rule}/atoms_grad", found[-1])

clf = ClassifierPrior((P,), M).eval()
NOTES["classifier_prior_state"] = fill(clf, 31)
clf.at(2, 100)
with injected(exponential_=I["exponential"]):
    choice = clf.choose(x, None)
put("clf/choice", choice)
put("clf/heat", clf.heat)
put("clf/grad", compact(grads((choice * T(I["w_latents"][:, :M])).sum(), [p for n, p in sorted(clf.named_parameters()) if n != "pseudo_inputs"])))
NOTES["clf_grad_order"] = [n for n, p in sorted(clf.named_parameters()) if n != "pseudo_inputs"]
posterior = build_posterior(CASES["laplacian_fixed_straight_through"][0])
posterior.at(*END)
params, pseudo = params_of(posterior), params_of(posterior, "pseudo_")
with injected(exponential_=I["exponential"]):
    given = clf.given(x, pseudo, posterior, None)
put("clf/log_prior", given(posterior.draw(params, noise_of(posterior))))

# ----------------------------------------------------------------------- solvers

PENALTY = 0.3
A = T(I["atoms"])
for name, tolerance, limit in (("default", 1e-3, 500), ("exact", 1e-12, 20000)):
    found = fista(x, A, PENALTY, max_iterations=limit, tolerance=tolerance)
    put(f"solver/fista_{name}/codes", found.codes)
    put(f"solver/fista_{name}/iterations", found.iterations)
    for rho in (1.0, 10.0):
        found = admm(x, A, PENALTY, rho=rho, max_iterations=limit, tolerance=tolerance)
        put(f"solver/admm_{name}_rho{rho:g}/codes", found.codes)
        put(f"solver/admm_{name}_rho{rho:g}/iterations", found.iterations)
put("solver/ridge_inverse_tall", ridge_inverse(A, 1.5))
put("solver/ridge_inverse_wide", ridge_inverse(A.T.contiguous(), 1.5))
put("solver/fista_wide/codes", fista(T(I["w_latents"]), A.T.contiguous(), PENALTY).codes)
for name, solver in (
    ("fista", Fista(PENALTY, Ramp(0.1, 1, end=0.5))),
    ("admm", Admm(PENALTY, Ramp(0.1, 1, end=0.5), rho=1.0)),
):
    for tag, when in (("", END), ("@mid", MID)):
        solver.at(*when)
        generator = dictionary()
        loss = solver.loss(x, generator, None)
        put(f"solver/{name}_loss{tag}/value_mse_kl", torch.stack((loss.value, loss.mse, loss.kl)))
        put(f"solver/{name}_loss{tag}/codes", loss.codes)
        put(f"solver/{name}_loss{tag}/atoms_grad", grads(loss.value.mean(), [generator.atoms])[0])
for tied in (True, False):
    for mode in ("unrolled", "supervised"):
        for tag, when in (("", END), ("@mid", MID)) if mode == "unrolled" and tied else (("", END),):
            generator = dictionary()
            net = Lista(generator.atoms, PENALTY, Ramp(0.1, 1, end=0.5), 4, tied=tied, mode=mode)
            net.at(*when)
            at = f"lista/{'tied' if tied else 'untied'}_{mode}{tag}"
            put(f"{at}/codes", net.codes(x))
            loss = net.loss(x, generator, None)
            put(f"{at}/value_mse", torch.stack((loss.value, loss.mse)))
            leaves = [net.analysis, net.lateral, net.log_threshold, generator.atoms]
            for head, value in zip(("analysis", "lateral", "log_threshold", "atoms"), grads(loss.value.mean(), leaves), strict=True):
                put(f"{at}/grad_{head}", value)
            if not tag and mode == "unrolled":
                put(f"{at}/state_sums", [[p.shape[0], p.sum().item(), p.square().sum().item()] for p in leaves])

images9 = np.random.default_rng(3).uniform(0, 1, (B, 1, 3, 3))
put("in/images9", images9)
generator = MLPGenerator((1, 3, 3), K, [5])
NOTES["mlp_generator_state"] = fill(generator, 32)
NOTES["mlp_generator_grad_order"] = [n for n, _ in sorted(generator.named_parameters())]
for name, tolerance, limit in (("default", 1e-3, 200),):  # tighter ones depend on rounding
    solver = DeepFista(0.02, Ramp(0.1, 1, end=0.5), max_iterations=limit, tolerance=tolerance)
    for tag, when in (("", END), ("@mid", MID)):
        solver.at(*when)
        loss = solver.loss(T(images9), generator, None)
        put(f"deep_fista/{name}{tag}/codes", loss.codes)
        put(f"deep_fista/{name}{tag}/mse", loss.mse)
        put(f"deep_fista/{name}{tag}/grad", compact(grads(loss.value.mean(), [p for _, p in sorted(generator.named_parameters())])))

# ---------------------------------------------------------------------- networks


def network(name, module, inputs, seed, *, full):
    """Output, and gradients of Σ output·w (w by default_rng(98)) in input and parameters."""
    NOTES[f"network_{name}_state"] = fill(module, seed)
    ordered = sorted(module.named_parameters())
    NOTES[f"network_{name}_grad_order"] = [n for n, _ in ordered]
    for mode in ("eval", "train") if any(isinstance(m, nn.BatchNorm2d) for m in module.modules()) else ("eval",):
        module.train(mode == "train")
        given = leaf(T(inputs))
        output = module(given)
        w = T(np.random.default_rng(98).standard_normal(tuple(output.shape)))
        found = grads((output * w).sum(), [given, *(p for _, p in ordered)])
        at = f"network/{name}/{mode}"
        if output.numel() < 1000:
            put(f"{at}/output", output)
        else:
            if mode == "eval":
                put(f"{at}/output_first", output[0])
            put(f"{at}/output_compact", compact([output]))
        if full:
            put(f"{at}/input_grad", found[0])
            for (n, _), g in zip(ordered, found[1:], strict=True):
                put(f"{at}/grad/{n}", g)
        else:
            put(f"{at}/grads_compact", compact(found))
    buffers = {n: b for n, b in module.named_buffers() if "running" in n}
    if buffers:
        put(f"network/{name}/train/running_compact", compact([buffers[n] for n in sorted(buffers)]))


images28 = np.random.default_rng(4).uniform(0, 1, (3, 1, 28, 28))
codes28 = I["w_codes"][0, :3]  # (3, K)
network("dictionary", dictionary(), I["w_codes"], 33, full=True)
network("mlp", MLP((P,), [8, 5]), I["x"], 34, full=True)
network("mlp_generator", MLPGenerator((1, 3, 3), K, [5]), I["w_codes"], 32, full=True)
network("convolutional_encoder", ConvolutionalEncoder((1, 28, 28), 0.1), images28, 35, full=False)
network("convolutional_generator", ConvolutionalGenerator((1, 28, 28), K, 0.1), codes28[:2], 36, full=False)

# A convolutional generator in training under each way of choosing: batch statistics and running ones.
images5 = np.random.default_rng(5).uniform(0, 1, (B, 1, 28, 28))
for rule in ("average", "max_elbo_selected", "max_elbo_all"):
    generator = ConvolutionalGenerator((1, 28, 28), K, 0.1)
    fill(generator, 36)
    generator.train()
    posterior = with_noise(build_posterior(GAUSS))
    params = params_of(posterior)
    loss = Objective(samples=S, kl_weight=0.001, **RULES[rule])(T(images5), posterior, params, generator, None)
    at = f"objective_convolutional/{rule}"
    put(f"{at}/value_mse_kl", torch.stack((loss.value, loss.mse, loss.kl)))
    found = grads(loss.value.mean(), [*params.values(), *(p for _, p in sorted(generator.named_parameters()))])
    put(f"{at}/params_grad", torch.stack(found[:2]))
    put(f"{at}/generator_grads_compact", compact(found[2:]))
    buffers = {n: b for n, b in generator.named_buffers() if "running" in n}
    put(f"{at}/running_compact", compact([buffers[n] for n in sorted(buffers)]))

# Encoder, heads, posterior and objective together, and the gradient of every weight.
for tag in ("fixed_prior", "vamp"):
    posterior = with_noise(build_posterior(CASES["laplacian_gamma_straight_through"][0]))
    posterior.at(*END)
    prior = VampPrior((P,), M) if tag == "vamp" else None
    coder = Amortised(MLP((P,), [8, 5]), K, posterior, Objective("max_elbo", S, KL_WEIGHT), prior)
    NOTES[f"amortised_{tag}_state"] = fill(coder, 37)
    with torch.no_grad():  # heads at rest where the posterior is sensible
        coder.heads.weight.mul_(0.3)
        coder.heads.bias.add_(T(np.repeat([0.0, -1.3, 1.1, 2.5], K)))
    generator = dictionary()
    encoded = coder.encode(x)
    at = f"amortised/{tag}"
    put(f"{at}/encoded", torch.stack([encoded[h] for h in posterior.heads]))
    loss = coder.loss(x, generator, None)
    put(f"{at}/value_mse_kl", torch.stack((loss.value, loss.mse, loss.kl)))
    put(f"{at}/codes", loss.codes)
    ordered = sorted(coder.named_parameters())
    NOTES[f"amortised_{tag}_grad_order"] = [n for n, _ in ordered] + ["atoms"]
    put(f"{at}/grads_compact", compact(grads(loss.value.mean(), [*(p for _, p in ordered), generator.atoms])))
    put(f"{at}/mean", coder.mean(x, generator))
    put(f"{at}/sample", coder.sample(x, generator, S, None))
    put(f"{at}/best", coder.best(x, generator, S, None))
    put(f"{at}/log_weights", coder.log_weights(x, generator, S, None))
    if tag == "fixed_prior":
        put(f"{at}/kl", coder.kl(x))

# --------------------------------------------------------------------- optimiser


class Linearly(nn.Module):
    """Stands for a coder: codes = x Wᵀ + b."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)


weight = 0.4 * np.random.default_rng(6).standard_normal((K, P))
bias = 0.1 * np.random.default_rng(7).standard_normal(K)
put("optimizer/in/weight", weight)
put("optimizer/in/bias", bias)
TWO = {"optimizer": "two_rates", "dictionary_rate": {"initial": 0.1, "final": 0.02, "shape": "geometric"},
       "encoder_rate": {"peak": 0.05, "warmup": 0.2}, "dictionary_decay": 0.01}
ADAM = {"optimizer": "adam", "rate": {"peak": 0.02, "warmup": 0.2}, "weight_decay": 0.001}
TRAININGS = {"two_rates": TWO, "two_rates_clipped": TWO | {"clip_norm": 0.05}, "two_rates_solver": TWO,
             "adam": ADAM, "adam_clipped": ADAM | {"clip_norm": 0.05}}
NOTES["trainings"] = TRAININGS
for name, training in TRAININGS.items():
    alone = name.endswith("solver")
    coder = nn.Module() if alone else Linearly(T(weight), T(bias))
    model = Model(dictionary(), coder)
    update = learning(model, P, training)
    parts = []
    for step in range(3):
        update.set_rates(step, 10)
        z = x @ T(weight).T + T(bias) if alone else x @ coder.weight.T + coder.bias
        loss = squared_error(x, model.generator(z.unsqueeze(0))).mean()
        update.descend(loss)
        moved = [model.generator.atoms.flatten()] if alone else [model.generator.atoms.flatten(), coder.weight.flatten(), coder.bias]
        parts.append(torch.cat([loss.view(1), *moved]).detach().clone())
    put(f"optimizer/{name}", torch.stack(parts))

STEPS = [0, 1, 2.5, 3, 10, 25, 49, 50, 51, 80, 99, 100]
put("schedule/steps", STEPS)
SCHEDULES = {
    "linear": Ramp(0.1, 1.0, 0.1, 0.8),
    "geometric": Ramp(1.0, 0.5, 0.0, 1.0, "geometric"),
    "cosine": Ramp(1.0, 0.01, 0.1, 0.8, "cosine"),
    "linear_steps": Ramp(0.1, 1.0, 3, 50, "linear", "steps"),
    "geometric_steps_beyond": Ramp(2.0, 0.5, 0, 1000, "geometric", "steps"),
    "cosine_steps": Ramp(0.1, 1.0, 3, 51, "cosine", "steps"),
    "one_cycle": OneCycle(0.01),
    "one_cycle_warmup": OneCycle(0.01, 0.3),
    "one_cycle_floor": OneCycle(0.01, 0.05, 20),
    "one_cycle_floor_beyond": OneCycle(0.01, 0.05, 1000),
}
for name, schedule in SCHEDULES.items():
    put(f"schedule/{name}", [schedule(step, 100) for step in STEPS])
NOTES["schedules"] = {name: repr(s) for name, s in SCHEDULES.items()}

# ----------------------------------------------------------------------- metrics

g = np.random.default_rng(8)
N = 40
mixing = np.eye(K) + 0.6 * g.standard_normal((K, K))
codes = (g.laplace(size=(N, K)) @ mixing) * (g.random((N, K)) < 0.5) * 0.7
codes[3] = 0
codes[:, 4] = 0
mean = codes * 0.8 + 0.05 * g.standard_normal((N, K))
best = codes + (codes != 0) * 0.1 * g.standard_normal((N, K))
kl = g.exponential(size=(N, K)) * np.array([1, 1, 0.001, 1, 0.0005, 0.01])
data = codes @ I["atoms"].T + 0.1 * g.standard_normal((N, P))
supports = (g.random((S, 10, K)) < 0.4).astype(float)
supports[:, 2] = 0
labels = (np.stack([mean[:, 0] + 0.3 * g.standard_normal(N), mean[:, 1] + 0.3 * g.standard_normal(N), g.standard_normal(N), np.ones(N)], 1) > 0.1).astype(float)
labels[:, 3] = 1
E = {"codes": codes, "mean": mean, "best": best, "kl": kl, "data": data, "supports": supports, "labels": labels}
for name, value in E.items():
    put(f"metric/in/{name}", value)
Z = T(codes)

put("metric/edges_20", dependence.edges(20))
put("metric/edges_30", dependence.edges(30))
put("metric/entropy_bits", dependence.entropy_bits(np.array([3, 0, 5, 1, 1])))
put("metric/multi_information", [dependence.multi_information(codes, dependence.PATCH_EDGES), dependence.multi_information(codes, dependence.IMAGE_EDGES)])
put("metric/copula_total_correlation", [dependence.copula_total_correlation(codes, np.random.default_rng(3)), dependence.copula_total_correlation(mean, np.random.default_rng(3)), dependence.copula_total_correlation(codes[:, :1], np.random.default_rng(3))])
put("metric/collapsed", [collapse.collapsed(Z.abs()), collapse.collapsed(T(kl)), collapse.collapsed(T(mean).abs())])
put("metric/hoyer", sparsity.hoyer(Z))
put("metric/gini", sparsity.gini(Z))
put("metric/lifetime_sparsity", sparsity.lifetime_sparsity(Z))
put("metric/jaccard", stability.jaccard(T(supports)))
put("metric/lasso_objective", lasso_objective(T(data), Z @ A.T, Z, 2.0))
put("metric/log_mean_exp", log_mean_exp(T(I["w_codes"])))
put("metric/log_weights", log_weights(T(I["accept"]), T(I["w_codes"][..., 0]), 0.05))
put("metric/squared_error", squared_error(x, T(I["w_codes"]) @ A.T))
put("metric/distance_from_uniform", exactness.distance_from_uniform(T(I["uniform"])))
posterior = build_posterior(CASES["laplacian_gamma_straight_through"][0])
posterior.at(*END)
ranks = []
for case in ("laplacian_gamma_straight_through", "laplacian_fixed_straight_through", "gaussian_gamma_straight_through"):
    posterior = build_posterior(CASES[case][0])
    posterior.at(*END)
    with torch.no_grad():
        params = {h: v.detach() for h, v in params_of(posterior).items()}
        z = posterior.codes(params, noise_of(posterior))
        r = exactness.spike_slab_ranks(posterior, params, z, torch.Generator().manual_seed(0))
    ranks.append(torch.where(z == 0, 0, r))  # those of zeros are drawn
put("metric/spike_slab_ranks", torch.stack(ranks))

# Recovery.
h = np.random.default_rng(9)
truth = h.standard_normal((P, 5)) / np.sqrt(P)
learnt = np.concatenate((-1.5 * truth[:, [3, 0]] + 0.1 * h.standard_normal((P, 2)), h.standard_normal((P, 2)), 0.7 * truth[:, [1]], np.zeros((P, 1))), 1)
true_codes = (h.random((N, 5)) < 0.4) * h.laplace(size=(N, 5))
probability = h.uniform(0, 1, (N, K))
probability[0, 0] = 1.0
event = (h.random((N, K)) < probability).astype(float)
for name, value in {"truth": truth, "learnt": learnt, "true_codes": true_codes, "probability": probability, "event": event}.items():
    put(f"recovery/in/{name}", value)
matching = recovery.match(T(learnt), T(truth))
put("recovery/match", np.stack([f.numpy() for f in matching]))
put("recovery/aligned", recovery.aligned(Z, matching, 5))
put("recovery/f1", recovery.f1(recovery.aligned(Z, matching, 5) != 0, T(true_codes) != 0))
bins = recovery.reliability(T(probability), T(event))
put("recovery/reliability", bins)  # float32 in the old code
put("recovery/calibration_error", recovery.calibration_error(bins))
put("recovery/oracle", recovery.oracle(T(true_codes @ truth.T), T(truth), T(true_codes) != 0))

# Attributes.
put("attribute/standardised", attributes.standardised(T(mean)))
r = attributes.correlation(T(mean), T(labels))
put("attribute/correlation", r)
put("attribute/found", [attributes.found(r, torch.full((4,), level)).numpy() for level in (0.0, 0.5, 0.9)])
put("attribute/probe", attributes.probe((mean[:25], labels[:25]), (mean[25:], labels[25:])))
put("attribute/balanced_accuracy", features.balanced_accuracy(labels[::-1].astype(bool), labels.astype(bool)))

# Images.
f = np.random.default_rng(10)
real, fake, fewer = f.standard_normal((30, 4)), 0.3 + 1.2 * f.standard_normal((30, 4)), f.standard_normal((25, 4))
put("generation/in/real", real)
put("generation/in/fake", fake)
put("generation/in/fewer", fewer)
put("generation/distances_equal", generation.distances(T(real), T(fake), 7))
put("generation/distances_subsets", generation.distances(T(real), T(fewer), 7))
tiny = f.uniform(0, 1, (12, 1, 3, 3))
tiny_codes = f.standard_normal((12, 4))
put("pictures/in/images", tiny)
put("pictures/in/codes", tiny_codes)
put("pictures/recovered_atoms", pictures.recovered_atoms(T(tiny).split(5), T(tiny_codes)))
put("pictures/traversals", pictures.traversals(T(mean[0]), Z, torch.tensor([2, 0])))
for images, of in ((False, data), (True, tiny)):
    stand_in = SimpleNamespace(device=torch.device("cpu"), chunks=lambda of=of: iter(T(of).split(7)), x=T(of), is_images=images)
    put(f"reconstruction/variance_{'images' if images else 'patches'}", reconstruction.variance(stand_in))

# Gradients.
passes = 0.3 + f.standard_normal((20, 15)) * np.linspace(0.1, 2, 15)
passes[:, 5] = 0.25
put("gradients/in/passes", passes)
moments = gradients.Moments()
for row in passes:
    moments.add(T(row))
put("gradients/mean_variance", torch.stack((moments.mean, moments.variance)))
summary = gradients.noise(moments, np.random.default_rng(5))
put("gradients/noise/names", list(summary._fields))
put("gradients/noise/values", list(summary))
put("gradients/bootstrap_median", gradients.bootstrap_median(passes[:, 0], np.random.default_rng(6)))

# Whole questions, on an evaluation whose codes are given.
settings = {"samples": 20, "penalties": [2.0, 0.3], "stability_draws": 5, "stability_patches": 10}
splits = Splits(data[::-1].copy(), data, data, {"atoms": truth, "codes.test": true_codes})
e = Evaluation(Model(dictionary(), Fista(0.3)), splits, settings, 11, torch.device("cpu"))
e.__dict__ |= {"draw": Z, "mean": T(mean), "best": T(best), "kl": T(kl)}
for question in (reconstruction, lasso, sparsity, collapse, dependence):
    named(f"measure/{question.__name__.split('.')[-1]}", question.measure(e))

generator = Dictionary((P,), K)
generator.atoms = nn.Parameter(T(learnt))
coder = Amortised(MLP((P,), [8, 5]), K, build_posterior(CASES["laplacian_gamma_straight_through"][0]), Objective())
fill(coder, 37)
coder.at(*END)
for name, inferring in (("solver", Fista(0.3)), ("amortised", coder)):
    e = Evaluation(Model(generator, inferring), splits, settings, 11, torch.device("cpu"))
    e.__dict__ |= {"draw": Z, "mean": T(mean), "best": T(best)}
    measures = recovery.measure(e)
    if name == "amortised":
        put("measure/recovery_amortised/reliability", measures.pop("recovery_reliability"))
    named(f"measure/recovery_{name}", measures)

# Reference codes.
b = baselines(Splits(data[:25], data[25:30], data[25:]), K, [2.0, 0.3])
put("baselines/rows", list(b))
put("baselines/metrics", list(next(iter(b.values()))))
put("baselines/values", [list(row.values()) for row in b.values()])
put("baselines/sizes", sizes(64, 100))

# -------------------------------------------------------------------------- data

image = np.random.default_rng(12).integers(0, 10, (20, 24)).cumsum(0).cumsum(1) / 64
image2 = np.random.default_rng(13).uniform(0, 1, (12, 10))
put("data/in/image", image)
put("data/in/image2", image2)
put("data/whitening_filter", whitening_filter((8, 6), 0.3))
put("data/whiten", whiten(image, 0.4, 4))
put("data/cut_patches", cut_patches([image, image2], 3, 12, np.random.default_rng(14)))
split = split_by_image({"a": image, "b": image2, "c": image[:9, :9]}, {"train": ["a"], "validation": ["b"], "test": ["c"]}, {"train": 9, "validation": 3, "test": 3}, 3, 15)
for name in ("train", "validation", "test"):
    put(f"data/split_by_image/{name}", getattr(split, name))  # float32 in the old code
for name, part in zip(("train", "other"), standardise(np.c_[data[:20], np.ones(20)], np.c_[data[20:], np.zeros(20)]), strict=True):
    put(f"data/standardise/{name}", part)  # float32
for name, part in choose(50, {"train": 6, "validation": 3, "test": 4}, np.random.default_rng(16)).items():
    put(f"data/choose/{name}", part)
made = synthetic.load(4, 3, 2, 5, 4, 0.4, 0.1, 17)
for name in ("train", "validation", "test"):
    put(f"data/synthetic/{name}", getattr(made, name))  # float32
for name, value in made.truth.items():
    put(f"data/synthetic/truth.{name}", value)
drawn = faces.load(3, 2, 1, 18)
put("data/faces/sums", [[part[:, c].astype(np.int64).sum() for c in range(3)] for part in (drawn.train, drawn.validation, drawn.test)])
put("data/faces/labels", np.concatenate([drawn.labels[n] for n in ("train", "validation", "test")]))

# --------------------------------------------------------------------- reporting

put("reporting/matched_cosine", [matched_cosine(learnt, I["atoms"]), matched_cosine(I["atoms"], I["atoms"][:, ::-1]), matched_cosine(I["atoms"][:, :4], learnt[:, :4])])
q = np.random.default_rng(19)
import pandas as pd

rows = []
for method, groups in (("fista", 5), ("vsc", 4), ("dense", 1)):
    for repetition in range(3):
        for k in range(groups):
            d = float(np.round(q.uniform(0.03, 0.6), 2)) if method != "dense" else 1.0
            d2 = min(1.0, d * 1.1)
            v, v2 = 0.3 + 0.5 * d + 0.1 * q.random(), 0.35 + 0.5 * d + 0.1 * q.random()
            rows.append((method, f"g{k}", repetition, d, v, 1 - v, d2, v2, 1 - v2))
for k, d in enumerate((0.05, 0.1, 0.2, 0.5, 1.0)):
    rows.append(("pca", f"p{k}", 0, d, 0.2 + 0.6 * d, 0.8 - 0.6 * d, d, 0.2 + 0.6 * d, 0.8 - 0.6 * d))
columns = ["density", "fve_draw", "mse_draw", "density_best", "fve_best", "mse_best"]
points = pd.DataFrame(rows, columns=["method", "group", "repetition", *columns])
put("frontier/in/text", points[["method", "group"]].to_numpy().astype(str))
put("frontier/in/repetition", points["repetition"])
put("frontier/in/columns", columns)
put("frontier/in/values", points[columns])
place = Frontier(["g"], points)
of = points[points["method"] == "vsc"]
c1 = curve(of["density"], of["fve_draw"])
of = points[points["method"] == "fista"]
c2 = curve(of["density"], of["fve_draw"])
put("frontier/efficient", efficient(points["density"], points["fve_draw"]))
put("frontier/curve_vsc", np.stack(c1))
put("frontier/curve_fista", np.stack(c2))
span = overlap([c1, c2])
put("frontier/overlap", span)
put("frontier/at_vsc", c1.at([0.02, 0.05, 0.1, 0.2, 0.5, 0.9]))
put("frontier/mean", [c1.mean(*span), c2.mean(*span)])
for code in ("draw", "best"):
    put(f"frontier/common_{code}", place.common(code))
    for first, second in (("vsc", "fista"), ("vsc", "pca")):
        for at_density in (None, 0.2):
            got = place.difference(first, second, code, at_density)
            put(f"frontier/difference_{first}_{second}_{code}_{at_density}", np.stack((got.index.to_numpy(float), got.to_numpy())) if len(got) else np.zeros((2, 0)))
    top = place.highest("vsc", code)
    put(f"frontier/highest_vsc_{code}", top[columns])

few = q.normal(0.3, 0.5, (6, 5))
put("statistics/in/values", few)
put("statistics/bootstrap_interval", [bootstrap_interval(tuple(row)) for row in few])
put("statistics/p_above", [[p_above(row, bound) for bound in (0.0, 0.2)] for row in few] + [[p_above([1.0, 1.0], 0.0), p_above([1.0, 1.0], 1.0)]])
put("statistics/holm", holm([p_above(row) for row in few]))
put("statistics/repetitions_needed", [[float(repetitions_needed(row, 0.0, p) or -1) for p in (0.05, 0.01)] for row in few])

TUPLES = [[0], [1, "a"], ["synthetic", "fista", 0], [0, "olshausen", "laplacian_thresh_gamma", 3], [11, "dependence"], [7, "kid", "best"], [], [1.5, None, True]]
put("derive_seed/tuples", [json.dumps(t) for t in TUPLES])
put("derive_seed/seeds", [str(derive_seed(*t)) for t in TUPLES])  # 62 bits: as text

# -------------------------------------------- seeded by torch: may be dropped (README)

like = torch.empty(())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


for name, function in (("normal", normal), ("laplace", laplace), ("uniform", uniform)):
    for dtype in (torch.float64, torch.float32):
        many = function((100, 101), like.to(dtype), seeded())
        digest = [float(many.double().sum()), float(many.double().square().sum()), *many.flatten()[[0, 1, 5000, 10099]].tolist()]
        put(f"torch_seeded/{name}_{str(dtype)[6:]}", [digest, function((2, 3), like.to(dtype), seeded()).flatten().tolist()])
put("torch_seeded/standard_gamma", standard_gamma(T(I["log_threshold_shape"]).exp(), 2, seeded()))
put("torch_seeded/standard_gamma_small", standard_gamma(T(I["log_threshold_shape"] - 3).exp(), 2, seeded()))
put("torch_seeded/chance", attributes.chance(T(mean), T(labels), seeded()))  # float32

# ------------------------------------------------------------------------- write

put("aliases", ALIASES)
target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("golden.npz"))
np.savez_compressed(target, **OUT)
Path(target.with_suffix(".notes.json")).write_text(json.dumps(NOTES, indent=1) + "\n")
print(target, target.stat().st_size, "bytes,", len(OUT), "entries,", len(ALIASES), "aliases")
margin = min(np.abs(np.abs(I["laplace"] * np.exp(I["log_scale"])) - 0.25).min(), np.abs(np.abs(I["normal"] * np.exp(I["log_variance"] / 2)) - 0.25).min())
print("clipped differs:", [float(np.abs(OUT[f"optimizer/{n}"] - OUT[f"optimizer/{n}_clipped"]).max()) for n in ("two_rates", "adam")])
print("least distance of |e| from a fixed threshold:", margin)
nonfinite = [n for n, v in OUT.items() if v.dtype.kind == "f" and not np.isfinite(v).all()]
print("not finite:", nonfinite)
