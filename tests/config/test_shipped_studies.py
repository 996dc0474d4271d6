"""The studies that are shipped, checked with the parts of the package."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from vscbench import config as configs
from vscbench.config import parts
from vscbench.config.protocols import shipped
from vscbench.config.reading import PROTOCOLS, read
from vscbench.methods import METHODS, Method, gaussian_thresh

ROOT = Path(__file__).parents[2]
STUDIES = {path.stem: path for path in (ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml")))}


@pytest.mark.parametrize("path", STUDIES.values(), ids=STUDIES.keys())
def test_every_study_is_valid(path: Path) -> None:
    study = configs.load([path])
    runs = list(configs.runs(study))
    specs = [configs.run_spec(study, run) for run in runs]
    assert len({run.name for run in runs}) == len(runs) > 0
    assert len({configs.run_key(spec) for spec in specs}) == len(specs)
    for spec in specs:
        json.dumps(spec, allow_nan=False)
    assert [configs.resolve(study, run.name) for run in runs[-3:]] == runs[-3:]


def test_studies_are_told_apart() -> None:
    """By their files, which `make STUDY=NAME` runs, by the name that is a tag of their runs, and by their folders."""
    studies = {name: read([path]) for name, path in STUDIES.items() if name != "config"}
    assert {name: content["study"] for name, content in studies.items()} == {name: name for name in studies}
    assert {name: content["results"] for name, content in studies.items()} == {n: f"results/{n}" for n in studies}
    for path in (path for path in STUDIES.values() if path.stem != "config"):
        assert f"make STUDY={path.stem}\n" in path.read_text(encoding="utf-8")


def test_studies_are_as_large_as_they_say() -> None:
    sizes = {name: len(list(configs.runs(configs.load([STUDIES[name]])))) for name in ("fashion_mnist_mlp", "paper")}
    assert sizes == {"fashion_mnist_mlp": 114, "paper": 288}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [(9,), (1, 28, 28)], ids=["vectors", "images"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_method_of_the_package_is_valid(name: str, shape: tuple[int, ...], protocol: str) -> None:
    spec = configs.spec(METHODS[name](), shape, protocol=protocol)
    assert spec["coder"]["family"] in parts.names("coder")


def test_prior_of_the_gaussian_has_the_papers_variance() -> None:
    scales = [
        configs.spec(METHODS[name](), (9,), protocol="paper")["coder"]["prior_scale"]
        for name in ("gaussian", "laplacian")
    ]
    assert scales == [pytest.approx(math.sqrt(0.1)), 0.1]


@pytest.mark.parametrize("name", parts.names("coder"))
def test_every_family_is_valid_with_its_defaults(name: str) -> None:
    assert configs.spec(Method("m", "M", {"family": name}), (9,))["coder"]["family"] == name


@pytest.mark.parametrize("role", [role for role, about in parts.ROLES.items() if about.table])
def test_every_part_is_where_its_table_says(role: str) -> None:
    for name in parts.names(role):
        assert callable(parts.find(role, name))
        if role != "rule":
            assert parts.model(role, parts.find(role, name))


def test_a_protocol_of_the_package_is_about_methods_that_there_are() -> None:
    for protocol in map(shipped, PROTOCOLS):
        assert {*protocol.linear.overrides, *protocol.network.overrides} <= METHODS.keys()


def test_the_strong_protocol_is_the_default() -> None:
    """Of a study and of a run without one: one draw, a learned noise variance, Adam on unit atoms, a linear part."""
    data = {"d": {"kind": "synthetic", "train": 9, "validation": 9, "test": 9, "pixels": 64, "latents": 64}}
    study = configs.check({"datasets": data, "experiments": {"e": {"dataset": "d", "methods": ["gaussian_thresh"]}}})
    of_study, alone = configs.run_spec(study, next(configs.runs(study))), configs.spec(gaussian_thresh(), (64,))
    for part in ("generator", "encoder", "coder", "objective", "training"):
        assert of_study[part] == alone[part]
    objective = alone["objective"]
    assert (objective["sampling"], objective["samples"], objective["variance"]) == ("average", 1, "learned")
    assert objective["kl_weight"] == pytest.approx(2 * 0.384 / 64)
    assert alone["training"]["optimizer"].items() >= {"kind": "adam", "unit_atoms": True, "clip_norm": 1.0}.items()
    assert alone["encoder"] == {"kind": "linear_plus", "widths": [128]}
    assert configs.evaluation(study, "e")["penalties"] == [1.6]


def test_schema_of_the_package() -> None:
    from jsonschema import Draft202012Validator

    schema = configs.json_schema()
    Draft202012Validator.check_schema(schema)
    for path in STUDIES.values():
        content = {key: value for key, value in read([path]).items() if key != "plugins"}
        assert [error.message for error in Draft202012Validator(schema).iter_errors(content)] == []
