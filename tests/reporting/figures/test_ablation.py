"""The figure of what a setting changes: which rows, lines and numbers it shows."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from vscbench.config.sweeps import variant
from vscbench.files import write_json
from vscbench.reporting.assemble import COLUMNS
from vscbench.reporting.figures.ablation import PANELS, blocks, draw
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path

METRICS = [name for panel in PANELS for name in (panel.metric, panel.less) if name]
Axes = dict[str, list[str]]


def made_up(folder: Path, axes: Axes, methods: tuple[str, ...], kind: str = "dictionary", diverged: str = "") -> Study:
    """Three repetitions of methods at all points of axes; every metric is 100 × place + 10 × method + repetition."""
    rows = []
    for (k, method), (place, values) in product(enumerate(methods), enumerate(product(*axes.values()))):
        point = dict(zip(axes, values, strict=True))
        for repetition in range(3):
            run = folder / "runs/test" / variant(method, point) / str(repetition)
            write_json(run / "config.json", {"generator": {"kind": kind}})
            lost = diverged in values and repetition == 0
            common = {
                "experiment": "test",
                "method": method,
                "label": method.title(),
                "repetition": repetition,
                "axis": ";".join(point),
                "value_on_axis": ";".join(point.values()),
                "status": "diverged" if lost else "completed",
            }
            names = ["diverged_step"] if lost else METRICS
            for metric in names:
                value = 100 * place + 10 * k + repetition + (metric == "jaccard_draw")
                rows.append(common | {"metric": metric, "value": value})
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "metrics.csv", index=False)
    return Study(folder)


def test_one_setting_has_one_row_with_a_line_a_method(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"kl_weight": ["0.1", "0.01"]}, ("gaussian", "spike_slab"))
    (block,) = blocks(study).values()
    assert block.axis == "kl_weight"
    assert block.places == ["0.01", "0.1"]  # by size, not as they came
    assert [line.label for line in block.lines] == ["Gaussian", "Spike_Slab"]
    assert not block.words


def test_two_settings_have_a_row_a_method_along_the_numbers(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"sampling": ["max_elbo", "iwae"], "samples": ["20", "1"]}, ("gaussian", "laplacian"))
    found = blocks(study)
    assert list(found) == ["test: Gaussian", "test: Laplacian"]
    for block in found.values():
        assert block.axis == "samples"
        assert block.places == ["1", "20"]
        assert [line.label for line in block.lines] == ["iwae", "max elbo"]


def test_points_stand_at_their_values(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"samples": ["1", "20"]}, ("gaussian", "spike_slab"))
    panels = draw(study).subfigs[0].axes
    assert [axes.get_title() for axes in panels] == [panel.title for panel in PANELS]
    for axes, panel in zip(panels, PANELS, strict=True):
        for k, container in enumerate(axes.containers):
            at, mean = container.lines[0].get_data()
            assert list(at) == [1, 20]
            # Of what chance is taken off, only what is above it is left.
            assert mean == pytest.approx([1, 1] if panel.less else [10 * k + 1, 100 + 10 * k + 1])


def test_words_stand_side_by_side(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"estimator": ["published", "straight_through", "subgradient"]}, ("gaussian",))
    axes = draw(study).subfigs[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["published", "straight\nthrough", "subgradient"]
    assert np.asarray(axes.containers[0].lines[0].get_xdata()) == pytest.approx([0, 1, 2])


def test_runs_that_diverged_are_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    study = made_up(tmp_path, {"kl": ["base", "exact"]}, ("laplacian_thresh",), diverged="exact")
    part = draw(study).subfigs[0]
    assert "test, kl = exact: Laplacian_Thresh: 1 of 3 runs diverged at step 100." in part.get_supxlabel().replace(
        "\n", " "
    )
    _, mean = part.axes[0].containers[0].lines[0].get_data()
    assert mean == pytest.approx([1, 101.5])


@pytest.mark.parametrize(
    ("axes", "kind"), [({}, "dictionary"), ({"samples": ["1"]}, "dictionary"), ({"samples": ["1", "20"]}, "mlp")]
)
def test_studies_without_a_setting_of_a_dictionary_say_so(tmp_path: Path, axes: Axes, kind: str) -> None:
    study = made_up(tmp_path, axes, ("gaussian",), kind)
    assert [text.get_text() for text in draw(study).texts] == ["no experiment with a dictionary sweeps a setting"]
