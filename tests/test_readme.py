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

README, ARCHITECTURE = (
    (Path(__file__).parents[1] / name).read_text(encoding="utf-8") for name in ("README.md", "docs/architecture.md")
)


def block(language: str, containing: str, page: str = README) -> str:
    """The block of a page in a language that contains a text."""
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
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


def test_a_loss_of_ones_own_is_what_is_minimised(
    x: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/architecture.md shows it, to which README points: the penalty that it adds makes codes shorter."""
    assert "(docs/architecture.md#a-loss-of-your-own)" in README
    assert "\n## A loss of your own\n" in ARCHITECTURE
    (tmp_path / "shrunk.py").write_text(block("python", "class Shrunk", ARCHITECTURE))
    monkeypatch.syspath_prepend(tmp_path)
    data = vsc.Data.from_array(x)
    lengths = []
    for penalty in (0.001, 0.1):
        method = methods.Method("shrunk", "Shrunk", {"family": "shrunk:Shrunk", "penalty": penalty})
        run = vsc.fit(data, method, latents=32, steps=200, progress=False)
        lengths.append(vsc.evaluate(run, data, only="sparsity")["l1"])
        assert float(run.history["train_loss"].iloc[-1]) > float(run.history["train_mse"].iloc[-1])
    assert lengths[1] < 0.5 * lengths[0]
