"""Made-up studies whose truth is known, for tests of claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from reporting.planted import samples
from vscbench.files import VERSION, write_json
from vscbench.reporting.assemble import COLUMNS
from vscbench.reporting.claims.judge import Judgement, judge
from vscbench.reporting.claims.twelve import CLAIMS
from vscbench.reporting.study import Study, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NETWORK, PATCHES = "faces", "patches"
METHODS = (
    "fista",
    "gaussian",
    "laplacian",
    "spike_slab",
    "gaussian_thresh",
    "laplacian_thresh",
    "gaussian_thresh_gamma",
    "laplacian_thresh_gamma",
)
SPARSE = METHODS[3:6]
REPETITIONS = 8
"""At six no permutation of two groups is rare enough for one of two comparisons of a family of twelve."""

Key = tuple[str, str, str]
"""Experiment, point ('' or 'axis=value;axis=value'), method."""
Metrics = dict[str, "float | Sequence[float]"]
"""A mean, about which repetitions vary by a thousandth, or the number of each repetition."""
Runs = dict[Key, Metrics]


def made_up(
    folder: Path,
    runs: Runs,
    *,
    repetitions: int = REPETITIONS,
    announced: int | None = None,
    diverged: dict[Key, int] | None = None,
    baselines: dict[str, float] | None = None,
    folds: int = 1,
) -> Study:
    """The results of a study.

    Args:
        folder: where they go.
        runs: what was measured.
        repetitions: runs of each.
        announced: runs of each that the study's file says; as many as there are, where None.
        diverged: how many of the last runs diverged.
        baselines: metrics of the all-zero code of the experiment on patches.
        folds: of the data; more than one: each repetition has its own.
    """
    rows: list[dict[str, Any]] = []
    lost = diverged or {}
    for seed, (key, metrics) in enumerate({**{key: {} for key in lost}, **runs}.items()):
        experiment, point, method = key
        common = {"experiment": experiment, "dataset": experiment, "method": method, "label": method}
        common["point"] = text_of(dict(part.split("=") for part in filter(None, point.split(";"))))
        gone = range(repetitions - lost.get(key, 0), repetitions)
        step = {"status": "diverged", "metric": "diverged_step", "value": 100}
        rows += [common | step | {"repetition": k} for k in gone]
        for place, (metric, value) in enumerate(metrics.items()):
            noise = samples(1000 * seed + place, repetitions)
            numbers = value * (1 + 1e-3 * noise) if isinstance(value, int | float) else value
            for k, number in enumerate(numbers[: repetitions - lost.get(key, 0)]):
                rows.append(common | {"repetition": k, "status": "completed", "metric": metric, "value": number})
    for metric, number in (baselines or {}).items():
        common = {
            "experiment": PATCHES,
            "dataset": PATCHES,
            "method": "zero_code",
            "label": "All-zero code",
            "point": "",
        }
        rows.append(common | {"status": "baseline", "metric": metric, "value": number})
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "metrics.csv", index=False)
    about = {"kind": "natural_images", "repetitions": announced or repetitions, "folds": folds}
    names = dict.fromkeys([key[0] for key in runs] + [key[0] for key in lost])
    experiments = {name: about | {"linear": name != NETWORK, "dataset": name} for name in names}
    write_json(folder / "study.json", {"version": VERSION, "experiments": experiments, "methods": {}, "runs": []})
    return Study(folder)


def reading(study: Study, number: int, which: int = 0) -> Judgement:
    """The judgement on a claim as stated (0), or by the reading beside it of that place."""
    claim = next(each for each in CLAIMS if each.number == number)
    wanted = claim.beside[which - 1] if which else claim.stated
    return next(each for each in judge(study, [claim]) if each.reading is wanted)


def spread(experiment: str, metric: str, values: dict[str, Any], **others: Any) -> Runs:
    """One metric of several methods at one point, and other metrics that are the same for all."""
    return {(experiment, "", method): {metric: value, **others} for method, value in values.items()}


def merged(*parts: Runs) -> Runs:
    """Runs with the metrics of all parts."""
    found: Runs = {}
    for part in parts:
        for key, metrics in part.items():
            found[key] = found.get(key, {}) | metrics
    return found


def lasso(**values: float) -> Runs:
    """Lasso objectives of the methods of a dictionary."""
    usual = dict(zip(METHODS, (80, 700, 330, 170, 160, 150, 165, 155), strict=True))
    return spread(PATCHES, "lasso20_best", usual | values)


def operating_points(better: str, worse: str, gain: float, floor: float = 0.2) -> Runs:
    """Two methods along the density of their codes, the one above the other by `gain` of the variance."""
    return {
        (PATCHES, f"density={d}", method): {"density": d, "fve_draw": floor + d + extra, "mse_draw": 0.8 - d - extra}
        | {"density_best": d, "fve_best": 0.3 + d + extra, "mse_best": 0.7 - d - extra}
        for method, extra in ((better, gain), (worse, 0.0))
        for d in (0.05, 0.1, 0.2, 0.4)
    }


def swept(axis: str, metric: str, values: dict[str, dict[float | str, Any]], **others: Any) -> Runs:
    """A metric of methods along an axis, of a network."""
    return {
        (NETWORK, f"{axis}={at}", method): {metric: value, **others}
        for method, points in values.items()
        for at, value in points.items()
    }


def sizes(metric: str, dense: tuple[float, float], sparse: tuple[float, float] = (0.03, 0.02), **others: float) -> Runs:
    """An error at two sizes of the dense and of the thresholded Gaussian."""
    values = {"gaussian": dense, "gaussian_thresh": sparse}
    return swept("latents", metric, {m: dict(zip((8, 64), both, strict=True)) for m, both in values.items()}, **others)


def noise(kind: str, **values: float) -> Runs:
    """Gradient ratios of spike-and-slab and of two thresholded methods, trained with either number of draws."""
    usual = {"spike_slab": 0.05, "gaussian_thresh": 0.1, "laplacian_thresh": 0.12} | values
    return {
        (PATCHES, f"samples={j}", method): {
            f"gradient_snr_{kind}_{part}_j{measured}": value if measured == j else 0.05
            for part in ("inference", "generator")
            for measured in (1, 20)
        }
        for method, value in usual.items()
        for j in (1, 20)
    }


def sampled(draw: float = 0.3, loss: float = 150.0, bound: float = -290.0, above: float = 5.0) -> Runs:
    """Averaging and max-ELBO at two J; the numbers are those of max-ELBO at the larger."""
    common: Metrics = {"jaccard_null": 0.1, "jaccard_draw": 0.2, "lasso20_best": 160.0, "elbo": -301.0}
    common |= {"elbo_above_empty": above}
    best = common | {"jaccard_draw": draw, "lasso20_best": loss, "elbo": bound}
    return {
        (PATCHES, f"sampling={rule};samples={j}", "laplacian_thresh"): best if (rule, j) == ("max_elbo", 20) else common
        for rule in ("average", "max_elbo")
        for j in (1, 20)
    }


def estimators(through: Metrics, sub: Metrics, axis: str = "threshold.estimator") -> Runs:
    """What training by the straight-through estimator and by the sub-gradient ends at, of both families."""
    return {
        (PATCHES, f"{axis}={name}", method): metrics
        for name, metrics in (("straight_through", through), ("subgradient", sub))
        for method in ("gaussian_thresh", "laplacian_thresh")
    }


def about(mean: float, sd: float, seed: int = 0, count: int = REPETITIONS) -> list[float]:
    """Numbers of exactly that mean and standard deviation."""
    x = samples(seed, count)
    return list(mean + sd * (x - x.mean()) / x.std(ddof=1))
