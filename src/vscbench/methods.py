"""The methods of the paper, its rivals and those of today: a function each, which a config names, overrides or adds to.

Their constants are those of Fallah and Rozell 2022, "Variational Sparse Coding with Learned Thresholding" (ICML);
ramps are fractions of training that keep the shape of the authors' absolute schedules of 240,000 steps. A protocol wins
over them, and over it what a caller says: any other setting of the family by name, and `objective` and `training` where
a method differs from its experiment:

    >>> gaussian_thresh(density=0.05, prior_scale=0.5, objective={"samples": 5}).settings["threshold"]
    {'kind': 'fixed', 'density': 0.05}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vscbench.merging import merge

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Method:
    """A way to infer codes: a family and its constants, as plain values.

    A coder of your own is a family too, by its module and class: `Method("mine", "Mine", {"family": "module:Class"})`,
    with a module on the Python path; `__main__:Class` is one of a notebook, whose runs other programs cannot load.

    Example:
        >>> import numpy as np, vscbench as vsc
        >>> mine = Method("few", "Few", {"family": "vscbench.coders.topk:TopK", "density": 0.25})
        >>> data = vsc.Data.from_array(np.random.default_rng(0).laplace(size=(300, 16)))
        >>> run = vsc.fit(data, mine, latents=8, steps=10, progress=False)
        >>> int((run.encode(data.test) != 0).sum(1).max())
        2
    """

    name: str
    """What folders and the config call it."""
    label: str
    """What tables and figures call it."""
    settings: dict[str, Any] = field(default_factory=dict)
    """`family`, its constants, `threshold`, `prior`; under `objective` and `training` what differs there."""
    layers: tuple[dict[str, Any], dict[str, Any]] | None = None
    """Of a method of the package its constants, and what its caller said: settings of a protocol lie in between."""

    def over(self, constants: dict[str, Any]) -> dict[str, Any]:
        """The settings with a protocol's constants under what the caller said.

        Example:
            >>> [gaussian(**said).over({"prior_scale": 1})["prior_scale"] for said in ({}, {"prior_scale": 3})]
            [1, 3]
        """
        return self.settings if self.layers is None else merge(merge(self.layers[0], constants), self.layers[1])


def _method(name: str, label: str, family: str, constants: dict[str, Any], more: dict[str, Any], **said: Any) -> Method:
    """A method of a family with its constants, over which lies what the caller said: `more`, and what is not None."""
    layers = {"family": family, **constants}, merge({k: v for k, v in said.items() if v is not None}, more)
    return Method(name, label, merge(*layers), layers)


def _at(value: float | None, density: float | None) -> dict[str, float] | None:
    """What the caller said of a threshold: its value, or the density that it gives the prior."""
    key, said = ("value", value) if density is None else ("density", density)
    return None if said is None else {key: said}


LASSO = {"penalty": 20, "penalty_warmup": {"initial": 0.1, "final": 1, "end": 0.0375}}
NOISE_WARMUP = {"initial": 0.1, "final": 1, "start": 0.00625, "end": 0.025}
ONLINE = {"optimizer": {"kind": "online"}}
TEMPERATURE = {"initial": 1, "final": 0.5, "end": 0.005775, "shape": "geometric"}


def fista(penalty: float | None = None, **more: Any) -> Method:
    """The lasso's codes, argmin_z ½‖x - Az‖² + λ‖z‖₁ with λ = `penalty` (20), by accelerated proximal gradient steps.

    Beck and Teboulle 2009, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems".
    """
    return _method("fista", "FISTA", "fista", LASSO, more, penalty=penalty)


def admm(penalty: float | None = None, rho: float | None = None, **more: Any) -> Method:
    """The lasso's codes by the alternating direction method of multipliers with the weight ρ (10).

    Boyd et al. 2011, "Distributed Optimization and Statistical Learning via ADMM", section 6.4.
    """
    return _method("admm", "ADMM", "admm", LASSO | {"rho": 10}, more, penalty=penalty, rho=rho)


def lista(penalty: float | None = None, layers: int | None = None, **more: Any) -> Method:
    """A network of shrinkage steps, `layers` of them (16), that regresses FISTA's codes.

    Gregor and LeCun 2010, "Learning Fast Approximations of Sparse Coding".
    """
    constants = {"mode": "supervised", **LASSO, "layers": 16}
    return _method("lista", "LISTA", "lista", constants, more, penalty=penalty, layers=layers)


def lista_unrolled(penalty: float | None = None, layers: int | None = None, **more: Any) -> Method:
    """The same network, which minimises the lasso's objective of its own codes."""
    constants = {"mode": "unrolled", **LASSO, "layers": 16}
    return _method("lista_unrolled", "LISTA, unrolled", "lista", constants, more, penalty=penalty, layers=layers)


