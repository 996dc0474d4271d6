"""The paper's methods and their constants."""

from __future__ import annotations

import inspect
import json

import pytest

from vscbench.methods import METHODS, gaussian_thresh, laplacian, spike_slab


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_plain_values_under_its_own_name(name: str) -> None:
    method = METHODS[name]()
    assert method.name == name
    assert json.loads(json.dumps(method.settings)) == method.settings
    assert method.settings["family"]
    assert inspect.getdoc(METHODS[name])


def test_labels_are_their_own() -> None:
    assert len({make().label for make in METHODS.values()}) == len(METHODS)


def test_constants_are_those_of_the_paper() -> None:
    for base, value in (("gaussian", 0.52), ("laplacian", 0.25)):
        for suffix, kind in (("thresh", "fixed"), ("thresh_gamma", "gamma")):
            method = METHODS[f"{base}_{suffix}"]()
            assert method.settings["threshold"] == {"kind": kind, "value": value}
            assert method.settings["family"] == base
        assert "threshold" not in METHODS[base]().settings
    assert METHODS["fista"]().settings["penalty"] == 20
    assert METHODS["spike_slab"]().settings["gate"] == "logit"


def test_settings_of_a_caller_lie_over_the_methods() -> None:
    assert gaussian_thresh(density=0.1).settings["threshold"] == {"kind": "fixed", "density": 0.1}
    assert gaussian_thresh(0.3, threshold={"estimator": "subgradient"}).settings["threshold"] == {
        "kind": "fixed",
        "value": 0.3,
        "estimator": "subgradient",
    }
    assert spike_slab(density=0.2).settings["density"] == 0.2
    assert "density" not in spike_slab().settings
    assert laplacian(noise_warmup={"final": 2}).settings["noise_warmup"]["final"] == 2
    assert laplacian().settings["noise_warmup"]["final"] == 1
