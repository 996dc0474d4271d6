"""Results that a study could have left behind, with known numbers, in the form that runs and the workflow write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from vscbench import config as configs
from vscbench.files import VERSION, write_json
from vscbench.methods import METHODS
from vscbench.reporting.assemble import assemble
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Numbers = dict[str, float]

LABELS = {"laplacian_thresh": "Thresholded Laplacian", "gaussian": "Gaussian", "laplacian": "Laplacian"}
RUNS: dict[tuple[str, int], Numbers | int] = {
    ("laplacian_thresh", 0): {
        "lasso20_best": 200.5,
        "multi_information": 150.25,
        "coefficient_collapse": 12.5,
        "mse_draw": 0.8123,
        "jaccard_draw": 0.00021,
        "gradient_snr_inference_j1": 0.13,
        "gradient_snr_published_inference_j1": 0.15,
        "gradient_snr_published_generator_j20": 0.4,
        "train_seconds": 10,
    },
    ("laplacian_thresh", 1): {
        "lasso20_best": 198.5,
        "multi_information": 150.75,
        "coefficient_collapse": 12.5,
        "mse_draw": 0.8323,
        "jaccard_draw": 0.00025,
        "gradient_snr_inference_j1": 0.15,
        "gradient_snr_published_inference_j1": 0.17,
        "gradient_snr_published_generator_j20": 0.6,
        "train_seconds": 12,
    },
    ("gaussian", 0): {
        "lasso20_best": 900.0,
        "multi_information": 600.0,
        "coefficient_collapse": 0.0,
        "posterior_collapse": 1.2345,
        "mse_draw": 0.7,
        "train_seconds": 3,
    },
    ("gaussian", 1): 17,
    ("laplacian", 0): 1300,
    ("laplacian", 1): 9,
}
"""Metrics of a run, or the step at which it diverged."""
BASELINES = {
    "zero_code": {"lasso20_best": 128.0, "mse_draw": 1.0, "density": 0.0},
    "pca_same_size": {"lasso20_best": 1500.0, "mse_draw": 0.25, "density": 0.75},
}


def make_run(folder: Path, experiment: str, method: str, repetition: int, content: Numbers | int) -> dict[str, Any]:
    """The files of a run that tables read, in the format that training and evaluation write; its line in the index."""
    completed = isinstance(content, dict)
    spec = configs.spec(METHODS[method](), (6,), generator={"latents": 12}, objective={"samples": 3})
    spec |= {"experiment": experiment, "repetition": repetition, "dataset": {"name": "synthetic", "kind": "synthetic"}}
    spec["training"] |= {"batch_size": 10}
    run = folder / "runs" / experiment / method / str(repetition)
    status = {"status": "completed" if completed else "diverged", "step": 4200 if completed else content}
    metrics = content if isinstance(content, dict) else {"train_seconds": 0.5}
    write_json(run / "config.json", spec)
    write_json(run / "status.json", status)
    write_json(run / "metrics.json", {**status, "metrics": metrics, "settings": {"samples": 3}})
    atoms = np.random.default_rng(repetition).standard_normal((6, 4)).astype(np.float32)
    save_file({"coder.generator.atoms": atoms}, run / "weights.safetensors")
    place = str(run.relative_to(folder))
    about = {"experiment": experiment, "method": method, "variant": method, "repetition": repetition}
    return about | {"point": {}, "folder": place, "key": ""}


def make_index(runs: list[dict[str, Any]], labels: dict[str, str]) -> dict[str, Any]:
    """The content of study.json."""
    experiments = {
        run["experiment"]: {"dataset": "synthetic", "kind": "synthetic", "linear": True, "latents": 12} for run in runs
    }
    names = {run["method"]: labels.get(run["method"], run["method"]) for run in runs}
    return {"version": VERSION, "experiments": experiments, "methods": names, "runs": runs}


def make_results(
    folder: Path,
    runs: dict[tuple[str, int], Numbers | int],
    labels: dict[str, str] | None = None,
    experiments: tuple[str, ...] = ("recovery",),
) -> Path:
    """A results folder with the given runs and reference codes, assembled."""
    made = [make_run(folder, name, *run, content) for name in experiments for run, content in runs.items()]
    for name in experiments:
        rows = [{"method": method, "point": {}, "metrics": metrics} for method, metrics in BASELINES.items()]
        write_json(folder / f"baselines/{name}.json", {"baselines": rows})
    index = make_index(made, LABELS if labels is None else labels)
    write_json(folder / "study.json", index)
    assemble(index, folder)
    return folder


def samples(seed: int, *shape: int) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


# --------------------------------------------------------------- any study


def plant(
    folder: Path,
    content: dict[str, Any],
    metrics: Callable[[configs.Run, dict[str, Any]], Numbers | int],
    baselines: dict[str, list[dict[str, Any]]] | None = None,
) -> Study:
    """The results of a study that was run.

    Args:
        folder: where they go.
        content: of its configuration.
        metrics: of a run and its specification, or the step at which it diverged.
        baselines: the rows of the reference codes by experiment.
    """
    study = configs.check(content)
    for run in configs.runs(study):
        place, spec = folder / "runs" / run.name, configs.run_spec(study, run)
        found = metrics(run, spec)
        lost = isinstance(found, int)
        status = {"status": "diverged" if lost else "completed", "step": found if lost else 42}
        write_json(place / "config.json", spec)
        write_json(place / "status.json", status)
        write_json(place / "metrics.json", {**status, "metrics": {} if lost else found, "settings": {"samples": 20}})
    for name, rows in (baselines or {}).items():
        write_json(folder / f"baselines/{name}.json", {"baselines": rows})
    index = configs.index(study)
    write_json(folder / "study.json", index)
    assemble(index, folder)
    return Study(folder)