def alista(penalty: float | None = None, layers: int | None = None, **more: Any) -> Method:
    """Shrinkage steps whose weights are solved for, so that two numbers a layer are left to learn from FISTA's codes.

    Liu, Chen, Wang and Yin 2019, "ALISTA: Analytic Weights Are As Good As Learned Weights in LISTA" (ICLR).
    """
    constants = {"mode": "supervised", **LASSO, "layers": 16}
    return _method("alista", "ALISTA", "alista", constants, more, penalty=penalty, layers=layers)


def gaussian(**more: Any) -> Method:
    """q(z|x) = N(μ, σ²) with the prior N(0, 0.1): the variational autoencoder of Kingma and Welling 2014."""
    return _method("gaussian", "Gaussian", "gaussian", {}, more)


def laplacian(**more: Any) -> Method:
    """q(z|x) = Laplace(μ, b) with the prior Laplace(0, 0.1), its noise warmed up (section 3.1)."""
    return _method("laplacian", "Laplacian", "laplacian", {"noise_warmup": NOISE_WARMUP}, more)


def spike_slab(density: float | None = None, **more: Any) -> Method:
    """q(z|x) = γ N(μ, σ²) + (1 - γ) δ₀ by a concrete gate, with a prior of 10 % (or `density`) non-zeros.

    Tonolini, Jensen and Murray-Smith 2020, "Variational Sparse Coding".
    """
    constants = {"gate": "logit", "noise_warmup": NOISE_WARMUP, "temperature": TEMPERATURE}
    return _method("spike_slab", "Spike-and-slab", "spike_slab", constants, more, density=density)


