"""The runs of a study, and the specification of each: all that it depends on."""

from __future__ import annotations

import hashlib
import json
import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from vscbench.config import sweeps
from vscbench.config.checking import nearest
from vscbench.config.merging import merge
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

OBJECTIVE_KEYS = ("sampling", "samples", "kl_weight", "backward")
TRAINING_KEYS = ("dictionary_rate", "encoder_rate")
TRAINING_DEFAULTS = {
    "two_rates": {"optimizer": "two_rates", "clip_norm": None, "validation_penalty": 20.0},
    "adam": {"clip_norm": None, "weight_decay": 1e-5, "flip": False, "precision": "single"},
}
EVALUATION_DEFAULTS = {
    "samples": 20,
    "penalties": [20.0, 8.0],
    "gradient_passes": 1000,
    "gradient_batches": 2,
    "gradient_samples": [1, 20],
    "stability_draws": 20,
    "stability_patches": 500,
    "generation_images": 5000,
    "probe_images": 5000,
    "bound_points": 500,
    "inception_weights": None,
}
SPREAD_PRIOR = 0.1
"""What the families take where a method names none."""


def derive_seed(*parts: Any) -> int:
    """A seed (62 bits) that is a function of `parts` alone, so that adding a method changes no other run."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def experiments(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The experiments that are switched on (an overlay switches one off by setting it to null)."""
    return {name: value for name, value in config["experiments"].items() if value is not None}


def dataset_spec(config: dict[str, Any], dataset: str) -> dict[str, Any]:
    """All that the data of `dataset` depend on."""
    return {"name": dataset, **config["datasets"][dataset]}


def method_config(config: dict[str, Any], experiment: str, method: str) -> dict[str, Any]:
    """The constants of `method` in `experiment`, its sweeps among them."""
    setup = config["experiments"][experiment]
    constants = merge(config["methods"][method], setup.get("overrides", {}).get(method, {}))
    sparse = constants["family"] == "spike_slab" or constants.get("threshold", "none") != "none"
    if sparse and "density" in setup:
        constants = {"density": setup["density"], **constants}
    return constants


def at_density(constants: dict[str, Any]) -> dict[str, Any]:
    """The constants with the threshold, or the prior probability of a spike, that gives the prior its `density`."""
    density = constants.pop("density", None)
    if density is None:
        return constants
    if constants["family"] == "spike_slab":
        return constants | {"spike_prior": density}
    value = threshold_at(density, constants["family"], constants.get("spread_prior", SPREAD_PRIOR))
    return constants | {"threshold_value": value}


def threshold_at(density: float, family: str, spread: float) -> float:
    """λ with P(|e| > λ) = density under the prior of the base (of a learned threshold: λ₀).

    Laplace(0, b₀): e^{-λ/b₀}, so λ = -b₀ log(density); N(0, s₀): 2Φ(-λ/√s₀), so λ = -√s₀ Φ⁻¹(density/2).
    """
    if family == "laplacian":
        return -spread * math.log(density)
    return -math.sqrt(spread) * NormalDist().inv_cdf(density / 2)


def sections(config: dict[str, Any], experiment: str, method: str) -> dict[str, dict[str, Any]]:
    """The parts of a specification whose scalars may be swept, by name."""
    setup, constants = config["experiments"][experiment], method_config(config, experiment, method)
    constants.pop("label", None)
    objective = setup["objective"] | {k: constants.pop(k) for k in OBJECTIVE_KEYS if k in constants}
    training = setup["training"] | {k: constants.pop(k) for k in TRAINING_KEYS if k in constants}
    defaults = TRAINING_DEFAULTS[training.get("optimizer", "two_rates")]
    return {
        "generator": setup["generator"],
        "coder": constants,
        "objective": objective,
        "training": defaults | training,
    }


