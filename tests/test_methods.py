"""The paper's methods and their constants."""

from __future__ import annotations

import inspect
import json

import pytest

from vscbench import config as configs
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


def test_the_density_of_an_experiment_is_that_of_every_method_with_one() -> None:
    """No constant of the package stands in its way, and the code of every method is found."""
    data = {"kind": "synthetic", "train": 40, "validation": 10, "test": 10, "pixels": 16, "latents": 16}
    content = {"study": "all", "repetitions": 1, "datasets": {"made": data}}
    experiment = {"dataset": "made", "methods": list(METHODS), "density": 0.2}
    study = configs.check(content | {"experiments": {"made": experiment}})
    for run in configs.runs(study):
        spec = configs.run_spec(study, run)
        threshold = spec["coder"].get("threshold")
        densities = [
            part["density"] for part in (spec["coder"], threshold) if isinstance(part, dict) and "density" in part
        ]
        assert set(densities) <= {0.2}, run.method
        assert configs.addresses(spec)
