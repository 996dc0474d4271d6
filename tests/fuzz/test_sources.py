"""Data of a user, with something wrong in them: told before any job or by it, and nothing is half-written."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import yaml

from . import sources
from .judging import Verdict, files, judge, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepared(folder: Path, spec: sources.Spec, verdict: Verdict) -> None:
    """Judge what `vscbench data` makes of a data set."""
    kind = "network" if spec.get("size") or spec["kind"] == "celeba" else "patches"
    generator = {"kind": "mlp"} if kind == "network" else {"kind": "dictionary"}
    experiment = {"dataset": "mine", "methods": ["gaussian"], "generator": generator}
    study = {"datasets": {"mine": spec}, "experiments": {"a": experiment}}
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    before = files(folder)
    outcome = run(["data", "mine", "--config", "study.yaml"])
    judge(outcome, verdict)
    made = {name for name in files(folder) if name not in before}
    assert all(name.startswith("results/data/mine") and name.endswith(".safetensors") for name in made)
    assert not (outcome.code and made)


@pytest.mark.parametrize(
    "base", [sources.array, sources.safetensors, sources.pictures, sources.patches, sources.olshausen, sources.celeba]
)
def test_what_is_mutated_is_right(
    base: Callable[[Path], sources.Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path, base(tmp_path), Verdict(refused=False))


@pytest.mark.parametrize(("base", "change", "seed"), sources.CASES.values(), ids=sources.CASES.keys())
def test_data(
    base: Callable[[Path], sources.Spec],
    change: sources.Change,
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = base(tmp_path)
    verdict = change(Random(f"{base.__name__} {change.__name__} {seed}"), tmp_path, spec)
    prepared(tmp_path, spec, verdict)
