"""What a study has to show: a table or figure that would have nothing in it is not made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.config import sweeps
from vscbench.config.runs import evaluation_spec, experiments, points

if TYPE_CHECKING:
    from collections.abc import Iterable

NEEDS = {
    "table1": "dictionary",
    "dictionaries": "dictionary",
    "gradients_inference": "gradients",
    "gradients_generator": "gradients",
    "gradient_snr": "gradients",
    "recovery": "known dictionary",
    "ablation": "setting",
    "frontier": "knob",
    "matched_density": "knob",
    "sweeps": "sweep",
    "attributes": "network",
    "reconstructions": "network",
    "prior_samples": "network",
    "recovered_dictionaries": "network",
    "traversals": "network",
}
"""What a study must have for a table or figure; those that are not here are for every study."""


def worth_making(config: dict[str, Any], names: Iterable[str]) -> list[str]:
    """Those of the tables or figures `names` that the study has something for."""
    there = contents(config)
    return [name for name in names if NEEDS.get(name) in {None, *there}]


def contents(config: dict[str, Any]) -> set[str]:
    """What there is in some experiment of the study.

    A `dictionary` as generator, or a `network`; `gradients` that are measured; a `known dictionary` behind made-up
    data; a `sweep` of anything, networks without one counted, since their table has a row for each; a `knob` that gives
    a method several operating points; and a `setting` of a dictionary that methods, or values of it, are compared by.
    """
    found = set()
    for name, setup in experiments(config).items():
        linear = setup["generator"]["kind"] == "dictionary"
        swept = [point for method in setup["methods"] for point in points(config, name, method).values()]
        here = {
            "dictionary": linear,
            "network": not linear,
            "gradients": evaluation_spec(config, name)["gradient_passes"] is not None,
            "known dictionary": config["datasets"][setup["dataset"]]["kind"] == "synthetic",
            "sweep": not linear or any(swept),
            "knob": any(sweeps.knobs(point) for point in swept),
            "setting": linear and any(swept) and sweeps.comparable(swept),
        }
        found |= {what for what, there in here.items() if there}
    return found
