from __future__ import annotations

from copy import deepcopy
from typing import Any

import parts as stand_ins
import pytest

STUDY: dict[str, Any] = {
    "study": "tiny",
    "repetitions": 2,
    "datasets": {"synthetic": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16}},
    "experiments": {
        "recovery": {
            "dataset": "synthetic",
            "methods": ["fista", "laplacian_thresh_gamma", "spike_slab"],
            "generator": {"latents": 12},
            "objective": {"samples": 3},
            "training": {"epochs": 2, "optimizer": {"encoder_rate": {"peak": 0.001}}},
        },
    },
    "methods": {"fista": {"penalty": 0.2}, "mine": {"family": "gaussian"}},
}


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    """The stand-ins as the package's parts, but where the shipped studies are tried."""
    if request.module.__name__.endswith("test_shipped_studies"):
        return
    monkeypatch = request.getfixturevalue("monkeypatch")
    for table, names in stand_ins.TABLES.items():
        monkeypatch.setattr(table, {name: f"{stand_ins.HERE}:{part}" for name, part in names.items()}, raising=False)


@pytest.fixture
def content() -> dict[str, Any]:
    """A small study, to be changed at will."""
    return deepcopy(STUDY)
