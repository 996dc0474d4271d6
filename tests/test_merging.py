"""One configuration over another."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from vscbench.merging import merge

LAYERS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing": ({"a": {"b": 1}}, {}, {"a": {"b": 1}}),
    "value": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
    "new key": ({"a": {"b": 1}}, {"a": {"c": 2}, "d": 3}, {"a": {"b": 1, "c": 2}, "d": 3}),
    "list": ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    "mapping over a value": ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    "value over a mapping": ({"a": {"b": 2}}, {"a": 1}, {"a": 1}),
    "empty mapping": ({"a": {"b": 2}}, {"a": {}}, {"a": {"b": 2}}),
    "null deletes": ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
    "null where nothing is": ({"a": 1}, {"b": None}, {"a": 1, "b": None}),
    "null over null": ({"a": None}, {"a": None}, {}),
    "same kind": ({"kind": "a", "b": 1}, {"kind": "a", "c": 2}, {"kind": "a", "b": 1, "c": 2}),
    "no kind": ({"kind": "a", "b": 1}, {"c": 2}, {"kind": "a", "b": 1, "c": 2}),
    "other kind": ({"kind": "a", "b": 1}, {"kind": "c"}, {"kind": "c"}),
    "other family": ({"x": {"family": "a", "b": 1}}, {"x": {"family": "c", "d": 2}}, {"x": {"family": "c", "d": 2}}),
    "kind of what had none": ({"b": 1}, {"kind": "c"}, {"b": 1, "kind": "c"}),
    "density for a value": ({"value": 1, "b": 2}, {"density": 0.1}, {"b": 2, "density": 0.1}),
    "value for a density": ({"density": 0.1}, {"value": 1}, {"value": 1}),
    "both": ({"density": 0.1}, {"value": 1, "density": 0.2}, {"density": 0.2, "value": 1}),
    "steps for epochs": ({"epochs": 1}, {"steps": 5}, {"steps": 5}),
    "ramp for a cycle": ({"peak": 1, "warmup": 0.3}, {"initial": 1, "final": 2}, {"initial": 1, "final": 2}),
    "cycle for a ramp": ({"initial": 1, "final": 2, "end": 0.5}, {"peak": 1}, {"peak": 1}),
    "end of a ramp": ({"initial": 1, "final": 2}, {"end": 0.5}, {"initial": 1, "final": 2, "end": 0.5}),
}


@pytest.mark.parametrize(("base", "overlay", "merged"), LAYERS.values(), ids=LAYERS.keys())
def test_merge(base: dict[str, Any], overlay: dict[str, Any], merged: dict[str, Any]) -> None:
    before = deepcopy((base, overlay))
    assert merge(base, overlay) == merged
    assert (base, overlay) == before


def test_what_is_merged_shares_nothing() -> None:
    base: dict[str, Any] = {"a": {"b": [1]}}
    overlay: dict[str, Any] = {"c": {"d": [1]}}
    merged = merge(base, overlay)
    merged["a"]["b"].append(2)
    merged["c"]["d"].append(2)
    assert (base, overlay) == ({"a": {"b": [1]}}, {"c": {"d": [1]}})
