"""Figures and tables of images and of sweeps, from made-up results in the real format."""

from __future__ import annotations

import io
import re
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from vscbench.reporting.columns import TABLES
from vscbench.training.loop import write_history

from vscbench import config as configs
from vscbench.files import read_json, write_json
from vscbench.reporting import published
from vscbench.reporting.assemble import assemble
from vscbench.reporting.figures import FIGURES, draw
from vscbench.reporting.figures.attributes import written
from vscbench.reporting.figures.sweeps import sweeps
from vscbench.reporting.pictures import about_grey, centres, mosaic, shown
from vscbench.reporting.study import Study
from vscbench.reporting.style import PAGE_IN, STYLE, looks
from vscbench.reporting.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

METHODS: dict[str, dict[str, Any]] = {
    "fista": {"label": "FISTA", "family": "fista"},
    "gaussian": {"label": "Gaussian", "family": "gaussian"},
    "spike_slab": {"label": "Spike-and-slab", "family": "spike_slab"},
    "gaussian_thresh": {
        "label": "Thresholded Gaussian",
        "family": "gaussian",
        "threshold": "fixed",
        "threshold_value": 0.52,
    },
    "gaussian_thresh_gamma": {
        "label": "Thresholded Gaussian + Gamma",
        "family": "gaussian",
        "threshold": "gamma",
        "threshold_value": 0.52,
    },
    "laplacian_thresh": {
        "label": "Thresholded Laplacian",
        "family": "laplacian",
        "threshold": "fixed",
        "threshold_value": 0.25,
    },
    "laplacian_thresh_gamma": {
        "label": "Thresholded Laplacian + Gamma",
        "family": "laplacian",
        "threshold": "gamma",
        "threshold_value": 0.25,
    },
}
FEW = ("gaussian", "spike_slab", "gaussian_thresh")
DEEP: dict[str, Any] = {
    "generator": {"kind": "convolutional", "latents": 64},
    "encoder": {"kind": "convolutional"},
    "objective": {"sampling": "max_elbo", "samples": 20, "kl_weight": 0.01},
    "training": {"optimizer": "adam", "epochs": 3, "batch_size": 100, "rate": {"peak": 3.0e-4}},
    "evaluation": {},
}
SMALL: dict[str, Any] = DEEP | {"encoder": {"kind": "mlp", "widths": [16]}}
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "digits": SMALL
    | {"dataset": "digits", "density": 0.1, "generator": {"kind": "mlp", "widths": [16], "latents": [64, 16, 128]}},
    "digits_density": SMALL
    | {
        "dataset": "digits",
        "density": [0.05, 0.1, 0.2, 0.5],
        "generator": {"kind": "mlp", "widths": [16], "latents": 16},
    },
    "faces": DEEP | {"dataset": "faces"},
    "fashion_mnist": DEEP
    | {"dataset": "fashion_mnist", "density": 0.1, "generator": {"kind": "convolutional", "latents": [20, 256]}},
    "fashion_mnist_density": DEEP | {"dataset": "fashion_mnist", "density": [0.05, 0.2]},
}
SHAPES = {"digits": (1, 8, 8), "faces": (3, 64, 64), "fashion_mnist": (1, 28, 28)}
LABELS = {
    "digits": tuple("0123456789"),
    "faces": ("glasses", "hat", "smile", "beard", "blond_hair", "long_hair", "earrings", "dark_background"),
    "fashion_mnist": tuple(f"class_{k}" for k in range(14)),
}
DIVERGED_STEP = 1234


def study_of(experiments: tuple[str, ...], methods: tuple[str, ...], repetitions: int) -> dict[str, Any]:
    """A configuration of image experiments, checked."""
    counts = {"train": 100, "validation": 20, "test": 20}
    return configs.check(
        {
            "study": "made_up",
            "results": "results",
            "seed": 0,
            "repetitions": repetitions,
            "device": "cpu",
            "checkpoint_seconds": 0,
            "datasets": {name: {"kind": name, **counts} for name in SHAPES},
            "experiments": {name: deepcopy(EXPERIMENTS[name]) | {"methods": list(methods)} for name in experiments},
            "methods": {name: METHODS[name] for name in methods},
        }
    )


