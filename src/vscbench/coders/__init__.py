"""How codes are inferred: one file a family, and thresholding, which composes with a symmetric base.

A family is registered by its line in `POSTERIORS`, `SOLVERS` or `LEARNED_SOLVERS`; the tests' battery runs over
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.coders.admm import Admm
from vscbench.coders.amortised import Amortised
from vscbench.coders.base import Base, Coder, Posterior
from vscbench.coders.classifier_prior import ClassifierPrior
from vscbench.coders.deep_fista import DeepFista
from vscbench.coders.fista import Fista
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.lista import Lista
from vscbench.coders.spike_slab import SpikeSlab
from vscbench.coders.threshold import FixedThreshold, GammaThreshold
from vscbench.coders.vamp import VampPrior
from vscbench.networks import Dictionary
from vscbench.objectives import Objective
from vscbench.ramps import Ramp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from vscbench.coders.learned_prior import LearnedPrior

__all__ = [
    "DEEP_SOLVERS",
    "LEARNED_SOLVERS",
    "POSTERIORS",
    "PRIORS",
    "SOLVERS",
    "Amortised",
    "Coder",
    "Posterior",
    "build_coder",
    "build_posterior",
]

POSTERIORS: dict[str, type[Posterior]] = {
    "gaussian": Gaussian,
    "laplacian": Laplacian,
    "spike_slab": SpikeSlab,
}
SOLVERS: dict[str, type[Coder]] = {"fista": Fista, "admm": Admm}
DEEP_SOLVERS: dict[str, type[Coder]] = {"fista": DeepFista}
"""The same for a generator that is not linear."""
LEARNED_SOLVERS: dict[str, type[Lista]] = {"lista": Lista}
"""Networks that learn to solve the lasso; each starts from the untrained dictionary."""

PRIORS: dict[str, type[LearnedPrior]] = {"vamp": VampPrior, "clf": ClassifierPrior}
"""Priors that are learned with the rest; the families have one of their own."""

RAMPED = ("noise_warmup", "temperature", "penalty_warmup", "prior_temperature")
PRIOR_KEYS = ("prior", "pseudo_inputs", "prior_temperature")
PSEUDO_INPUTS = 500
"""M of a learned prior, where a method names none: the authors'."""
THRESHOLD_KEYS = ("threshold", "threshold_value", "estimator", "gamma_kl_weight", "kl")


def build_posterior(spec: dict[str, Any]) -> Posterior:
    """The posterior of a method: a family (`family` and its constants) and, where `threshold` says so, a threshold."""
    others = ("family", *THRESHOLD_KEYS, *PRIOR_KEYS)
    constants = {k: Ramp(**v) if k in RAMPED else v for k, v in spec.items() if k not in others}
    posterior = POSTERIORS[spec["family"]](**constants)
    threshold = spec.get("threshold", "none")
    if threshold == "none":
        return posterior
    assert isinstance(posterior, Base)  # noqa: S101  (the schema allows thresholds on symmetric bases alone)
    common = {"base": posterior, "value": spec["threshold_value"]}
    common |= {"estimator": spec["estimator"]} if "estimator" in spec else {}
    if threshold == "fixed":
        return FixedThreshold(**common, divergence=spec.get("kl", "base"))
    weight = {"kl_weight": spec["gamma_kl_weight"]} if "gamma_kl_weight" in spec else {}
    return GammaThreshold(**common, **weight)


def build_prior(spec: dict[str, Any], shape: Sequence[int]) -> LearnedPrior | None:
    """The learned prior of a method, for data of `shape`; None where its prior is fixed."""
    if spec.get("prior", "fixed") == "fixed":
        return None
    heat = {"temperature": Ramp(**spec["prior_temperature"])} if "prior_temperature" in spec else {}
    return PRIORS[spec["prior"]](shape, spec.get("pseudo_inputs", PSEUDO_INPUTS), **heat)


def build_coder(
    spec: dict[str, Any],
    encoder: nn.Module,
    generator: nn.Module,
    objective: dict[str, Any],
    shape: Sequence[int] = (),
) -> Coder:
    """The coder of a method, for data of `shape`; solvers need no encoder and no objective, fixed priors no shape."""
    family = spec["family"]
    if family not in POSTERIORS:
        constants: dict[str, Any] = {k: Ramp(**v) if k in RAMPED else v for k, v in spec.items() if k != "family"}
        if family in LEARNED_SOLVERS:
            return LEARNED_SOLVERS[family](generator.get_parameter("atoms"), **constants)
        return (SOLVERS if isinstance(generator, Dictionary) else DEEP_SOLVERS)[family](**constants)
    latents: int = generator.latents  # type: ignore[assignment]
    posterior, rule = build_posterior(spec), Objective(**objective)
    return Amortised(encoder, latents, posterior, rule, build_prior(spec, shape))
