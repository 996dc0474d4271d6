"""Sizes of splits are the data's own: the settings of a user's array or pictures give only shares, or patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from vscbench.cli import main
from vscbench.data import Data, prepared
from vscbench.reporting.split_sizes import split_sizes

if TYPE_CHECKING:
    from pathlib import Path

STUDY: dict[str, Any] = {
    "repetitions": 1,
    "device": "cpu",
    "experiments": {
        "own": {
            "dataset": "mine",
            "methods": ["fista"],
            "generator": {"latents": 6},
            "training": {"steps": 2},
            "evaluation": {"gradients": False},
        }
    },
}


def test_front_page_of_an_array(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "recordings.npz", x=np.random.default_rng(0).normal(size=(100, 9)), session=np.arange(100) // 10
    )
    source = {"kind": "array", "source": str(tmp_path / "recordings.npz"), "key": "x", "groups": "session"}
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump({**STUDY, "results": str(tmp_path / "results"), "datasets": {"mine": {**source, "test": 0.2}}})
    )
    steps = [
        ["data", "mine"],
        ["train", "own/fista/0"],
        ["evaluate", "own/fista/0"],
        ["baselines", "own"],
        ["assemble"],
    ]
    for step in (*steps, ["front-page"]):
        assert main([*step, "--config", str(config)]) == 0
    page = (tmp_path / "results" / "index.html").read_text()
    assert "array, 9, 70 to train on and 20 to test" in page

    (tmp_path / "results" / "data" / "mine.safetensors").unlink()
    assert main(["front-page", "--config", str(config)]) == 0
    assert "array, 9</td>" in (tmp_path / "results" / "index.html").read_text()


@pytest.mark.parametrize("fold", [None, 1])
def test_settings_tell_where_the_data_are_gone(tmp_path: Path, fold: int | None) -> None:
    dataset = {"name": "made", "train": 200, "validation": 20, "test": 60, "fold": fold}
    assert split_sizes(tmp_path, dataset) == {"train": 200, "validation": 20, "test": 60}
    assert split_sizes(tmp_path, {"name": "mine", "test": 0.1}) == {}


def test_data_of_other_settings_are_not_counted(tmp_path: Path) -> None:
    """A fold that an older configuration left behind, of the same name and number."""
    wanted = {"name": "mine", "folds": 3, "fold": 1, "test": 0.1}
    for name, rows, made_from in (("mine.fold-1", 50, wanted | {"test": 0.5}), ("mine", 100, wanted)):
        x = np.random.default_rng(0).normal(size=(rows, 4))
        data = Data.from_array(x, validation=0.1, test=0.1)
        prepared.write(data, tmp_path / "data" / f"{name}.safetensors", made_from)
    assert split_sizes(tmp_path, wanted) == {"train": 80, "validation": 10, "test": 10}