def points(config: dict[str, Any], experiment: str, method: str) -> dict[str, dict[str, Any]]:
    """The points at which `method` runs in `experiment`, by the name of the variant."""
    grid = sweeps.points(*sections(config, experiment, method).values())
    return {sweeps.variant(method, point): point for point in grid}


def repetitions(config: dict[str, Any], experiment: str) -> int:
    """Runs of each method in `experiment`."""
    return int(config["experiments"][experiment].get("repetitions", config["repetitions"]))


def run_spec(config: dict[str, Any], experiment: str, variant: str, repetition: int) -> dict[str, Any]:
    """All that the weights of a run depend on, and nothing else: what the run is started with and known by.

    `variant` is a method, and where something is swept its point: gaussian@latents=64.

    Raises:
        UserError: there is no such experiment, method, point or repetition.
    """
    known = experiments(config)
    if experiment not in known:
        raise UserError(f"no experiment {experiment}{nearest(experiment, known)}; there are {', '.join(known)}")
    setup, method = known[experiment], variant.partition("@")[0]
    if method not in setup["methods"]:
        near = nearest(method, setup["methods"])
        raise UserError(f"no method {method} in {experiment}{near}; there are {', '.join(setup['methods'])}")
    variants = points(config, experiment, method)
    if variant not in variants:
        raise UserError(
            f"no run of {variant} in {experiment}{nearest(variant, variants)}; there are {', '.join(variants)}"
        )
    count = repetitions(config, experiment)
    if not 0 <= repetition < count:
        raise UserError(f"no repetition {repetition}: they are 0 to {count - 1}")
    point = variants[variant]
    parts = {name: sweeps.settle(part, point) for name, part in sections(config, experiment, method).items()}
    return {
        "study": config["study"],
        "experiment": experiment,
        "method": method,
        "point": point,
        "repetition": repetition,
        "seed": derive_seed(config["seed"], setup["dataset"], method, repetition),
        "dataset": dataset_spec(config, setup["dataset"]),
        "encoder": setup["encoder"],
        **parts,
        "coder": at_density(parts["coder"]),
    }


def evaluation_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the metrics of an experiment are computed with."""
    return {**EVALUATION_DEFAULTS, **config["experiments"][experiment]["evaluation"]}


def run_name(spec: Mapping[str, Any]) -> str:
    """experiment/variant/repetition: the run's folder under results/runs."""
    return f"{spec['experiment']}/{sweeps.variant(spec['method'], spec['point'])}/{spec['repetition']}"


def run_key(spec: Mapping[str, Any]) -> str:
    """A fingerprint (12 hex digits) of all that a run depends on."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]


def runs(config: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(experiment, variant, repetition) of every run of the study."""
    return [
        (name, variant, repetition)
        for name, setup in experiments(config).items()
        for method in setup["methods"]
        for variant in points(config, name, method)
        for repetition in range(repetitions(config, name))
    ]


def labels(config: dict[str, Any]) -> dict[str, str]:
    """The names of the methods in tables and figures."""
    return {name: method.get("label", name) for name, method in config["methods"].items()}


def linear_experiments(config: dict[str, Any]) -> list[str]:
    """The experiments with a linear generator, for which there are reference codes."""
    return [name for name, setup in experiments(config).items() if setup["generator"]["kind"] == "dictionary"]


def baseline_spec(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """What the reference codes of an experiment depend on, beside its data; of a swept size the largest.

    Raises:
        UserError: there is no such experiment, or its generator is not linear.
    """
    known = linear_experiments(config)
    if experiment not in known:
        near = nearest(str(experiment), known)
        raise UserError(f"no experiment {experiment} with a dictionary{near}; there are {', '.join(known)}")
    setup = config["experiments"][experiment]
    latents = setup["generator"]["latents"]
    return {
        "experiment": experiment,
        "dataset": setup["dataset"],
        "latents": max(latents) if isinstance(latents, list) else latents,
        "penalties": evaluation_spec(config, experiment)["penalties"],
    }