def blobs(rng: np.random.Generator, count: int, shape: tuple[int, int, int], sign: bool = False) -> NDArray[np.float32]:
    """Smooth random images, in [0, 1] or of either sign."""
    channels, height, width = shape
    y, x = np.mgrid[:height, :width] / height
    at, colour = rng.random((count, 2, 1, 1)), rng.uniform(-1 if sign else 0.2, 1, (count, channels, 1, 1))
    bump = np.exp(-30 * ((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2))
    images: NDArray[np.float32] = (colour * bump[:, None]).astype(np.float32)
    return images


class Made:
    """A results folder that a study of images could have left behind.

    Args:
        folder: where to write it.
        experiments: names of EXPERIMENTS.
        methods: names of METHODS.
        repetitions: runs of each method at each point.
        diverged: (experiment, variant, repetition) of runs that did not come to their end.
    """

    def __init__(
        self,
        folder: Path,
        experiments: tuple[str, ...],
        methods: tuple[str, ...] = FEW,
        repetitions: int = 2,
        diverged: tuple[tuple[str, str, int], ...] = (),
    ) -> None:
        self.folder, self.diverged, self.rng = folder, diverged, np.random.default_rng(0)
        config = study_of(experiments, methods, repetitions)
        runs = [self.run(configs.run_spec(config, *run), run) for run in configs.runs(config)]
        assemble(runs, [], configs.labels(config), folder / "metrics.csv")

    def run(self, spec: dict[str, Any], name: tuple[str, str, int]) -> Path:
        """Write the files of a run; of one that diverged those that it leaves behind."""
        folder = self.folder / "runs" / configs.run_name(spec)
        diverged = name in self.diverged
        status = {"status": "diverged" if diverged else "completed", "step": DIVERGED_STEP if diverged else 3000}
        status["key"] = configs.run_key(spec)
        metrics = {} if diverged else self.metrics(spec)
        settings = configs.EVALUATION_DEFAULTS
        write_json(folder / "config.json", spec)
        write_json(folder / "status.json", status)
        write_json(
            folder / "metrics.json", {**status, "metrics": metrics | {"train_seconds": 9.0}, "settings": settings}
        )
        write_history(folder / "history.csv", [] if diverged else self.history())
        np.savez_compressed(folder / "arrays.npz", **({} if diverged else self.arrays(spec)))
        return folder

    def metrics(self, spec: dict[str, Any]) -> dict[str, float]:
        """The metrics that figures and tables read, with names as the metrics write them."""
        kind, latents, coder = spec["dataset"]["kind"], spec["generator"]["latents"], spec["coder"]
        density = published.prior_density(coder) if coder["family"] != "fista" else 0.2
        place = list(METHODS).index(spec["method"])
        error = 0.02 + 0.003 * place + 0.1 / latents + 0.001 * self.rng.random()
        information = 4 * latents * density + 5
        found = {"mse_draw": 1.2 * error, "mse_mean": 1.1 * error, "mse_best": error}
        found |= {"density": density, "density_best": density}
        found |= {"multi_information": information, "multi_information_null": 0.7 * information}
        found["multi_information_excess"] = 0.3 * information
        for what, scale in (("best", 1), ("mean", 1.2), ("prior", 3)):
            found[f"fid_classifier_{what}"] = scale * (20 + place + 100 / latents + self.rng.random())
            found[f"kid_classifier_{what}"] = scale * (0.02 + 0.002 * place + self.rng.normal(0, 0.001))
        for label in LABELS[kind]:
            found[f"attribute_r_{label}"] = float(self.rng.choice((-1, 1)) * self.rng.uniform(0.2, 0.8))
            found[f"attribute_null_{label}"] = 0.05 + 0.01 * self.rng.random()
        return found | {"attribute_r_mean": 0.5, "attributes_found": 3.0, "probe_auc": 0.9, "probe_accuracy": 0.8}

    def history(self) -> list[dict[str, float]]:
        """The curves of three epochs; without a lasso objective."""
        names = ("train_loss", "train_mse", "validation_mse_draw", "validation_mse_best", "validation_density")
        return [
            {
                "epoch": float(epoch),
                "step": 1000.0 * epoch,
                **dict.fromkeys(names, 0.1 / epoch + 0.01 * self.rng.random()),
            }
            for epoch in (1, 2, 3)
        ]

    def arrays(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The arrays that figures read."""
        kind, latents, rng = spec["dataset"]["kind"], spec["generator"]["latents"], self.rng
        shape, labels = SHAPES[kind], LABELS[kind]
        images = blobs(np.random.default_rng(7), 8, shape)
        r = rng.normal(0, 0.05, (latents, len(labels)))
        best = rng.permutation(latents)[: len(labels)]
        r[best, np.arange(len(best))] = rng.uniform(-0.9, 0.9, len(best))
        found = {
            "input": images,
            **{f"reconstruction_{name}": 0.9 * images + 0.05 for name in ("draw", "mean", "best")},
            "recovered_atoms": blobs(rng, min(64, latents), shape, sign=True),
            "attribute_correlation": r.astype(np.float32),
            "attribute_names": np.array(labels),
            "traversals": blobs(rng, 42, shape).reshape(6, 7, *shape),
            "traversal_latents": rng.permutation(latents)[:6].astype(np.float32),
            "traversal_values": np.linspace(-3, 3, 7, dtype=np.float32),
        }
        return found if spec["coder"]["family"] == "fista" else found | {"prior_samples": blobs(rng, 32, shape)}


def figure_of(name: str, results: Path) -> Figure:
    """A figure that is not written."""
    with mpl.rc_context(STYLE):
        figure: Figure = import_module(f"vscbench.reporting.figures.{name}").draw(Study(results))
    return figure


def drawn(name: str, results: Path) -> str:
    """The words of a figure, drawn as SVG alone; lines are joined by spaces."""
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure_of(name, results).savefig(buffer, format="svg")
    return " ".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", buffer.getvalue()))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A swept and a plain experiment; the first run of a method and both of another diverged."""
    folder = tmp_path_factory.mktemp("results")
    lost = [("faces", "spike_slab", 0), ("faces", "spike_slab", 1), ("digits", "gaussian@latents=128", 0)]
    Made(folder, ("digits", "faces"), diverged=tuple(lost))
    return folder


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sweeps over sizes of the code and over densities that have published numbers."""
    folder = tmp_path_factory.mktemp("fashion")
    Made(folder, ("fashion_mnist", "fashion_mnist_density"), (*FEW, "laplacian_thresh"))
    return folder


LINEAR = (
    "threshold",
    "dictionaries",
    "gradient_snr",
    "training_curves",
    "reconstruction_density",
    "support_agreement",
)
PICTURES = ("reconstructions", "prior_samples", "recovered_dictionaries", "attributes", "traversals")

# ----------------------------------------------------------------------- groups


def test_a_point_of_a_sweep_is_a_group(results: Path) -> None:
    """In rising order, whatever that of the config, and its runs are found where training writes them."""
    study = Study(results)
    assert study.groups == ["digits, latents = 16", "digits, latents = 64", "digits, latents = 128", "faces"]
    assert [study.experiment[group] for group in study.groups] == ["digits"] * 3 + ["faces"]
    for group in study.groups:
        for method in study.methods(group):
            runs = study.runs(group, method)
            assert len(runs) == 2
            for run in runs:
                spec = study.spec(run)
                assert f"{spec['experiment']}, latents = {spec['generator']['latents']}" == group or group == "faces"
    table = pd.read_csv(results / "metrics.csv", dtype=str).fillna("")
    points = table[["experiment", "axis", "value_on_axis"]].drop_duplicates()
    assert {tuple(row) for row in points.to_numpy()} == {
        ("digits", "latents", "16"),
        ("digits", "latents", "64"),
        ("digits", "latents", "128"),
        ("faces", "", ""),
    }


def test_two_axes_and_methods_that_have_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = EXPERIMENTS["digits"] | {"density": [0.2, 0.05]}
    grid["generator"] = grid["generator"] | {"latents": [64, 16]}
    monkeypatch.setitem(EXPERIMENTS, "digits", grid)
    Made(tmp_path, ("digits",), ("gaussian", "spike_slab"), repetitions=1)
    study = Study(tmp_path)
    assert study.methods("digits, latents = 16, density = 0.05") == ["spike_slab"]
    assert study.methods("digits, latents = 16") == ["gaussian"]
    assert study.runs("digits, latents = 16, density = 0.05", "spike_slab")[0].is_dir()
    found = sweeps(study)
    assert {(sweep.axis, *sweep.fixed.items()) for sweep in found.values()} == {
        ("latents", ("density", "0.05")),
        ("latents", ("density", "0.2")),
        ("density", ("latents", "16")),
        ("density", ("latents", "64")),
        ("latents",),
    }
    along = found["digits, latents = 64, against density"]
    assert along.places(study) == {
        "digits, latents = 64, density = 0.05": 5,
        "digits, latents = 64, density = 0.2": 20,
    }
    assert along.beside(study) == ["digits, latents = 64"]
    words = drawn("sweeps", tmp_path)
    assert "digits, latents = 64, against density" in words
    assert "method without this setting" in words


@pytest.mark.parametrize("name", ["training_curves", "reconstruction_density"])
def test_figures_by_method_have_a_row_for_each_point(name: str, results: Path) -> None:
    words = drawn(name, results)
    rows = [
        words.index(heading) for heading in ("digits, latents = 16", "digits, latents = 64", "latents = 128", "faces")
    ]
    assert rows == sorted(rows)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dictionaries", "no dictionaries"),
        ("gradient_snr", "no gradients measured"),
        ("support_agreement", "no sparse method was measured"),
    ],
)
def test_figures_of_what_images_lack_say_so(name: str, sentence: str, results: Path) -> None:
    assert drawn(name, results) == sentence


def test_every_figure_is_tried() -> None:
    """Here, with the linear generators or in a file of its own: a new one is missed."""
    assert {*PICTURES, "sweeps", "frontier", "ablation", "recovery", *LINEAR} == {*FIGURES}


# --------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_show_every_method_at_the_largest_point(name: str, results: Path) -> None:
    words = drawn(name, results)
    assert "digits, latents = 128" in words
    assert "latents = 64" not in words
    for method in FEW:
        assert words.count(METHODS[method]["label"]) >= 2, method
    assert "2 of 2 runs diverged at step 1,234" in words
    assert "Gaussian: 1 of 2 runs diverged at step 1,234." in words
    assert "Spike-and-slab: 2 of 2 runs diverged at step 1,234." in words


def test_pictures_are_of_the_first_completed_run(results: Path) -> None:
    found = shown(Study(results), "traversals")
    (gaussian, *_), (_, lost, _) = found["digits, latents = 128"], found["faces"]
    assert gaussian.run is not None
    assert gaussian.run.parts[-2:] == ("gaussian@latents=128", "1")
    assert (lost.method, lost.run) == ("spike_slab", None)


def test_method_that_is_not_swept_says_so(fashion: Path) -> None:
    found = shown(Study(fashion), "input")["fashion_mnist_density, density = 0.2"]
    assert [each.label for each in found] == [
        "Gaussian (not swept)",
        "Spike-and-slab",
        "Thresholded Gaussian",
        "Thresholded Laplacian",
    ]


@pytest.mark.parametrize("name", [*PICTURES, "sweeps"])
def test_figures_are_written(name: str, tmp_path: Path) -> None:
    """Of one experiment, at one size."""
    Made(tmp_path, ("faces",), ("gaussian", "gaussian_thresh"), repetitions=1)
    draw(name, tmp_path, tmp_path)
    with Image.open(tmp_path / f"{name}.png") as image:
        assert image.size[0] == PAGE_IN * 300
    assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert "</svg>" in (tmp_path / f"{name}.svg").read_text()


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_stand_in_reading_order(channels: int) -> None:
    images = np.arange(3 * channels * 16 * 32, dtype=np.float32).reshape(3, channels, 16, 32) / (3 * channels * 512)
    tiles = mosaic(images, 2)
    assert tiles.shape == (33, 65, 3)
    places = {0: np.s_[:16, :32], 1: np.s_[:16, 33:], 2: np.s_[17:, :32]}
    for k, place in places.items():
        for channel in range(3):
            np.testing.assert_array_equal(tiles[place][..., channel], images[k, channel % channels])
    assert (tiles[16] == 1).all()
    assert (tiles[:, 32] == 1).all()
    assert (tiles[17:, 33:] == 1).all()
    np.testing.assert_allclose(centres(2, 16), [7.5, 24.5])


def test_values_beyond_white_and_black_are_cut() -> None:
    images = np.array([-0.5, 1.5], dtype=np.float32).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(mosaic(images, 2)[0, :, 0], [0, 1, 1])


def test_atoms_are_scaled_about_grey() -> None:
    atoms = np.array([[-4, 0, 2], [0.1, 0, -0.2], [0, 0, 0]], dtype=np.float32).reshape(3, 3, 1, 1)
    np.testing.assert_allclose(about_grey(atoms)[..., 0, 0], [[0, 0.5, 0.75], [0.75, 0.5, 0], [0.5, 0.5, 0.5]])


def test_heat_maps_show_each_methods_own_correlations_on_one_scale(results: Path) -> None:
    study = Study(results)
    part = next(part for part in figure_of("attributes", results).subfigs if part.get_suptitle() == "faces")
    maps = {axes.get_title(): axes for axes in part.subfigs[0].axes if axes.images}
    assert maps.keys() == {"Gaussian", "Thresholded Gaussian"}
    largest = 0.0
    for method in ("gaussian", "gaussian_thresh"):
        r = study.array(study.runs("faces", method)[0], "attribute_correlation")
        assert r is not None
        best = list(dict.fromkeys(np.abs(r).argmax(0)))
        axes = maps[METHODS[method]["label"]]
        np.testing.assert_allclose(axes.images[0].get_array(), r[best], rtol=1e-6)
        assert [label.get_text() for label in axes.get_yticklabels()] == [f"z{k}" for k in best]
        assert [label.get_text() for label in axes.get_xticklabels()] == [
            name.replace("_", " ") for name in LABELS["faces"]
        ]
        nulls = [study.of("faces", f"attribute_null_{name}", method).mean() for name in LABELS["faces"]]
        bold = np.array([text.get_fontweight() == "bold" for text in axes.texts]).reshape(len(best), -1)
        np.testing.assert_array_equal(bold, np.abs(r[best]) > nulls)
        largest = max(largest, float(np.abs(r).max()))
    for axes in maps.values():
        assert axes.images[0].get_clim() == pytest.approx((-largest, largest))


def test_heat_maps_hold_no_more_labels_than_fit(fashion: Path) -> None:
    part = figure_of("attributes", fashion).subfigs[0].subfigs[0]
    assert {len(axes.get_xticklabels()) for axes in part.axes if axes.images} == {12}
    assert "The 12 labels of largest |r|; 2 more are in the table." in " ".join(part.get_supxlabel().split())


@pytest.mark.parametrize(("r", "text"), [(0.314, ".31"), (-0.314, "−.31"), (-0.004, ".00"), (1.0, "1.00")])
def test_correlations_are_written_short(r: float, text: str) -> None:
    assert written(r) == text


# ----------------------------------------------------------------------- sweeps


def panels_of_row(name: str, results: Path, row: int) -> dict[str, Axes]:
    """The panels of a row of a figure, by title."""
    figure = figure_of(name, results)
    part = figure.subfigs[row]
    return {axes.get_title(): axes for axes in (part.subfigs[0] if part.subfigs else part).axes}


def line(axes: Axes, colour: str, *, hollow: bool = False) -> tuple[list[float], list[float]]:
    """The points of the marked line of a colour."""
    (found,) = (
        each
        for each in axes.lines
        if each.get_color() == colour
        and each.get_marker() not in ("None", "")
        and (each.get_markerfacecolor() == "white") == hollow
    )
    x, y = np.asarray(found.get_xdata(), dtype=float), np.asarray(found.get_ydata(), dtype=float)
    return x.tolist(), y.tolist()


def test_sweep_shows_the_mean_at_each_place(results: Path) -> None:
    study, found = Study(results), panels_of_row("sweeps", results, 0)
    assert list(found) == [
        "Error, one draw",
        "Error, mean code",
        f"Error, best of {study.samples('digits, latents = 16')}",
        "FID (our classifier)",
        "KID (our classifier)",
        "Multi-information (bits)",
    ]
    metrics = ("mse_draw", "mse_mean", "mse_best", "fid_classifier_best", "kid_classifier_best", "multi_information")
    for axes, metric in zip(found.values(), metrics, strict=True):
        for method in FEW:
            x, y = line(axes, looks(FEW)[method].colour)
            means = [study.of(f"digits, latents = {k}", metric, method).mean() for k in (16, 64, 128)]
            assert x == [16, 64, 128]
            assert y == pytest.approx(means)
        assert axes.get_xlabel() == "latents"
        assert axes.get_xscale() == "log"
    words = drawn("sweeps", results)
    assert "published" not in words.lower()
    assert "digits, latents = 128: Gaussian: 1 of 2 runs diverged at step 1,234." in words


def test_published_points_stand_beside_ours(fashion: Path) -> None:
    found = panels_of_row("sweeps", fashion, 0)
    best = f"Error, best of {Study(fashion).samples(Study(fashion).groups[0])}"
    x, y = line(found[best], looks(FEW)["gaussian"].colour, hollow=True)
    assert (x, y) == ([20, 64, 256, 1024], [0.027944, 0.028624, 0.029488, 0.029896])
    x, y = line(found["Multi-information (bits)"], looks(FEW)["spike_slab"].colour, hollow=True)
    assert (x, y) == ([20, 64, 256, 1024], [5.7, 36.9, 181.0, 756.7])
    for unquoted in ("Error, one draw", "Error, mean code", "FID (our classifier)", "KID (our classifier)"):
        assert all(each.get_markerfacecolor() != "white" for each in found[unquoted].lines)
    density = panels_of_row("sweeps", fashion, 1)[best]
    x, y = line(density, looks(FEW)["gaussian_thresh"].colour, hollow=True)
    assert (x, y) == ([5, 10, 20, 50], [0.026432, 0.024216, 0.023456, 0.023768])
    assert line(density, looks(FEW)["gaussian_thresh"].colour)[0] == [5, 20]
    flat = [each for each in density.lines if each.get_linestyle() == "-."]
    assert [each.get_color() for each in flat] == [looks(FEW)["gaussian"].colour]


def test_sweep_over_words_is_left_to_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"overrides": {"gaussian_thresh": {"estimator": ["straight_through", "published"]}}}
    monkeypatch.setitem(EXPERIMENTS, "faces", EXPERIMENTS["faces"] | changes)
    Made(tmp_path, ("faces",), repetitions=1)
    assert Study(tmp_path).groups == ["faces", "faces, estimator = published", "faces, estimator = straight_through"]
    assert sweeps(Study(tmp_path)) == {}
    write_table("sweeps", tmp_path, tmp_path)
    (table,) = blocks(tmp_path / "sweeps.md")
    assert list(table["estimator"]) == ["–", "–", "published", "straight_through"]


def test_sweep_of_which_every_run_diverged(tmp_path: Path) -> None:
    lost = tuple(("digits", f"gaussian@latents={k}", 0) for k in (16, 64, 128))
    Made(tmp_path, ("digits",), ("gaussian",), repetitions=1, diverged=lost)
    for name in ("sweeps", *PICTURES, "training_curves", "reconstruction_density"):
        assert drawn(name, tmp_path), name
    write_table("sweeps", tmp_path, tmp_path)
    (table,) = blocks(tmp_path / "sweeps.md")
    assert list(table.columns) == ["Method", "Latents"]
    assert list(table["Latents"]) == ["16", "64", "128"]


# -------------------------------------------------------------------- published


@pytest.mark.parametrize(
    ("family", "threshold", "density"),
    [
        ("gaussian", 0.62, 0.05),
        ("gaussian", 0.52, 0.1),
        ("gaussian", 0.405, 0.2),
        ("gaussian", 0.213, 0.5),
        ("laplacian", 0.2996, 0.05),
        ("laplacian", 0.23, 0.1),
        ("laplacian", 0.161, 0.2),
        ("laplacian", 0.0693, 0.5),
    ],
)
def test_prior_density_of_the_papers_thresholds(family: str, threshold: float, density: float) -> None:
    """Spec 1.2; and back, through the config's own map."""
    coder = {"family": family, "threshold": "fixed", "threshold_value": threshold}
    assert published.prior_density(coder) == pytest.approx(density, abs=0.002)
    exact = coder | {"threshold_value": configs.threshold_at(density, family, 0.1)}
    assert published.prior_density(exact) == pytest.approx(density, rel=1e-12)


def test_prior_density_without_a_threshold() -> None:
    assert published.prior_density({"family": "gaussian"}) == 1
    assert published.prior_density({"family": "laplacian", "threshold": "none"}) == 1
    assert published.prior_density({"family": "spike_slab", "spike_prior": 0.3}) == 0.3


def deep_spec(
    method: str, latents: int, point: dict[str, Any], kind: str = "fashion_mnist", **coder: Any
) -> dict[str, Any]:
    """The parts of a run's specification that published numbers are found by."""
    return {
        "method": method,
        "dataset": {"kind": kind},
        "generator": {"kind": "convolutional", "latents": latents},
        "coder": {key: value for key, value in METHODS[method].items() if key != "label"} | coder,
        "point": point,
    }


@pytest.mark.parametrize(
    ("spec", "mean"),
    [
        (deep_spec("gaussian_thresh", 256, {"latents": 256}), 0.022952),
        (deep_spec("gaussian_thresh", 64, {}), 0.024216),  # not swept, but the paper's own point
        (deep_spec("gaussian_thresh", 65, {}), None),
        (deep_spec("gaussian_thresh", 64, {"density": 0.05}, threshold_value=0.62), 0.026432),
        (deep_spec("gaussian_thresh", 256, {}, threshold_value=0.62), None),  # both off the default
        (deep_spec("gaussian", 1024, {"latents": 1024}), 0.029896),  # dense at every density
        (deep_spec("laplacian_thresh", 64, {}), None),  # λ = 0.25 keeps 8.2 %, theirs 10 %
        (deep_spec("laplacian_thresh", 64, {}, threshold_value=0.23), 0.028488),
        (deep_spec("gaussian_thresh", 512, {}, "celeba"), 0.016193),
        (deep_spec("gaussian_thresh", 64, {}, "faces"), None),
        (deep_spec("gaussian_thresh", 64, {"samples": 1}), None),  # theirs are of J = 20
        (deep_spec("fista", 64, {}), None),
    ],
)
def test_published_number_is_that_of_the_same_setting(spec: dict[str, Any], mean: float | None) -> None:
    found = published.number(spec, "mse_per_pixel", 20)
    assert (found.mean if found else None) == mean


def test_published_numbers_of_a_linear_sweep_are_not_quoted() -> None:
    spec = deep_spec("gaussian", 256, {}) | {"generator": {"kind": "dictionary", "latents": 256}}
    found = published.number(spec, "multi_information_plugin_bits", 20)
    assert found is not None
    assert found.mean == 735
    assert published.number(spec | {"point": {"latents": 16}}, "multi_information_plugin_bits", 20) is None


# ----------------------------------------------------------------------- tables


def blocks(page: Path) -> list[pd.DataFrame]:
    """The tables of a Markdown page."""
    found: list[list[list[str]]] = []
    before = ""
    for text in page.read_text().splitlines():
        if text.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in text.strip("|").split("|")])
        before = text
    return [pd.DataFrame(rows, columns=header) for header, _, *rows in found]


