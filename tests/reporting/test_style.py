from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from vscbench.methods import METHODS
from vscbench.reporting.style import LOOKS, crossed, lines, looks, span, tick_at, wrapped


def test_methods_keep_their_looks() -> None:
    found = looks(["mine", *METHODS])
    assert len({(look.colour, look.marker) for look in found.values()}) == len(found)
    assert {name: found[name] for name in LOOKS} == LOOKS
    many = looks([f"method{i}" for i in range(20)])
    assert len({(look.colour, look.marker) for name, look in many.items() if name.startswith("method")}) == 20


def test_the_mean_is_never_outside_its_range() -> None:
    values = pd.Series([0.1] * 3)
    low, high = span(values)
    assert low <= values.mean() <= high
    assert span(pd.Series([3.0, 1.0, 2.0])) == (1, 3)


def test_lines_are_means_with_bars_over_their_range_in_the_look_of_each_method() -> None:
    table = pd.DataFrame({"method": ["gaussian"] * 4, "x": [1, 1, 2, 2], "y": [0.0, 1.0, 2.0, 4.0]})
    axes = Figure().add_subplot()
    lines(axes, table, "x", "y", LOOKS)
    (line,) = (each for each in axes.lines if each.get_marker() == "o")
    assert line.get_color() == LOOKS["gaussian"].colour
    np.testing.assert_allclose(line.get_xydata(), [[1, 0.5], [2, 3]])
    (bars,) = axes.collections
    np.testing.assert_allclose([segment[:, 1] for segment in bars.get_segments()], [[0, 1], [2, 4]])


def test_nothing_to_draw_is_no_error() -> None:
    axes = Figure().add_subplot()
    lines(axes, pd.DataFrame({"method": [], "x": [], "y": []}), "x", "y", LOOKS)
    assert not axes.lines


def test_points_are_crossed_by_the_ranges_of_both_coordinates() -> None:
    table = pd.DataFrame({"method": ["fista"] * 2, "point": ["a"] * 2, "x": [1.0, 3.0], "y": [0.0, 1.0]})
    axes = Figure().add_subplot()
    crossed(axes, table, "x", "y", LOOKS)
    (mark,) = (each for each in axes.lines if each.get_marker() == "X")
    np.testing.assert_allclose(mark.get_xydata(), [[2, 0.5]])
    along, across = (bars.get_segments()[0] for bars in axes.collections)
    np.testing.assert_allclose(along, [[2, 0], [2, 1]])
    np.testing.assert_allclose(across, [[1, 0.5], [3, 0.5]])


@pytest.mark.parametrize(("places", "scale"), [([4, 8], "linear"), ([1, 10, 20], "log"), ([0, 10], "linear")])
def test_places_far_apart_stand_on_a_logarithmic_axis(places: list[float], scale: str) -> None:
    axes = Figure().add_subplot()
    tick_at(axes, places)
    assert axes.get_xscale() == scale
    assert list(axes.xaxis.get_majorticklocs()) == places


def test_labels_break_before_what_is_added() -> None:
    assert wrapped("Thresholded Gaussian + Gamma", 24) == "Thresholded Gaussian\n+ Gamma"
