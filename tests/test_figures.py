"""Every figure, drawn from made-up results in the real format."""

from __future__ import annotations

import io
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from vscbench.training.loop import write_history

from vscbench import config as configs
from vscbench.errors import UserError
from vscbench.files import read_json, write_json
from vscbench.reporting.assemble import assemble
from vscbench.reporting.figures import FIGURES, draw
from vscbench.reporting.study import Study
from vscbench.reporting.style import PAGE_IN, STYLE, looks, wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

METHODS: dict[str, dict[str, Any]] = {
    "fista": {"label": "FISTA", "family": "fista"},
    "gaussian": {"label": "Gaussian", "family": "gaussian"},
    "laplacian": {"label": "Laplacian", "family": "laplacian"},
    "spike_slab": {"label": "Spike-and-slab", "family": "spike_slab"},
    "gaussian_thresh": {"label": "Thresholded Gaussian", "family": "gaussian", "threshold": "fixed"},
    "gaussian_thresh_gamma": {"label": "Thresholded Gaussian + Gamma", "family": "gaussian", "threshold": "gamma"},
    "laplacian_thresh": {"label": "Thresholded Laplacian", "family": "laplacian", "threshold": "fixed"},
    "laplacian_thresh_gamma": {"label": "Thresholded Laplacian + Gamma", "family": "laplacian", "threshold": "gamma"},
    "spike_slab_published": {"label": "Spike-and-slab, gate as published", "family": "spike_slab"},
}
DENSE = ("gaussian", "laplacian")
SIDE, LATENTS, PATCHES, EPOCHS, STEPS_PER_EPOCH = 8, 100, 60, 8, 200
DIVERGED_STEP = 1234