def test_table_of_sweeps(results: Path, tmp_path: Path) -> None:
    write_table("sweeps", results, tmp_path)
    digits, faces = blocks(tmp_path / "sweeps.md")
    assert [tuple(row) for row in digits[["Method", "Latents"]].to_numpy()] == [
        (f"{METHODS[method]['label']}{' (1 diverged)' if (method, k) == ('gaussian', 128) else ''}", str(k))
        for method in FEW
        for k in (16, 64, 128)
    ]
    assert "Latents" not in faces
    assert list(faces["Method"]) == ["Gaussian", "Spike-and-slab (2 diverged)", "Thresholded Gaussian"]
    assert set(faces.iloc[1][1:]) == {"–"}
    assert {"FID best of J (classifier)", "FID prior (classifier)", "KID best of J (classifier)"} <= {*digits}
    assert not any("published" in column or "inception" in column for column in (*digits, *faces))
    long = pd.read_csv(tmp_path / "sweeps.csv")
    mine = long[(long["method"] == "gaussian") & (long["value_on_axis"] == 64) & (long["metric"] == "mse_best")]
    values = Study(results).of("digits, latents = 64", "mse_best", "gaussian")
    assert (mine["mean"].item(), mine["sd"].item()) == pytest.approx((values.mean(), values.std()))
    latex = (tmp_path / "sweeps.tex").read_text()
    assert latex.count(r"\begin{tabular}") == 2


