"""The JSON Schema for editors agrees with what is checked."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from vscbench import config as configs

RIGHT: dict[str, dict[str, Any]] = {
    "sweep": {"experiments": {"recovery": {"generator": {"latents": [4, 8]}, "objective": {"samples": [1, 5]}}}},
    "sweep in a method": {"methods": {"mine": {"threshold": {"kind": "fixed", "value": [0.1, 0.2]}}}},
    "density": {"experiments": {"recovery": {"density": [0.1, 0.2]}}},
    "overlay": {"methods": {"fista": {"penalty": None}}},
    "deleted": {"experiments": {"other": None}},
    "extends": {"extends": ["a.yaml"], "plugins": "own"},
    "own family": {"methods": {"own": {"family": "mine:Coder", "alpha": 3}}},
    "metrics": {"experiments": {"recovery": {"evaluation": {"gradients": {"passes": 10}, "reconstruction": False}}}},
    "widths": {"experiments": {"recovery": {"encoder": {"kind": "mlp", "widths": [4, 8]}}}},
    "rate": {"experiments": {"recovery": {"training": {"optimizer": {"dictionary_rate": {"initial": 1, "final": 2}}}}}},
}
WRONG: dict[str, dict[str, Any]] = {
    "typo": {"sed": 1},
    "range": {"seed": -1},
    "typo in an experiment": {"experiments": {"recovery": {"method": []}}},
    "typo in a generator": {"experiments": {"recovery": {"generator": {"latent": 3}}}},
    "range in training": {"experiments": {"recovery": {"training": {"batch_size": 0}}}},
    "typo in a method": {"methods": {"mine": {"prior_scal": 1}}},
    "range in a method": {"methods": {"mine": {"prior_scale": -1}}},
    "typo in a metric": {"experiments": {"recovery": {"evaluation": {"gradients": {"pases": 1}}}}},
    "no metric": {"experiments": {"recovery": {"evaluation": {"gradient": False}}}},
    "setting of another family": {"methods": {"fista": {"family": "fista", "threshold": {}}}},
    "data set": {"datasets": {"synthetic": {"train": "many"}}},
    "sweep of data": {"datasets": {"synthetic": {"noise": [0.1, 0.2]}}},
}


def errors(content: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(configs.json_schema()).iter_errors(content)]


def over(base: Any, change: Any) -> Any:
    """`change` over `base`, nulls kept."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return deepcopy(change)
    return base | {key: over(base.get(key), value) for key, value in change.items()}


def test_it_is_a_schema_of_the_study(content: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(configs.json_schema())
    assert errors(content) == []


@pytest.mark.parametrize("change", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_is_taken(content: dict[str, Any], change: dict[str, Any]) -> None:
    assert errors(over(content, change)) == []


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_not(content: dict[str, Any], change: dict[str, Any]) -> None:
    assert errors(over(content, change))


def test_keys_are_described() -> None:
    schema = configs.json_schema()
    assert schema["properties"]["repetitions"]["description"] == "Runs of each method, each with a seed of its own."
    definitions = schema["$defs"]
    assert definitions["Experiment"]["properties"]["density"]["description"].startswith("Non-zeros under the priors")
    assert definitions["Gaussian"]["properties"]["prior_scale"]["description"].startswith("s₀, the standard deviation")
    assert definitions["Encoder"]["properties"]["widths"]["description"] == "of the hidden layers, from the input on."
    assert definitions["Ramp"]["properties"]["start"]["description"].startswith("Where the ramp begins")
