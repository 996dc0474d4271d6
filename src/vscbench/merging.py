"""One configuration laid over another."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SELECTORS = ("kind", "family")
"""The keys that decide which others there are."""
EXCLUSIVE = (("value", "density"), ("prior_active", "density"), ("epochs", "steps"), ("kl_weight", "noise_variance"))
"""Pairs of settings of which one says what the other would."""
RAMP = ("initial", "final", "start", "end", "shape", "unit")
ONE_CYCLE = ("peak", "warmup", "warmup_at_least")
ALTERNATIVES = (*(((one,), (other,)) for one, other in EXCLUSIVE), (("images",), ("folds", "fold")), (RAMP, ONE_CYCLE))
"""Groups of keys: whoever gives one of a group takes back those of the other."""


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `overlay` put over it, mapping by mapping.

    A null deletes the key that `base` has. A part whose `kind` or `family` changes starts anew, and of two keys that
    exclude each other (`value` and `density` of a threshold, `epochs` and `steps`, ...) the later one stays.

    Example:
        >>> merge({"a": {"kind": "x", "b": 1}, "c": 2}, {"a": {"b": 3}, "c": None})
        {'a': {'kind': 'x', 'b': 3}}
        >>> merge({"a": {"kind": "x", "b": 1}}, {"a": {"kind": "y"}})
        {'a': {'kind': 'y'}}
        >>> merge({"kind": "fixed", "value": 0.5}, {"density": 0.1})
        {'kind': 'fixed', 'density': 0.1}
    """
    merged = deepcopy(dict(base))
    if any(key in merged and merged[key] != overlay.get(key, merged[key]) for key in SELECTORS):
        merged = {}
    for sides in ALTERNATIVES:
        for one, other in (sides, sides[::-1]):
            if overlay.keys() & set(one) and not overlay.keys() & set(other):
                merged = {key: value for key, value in merged.items() if key not in other}
    for key, value in overlay.items():
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = deepcopy(value)
    return merged
