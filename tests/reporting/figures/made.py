"""Results that a study could have left behind, made up in the real format."""

from __future__ import annotations

import io
import json
import re
from itertools import product
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from vscbench import registry
from vscbench.files import VERSION, write_json
from vscbench.reporting import OUTPUTS
from vscbench.reporting.study import Study
from vscbench.reporting.style import set_theme

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

CODERS: dict[str, dict[str, Any]] = {
    "fista": {"family": "fista", "penalty": 20},
    "gaussian": {"family": "gaussian"},
    "laplacian": {"family": "laplacian"},
    "spike_slab": {"family": "spike_slab", "prior_active": 0.1},
    "gaussian_thresh": {"family": "gaussian", "threshold": {"kind": "fixed", "value": 0.52}},
    "gaussian_thresh_gamma": {"family": "gaussian", "threshold": {"kind": "gamma", "value": 0.52}},
    "laplacian_thresh": {"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.25}},
    "laplacian_thresh_gamma": {"family": "laplacian", "threshold": {"kind": "gamma", "value": 0.25}},
    "mine": {"family": "my_module:Mine"},
}
LABELS = {
    "fista": "FISTA",
    "gaussian": "Gaussian",
    "laplacian": "Laplacian",
    "spike_slab": "Spike-and-slab",
    "gaussian_thresh": "Thresholded Gaussian",
    "gaussian_thresh_gamma": "Thresholded Gaussian + Gamma",
    "laplacian_thresh": "Thresholded Laplacian",
    "laplacian_thresh_gamma": "Thresholded Laplacian + Gamma",
    "mine": "Spike-and-slab with a gate of mine",
}
FIGURES = {name: where for name, where in OUTPUTS.items() if ".figures." in where}
DENSE = ("gaussian", "laplacian")
SHAPES = {"digits": (1, 8, 8), "faces": (3, 16, 16), "fashion_mnist": (1, 28, 28)}
NAMES = {
    "digits": tuple("0123456789"),
    "faces": ("glasses", "hat", "smile", "beard", "blond_hair"),
    "fashion_mnist": tuple(f"class_{k}" for k in range(14)),
}
STEPS, EPOCHS, PATCHES, PIXELS, LATENTS = 200, 8, 60, 64, 100
DIVERGED_STEP = 1234
Numbers = dict[str, float]


class Made:
    """A folder that fills with experiments.

    Args:
        folder: where to write it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, np.random.default_rng(0)
        self.rows: list[dict[str, Any]] = []
        self.index: dict[str, Any] = {"version": VERSION, "experiments": {}, "methods": LABELS, "runs": []}

    def experiment(
        self,
        name: str,
        methods: tuple[str, ...],
        kind: str = "natural_images",
        *,
        axes: dict[str, dict[str, list[Any]]] | dict[str, list[Any]] | None = None,
        repetitions: int = 2,
        diverged: tuple[tuple[Any, ...], ...] = (),
        latents: int = LATENTS,
        baselines: dict[str, Numbers] | None = None,
        **dataset: Any,
    ) -> Made:
        """Add an experiment.

        Args:
            name: of the experiment.
            methods: names of LABELS.
            kind: of data; those of SHAPES have a network for a generator.
            axes: values by axis, of all methods or by method.
            repetitions: runs of each method at each point.
            diverged: (method, repetition, values on the axes ...) of runs that did not come to their end.
            latents: where they are not swept.
            baselines: metrics of reference codes.
            dataset: settings of the data.
        """
        linear = kind not in SHAPES
        setup = {"dataset": name, "kind": kind, "linear": linear, "methods": list(methods), "axes": axes or {}}
        self.index["experiments"][name] = setup | {"evaluation": {"samples": 20, "penalties": [20, 8]}}
        for method in methods:
            own: Any = (axes or {}).get(method, {} if {*(axes or {})} & {*LABELS} else axes or {})
            for values in product(*own.values()):
                point = dict(zip(own, values, strict=True))
                for repetition in range(repetitions):
                    lost = (method, repetition, *values) in diverged
                    spec = {
                        "experiment": name,
                        "method": method,
                        "point": point,
                        "repetition": repetition,
                        "dataset": {"name": name, "kind": kind} | dataset,
                        "generator": {
                            "kind": "dictionary" if linear else "mlp",
                            "latents": point.get("latents", latents),
                        },
                        "coder": at_density(CODERS[method], point.get("density")),
                        "objective": {"sampling": "max_elbo", "samples": 20},
                        "training": {"validation_penalty": 20.0 if linear else None},
                    }
                    self.run(spec, lost)
        for method, metrics in (baselines or {}).items():
            self.record({"experiment": name, "method": method}, "", "baseline", metrics)
        return self

    def run(self, spec: dict[str, Any], lost: bool) -> None:
        """Write the files of a run; of one that diverged those that it leaves behind."""
        method, repetition, point = spec["method"], spec["repetition"], spec["point"]
        variant = "__".join([method, *(f"{axis}-{value}" for axis, value in point.items())])
        name = f"runs/{spec['experiment']}/{variant}/{repetition}"
        folder, step = self.folder / name, DIVERGED_STEP + 100 * repetition if lost else EPOCHS * STEPS
        linear = spec["generator"]["kind"] == "dictionary"
        status = {"status": "diverged" if lost else "completed", "step": step}
        metrics = {"diverged_step": float(step)} if lost else self.metrics(spec) | ({} if linear else self.images(spec))
        write_json(folder / "config.json", {"version": VERSION, **spec})
        write_json(folder / "status.json", status)
        write_json(folder / "metrics.json", status | {"metrics": metrics, "settings": {"samples": 20}})
        epochs = step // STEPS
        pd.DataFrame([self.epoch(method, k + 1, linear) for k in range(epochs)]).to_csv(
            folder / "history.csv", index=False
        )
        arrays = {} if lost else self.arrays(method) if linear else self.pictures(spec)
        np.savez_compressed(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
        if linear:
            atoms = self.rng.normal(size=(PIXELS, LATENTS)) * self.rng.gamma(2, size=LATENTS)
            save_file({"coder.generator.atoms": atoms.astype(np.float32)}, folder / "weights.safetensors")
        self.index["runs"].append(
            {key: spec[key] for key in ("experiment", "method", "point", "repetition")}
            | {"variant": variant, "folder": name, "key": ""}
        )
        self.record(spec, json.dumps(point) if point else "", status["status"], metrics, repetition)

    def record(
        self, of: dict[str, Any], point: str, status: str, metrics: Numbers, repetition: int | None = None
    ) -> None:
        """Add rows to the table."""
        common = {key: of[key] for key in ("experiment", "method")} | {"dataset": of["experiment"], "point": point}
        common |= {"label": LABELS.get(of["method"], of["method"]), "repetition": repetition, "status": status}
        self.rows += [common | {"metric": metric, "value": value} for metric, value in metrics.items()]

    def write(self) -> Study:
        """Write the table and the index."""
        table = pd.DataFrame(self.rows).astype({"repetition": "Int64"})
        table.sort_values("status", key=lambda each: each == "baseline", kind="stable").to_csv(
            self.folder / "metrics.csv", index=False
        )
        write_json(self.folder / "study.json", self.index)
        return Study(self.folder)

    # ------------------------------------------------------------------ numbers

    def density(self, method: str) -> float:
        """A density as the family has it."""
        return 1.0 if method in DENSE else 0.08 + 0.01 * list(LABELS).index(method) + 0.004 * self.rng.random()

    def metrics(self, spec: dict[str, Any]) -> Numbers:
        """The metrics of a linear run that figures read, with names as the metrics write them."""
        method, rng = spec["method"], self.rng
        error, density = 0.3 if method == "fista" else 0.7 + 0.05 * rng.random(), self.density(method)
        at = spec["point"].get("density", spec["point"].get("penalty", 1.0))
        density = min(1.0, density * float(at) * 10 if "density" in spec["point"] else density)
        found = {"mse_draw": error, "mse_mean": error, "mse_best": error, "density": density, "density_best": density}
        found |= {"fve_draw": 1 - error - 0.1 + density, "fve_best": 1 - error + density, "elbo": -80 - rng.random()}
        if spec["dataset"]["kind"] == "synthetic":
            found |= {f"recovery_{name}": 0.6 + 0.3 * rng.random() for name in ("cosine", "f1", "f1_best")}
            found |= {"recovery_f1_oracle": 0.95}
            found |= {} if method == "fista" else {"recovery_calibration": 0.05}
        if method == "fista":
            return found
        found |= {"mse_draw": error + 0.15, "mse_mean": error + 0.05}
        for name, index in (("draw", 0.3), ("best", 0.4), ("null", 0.2)):
            found[f"jaccard_{name}"] = 1.0 if method in DENSE else index
        for samples, group in product((1, 20), ("inference", "generator")):
            snr = 0.1 + 0.2 * rng.random()
            fields = {"": snr, "_low": 0.97 * snr, "_high": 1.03 * snr, "_null": 0.048, "_published": 1.2 * snr}
            fields["_unbiased"] = snr
            found |= {f"gradient_snr{field}_{group}_j{samples}": value for field, value in fields.items()}
        return found

    def images(self, spec: dict[str, Any]) -> Numbers:
        """Those that a run on images has besides."""
        latents, place = spec["generator"]["latents"], list(LABELS).index(spec["method"])
        error = 0.02 + 0.003 * place + 0.1 / latents + 0.001 * self.rng.random()
        information = 4 * latents * 0.1 + 5
        found = {"mse_draw": 1.2 * error, "mse_mean": 1.1 * error, "mse_best": error}
        found |= {"multi_information": information, "multi_information_null": 0.7 * information}
        if spec["method"] != "fista":
            found["prior_density"] = 1.0 if spec["method"] in DENSE else float(spec["point"].get("density", 0.1))
        found["fid_classifier_best"] = 20 + place + 100 / latents + self.rng.random()
        found["kid_classifier_best"] = 0.02 + 0.002 * place + self.rng.normal(0, 0.001)
        return found | {
            f"attribute_null_{name}": 0.05 + 0.01 * self.rng.random() for name in NAMES[spec["dataset"]["kind"]]
        }

    def epoch(self, method: str, epoch: int, linear: bool) -> Numbers:
        """A row of the curves; without a lasso objective where the generator is a network."""
        level = 0.3 if method == "fista" else 0.8 + 0.02 * list(LABELS).index(method) + 0.05 * self.rng.random()
        error = level + 0.3 / epoch
        row = {"epoch": epoch, "step": epoch * STEPS, "train_loss": 2 * error, "validation_mse_draw": 1.2 * error}
        row |= {"validation_mse_best": error, "validation_density": self.density(method)}
        return row | ({"validation_lasso_best": 200 * error} if linear else {})

    def arrays(self, method: str) -> dict[str, Any]:
        """Of a linear run the fits of its atoms, the Jaccard index of each patch and the reliability of P(active)."""
        gabors = np.stack([self.rng.uniform(0.05, 0.5, LATENTS), *np.ones((7, LATENTS))])[[1, 2, 0, 3, 4, 5, 6, 7]]
        fits = {"gabor_fits": self.rng.random(LATENTS), "gabor_parameters": gabors}
        if method == "fista":
            return fits
        shapes = [np.ones(PATCHES) if method in DENSE else self.rng.beta(a, 10 - a, PATCHES) for a in (3, 4)]
        draw, best = (each.astype(np.float32) for each in shapes)
        middle = np.linspace(0.05, 0.95, 10)
        bins = np.stack([middle, middle**1.2, np.r_[10, np.full(9, 500.0)]])
        return fits | {"jaccard_draw_by_patch": draw, "jaccard_best_by_patch": best, "recovery_reliability": bins}

    def pictures(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The arrays that figures of images read."""
        kind, latents, rng = spec["dataset"]["kind"], spec["generator"]["latents"], self.rng
        shape, names = SHAPES[kind], NAMES[kind]
        images = blobs(np.random.default_rng(7), 8, shape)
        r = rng.normal(0, 0.05, (latents, len(names)))
        best = rng.permutation(latents)[: len(names)]
        r[best, np.arange(len(best))] = rng.uniform(-0.9, 0.9, len(best))
        found = {
            "input": images,
            "reconstruction_best": 0.9 * images + 0.05,
            "recovered_atoms": blobs(rng, min(64, latents), shape, sign=True),
            "attribute_correlation": r.astype(np.float32),
            "attribute_names": np.array(names),
            "traversals": blobs(rng, 42, shape).reshape(6, 7, *shape),
            "traversal_latents": rng.permutation(latents)[:6].astype(np.float32),
            "traversal_values": np.linspace(-3, 3, 7, dtype=np.float32),
        }
        return found if spec["method"] == "fista" else found | {"prior_samples": blobs(rng, 32, shape)}


def at_density(coder: dict[str, Any], density: float | None) -> dict[str, Any]:
    """A coder's settings at a density of its prior."""
    if density is None or (coder["family"] in DENSE and "threshold" not in coder):
        return coder
    if "threshold" in coder:
        return coder | {"threshold": {"kind": coder["threshold"]["kind"], "density": density}}
    return coder | {"prior_active": None, "density": density}


def blobs(rng: np.random.Generator, count: int, shape: tuple[int, int, int], sign: bool = False) -> NDArray[np.float32]:
    """Smooth random images, in [0, 1] or of either sign."""
    channels, height, width = shape
    y, x = np.mgrid[:height, :width] / height
    at, colour = rng.random((count, 2, 1, 1)), rng.uniform(-1 if sign else 0.2, 1, (count, channels, 1, 1))
    bump = np.exp(-30 * ((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2))
    images: NDArray[np.float32] = (colour * bump[:, None]).astype(np.float32)
    return images


def figure_of(name: str, study: Study) -> Figure:
    """A figure that is not written."""
    with mpl.rc_context():
        set_theme()
        figure: Figure = registry.load(FIGURES[name]).draw(study)
    return figure


def words_of(svg: str) -> str:
    """All text of a picture, in the order in which it is drawn, lines joined by spaces."""
    return " ".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg))


def drawn(name: str, study: Study) -> str:
    """The words of a figure, drawn as SVG alone."""
    buffer = io.StringIO()
    with mpl.rc_context():
        set_theme()
        registry.load(FIGURES[name]).draw(study).savefig(buffer, format="svg")
    return words_of(buffer.getvalue())
