"""The figure of what a setting changes: which rows, lines and numbers it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vscbench.reporting.figures.ablation import PANELS, blocks

from .made import Made, figure_of

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.study import Study


def made_up(folder: Path, axes: dict[str, list[Any]], methods: tuple[str, ...], *lost: tuple[Any, ...]) -> Study:
    """Three repetitions of methods at all points of axes."""
    return Made(folder).experiment("test", methods, axes=axes, repetitions=3, diverged=lost).write()


def test_one_setting_has_one_row_with_a_line_a_method(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"kl_weight": [0.1, 0.01]}, ("gaussian", "spike_slab"))
    (block,) = blocks(study).values()
    assert block.axis == "kl_weight"
    assert block.places == ["0.01", "0.1"]  # by size, not as they came
    assert [line.label for line in block.lines] == ["Gaussian", "Spike-and-slab"]
    assert not block.words


def test_two_settings_have_a_row_a_method_along_the_numbers(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"sampling": ["max_elbo", "iwae"], "samples": [20, 1]}, ("gaussian", "laplacian"))
    found = blocks(study)
    assert list(found) == ["test: Gaussian", "test: Laplacian"]
    for block in found.values():
        assert block.axis == "samples"
        assert block.places == ["1", "20"]
        assert [line.label for line in block.lines] == ["iwae", "max elbo"]
    figure_of("ablation", study)


def test_points_stand_at_their_values(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"samples": [1, 20]}, ("gaussian", "spike_slab"))
    panels = figure_of("ablation", study).subfigs[0].axes
    assert [axes.get_title() for axes in panels] == [panel.title for panel in PANELS]
    for axes, panel in zip(panels, PANELS, strict=True):
        for method, marker in (("gaussian", "o"), ("spike_slab", "^")):
            means = [
                study.of(group, panel.metric, method).mean()
                # Of what chance is taken off, only what is above it is left.
                - (study.of(group, panel.less, method).mean() if panel.less else 0)
                for group in ("test, samples = 1", "test, samples = 20")
            ]
            (line,) = (each for each in axes.lines if each.get_marker() == marker)
            assert list(line.get_xdata()) == [1, 20]
            assert np.asarray(line.get_ydata()) == pytest.approx(means)


def test_words_stand_side_by_side(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"estimator": ["published", "straight_through", "subgradient"]}, ("gaussian_thresh",))
    axes = figure_of("ablation", study).subfigs[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["published", "straight\nthrough", "subgradient"]
    assert np.asarray(next(line for line in axes.lines if line.get_marker() == "D").get_xdata()) == pytest.approx(
        [0, 1, 2]
    )


def test_runs_that_diverged_are_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"kl_of": ["base", "exact"]}, ("laplacian_thresh",), ("laplacian_thresh", 0, "exact"))
    part = figure_of("ablation", study).subfigs[0]
    words = "test, kl_of = exact: Thresholded Laplacian: 1 of 3 runs diverged at step 1,234."
    assert words in " ".join(part.get_supxlabel().split())
    (line,) = (each for each in part.axes[0].lines if each.get_marker() == "v")
    means = [study.of(f"test, kl_of = {value}", "elbo", "laplacian_thresh").mean() for value in ("base", "exact")]
    assert np.asarray(line.get_ydata()) == pytest.approx(means)


@pytest.mark.parametrize(
    ("axes", "kind"), [({}, "olshausen"), ({"samples": [1]}, "olshausen"), ({"samples": [1, 20]}, "digits")]
)
def test_studies_without_a_setting_of_a_dictionary_say_so(tmp_path: Path, axes: dict[str, Any], kind: str) -> None:
    study = Made(tmp_path).experiment("test", ("gaussian",), kind, axes=axes, repetitions=1).write()
    words = [text.get_text() for text in figure_of("ablation", study).texts]
    assert words == ["no experiment with a dictionary sweeps a setting"]