def test_table_of_sweeps_quotes_the_same_point(fashion: Path, tmp_path: Path) -> None:
    write_table("sweeps", fashion, tmp_path)
    sizes, densities = blocks(tmp_path / "sweeps.md")
    quoted = sizes.set_index(["Method", "Latents"])
    assert quoted.loc[("Gaussian", "20"), "MSE best of J, published"] == "0.027944 ± 0.000024 [1]"
    assert quoted.loc[("Thresholded Gaussian", "256"), "Multi-information (bits), published"] == "181.3 [1]"
    quoted = densities.set_index(["Method", "Prior density"])
    assert quoted.loc[("Thresholded Gaussian", "0.2"), "MSE best of J, published"] == "0.023456 ± 0.000096 [1]"
    assert quoted.loc[("Gaussian", "–"), "MSE best of J, published"] == "0.02862 ± 0.00011 [1]"
    page = (tmp_path / "sweeps.md").read_text()
    assert "fashion_mnist: 20/256 latents, 3,000 steps of 100, J = 20, 2 repetitions" in page
    assert "The published numbers are of 300 epochs in batches of 512, J = 20: they are quoted, not matched." in page


@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_images_is_written(name: str, results: Path, tmp_path: Path) -> None:
    write_table(name, results, tmp_path)
    page = (tmp_path / f"{name}.md").read_text()
    absent = name in ("table1", "gradients_inference", "gradients_generator", "matched_density", "recovery")
    assert ("No experiment has these numbers." in page) == absent
    assert "published:" not in page


