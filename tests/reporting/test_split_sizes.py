"""Sizes of splits are the data's own: the settings of a user's array or pictures give only shares, or patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from vscbench.cli import main
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
