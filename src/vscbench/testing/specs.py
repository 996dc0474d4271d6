"""What is tested: the `coder` section of a specification for each family, alone and composed.

A family without a line in `CONSTANTS` is tested with its defaults; a line has constants for each of its variants.
Symmetric bases are tested under every threshold and estimator too.
"""

from __future__ import annotations

from typing import Any, TypeAlias, get_args

from vscbench import registry
from vscbench.coders import FAMILIES, THRESHOLDS, Base, Coder, Posterior
from vscbench.coders.threshold import Estimator
from vscbench.errors import UserError

Spec: TypeAlias = dict[str, Any]

WARMUP = {"initial": 0.1, "final": 1, "start": 0.2, "end": 0.8}
PENALTY = {"penalty": 0.1, "penalty_warmup": {"initial": 0.1, "final": 1, "end": 0.5}}

CONSTANTS: dict[str, list[Spec]] = {
    "laplacian": [{"noise_warmup": WARMUP}],
    "spike_slab": [
        {"noise_warmup": WARMUP},
        {"gate": "published"},
        {"gate_estimator": "gumbel"},
        {"gate_estimator": "gumbel_rao"},
    ],
    "spike_slab_gates": [{"gate_estimator": each} for each in ("leave_one_out", "disarm", "relax")],
    "fista": [PENALTY],
    "admm": [PENALTY | {"rho": 1.0}],
    "lista": [
        PENALTY | {"mode": "supervised", "layers": 5},
        PENALTY | {"mode": "unrolled", "layers": 3, "tied": False},
    ],
    "alista": [PENALTY | {"mode": "supervised", "layers": 5}, PENALTY | {"mode": "unrolled", "layers": 3}],
    "lca": [PENALTY | {"iterations": 20, "step": 0.1}, PENALTY | {"iterations": 20, "step": 0.1, "threshold": "hard"}],
    "omp": [{"density": 0.5}],
    "langevin": [{"burn_in": 20, "draws": 5}, {"base": "laplacian", "burn_in": 20, "draws": 5}],
    "topk": [{"density": 0.5}, {"density": 0.5, "signed": False}],
    "batch_topk": [{"density": 0.5}],
    "relu": [PENALTY, PENALTY | {"signed": False}],
    "jumprelu": [{"density": 0.5, "initial_threshold": 0.1, "bandwidth": 2.0}],
    "gated": [PENALTY],
}
"""Constants that a family is tested with, a mapping for each variant."""

THRESHOLD_SPECS: list[Spec] = [
    {"threshold": {"kind": kind, "value": 0.3, "estimator": estimator}}
    for kind in ("fixed", "gamma")
    for estimator in get_args(Estimator)
]
SAMPLE_SPECS: list[Spec] = [{"threshold": {"kind": kind, "value": 0.3}} for kind in THRESHOLDS if "sample" in kind]
PRIOR_SPECS: list[Spec] = [
    {"family": "spike_slab", "prior": {"kind": "classifier", "pseudo_inputs": 3}},
    {
        "family": "laplacian",
        "threshold": {"kind": "gamma", "value": 0.3},
        "prior": {"kind": "vamp", "pseudo_inputs": 3},
    },
]
COMPOSED_SPECS: list[Spec] = [
    {"family": "spike_slab", "refinement": {"kind": "gradient", "steps": 2}},
    {
        "family": "gaussian",
        "threshold": {"kind": "sample", "value": 0.3},
        "refinement": {"kind": "gradient", "steps": 2},
    },
    {"family": "gaussian", "threshold": {"kind": "sample", "value": 0.3}, "distance": {"kind": "mmd"}},
    {"family": "laplacian", "distance": {"kind": "sliced_wasserstein"}},
    {"family": "gaussian", "threshold": {"kind": "sample", "value": 0.3}, "prior_scale": "learned"},
    {"family": "spike_slab", "prior_scale": "learned"},
    {"family": "spike_slab_gates", "gate_estimator": "relax", "prior_scale": "learned"},
]
EXACT_SPEC: Spec = {"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.3, "divergence": "exact"}}


def class_of(spec: Spec) -> type[Posterior | Coder]:
    """The class of a specification's family.

    Raises:
        UserError: it cannot be imported, or is neither a posterior nor a coder.
    """
    family = spec["family"]
    found = registry.find(FAMILIES, family, "family", registry.CODERS)
    if not (isinstance(found, type) and issubclass(found, Posterior | Coder)):
        raise UserError(f"{family}: it is no subclass of vscbench.Posterior or vscbench.Coder")
    return found


def objective_of(spec: Spec) -> Spec:
    """The `objective` section that it can be trained with: its sampling rule, where it needs one."""
    return {"sampling": getattr(class_of(spec), "sampling", "max_elbo")}


def variants(family: str) -> list[Spec]:
    """What `family` is tested with, by itself."""
    return [{"family": family} | constants for constants in CONSTANTS.get(family, [{}])]


def composed(family: str) -> list[Spec]:
    """The same by itself and, if it is a symmetric base, under every threshold."""
    alone = variants(family)
    symmetric = issubclass(class_of(alone[0]), Base)
    thresholds = [*THRESHOLD_SPECS, *SAMPLE_SPECS] if symmetric else []
    return [*alone, *(base | threshold for base in alone for threshold in thresholds)]


def every_spec() -> list[Spec]:
    """All families, all compositions."""
    return [*(spec for family in FAMILIES for spec in composed(family)), EXACT_SPEC, *PRIOR_SPECS, *COMPOSED_SPECS]


def is_posterior(spec: Spec) -> bool:
    """Whether its parameters are an encoder's to give, and its prior its own."""
    return issubclass(class_of(spec), Posterior) and not spec.keys() & {"prior", "refinement", "distance"}


def is_consistent(spec: Spec) -> bool:
    """Whether its divergence is that of its model: not that of a base whose deviation is thresholded, nor published."""
    threshold = spec.get("threshold", {})
    exact = threshold.get("divergence") == "exact" or "sample" in threshold.get("kind", "sample")
    return exact and spec.get("gate") != "published"


def name(spec: Spec) -> str:
    """Its family and all in it that is a word."""
    words = [name(value) if isinstance(value, dict) else value for value in spec.values()]
    return "_".join(word for word in words if isinstance(word, str) and word)


POSTERIOR_SPECS: list[Spec] = [spec for spec in every_spec() if is_posterior(spec)]
"""Posteriors of the package, each with its own prior."""
