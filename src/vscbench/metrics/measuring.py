"""Measuring a coder, or a run in its folder, by all metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench import model, records
from vscbench.errors import UserError
from vscbench.files import atomic, write_json
from vscbench.metrics import METRICS, ON_REQUEST
from vscbench.metrics.evaluation import Evaluation, Past
from vscbench.metrics.shared import Shared
from vscbench.registry import find
from vscbench.settings import plain
from vscbench.training.memory import keep_freed_memory
from vscbench.violations import ViolationsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.data import Data

RESOURCES = ("train_seconds", "peak_memory_mb")


def timed(metric: str) -> bool:
    """Whether a metric depends on clock and machine; all others of a run are the same to the last bit on one CPU.

    Example:
        >>> timed("cost_seconds_1"), timed("seconds_to_90"), timed("steps_to_90")
        (True, True, False)
    """
    return metric in RESOURCES or metric.startswith(("cost_", "seconds_to_"))


def filled(settings: Mapping[str, Any], only: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """The settings that the metrics share, by "shared", and of each metric to be measured, with their defaults.

    Args:
        settings: the `evaluation` section of an experiment: `samples` and `penalties`, which metrics share, and by the
            name of a metric its own, or false to leave it out.
        only: names of metrics, of the package or as `module:function`; where None all of the package's, but those of
            `ON_REQUEST` that the settings do not name.

    Raises:
        UserError: there is no such metric, or its settings are not valid.

    Example:
        >>> filled({"bounds": {"points": 10}, "samples": 5}, only=["bounds", "sparsity"])
        {'shared': {'samples': 5, 'penalties': [20.0, 8.0], 'split': 'test'}, 'bounds': {'points': 10}, 'sparsity': {}}
    """
    shared = {key: value for key, value in settings.items() if key in Shared.__dataclass_fields__}
    asked = {**{name: name not in ON_REQUEST for name in METRICS}, **settings}
    sections: dict[str, Any] = {name: section for name, section in asked.items() if name not in shared}
    if only is not None:
        sections = {name: settings.get(name, True) for name in only}
    found = {}
    for name, section in [("shared", shared), *sections.items()]:
        if section is False:
            continue
        part = Shared if name == "shared" else find(METRICS, name, "metric")
        try:
            found[name] = plain(part, {} if section is True else section, ("e",))
        except ViolationsError as error:
            raise UserError("\n".join(error.at("" if name == "shared" else name))) from None
    return found


def evaluate(
    coder: Coder,
    data: Data,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    *,
    only: Iterable[str] | None = None,
    classifier: Path | None = None,
    past: Past | None = None,
    groups: dict[str, list[str]] | None = None,
) -> tuple[dict[str, float], dict[str, NDArray[Any]]]:
    """The numbers and the arrays that the metrics make of a trained coder on test data, by name.

    A metric that a coder, or the data, cannot give is left out; `measure` of each says when. What is not a number, the
    Hoyer sparsity of codes that are all zero, is nan.

    Args:
        coder: a trained coder, one of the user's own included, in evaluation mode.
        data: the data that it was trained on.
        settings: as of `filled`.
        seed: of everything that is drawn.
        device: where the coder is; the CPU where None.
        only: as of `filled`.
        classifier: file of the classifier by whose features images are compared, as `save_classifier` writes it.
        past: how the coder was trained, where that is known.
        groups: is given the names of the numbers of each metric.

    Raises:
        UserError: as of `filled`; or a metric refuses the data.

    Example:
        >>> import numpy as np
        >>> from vscbench.coders.fista import Fista
        >>> from vscbench.data import Data
        >>> from vscbench.networks.dictionary import Dictionary
        >>> data = Data.from_array(np.random.default_rng(0).normal(size=(100, 8)))
        >>> values, arrays = evaluate(Fista(Dictionary((8,), 4), penalty=0.1), data, only=["reconstruction"])
        >>> list(values)
        ['mse_draw', 'fve_draw', 'mse_mean', 'fve_mean', 'mse_best', 'fve_best']
    """
    sections = filled(settings or {}, only)
    shared = sections.pop("shared")
    of = data.measured_on(shared.pop("split"))
    e = Evaluation(coder, of, seed, device, **shared, classifier=classifier, past=past)
    values: dict[str, float] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for name, section in sections.items():
        try:
            measures = find(METRICS, name, "metric")(e, **section)
        except Exception as error:
            error.add_note(f"in the metric {name} of the coder {type(coder).__name__}")
            raise
        if groups is not None:
            groups[name] = [what for what, value in measures.items() if not isinstance(value, np.ndarray)]
        for what, value in measures.items():
            if isinstance(value, np.ndarray):
                arrays[what] = value
            else:
                values[what] = value
    return values, arrays


def measure_run(
    folder: Path, data: Data, settings: Mapping[str, Any], device: torch.device, classifier: Path | None = None
) -> None:
    """Measure the run in `folder`, as `evaluate` does; write metrics.json and arrays.npz to it.

    metrics.json has the run's status, the `metrics` that are finite numbers, `groups`, the names of the numbers of each
    metric, and the `settings` in full. A run that diverged has its resources alone.

    Raises:
        UserError: a file of the run is missing or damaged, or as of `evaluate`.
    """
    spec, status = records.spec(folder), records.status(folder)
    resources = records.read(records.Resources, folder / "resources.json")
    used = {name: float(resources[name]) for name in RESOURCES}
    values: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    if status["status"] == "completed":
        keep_freed_memory()
        coder = model.load(spec, folder / "weights.safetensors", device).coder
        past = Past(spec, records.history(folder / "history.csv"), resources.get("epoch_seconds", []))
        values, arrays = evaluate(
            coder, data, settings, spec["seed"], device, classifier=classifier, past=past, groups=groups
        )
    with atomic(folder / "arrays.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    finite = {name: value for name, value in (values | used).items() if np.isfinite(value)}
    sections = filled(settings)
    used_settings = sections.pop("shared") | sections
    write_json(folder / "metrics.json", {**status, "metrics": finite, "groups": groups, "settings": used_settings})
