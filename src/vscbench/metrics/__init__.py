"""Metrics: one file a question, each a function `measure` of an `Evaluation`.

A question is registered by its line in `QUESTIONS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vscbench import model as models
from vscbench.files import atomic, read_json, write_json
from vscbench.metrics import collapse, dependence, gradients, lasso, reconstruction, sparsity, stability
from vscbench.metrics.evaluation import Evaluation, Measures
from vscbench.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vscbench.data import Splits

__all__ = ["QUESTIONS", "Evaluation", "evaluate"]

QUESTIONS: dict[str, Callable[[Evaluation], Measures]] = {
    "reconstruction": reconstruction.measure,
    "lasso": lasso.measure,
    "sparsity": sparsity.measure,
    "collapse": collapse.measure,
    "dependence": dependence.measure,
    "gradients": gradients.measure,
    "stability": stability.measure,
}

RESOURCES = ("train_seconds", "peak_memory_mb")


def evaluate(run: Path, splits: Splits, settings: dict[str, Any], device: torch.device) -> None:
    """Answer every question about the run in the folder `run`; write metrics.json and arrays.npz to it.

    A run that diverged has its status and no metrics.
    """
    spec, status = read_json(run / "config.json"), read_json(run / "status.json")
    values: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    if status["status"] == "completed":
        keep_freed_memory()
        model = models.load(spec, run / "weights.safetensors", splits.test.shape[1], device)
        e = Evaluation(model, torch.from_numpy(splits.test).to(device), settings, spec["seed"])
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
