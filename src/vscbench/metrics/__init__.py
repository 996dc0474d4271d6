"""Metrics: one file a question, each a function `measure` of an `Evaluation`.

A question is registered by its line in `QUESTIONS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench import model as models
from vscbench.files import atomic, read_json, write_json
from vscbench.metrics import (
    attributes,
    bounds,
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
from vscbench.metrics.evaluation import Evaluation, Measures
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from vscbench.data import Splits

__all__ = ["QUESTIONS", "Evaluation", "evaluate"]

QUESTIONS: dict[str, Callable[[Evaluation], Measures]] = {
    "reconstruction": reconstruction.measure,
    "lasso": lasso.measure,
    "sparsity": sparsity.measure,
    "collapse": collapse.measure,
    "bounds": bounds.measure,
    "dependence": dependence.measure,
    "gradients": gradients.measure,
    "stability": stability.measure,
    "exactness": exactness.measure,
    "recovery": recovery.measure,
    "generation": generation.measure,
    "attributes": attributes.measure,
    "pictures": pictures.measure,
}

RESOURCES = ("train_seconds", "peak_memory_mb")


def feature_source(
    settings: dict[str, Any], classifier: Path | None, device: torch.device
) -> tuple[str, Callable[[Tensor], Tensor]] | None:
    """What images are compared by, and its name: Inception from the user's weights, else our own classifier."""
    if settings["inception_weights"]:
        return "inception", features.inception(Path(settings["inception_weights"]), device)
    if classifier:
        return "classifier", features.load_classifier(classifier, device).features
    return None


def evaluate(
    run: Path, splits: Splits, settings: dict[str, Any], device: torch.device, classifier: Path | None = None
) -> None:
    """Answer every question about the run in the folder `run`; write metrics.json and arrays.npz to it.

    Images are compared by the features of Inception where the settings name its weights, else by those of our own
    `classifier`.

    A run that diverged has its status and no metrics.
    """
    spec, status = read_json(run / "config.json"), read_json(run / "status.json")
    values: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    if status["status"] == "completed":
        keep_freed_memory()
        model = models.load(spec, run / "weights.safetensors", splits.test.shape[1:], device)
        e = Evaluation(model, splits, settings, spec["seed"], device, feature_source(settings, classifier, device))
        for question in QUESTIONS.values():
            for name, value in question(e).items():
                if isinstance(value, np.ndarray):
                    arrays[name] = value
                else:
                    values[name] = value
    resources = read_json(run / "resources.json")
    values |= {name: resources[name] for name in RESOURCES}
    with atomic(run / "arrays.npz") as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    # What is not a number (the Hoyer sparsity of codes that are all zero) is left out.
    finite = {name: value for name, value in values.items() if np.isfinite(value)}
    write_json(run / "metrics.json", {**status, "metrics": finite, "settings": settings})