def gaussian_thresh(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """z = μ + sign(ε)(|ε| - λ) where |ε| > λ, else 0: ε ~ N(0, σ²), λ = `value` (0.52) or by `density` (sec. 3.2)."""
    constants = {"threshold": {"kind": "fixed", "value": 0.52}}
    return _method(
        "gaussian_thresh", "Thresholded Gaussian", "gaussian", constants, more, threshold=_at(value, density)
    )


def gaussian_thresh_gamma(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """The same with λ ~ Gamma(α, β) from the encoder, against Gamma(3, 3/λ₀), λ₀ = `value` (section 3.2)."""
    constants = {"threshold": {"kind": "gamma", "value": 0.52}}
    return _method(
        "gaussian_thresh_gamma",
        "Thresholded Gaussian + Gamma",
        "gaussian",
        constants,
        more,
        threshold=_at(value, density),
    )


def laplacian_thresh(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """z = μ + sign(ε)(|ε| - λ) where |ε| > λ, else 0: ε ~ Laplace(0, b), λ = `value` (0.25) or by `density`."""
    constants = {"noise_warmup": NOISE_WARMUP, "threshold": {"kind": "fixed", "value": 0.25}}
    return _method(
        "laplacian_thresh", "Thresholded Laplacian", "laplacian", constants, more, threshold=_at(value, density)
    )


def laplacian_thresh_gamma(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """The same with λ ~ Gamma(α, β) from the encoder, against Gamma(3, 3/λ₀), λ₀ = `value` (section 3.2)."""
    constants = {"noise_warmup": NOISE_WARMUP, "threshold": {"kind": "gamma", "value": 0.25}}
    return _method(
        "laplacian_thresh_gamma",
        "Thresholded Laplacian + Gamma",
        "laplacian",
        constants,
        more,
        threshold=_at(value, density),
    )


def gaussian_sample_thresh(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """z = sign(s)(|s| - λ)₊ of the sample s ~ N(μ, σ²) itself, λ = `value` (0.52) or by `density`."""
    constants = {"threshold": {"kind": "sample", "value": 0.52}}
    return _method(
        "gaussian_sample_thresh",
        "Gaussian, sample thresholded",
        "gaussian",
        constants,
        more,
        threshold=_at(value, density),
    )


def gaussian_sample_thresh_gamma(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """The same with λ ~ Gamma(α, β) from the encoder, against Gamma(3, 3/λ₀), λ₀ = `value`."""
    constants = {"threshold": {"kind": "sample_gamma", "value": 0.52}}
    return _method(
        "gaussian_sample_thresh_gamma",
        "Gaussian, sample thresholded + Gamma",
        "gaussian",
        constants,
        more,
        threshold=_at(value, density),
    )


def laplacian_sample_thresh(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """z = sign(s)(|s| - λ)₊ of the sample s ~ Laplace(μ, b) itself, λ = `value` (0.25), or by `density`."""
    constants = {"noise_warmup": NOISE_WARMUP, "threshold": {"kind": "sample", "value": 0.25}}
    return _method(
        "laplacian_sample_thresh",
        "Laplacian, sample thresholded",
        "laplacian",
        constants,
        more,
        threshold=_at(value, density),
    )


def laplacian_sample_thresh_gamma(value: float | None = None, density: float | None = None, **more: Any) -> Method:
    """The same with λ ~ Gamma(α, β) from the encoder, against Gamma(3, 3/λ₀), λ₀ = `value`."""
    constants = {"noise_warmup": NOISE_WARMUP, "threshold": {"kind": "sample_gamma", "value": 0.25}}
    label = "Laplacian, sample thresholded + Gamma"
    return _method("laplacian_sample_thresh_gamma", label, "laplacian", constants, more, threshold=_at(value, density))


def rectified_gaussian(density: float | None = None, **more: Any) -> Method:
    """z = max(s, 0), s ~ N(μ, σ²), against a prior whose mean gives `density` non-zeros (Salimans 2016)."""
    return _method("rectified_gaussian", "Rectified Gaussian", "rectified_gaussian", {}, more, density=density)


def spike_slab_leave_one_out(density: float | None = None, **more: Any) -> Method:
    """The spike-and-slab posterior with unbiased gradients of its gates: REINFORCE with the other draws as baseline.

    Kool, van Hoof and Welling 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!".
    """
    constants = {"gate_estimator": "leave_one_out", "objective": {"sampling": "average"}}
    return _method(
        "spike_slab_leave_one_out",
        "Spike-and-slab, leave-one-out",
        "spike_slab_gates",
        constants,
        more,
        density=density,
    )


def spike_slab_disarm(density: float | None = None, **more: Any) -> Method:
    """The same by antithetic pairs of gates.

    Dong, Mnih and Tucker 2020, "DisARM: An Antithetic Gradient Estimator for Binary Latent Variables".
    """
    constants = {"gate_estimator": "disarm", "objective": {"sampling": "average"}}
    return _method("spike_slab_disarm", "Spike-and-slab, DisARM", "spike_slab_gates", constants, more, density=density)


def spike_slab_relax(density: float | None = None, **more: Any) -> Method:
    """The same by the score of each draw with a learned control variate.

    Grathwohl, Choi, Wu, Roeder and Duvenaud 2018, "Backpropagation through the Void".
    """
    constants = {"gate_estimator": "relax", "objective": {"sampling": "average"}}
    return _method("spike_slab_relax", "Spike-and-slab, RELAX", "spike_slab_gates", constants, more, density=density)


def vaease(**more: Any) -> Method:
    """z = (1 - σ)(μ + σε), ε ~ N(0, 1): latents at their prior are shut; active by a rule, σ² < 0.05.

    Lu, Zhu, He and Wipf 2025, arXiv 2506.04859.
    """
    return _method("vaease", "VAEase", "vaease", {}, more)


def hard_concrete(density: float | None = None, **more: Any) -> Method:
    """Gates that are stretched and clipped times a Gaussian slab, with a prior of `density` non-zeros.

    Louizos, Welling and Kingma 2018, "Learning Sparse Neural Networks through L0 Regularization".
    """
    return _method("hard_concrete", "Hard concrete", "hard_concrete", {}, more, density=density)


def poisson(density: float | None = None, **more: Any) -> Method:
    """z ~ Poisson(r δ(x)) against Poisson(r) with `density` non-zeros (Vafaii, Galor and Yates 2024)."""
    return _method("poisson", "Poisson", "poisson", {}, more, density=density)


def semi_amortised(density: float | None = None, steps: int | None = None, **more: Any) -> Method:
    """A thresholded Gaussian sample whose parameters are refined by `steps` (5) gradient steps for each data point.

    Kim et al. 2018, "Semi-Amortized Variational Autoencoders"; `refinement` goes with any other method as well.
    """
    constants = {"threshold": {"kind": "sample", "value": 0.52}, "refinement": {"kind": "gradient", "steps": 5}}
    said = {"threshold": _at(None, density), "refinement": None if steps is None else {"steps": steps}}
    return _method("semi_amortised", "Gaussian, sample thresholded, refined", "gaussian", constants, more, **said)


def gaussian_mmd(**more: Any) -> Method:
    """The Gaussian posterior, its aggregate held at the prior by maximum mean discrepancy (Tolstikhin et al. 2018)."""
    return _method("gaussian_mmd", "Gaussian, MMD", "gaussian", {"distance": {"kind": "mmd"}}, more)


def gaussian_sliced_wasserstein(**more: Any) -> Method:
    """The same by the sliced Wasserstein distance (Kolouri et al. 2019)."""
    constants = {"distance": {"kind": "sliced_wasserstein"}}
    return _method("gaussian_sliced_wasserstein", "Gaussian, sliced Wasserstein", "gaussian", constants, more)


def entropy_bound(**more: Any) -> Method:
    """q(z|x) = N(μ, σ²) with Laplacian priors, scales and noise variance at their optimum, no draws.

    Velychko, Damm, Fischer and Lücke 2024, "Learning Sparse Codes with Entropy-Based ELBOs".
    """
    return _method("entropy_bound", "Entropy bound", "entropy_bound", {}, more)


def online_dictionary(penalty: float | None = None, **more: Any) -> Method:
    """The lasso's codes on atoms of length at most 1, which are solved for from sums over all codes so far.

    Mairal, Bach, Ponce and Sapiro 2010, "Online Learning for Matrix Factorization and Sparse Coding".
    """
    return _method(
        "online_dictionary", "Online dictionary", "fista", {"penalty": 1.6, "training": ONLINE}, more, penalty=penalty
    )


def lca(penalty: float | None = None, **more: Any) -> Method:
    """Codes at which leaky units settle that inhibit each other; atoms as of `online_dictionary`.

    Rozell et al. 2008, "Sparse Coding via Thresholding and Local Competition in Neural Circuits".
    """
    return _method("lca", "LCA", "lca", {"penalty": 1.6, "training": ONLINE}, more, penalty=penalty)


def omp(density: float | None = None, **more: Any) -> Method:
    """The code of at most `density` · K non-zeros that a greedy pursuit finds; atoms as of `online_dictionary`.

    Pati, Rezaiifar and Krishnaprasad 1993, "Orthogonal Matching Pursuit".
    """
    return _method("omp", "OMP", "omp", {"training": ONLINE}, more, density=density)


def langevin(density: float | None = None, **more: Any) -> Method:
    """Draws from the exact posterior of a Gaussian, thresholded: the truth that amortised ones approximate.

    After Fang, Mudigonda, Zarcone, Khosrowshahi and Olshausen 2022, arXiv 2204.11150, with a Metropolis adjustment.
    """
    return _method("langevin", "Langevin", "langevin", {"training": ONLINE}, more, density=density)


def topk(density: float | None = None, **more: Any) -> Method:
    """The k largest scores of an encoder, k = `density` · K, with the auxiliary loss of dead latents.

    Gao et al. 2024, "Scaling and evaluating sparse autoencoders", arXiv 2406.04093.
    """
    return _method("topk", "TopK", "topk", {}, more, density=density)


def batch_topk(density: float | None = None, **more: Any) -> Method:
    """The largest scores of a batch, as many as `density` says; a threshold for each data point by itself.

    Bussmann, Leask and Nanda 2024, "BatchTopK Sparse Autoencoders", arXiv 2412.06410.
    """
    return _method("batch_topk", "BatchTopK", "batch_topk", {}, more, density=density)


def relu(penalty: float | None = None, **more: Any) -> Method:
    """Scores shrunk by a learned threshold, under the lasso's penalty: the plain sparse autoencoder.

    Bricken et al. 2023, "Towards Monosemanticity: Decomposing Language Models With Dictionary Learning".
    """
    return _method("relu", "ReLU + L1", "relu", {"penalty": 1}, more, penalty=penalty)


def jumprelu(density: float | None = None, **more: Any) -> Method:
    """Scores that exceed a learned threshold, which is drawn to the target `density` of the codes.

    Rajamanoharan et al. 2024, "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders".
    """
    return _method("jumprelu", "JumpReLU", "jumprelu", {}, more, density=density)


def gated(penalty: float | None = None, **more: Any) -> Method:
    """A gate under the lasso's penalty says which latents are active, and a magnitude without it how much.

    Rajamanoharan et al. 2024, "Improving Dictionary Learning with Gated Sparse Autoencoders", arXiv 2404.16014.
    """
    return _method("gated", "Gated", "gated", {"penalty": 1}, more, penalty=penalty)


METHODS: dict[str, Callable[..., Method]] = {
    each.__name__: each
    for each in (
        fista,
        admm,
        lista,
        lista_unrolled,
        alista,
        gaussian,
        laplacian,
        spike_slab,
        gaussian_thresh,
        gaussian_thresh_gamma,
        laplacian_thresh,
        laplacian_thresh_gamma,
        gaussian_sample_thresh,
        gaussian_sample_thresh_gamma,
        laplacian_sample_thresh,
        laplacian_sample_thresh_gamma,
        rectified_gaussian,
        spike_slab_leave_one_out,
        spike_slab_disarm,
        spike_slab_relax,
        vaease,
        hard_concrete,
        poisson,
        semi_amortised,
        gaussian_mmd,
        gaussian_sliced_wasserstein,
        entropy_bound,
        online_dictionary,
        lca,
        omp,
        langevin,
        topk,
        batch_topk,
        relu,
        jumprelu,
        gated,
    )
}
"""By name."""
