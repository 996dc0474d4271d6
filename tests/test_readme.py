"""What the README shows, as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import vscbench as vsc
from vscbench import methods

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """The block of the README in a language that contains a text."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (chosen,) = (text for text in found if containing in text)
    return str(chosen)


@pytest.fixture
def x() -> np.ndarray:
    """Patches of eight random atoms, one in four of which is active."""
    rng = np.random.default_rng(0)
    codes = rng.laplace(size=(600, 8)) * (rng.random((600, 8)) < 0.25)
    return codes @ rng.normal(size=(8, 36)) + 0.1 * rng.normal(size=(600, 36))


def test_it_has_at_most_1200_words() -> None:
    assert len(README.split()) <= 1200


@pytest.mark.slow
def test_five_lines(x: np.ndarray) -> None:
    names: dict[str, Any] = {"x": x}
    exec(block("python", "vsc.fit"), names)  # noqa: S102
    assert names["x_hat"].shape == (20, 8, 36)
    assert names["run"].trained.status["status"] == "completed"


def test_a_coder_of_ones_own_learns(x: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings that stand beside it: it explains most of what it codes."""
    (tmp_path / "topk.py").write_text(block("python", "class TopK"))
    monkeypatch.syspath_prepend(tmp_path)
    settings = yaml.safe_load(block("yaml", "topk:TopK"))["methods"]["topk"]
    data = vsc.Data.from_array(x)
    run = vsc.fit(data, methods.Method("topk", settings.pop("label"), settings), latents=32, steps=300, progress=False)
    assert vsc.evaluate(run, data, only=["reconstruction"])["fve_draw"] > 0.8
