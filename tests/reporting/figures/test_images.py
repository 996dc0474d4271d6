"""What single figures of images and of sweeps show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vscbench.reporting.figures.attributes import written
from vscbench.reporting.figures.sweeps import sweeps
from vscbench.reporting.pictures import shown
from vscbench.reporting.style import looks

from .conftest import FEW
from .made import LABELS, NAMES, Made, drawn, figure_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from vscbench.reporting.study import Study

LOOKS = looks(FEW)

# ------------------------------------------------------------------- attributes


def test_heat_maps_show_each_methods_own_correlations_on_one_scale(images: Study) -> None:
    part = next(part for part in figure_of("attributes", images).subfigs if part.get_suptitle() == "faces")
    maps = {axes.get_title(): axes for axes in part.subfigs[0].axes if axes.get_title() and axes.texts[2:]}
    assert maps.keys() == {"Gaussian", "Thresholded Gaussian"}
    largest = 0.0
    for method in ("gaussian", "gaussian_thresh"):
        r = images.array(images.runs("faces", method)[0], "attribute_correlation")
        assert r is not None
        best = list(dict.fromkeys(np.abs(r).argmax(0)))
        axes = maps[LABELS[method]]
        np.testing.assert_allclose(np.reshape(axes.collections[0].get_array(), (len(best), -1)), r[best], rtol=1e-6)
        assert [label.get_text() for label in axes.get_yticklabels()] == [f"z{k}" for k in best]
        assert [label.get_text() for label in axes.get_xticklabels()] == [
            name.replace("_", " ") for name in NAMES["faces"]
        ]
        assert [text.get_text() for text in axes.texts] == [written(value) for value in r[best].flat]
        nulls = [images.of("faces", f"attribute_null_{name}", method).mean() for name in NAMES["faces"]]
        bold = np.array([text.get_fontweight() == "bold" for text in axes.texts]).reshape(len(best), -1)
        np.testing.assert_array_equal(bold, np.abs(r[best]) > nulls)
        largest = max(largest, float(np.abs(r).max()))
    for axes in maps.values():
        assert axes.collections[0].get_clim() == pytest.approx((-largest, largest))


def test_heat_maps_hold_no_more_labels_than_fit(fashion: Study) -> None:
    part = figure_of("attributes", fashion).subfigs[0].subfigs[0]
    assert {len(axes.get_xticklabels()) for axes in part.axes if axes.texts[12:]} == {12}
    assert "The 12 labels of largest |r|; 2 more are in the table." in " ".join(part.get_supxlabel().split())


@pytest.mark.parametrize(("r", "text"), [(0.314, ".31"), (-0.314, "−.31"), (-0.004, ".00"), (1.0, "1.00")])
def test_correlations_are_written_short(r: float, text: str) -> None:
    assert written(r) == text


# ----------------------------------------------------------------------- sweeps


def panels_of(study: Study, row: int = 0) -> dict[str, Axes]:
    """The panels of a row of the figure of sweeps, by title."""
    part = figure_of("sweeps", study).subfigs[row]
    return {axes.get_title(): axes for axes in (part.subfigs[0] if part.subfigs else part).axes}


def marks(axes: Axes, method: str, *, hollow: bool = False) -> list[tuple[float, float]]:
    """The marked points of a method, in order."""
    found = [
        np.asarray(line.get_xydata(), dtype=float)
        for line in axes.lines
        if line.get_marker() == LOOKS[method].marker and (line.get_markerfacecolor() == "white") == hollow
    ]
    return [(float(x), float(y)) for x, y in np.concatenate([np.zeros((0, 2)), *found])]


def test_sweep_shows_the_mean_at_each_place(images: Study) -> None:
    found = panels_of(images)
    metrics = ("mse_draw", "mse_mean", "mse_best", "fid_classifier_best", "kid_classifier_best", "multi_information")
    assert list(found)[2:5] == ["Error, best of 20", "FID (our classifier)", "KID (our classifier)"]
    for axes, metric in zip(found.values(), metrics, strict=True):
        for method in FEW:
            means = [(k, images.of(f"digits, latents = {k}", metric, method).mean()) for k in (16, 64, 128)]
            np.testing.assert_allclose(marks(axes, method), means)
        assert axes.get_xlabel() == "latents"
        assert axes.get_xscale() == "log"
    words = drawn("sweeps", images)
    assert "published" not in words.lower()
    assert "Gaussian: 1 of 6 runs diverged." in words


def test_published_points_stand_beside_ours(fashion: Study) -> None:
    found = panels_of(fashion)
    assert marks(found["Error, best of 20"], "gaussian", hollow=True) == [
        (20, 0.027944), (64, 0.028624), (256, 0.029488), (1024, 0.029896)
    ]  # fmt: skip
    assert marks(found["Multi-information (bits)"], "spike_slab", hollow=True)[0] == (20, 5.7)
    for unquoted in ("Error, one draw", "Error, mean code", "FID (our classifier)", "KID (our classifier)"):
        assert all(each.get_markerfacecolor() != "white" for each in found[unquoted].lines)
    density = panels_of(fashion, 1)["Error, best of 20"]
    assert marks(density, "gaussian_thresh", hollow=True) == [
        (5, 0.026432), (10, 0.024216), (20, 0.023456), (50, 0.023768)
    ]  # fmt: skip
    assert [x for x, _ in marks(density, "gaussian_thresh")] == [5, 20]
    flat = [each.get_color() for each in density.lines if each.get_linestyle() == "-."]
    assert flat == [LOOKS["gaussian"].colour]


def test_two_axes_and_methods_that_have_one_of_them(tmp_path: Path) -> None:
    both = {"latents": [64, 16], "density": [0.2, 0.05]}
    made = Made(tmp_path)
    axes = {"gaussian": {"latents": [64, 16]}, "spike_slab": both}
    study = made.experiment("digits", ("gaussian", "spike_slab"), "digits", axes=axes, repetitions=1).write()
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
    words = drawn("sweeps", study)
    assert "digits, latents = 64, against density" in words
    assert "method without this setting" in words


def test_sweep_over_words_is_no_sweep_over_numbers(tmp_path: Path) -> None:
    axes = {"gaussian_thresh": {"estimator": ["straight_through", "published"]}}
    study = Made(tmp_path).experiment("digits", ("gaussian_thresh",), "digits", axes=axes, repetitions=1).write()
    assert sweeps(study) == {}


def test_sweep_of_which_every_run_diverged(tmp_path: Path) -> None:
    lost = tuple(("gaussian", 0, k) for k in (16, 64))
    made = Made(tmp_path).experiment(
        "digits", ("gaussian",), "digits", axes={"latents": [16, 64]}, repetitions=1, diverged=lost
    )
    study = made.write()
    for name in ("sweeps", "traversals", "reconstructions", "training_curves", "reconstruction_density"):
        assert drawn(name, study), name


# --------------------------------------------------------------------- pictures


def test_pictures_are_of_the_largest_point_of_a_sweep(images: Study, fashion: Study) -> None:
    found = shown(images, "reconstruction_best")
    assert list(found) == ["digits, latents = 128", "faces"]
    assert [each.run is None for each in found["faces"]] == [False, True, False]
    labels = {each.method: each.label for each in shown(fashion, "traversals")["densities, density = 0.2"]}
    assert labels["gaussian"] == "Gaussian (not swept)"
    assert labels["spike_slab"] == "Spike-and-slab"


def test_originals_stand_above_what_methods_make_of_them(images: Study) -> None:
    (axes,) = figure_of("reconstructions", images).subfigs[0].subfigs[0].axes
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert [name.partition(" error ")[0] for name in names] == ["Original", *(LABELS[method] for method in FEW)]
    original = images.array(images.runs("digits, latents = 128", "spike_slab")[0], "input")
    assert original is not None
    error = float(np.square(0.05 - 0.1 * original).mean())  # of 0.9 x + 0.05
    assert [float(name.partition(" error ")[2] or error) for name in names] == pytest.approx(
        [error] * len(names), rel=5e-3
    )
    assert " error " in names[-1]
    tiles = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(tiles[:8, :8, 0], original[0, 0])
