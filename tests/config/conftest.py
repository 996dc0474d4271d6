from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from vscbench.config import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY: dict[str, Any] = {
    "study": "tiny",
    "repetitions": 2,
    "protocol": "paper",
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
def tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """The tables of the stand-ins, but where the shipped studies are tried; no later test sees them."""
    parts._filled.cache_clear()
    if not request.module.__name__.endswith("test_shipped_studies"):
        monkeypatch = request.getfixturevalue("monkeypatch")
        for role, about in parts.ROLES.items():
            if about.table:
                monkeypatch.setitem(parts.ROLES, role, replace(about, table=f"parts:{role.upper()}"))
    yield
    parts._filled.cache_clear()


@pytest.fixture
def content() -> dict[str, Any]:
    """A small study, to be changed at will."""
    return deepcopy(STUDY)