def test_table_of_attributes(tmp_path: Path) -> None:
    made = Made(tmp_path, ("faces",), ("gaussian", "gaussian_thresh"), repetitions=2)
    values = {
        "gaussian": {"hat": (0.5, -0.3), "beard": (-0.2, -0.4), "glasses": (0.6, 0.8)},
        "gaussian_thresh": {"hat": (0.1, 0.1), "beard": (0.9, 0.7), "glasses": (-0.5, 0.5)},
    }
    for method, by_label in values.items():
        for repetition in range(2):
            path = tmp_path / f"runs/faces/{method}/{repetition}/metrics.json"
            content = read_json(path)
            content["metrics"] |= {f"attribute_r_{label}": both[repetition] for label, both in by_label.items()}
            content["metrics"] |= {f"attribute_null_{label}": 0.04 + 0.02 * repetition for label in by_label}
            write_json(path, content)
    assemble([*made.folder.glob("runs/faces/*/*")], [], {}, tmp_path / "metrics.csv")
    write_table("attributes", tmp_path, tmp_path)
    (table,) = blocks(tmp_path / "attributes.md")
    table = table.set_index("Label")
    assert list(table.index) == [
        *LABELS["faces"],
        "Mean absolute r",
        "Labels found",
        "Probe AUC",
        "Probe balanced accuracy",
    ]
    assert table.loc["hat", "gaussian"] == "0.40 ± 0.14 (0.05)"
    assert table.loc["beard", "gaussian"] == "-0.30 ± 0.14 (0.05)"
    assert table.loc["glasses", "gaussian"] == "+0.70 ± 0.14 (0.05)"
    assert table.loc["glasses", "gaussian_thresh"] == "0.5000 ± 0.0000 (0.05)"
    long = pd.read_csv(tmp_path / "attributes.csv").set_index(["method", "metric"])
    rows = [long.loc[("gaussian", f"attribute_r_{label}")] for label in ("hat", "beard", "glasses")]
    assert [(row["sign"], round(row["mean"], 9), round(row["null"], 9)) for row in rows] == [
        ("mixed", 0.4, 0.05),
        ("-", -0.3, 0.05),
        ("+", 0.7, 0.05),
    ]
