"""Configurations by the hundred, each a shipped study with something wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import configurations
from .judging import Verdict, files, judge, run

if TYPE_CHECKING:
    from pathlib import Path

CASES = {name: (text, verdict) for name, text, verdict in configurations.cases()}


@pytest.mark.parametrize("name", configurations.STUDIES)
def test_what_is_mutated_is_right(name: str) -> None:
    judge(run(["runs", "--config", str(configurations.ROOT / name)]), Verdict(refused=False))


@pytest.mark.parametrize(("text", "verdict"), CASES.values(), ids=CASES.keys())
def test_a_configuration(text: bytes, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "study.yaml"
    path.write_bytes(text)
    before = files(tmp_path)
    judge(run(["runs", "--config", "study.yaml"]), verdict)
    assert files(tmp_path) == before