class Made:
    """A results folder that a study could have left behind.

    Args:
        folder: where to write it.
        repetitions: runs of each method.
        methods: names of METHODS.
        diverged: (method, repetition) of runs that did not come to their end.
    """

    def __init__(
        self,
        folder: Path,
        repetitions: int = 2,
        methods: tuple[str, ...] = tuple(METHODS),
        diverged: tuple[tuple[str, int], ...] = (),
        experiments: tuple[str, ...] = ("natural_images",),
    ) -> None:
        self.folder, self.repetitions, self.methods, self.diverged = folder, repetitions, methods, diverged
        self.rng = np.random.default_rng(0)
        runs = [
            self.run(experiment, method, repetition)
            for experiment in experiments
            for method in methods
            for repetition in range(repetitions)
        ]
        baselines = [self.baselines(experiment) for experiment in experiments]
        labels = {method: METHODS[method]["label"] for method in methods}
        assemble(runs, baselines, labels, folder / "metrics.csv")

    def spec(self, experiment: str, method: str, repetition: int) -> dict[str, Any]:
        """What `vscbench.config.run_spec` gives."""
        return {
            "study": "made_up",
            "experiment": experiment,
            "method": method,
            "point": {},
            "repetition": repetition,
            "seed": repetition,
            "dataset": {"name": "natural_images", "kind": "natural_images", "patch_size": SIDE},
            "generator": {"kind": "dictionary", "latents": LATENTS},
            "encoder": {"kind": "mlp", "widths": [16]},
            "coder": {key: value for key, value in METHODS[method].items() if key != "label"},
            "objective": {"sampling": "max_elbo", "samples": 20, "kl_weight": 0.01},
            "training": configs.TRAINING_DEFAULTS["two_rates"] | {"epochs": EPOCHS, "batch_size": 100},
        }

    def run(self, experiment: str, method: str, repetition: int) -> Path:
        """Write the files of a run; of one that diverged those that it leaves behind."""
        spec = self.spec(experiment, method, repetition)
        folder = self.folder / "runs" / configs.run_name(spec)
        diverged = (method, repetition) in self.diverged
        steps = DIVERGED_STEP + 100 * repetition if diverged else EPOCHS * STEPS_PER_EPOCH
        status = {"status": "diverged" if diverged else "completed", "key": configs.run_key(spec), "step": steps}
        metrics = {} if diverged else self.metrics(method)
        write_json(folder / "config.json", spec)
        write_json(folder / "status.json", status | ({"loss": "nan"} if diverged else {}))
        resources = {"train_seconds": 60.0, "peak_memory_mb": 300.0}
        settings = configs.EVALUATION_DEFAULTS | {"gradient_passes": 200}
        write_json(folder / "metrics.json", {**status, "metrics": metrics | resources, "settings": settings})
        atoms = self.rng.normal(size=(SIDE**2, LATENTS)) * (np.nan if diverged else self.rng.gamma(2, size=LATENTS))
        save_file({"generator.atoms": atoms.astype(np.float32)}, folder / "weights.safetensors")
        write_history(folder / "history.csv", self.history(method, steps // STEPS_PER_EPOCH))
        arrays = {} if diverged or method == "fista" else self.arrays(method)
        np.savez_compressed(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
        return folder

    def density(self, method: str) -> float:
        """A density as the family has it."""
        return 1.0 if method in DENSE else 0.08 + 0.01 * self.methods.index(method) + 0.004 * self.rng.random()

    def metrics(self, method: str) -> dict[str, float]:
        """The metrics that figures read, with names as the metrics write them."""
        error = 0.3 if method == "fista" else 0.7 + 0.05 * self.rng.random()
        density = self.density(method)
        found = {"mse_draw": error, "mse_mean": error, "mse_best": error, "density": density, "density_best": density}
        if method == "fista":
            return found
        found |= {"mse_draw": error + 0.15, "mse_mean": error + 0.05}
        for name, index in (("draw", 0.3), ("best", 0.4), ("null", 0.2)):
            found[f"jaccard_{name}"] = 1.0 if method in DENSE else index
        for samples in (1, 20):
            for group in ("inference", "generator"):
                snr = 0.1 + 0.2 * self.rng.random()
                fields = {"": snr, "_low": 0.97 * snr, "_high": 1.03 * snr, "_null": 0.048, "_published": 1.2 * snr}
                found |= {f"gradient_snr{field}_{group}_j{samples}": value for field, value in fields.items()}
        return found

    def history(self, method: str, epochs: int) -> list[dict[str, float]]:
        """The curves of the completed epochs."""
        level = 0.3 if method == "fista" else 0.8 + 0.1 * self.rng.random()
        rows = []
        for epoch in range(1, epochs + 1):
            error, density = level + 0.3 / epoch, self.density(method)
            row = {"epoch": float(epoch), "step": float(epoch * STEPS_PER_EPOCH)}
            row |= {"train_loss": 2 * error, "train_mse": error, "train_kl": 50 / epoch, "train_density": density}
            row |= {"validation_mse_draw": 1.2 * error, "validation_lasso_draw": 250 * error}
            row |= {"validation_mse_best": error, "validation_lasso_best": 200 * error}
            rows.append(row | {"validation_density": density})
        return rows

    def arrays(self, method: str) -> dict[str, Any]:
        """The Jaccard index of each patch."""
        draw, best = (
            np.ones(PATCHES) if method in DENSE else self.rng.beta(a, 10 - a, PATCHES).astype(np.float32)
            for a in (3, 4)
        )
        return {"jaccard_draw_by_patch": draw, "jaccard_best_by_patch": best}

    def baselines(self, experiment: str) -> Path:
        """Write the reference codes of an experiment."""
        reference = {"zero_code": (0.0, 1.0), "pca_same_size": (1.0, 0.1), "pca_same_density": (0.1, 0.8)}
        measures = {
            method: {"density": density, **{f"mse_{name}": error for name in ("draw", "mean", "best")}}
            for method, (density, error) in reference.items()
        }
        path = self.folder / "baselines" / f"{experiment}.json"
        write_json(path, {"experiment": experiment, "dataset": "natural_images", "baselines": measures})
        return path


def words_of(svg: str) -> str:
    """All text of a picture, in the order in which it is drawn, lines joined by spaces."""
    return " ".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg))


def figure_of(name: str, results: Path) -> Figure:
    """A figure that is not written."""
    figure: Figure = import_module(f"vscbench.reporting.figures.{name}").draw(Study(results))
    return figure


def drawn(name: str, results: Path) -> str:
    """The words of a figure, drawn as SVG alone."""
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure_of(name, results).savefig(buffer, format="svg")
    return words_of(buffer.getvalue())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine methods, two repetitions; one run of a method and both of another diverged."""
    folder = tmp_path_factory.mktemp("results")
    Made(folder, diverged=(("spike_slab", 1), ("laplacian_thresh", 0), ("laplacian_thresh", 1)))
    return folder


LABELS = {
    "threshold": (),
    "dictionaries": tuple(METHODS),
    "gradient_snr": tuple(method for method in METHODS if method != "fista"),
    "training_curves": tuple(METHODS),
    "reconstruction_density": tuple(METHODS),
    "support_agreement": tuple(METHODS),
}


@pytest.mark.parametrize("name", LABELS)
def test_writes_three_files_that_name_all_methods_and_runs_that_diverged(
    name: str, results: Path, tmp_path: Path
) -> None:
    draw(name, results, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.{suffix}" for suffix in ("png", "pdf", "svg")}
    with Image.open(tmp_path / f"{name}.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] == PAGE_IN * 300
    assert pixels.std() > 10  # not blank
    content = (tmp_path / f"{name}.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(content) > 5000
    words = words_of((tmp_path / f"{name}.svg").read_text(encoding="utf-8"))
    for method in LABELS[name]:
        assert METHODS[method]["label"] in words, method
    if name != "threshold":
        assert "Spike-and-slab: 1 of 2 runs diverged at step 1,334." in words
        assert "Thresholded Laplacian: 2 of 2 runs diverged between steps 1,234 and 1,334." in words


@pytest.mark.parametrize("name", LABELS)
def test_one_repetition_one_of_which_diverged_at_once(name: str, tmp_path: Path) -> None:
    made = Made(tmp_path, repetitions=1, methods=("gaussian", "laplacian_thresh", "spike_slab_published"))
    made.diverged = (("laplacian_thresh", 0),)
    write_history(made.run("natural_images", "laplacian_thresh", 0) / "history.csv", [])
    runs = [tmp_path / "runs/natural_images" / method / "0" for method in made.methods]
    assemble(runs, [], {m: METHODS[m]["label"] for m in made.methods}, tmp_path / "metrics.csv")
    words = drawn(name, tmp_path)
    assert ("Thresholded Laplacian: diverged at step 1,234." in words) == (name != "threshold")


@pytest.mark.parametrize("name", [name for name in LABELS if name != "threshold"])
def test_a_block_for_each_experiment(name: str, tmp_path: Path) -> None:
    Made(tmp_path, repetitions=1, methods=("gaussian", "gaussian_thresh"), experiments=("first", "second"))
    words = drawn(name, tmp_path)
    assert "first" in words
    assert "second" in words


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gradient_snr", "no gradients measured"),
        ("support_agreement", "no sparse method was measured"),
        ("frontier", "no method has several operating points"),
        ("recovery", "no data with a known dictionary"),
        ("sweeps", "no experiment sweeps a number"),
        ("reconstructions", "no images reconstructed"),
        ("prior_samples", "no samples drawn"),
        ("recovered_dictionaries", "no dictionaries recovered"),
        ("attributes", "no labels to align latents with"),
        ("traversals", "no latents traversed"),
    ],
)
def test_nothing_to_show_is_said(name: str, sentence: str, tmp_path: Path) -> None:
    """Of a linear generator, without a sweep and without draws."""
    Made(tmp_path, repetitions=1, methods=("fista",))
    assert drawn(name, tmp_path) == sentence


def test_equal_repetitions_have_no_spread(tmp_path: Path) -> None:
    """Though the mean of three equal numbers may differ from them by a rounding error."""
    made = Made(tmp_path, repetitions=3, methods=("gaussian",))
    for repetition in range(3):
        path = tmp_path / f"runs/natural_images/gaussian/{repetition}/metrics.json"
        content = read_json(path)
        equal = dict.fromkeys(("mse_draw", "mse_mean", "mse_best", "density", "density_best"), 0.1)
        write_json(path, content | {"metrics": content["metrics"] | equal})
    runs = [tmp_path / f"runs/natural_images/gaussian/{repetition}" for repetition in range(3)]
    assemble(runs, [], {method: METHODS[method]["label"] for method in made.methods}, tmp_path / "metrics.csv")
    assert "Gaussian" in drawn("reconstruction_density", tmp_path)


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "threshold"])
def test_a_study_that_was_not_assembled(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.csv is missing"):
        draw(name, tmp_path, tmp_path)


def test_the_same_study_gives_the_same_files(results: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        draw("gradient_snr", results, tmp_path / folder)
    for suffix in ("png", "pdf", "svg"):
        first, second = ((tmp_path / folder / f"gradient_snr.{suffix}").read_bytes() for folder in ("a", "b"))
        assert first == second, suffix


def test_axis_of_ratios_shows_what_is_drawn(results: Path) -> None:
    """It once began at 1e-17 on some processors: the shade from 0, whose edge is computed, took part in its limits."""
    figure = figure_of("gradient_snr", results)
    for axes in figure.subfigs[0].axes:
        drawn_at = np.concatenate([np.asarray(line.get_xdata(), float) for line in axes.lines])
        low, high = axes.get_xlim()
        assert min(axes.dataLim.x0, low) > np.nanmin(drawn_at) / 3  # nan: runs that diverged
        assert high < np.nanmax(drawn_at) * 3
        (shade,) = (patch for patch in axes.patches if patch.get_facecolor()[:3] == (0.9, 0.9, 0.9))
        assert shade.get_x() <= low
        assert shade.get_x() + shade.get_width() == pytest.approx(0.048)


def test_published_numbers_are_drawn_where_they_belong(results: Path) -> None:
    figure = figure_of("gradient_snr", results)
    inference, generator = figure.subfigs[0].axes
    hollow = [line for line in inference.lines if line.get_markerfacecolor() == "white"]
    assert {round(float(np.asarray(line.get_xdata())[0]), 4) for line in hollow} == {
        0.234, 0.192, 0.027, 0.0474, 0.0789, 0.11
    }  # fmt: skip
    assert not [line for line in generator.lines if line.get_markerfacecolor() == "white"]
    assert "on another scale: left out" in " ".join(figure.subfigs[0].get_supxlabel().split())


def test_threshold_measures_what_theory_says(tmp_path: Path) -> None:
    titles = [axes.get_title() for axes in figure_of("threshold", tmp_path).axes]
    pairs = [re.search(r"γ = ([\d.]+) exact\n([\d.]+) measured", title) for title in titles]
    found = [(float(pair[1]), float(pair[2])) for pair in pairs if pair]
    assert [exact for exact, _ in found] == [0.5, 0.2, 0.1]
    for exact, measured in found:
        assert measured == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 200_000) + 5e-4)


def test_methods_keep_their_looks() -> None:
    found = looks(METHODS)
    assert len({(look.colour, look.marker) for look in found.values()}) == len(found)
    assert looks(["other"])["gaussian"] == found["gaussian"]
    many = looks([f"method{i}" for i in range(20)])
    assert len({(look.colour, look.marker) for name, look in many.items() if name.startswith("method")}) == 20


def test_labels_break_before_what_is_added() -> None:
    assert wrapped("Thresholded Gaussian + Gamma", 24) == "Thresholded Gaussian\n+ Gamma"
