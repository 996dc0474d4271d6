"""What single figures of linear generators show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from vscbench.reporting.figures import recovery

from .made import Made, drawn, figure_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study


def points(axes: Axes) -> NDArray[np.float64]:
    """All that scatter plots show."""
    return np.concatenate([np.asarray(each.get_offsets(), dtype=float) for each in axes.collections])


def test_axis_of_ratios_shows_what_is_drawn(linear: Study) -> None:
    """It once began at 1e-17 on some processors: the shade from 0, whose edge is computed, took part in its limits."""
    for axes in figure_of("gradient_snr", linear).subfigs[0].axes:
        drawn_at = points(axes)[:, 0]
        low, high = axes.get_xlim()
        assert low > np.nanmin([0.02, *drawn_at]) / 3
        assert high < np.nanmax(drawn_at) * 3
        (shade,) = (patch for patch in axes.patches if patch.get_facecolor()[:3] == (0.9, 0.9, 0.9))
        assert shade.get_x() <= low
        assert shade.get_x() + shade.get_width() == pytest.approx(0.048)


def test_ratios_of_every_seed_and_their_mean_are_drawn(linear: Study) -> None:
    inference, generator = figure_of("gradient_snr", linear).subfigs[0].axes
    for axes, network in ((inference, "inference"), (generator, "generator")):
        seeds = linear.of("natural_images", f"gradient_snr_{network}_j20", "gaussian_thresh")
        at = points(axes)[:, 0]
        for value in (*seeds, seeds.mean()):
            assert np.isclose(at, value).any()


def test_published_ratios_are_drawn_where_they_belong(linear: Study) -> None:
    figure = figure_of("gradient_snr", linear)
    inference, generator = figure.subfigs[0].axes
    hollow = [line for line in inference.lines if line.get_markerfacecolor() == "white"]
    assert {round(float(np.asarray(line.get_xdata())[0]), 4) for line in hollow} == {
        0.234, 0.192, 0.027, 0.0474, 0.0789, 0.11
    }  # fmt: skip
    assert not [line for line in generator.lines if line.get_markerfacecolor() == "white"]
    assert "on another scale: left out" in " ".join(figure.subfigs[0].get_supxlabel().split())


def test_threshold_measures_what_theory_says(linear: Study) -> None:
    titles = [axes.get_title() for axes in figure_of("threshold", linear).axes]
    pairs = [re.search(r"γ = ([\d.]+) exact\n([\d.]+) measured", title) for title in titles]
    found = [(float(pair[1]), float(pair[2])) for pair in pairs if pair]
    assert [exact for exact, _ in found] == [0.5, 0.2, 0.1]
    for exact, measured in found:
        assert measured == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 200_000) + 5e-4)


def test_histograms_of_agreement_integrate_to_one(linear: Study) -> None:
    axes = next(a for a in figure_of("support_agreement", linear).subfigs[0].axes if a.get_title() == "Spike-and-slab")
    filled = axes.collections[0].get_paths()[0].vertices
    x, y = filled[:, 0], filled[:, 1]
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert area == pytest.approx(1, abs=1e-6)
    assert len([line for line in axes.lines if line.get_linestyle() == "--"]) == 1  # the null of the one seed


def test_curves_are_means_of_the_runs_that_came_to_their_end(linear: Study) -> None:
    axes = figure_of("training_curves", linear).subfigs[0].axes[0]
    runs = [linear.history(run)["train_loss"] for run in linear.finished("natural_images", "gaussian")]
    expected = pd.concat(runs, axis=1).mean(axis=1)
    assert any(
        len(line.get_ydata()) == len(expected) and np.allclose(np.asarray(line.get_ydata(), float), expected)
        for line in axes.lines
    )
    assert sum(line.get_marker() == "x" for line in axes.lines) == 3  # where runs diverged


def test_error_and_density_are_means_over_seeds(linear: Study) -> None:
    whole, enlarged = figure_of("reconstruction_density", linear).subfigs[0].axes
    expected = [linear.of("natural_images", name, "gaussian_thresh").mean() for name in ("density_best", "mse_best")]
    for axes in (whole, enlarged):
        marks = [np.asarray(line.get_xydata(), float) for line in axes.lines if line.get_marker() == "D"]
        assert any(np.allclose(mark, expected) for mark in marks)


def test_equal_repetitions_have_no_spread(tmp_path: Path) -> None:
    """Though the mean of three equal numbers may differ from them by a rounding error."""
    made = Made(tmp_path).experiment("patches", ("gaussian",), repetitions=3)
    for row in made.rows:
        row["value"] = 0.1
    assert "Gaussian" in drawn("reconstruction_density", made.write())


# --------------------------------------------------------------------- frontier


def test_frontier_shows_operating_points_and_references(tmp_path: Path) -> None:
    axes = {"fista": {"penalty": [2, 8]}, "gaussian_thresh": {"density": [0.05, 0.1, 0.3]}}
    pca = {"density": 0.05, "fve_draw": 0.1, "mse_draw": 0.9, "fve_best": 0.1, "mse_best": 0.9}
    study = Made(tmp_path).experiment("one", tuple(axes), axes=axes, repetitions=3, baselines={"pca": pca}).write()
    figure = figure_of("frontier", study)
    left, right = figure.subfigs[0].axes
    assert left.get_title() == "One draw"
    assert right.get_title() == "Best of 20 draws, an oracle"
    groups = [f"one, density = {value}" for value in (0.05, 0.1, 0.3)]
    for panel, density, fve in ((left, "density", "fve_draw"), (right, "density_best", "fve_best")):
        drawn_at = np.concatenate([np.asarray(line.get_xydata(), float) for line in panel.lines])
        for group in groups:
            at = [study.of(group, name, "gaussian_thresh").mean() for name in (density, fve)]
            assert np.isclose(drawn_at, at).all(axis=1).any(), group
    words = drawn("frontier", study)
    for label in ("FISTA", "Thresholded Gaussian", "All-zero code", "PCA, fewer components"):
        assert label in words


def test_frontier_says_which_points_lie_below_it(tmp_path: Path) -> None:
    made = Made(tmp_path).experiment("one", ("gaussian_thresh",), axes={"density": [0.05, 0.1]}, repetitions=1)
    for row in made.rows:
        if row["metric"] == "fve_draw" and "0.05" in row["point"]:
            row["value"] = -8.0
    (part,) = figure_of("frontier", made.write()).subfigs
    assert "lie below the axis: Thresholded Gaussian." in " ".join(part.get_supxlabel().split())
    assert -0.2 < part.axes[0].get_ylim()[0] < 0


# --------------------------------------------------------------------- recovery


def test_recovery_along_density_and_noise(tmp_path: Path) -> None:
    made, methods = Made(tmp_path), ("fista", "spike_slab")
    made.experiment("centre", methods, "synthetic")  # its density and noise are those by default
    made.experiment("dense", methods, "synthetic", density=0.3, noise=0.1)
    made.experiment("noisy", methods, "synthetic", density=0.1, noise=0.4)
    study = made.write()
    along = recovery.along(recovery.data_of(study))
    assert [(line.axis, line.fixed, line.places) for line in along] == [
        ("density", "noise 0.1", {"centre": 0.1, "dense": 0.3}),
        ("noise", "density 0.1", {"centre": 0.1, "noisy": 0.4}),
    ]
    figure = figure_of("recovery", study)
    atoms = next(axes for axes in figure.axes if axes.get_title() == recovery.METRICS["recovery_cosine"])
    expected = [study.of(group, "recovery_cosine", "fista").mean() for group in ("centre", "dense")]
    assert any(np.array_equal(np.asarray(line.get_ydata(), float), expected) for line in atoms.lines)
    (diagram,) = [axes for axes in figure.axes if axes.get_title() == "noisy"]
    _, curve = diagram.lines
    middle = np.linspace(0.05, 0.95, 10)[1:]  # the first bin has too few codes
    np.testing.assert_allclose(curve.get_xdata(), middle)
    np.testing.assert_allclose(curve.get_ydata(), middle**1.2)
    words = drawn("recovery", study)
    for text in ("against density (noise 0.1)", "against noise (density 0.1)", "calibration", "FISTA", "dense"):
        assert text in words, text
