"""Which runs may stand on one leaderboard with those that are shipped: of the same data, with the same generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench.files import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVENANCE = Path(__file__).parents[1] / "reference" / "leaderboard.json"
OWN = ("name", "source", "fold")
"""Keys of a data set that say nothing of what is in it."""


def setup_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What runs must share to be compared: data and generator, of the specification of a run.

    Example:
        >>> data = {"name": "mine", "kind": "natural_images", "patch_size": 16, "fold": 3}
        >>> setup_of({"dataset": data, "generator": {"kind": "dictionary", "latents": 128}, "seed": 7})
        {'dataset': {'kind': 'natural_images', 'patch_size': 16}, 'generator': {'kind': 'dictionary', 'latents': 128}}
    """
    data = {key: value for key, value in spec["dataset"].items() if key not in OWN}
    return {"dataset": data, "generator": dict(spec["generator"])}


def shipped(spec: Mapping[str, Any]) -> str | None:
    """The experiment of the shipped leaderboard that a run of this specification may stand in; None of none."""
    setup = setup_of(spec)
    return next((name for name, each in read_json(PROVENANCE)["setups"].items() if each == setup), None)
