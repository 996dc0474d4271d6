"""A run's model: the coder that its specification names, and the statistics that its data were standardised by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vscbench import registry
from vscbench.coders import DISTANCES, FAMILIES, PRIORS, REFINEMENTS, THRESHOLDS, Coder, Posterior
from vscbench.coders.amortised import Amortised
from vscbench.coders.scaled import UNIT, Scaled, is_learned
from vscbench.errors import UserError
from vscbench.networks import ENCODERS, GENERATORS
from vscbench.objectives import Objective
from vscbench.objectives.variance import NoiseVariance
from vscbench.settings import check, construct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vscbench.data import Standardisation


BESIDE_FAMILY = ("family", "threshold", "prior", "refinement", "distance")
"""Keys of a coder's section that are no settings of its family."""


class Model(nn.Module):
    """A coder, and mean and scale of the data that it learned from, so that raw data can be coded.

    Args:
        coder: of standardised data.
        shape: of a data point, (P,) or (C, H, W).
        standardisation: how raw data became those; None: they were not standardised.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, coder: Coder, shape: Sequence[int], standardisation: Standardisation | None = None) -> None:
        super().__init__()
        self.coder, self.shape = coder, tuple(shape)
        mean, scale = (0.0, 1.0) if standardisation is None else (standardisation.mean, standardisation.scale)
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))


def part(table: Mapping[str, str], section: Mapping[str, Any], what: str, **given: Any) -> Any:
    """The part that a section of a specification names by its `kind`, built from its settings and what is `given`."""
    settings = {key: value for key, value in section.items() if key != "kind"}
    return construct(registry.find(table, section["kind"], what), settings, **given)


def build_posterior(section: Mapping[str, Any], latents: int = 1) -> Posterior:
    """The posterior that the `coder` section of a specification names, thresholded where it says so.

    Args:
        section: family, settings and threshold.
        latents: K, each with a scale of its prior where that is learned.

    Raises:
        UserError: the family is no posterior, or has no noise that a threshold could act on.

    Example:
        >>> build_posterior({"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.23}}).prior_density
        0.1002...
    """
    family = registry.find(FAMILIES, section["family"], "family", registry.CODERS)
    settings = {key: value for key, value in section.items() if key not in BESIDE_FAMILY}
    learned = is_learned(settings.get("prior_scale"))
    if learned:
        check(family, settings)  # refused where the family cannot learn one
        settings["prior_scale"] = UNIT
    posterior: Posterior = construct(family, settings)
    threshold = section.get("threshold")
    if threshold is not None:
        if not hasattr(posterior, "deviation"):
            raise UserError(f"{section['family']} is no μ + s ε of a symmetric ε: a threshold cannot act on it")
        posterior = part(THRESHOLDS, threshold, "kind of threshold", base=posterior)
    return Scaled(posterior, latents) if learned else posterior


def build_coder(spec: Mapping[str, Any], shape: Sequence[int]) -> Coder:
    """The untrained coder of a run with its generator, for data of `shape` (P,) or (C, H, W).

    Its weights are a function of the seed.

    Raises:
        UserError: a part that the specification names is not to be found, or is neither a coder nor a posterior.
    """
    section = spec["coder"]
    family = registry.find(FAMILIES, section["family"], "family", registry.CODERS)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(spec["seed"])
        encoder = part(ENCODERS, spec["encoder"], "kind of encoder", shape=shape)
        generator = part(GENERATORS, spec["generator"], "kind of generator", shape=shape)
        objective = Objective.of(spec["objective"])
        kind, weight = objective.variance, objective.kl_weight
        variance = None if kind == "fixed" else NoiseVariance(shape, kind, weight)
        if issubclass(family, Posterior):
            tables = {"prior": PRIORS, "refinement": REFINEMENTS, "distance": DISTANCES}
            prior, refinement, distance = (
                part(table, section[key], f"kind of {key}", shape=shape) if section.get(key) else None
                for key, table in tables.items()
            )
            posterior = build_posterior(section, spec["generator"]["latents"])
            return Amortised(encoder, generator, posterior, objective, prior, variance, refinement, distance)
        if not issubclass(family, Coder):
            raise UserError(f"{section['family']} is neither a Coder nor a Posterior of vscbench")
        settings = {key: value for key, value in section.items() if key not in BESIDE_FAMILY}
        given = {"generator": generator, "encoder": encoder, "objective": objective, "variance": variance}
        coder: Coder = construct(family, settings, **given, shape=shape, latents=spec["generator"]["latents"])
        return coder


def build(spec: Mapping[str, Any], shape: Sequence[int], standardisation: Standardisation | None = None) -> Model:
    """The untrained model of a run; arguments and errors as of `build_coder` and `Model`."""
    return Model(build_coder(spec, shape), shape, standardisation)


def load(spec: Mapping[str, Any], weights: Path, device: torch.device) -> Model:
    """The trained model of a run, on `device`, in evaluation mode, with all that is scheduled at its final value.

    Raises:
        UserError: the weights are missing, damaged or of another model; the file is named.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            shape = [int(n) for n in (file.metadata() or {})["shape"].split()]
    except FileNotFoundError:
        raise UserError(f"{weights} is missing: train the run first") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise UserError(f"{weights} is damaged ({error}): delete it and train the run again") from None
    model = build(spec, shape)
    if bad := [name for name, value in state.items() if not value.isfinite().all()]:
        raise UserError(f"{weights} is damaged (numbers of {bad[0]} are not finite): delete it and train the run again")
    try:
        model.mean, model.scale = state["mean"], state["scale"]
        same = all(state[name].dtype == value.dtype for name, value in model.state_dict().items())
        model.load_state_dict(state)
    except (KeyError, RuntimeError):
        same = False
    if not same:
        raise UserError(f"{weights} holds other weights than its config.json says: train the run again") from None
    model.coder.set_step(1, 1)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # (what convolutions read fastest)
    return model.to(device).eval()


def device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Raises:
        UserError: there is no such device here.

    Example:
        >>> device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).sum().item()  # a device that is listed may still refuse to compute
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # what torch raises depends on its build
        raise UserError(f"device {name} cannot be used here: {str(error).splitlines()[0]}") from None
