"""The table and figure of the amortisation gap, of a study that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reporting.pages import markdown
from reporting.planted import plant
from vscbench.reporting import available_outputs, write
from vscbench.reporting.figures.amortisation import draw

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench import config as configs
    from vscbench.reporting.study import Study

DATA = {"patches": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16, "latents": 16}}
STEPS = (0, 5, 100)


def numbers(run: configs.Run, _: dict[str, Any]) -> dict[str, float]:
    """The bound rises by 3 a place of R, the error falls by 0.1."""
    if run.method == "fista":
        return {"mse_draw": 0.5}
    found = {"amortisation_gap": 6.0 + 2 * run.repetition, "amortisation_gap_se": 0.5}
    for place, count in enumerate(STEPS):
        found |= {f"amortisation_bound_r{count}": -90.0 + 3 * place, f"amortisation_error_r{count}": 0.8 - 0.1 * place}
    return found


def made(folder: Path, **evaluation: Any) -> Study:
    setup = {"dataset": "patches", "methods": ["fista", "gaussian"], "evaluation": evaluation}
    content = {"study": "made", "repetitions": 2, "datasets": DATA, "experiments": {"here": setup}}
    return plant(folder, content, numbers, {"here": []})


def test_table(tmp_path: Path) -> None:
    study = made(tmp_path, amortisation={"steps": list(STEPS)})
    write("amortisation_gap", study.results, tmp_path)
    (shown,) = markdown(tmp_path / "amortisation_gap.md")
    assert list(shown) == ["Gaussian"]
    row = shown["Gaussian"]
    assert (row["Gap (nats)"], row["Gap (nats), SE data"], row["Gap (nats), SE runs"]) == ("7.00", "0.500", "1.00")
    assert [row[f"Bound, R={count}"].split(" ")[0] for count in (0, 100)] == ["-90.0", "-84.0"]
    assert [row[f"MSE J=1, R={count}"].split(" ")[0] for count in (0, 100)] == ["0.800", "0.600"]


def test_figure(tmp_path: Path) -> None:
    """A line for each method with a posterior, a place for each R."""
    (part,) = draw(made(tmp_path, amortisation={"steps": list(STEPS)})).subfigs
    for axes, expected in zip(part.axes, ([-90, -87, -84], [0.8, 0.7, 0.6]), strict=True):
        drawn = [line for line in axes.lines if len(np.asarray(line.get_ydata())) == len(STEPS)]
        assert np.asarray(drawn[0].get_ydata()) == pytest.approx(np.array(expected))
        assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "5", "100"]
    assert [text.get_text() for text in part.legends[0].get_texts()] == ["Gaussian"]


def test_it_is_made_where_it_was_asked_for(tmp_path: Path) -> None:
    for name, evaluation in (("asked", {"amortisation": {}}), ("not", {}), ("off", {"amortisation": False})):
        index = made(tmp_path / name, **evaluation).index
        found = {"amortisation", "amortisation_gap"} & set(available_outputs(index))
        assert found == ({"amortisation", "amortisation_gap"} if name == "asked" else set())
