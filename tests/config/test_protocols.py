"""Protocols: what lies under an experiment, and over what; files of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from vscbench import config as configs
from vscbench.errors import UserError
from vscbench.methods import fista, gaussian

if TYPE_CHECKING:
    from pathlib import Path

MINE: dict[str, Any] = {
    "linear": {
        "encoder": {"kind": "mlp", "widths": [7]},
        "objective": {"samples": 2, "kl_weight": 0.5},
        "training": {"batch_size": 7, "optimizer": {"kind": "adam", "rate": {"peak": 0.7}, "clip_norm": 7}},
        "evaluation": {"penalties": [0.7], "samples": 7},
        "overrides": {
            "fista": {"penalty": 0.7, "tolerance": 0.7},
            "gaussian_thresh": {"prior_scale": 0.7, "threshold": {"density": 0.7}},
            "spike_slab": {"objective": {"samples": 3}, "training": {"optimizer": {"rate": {"peak": 0.3}}}},
        },
    },
    "network": {"encoder": {"kind": "mlp"}, "training": {"optimizer": {"kind": "adam", "clip_norm": 9}}},
}
METHODS = ["fista", "gaussian_thresh", "spike_slab"]


@pytest.fixture
def content() -> dict[str, Any]:
    """A study that says nothing but names."""
    return {
        "study": "own",
        "protocol": MINE,
        "datasets": {"d": {"kind": "synthetic", "train": 9, "validation": 9, "test": 9, "pixels": 16}},
        "experiments": {"mine": {"dataset": "d", "methods": list(METHODS)}},
    }


def specs(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    study = configs.check(content)
    return {run.name: configs.run_spec(study, run) for run in configs.runs(study)}


def of(content: dict[str, Any], method: str, **experiment: Any) -> dict[str, Any]:
    """The specification of a method, with this said of its experiment."""
    change = {"experiments": {"mine": experiment | {"methods": [method]}}}
    (spec,) = specs(configs.merge(content, change)).values()
    return spec


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def refusal(content: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        configs.check(content)
    first, *lines = str(caught.value).splitlines()
    assert first == "the configuration is not valid:"
    return [line.strip() for line in lines]


# ------------------------------------------------------------------ under an experiment


def test_it_is_what_an_experiment_does_not_say(content: dict[str, Any]) -> None:
    spec = of(content, "fista")
    assert spec["encoder"] == {"kind": "mlp", "widths": [7]}
    assert (spec["objective"]["samples"], spec["objective"]["kl_weight"]) == (2, 0.5)
    assert (spec["training"]["batch_size"], spec["training"]["optimizer"]["clip_norm"]) == (7, 7)
    assert (spec["coder"]["penalty"], spec["coder"]["tolerance"]) == (0.7, 0.7)
    spec = of(content, "fista", objective={"samples": 4}, training={"optimizer": {"clip_norm": 1}})
    assert (spec["objective"]["samples"], spec["objective"]["kl_weight"]) == (4, 0.5)
    assert (spec["training"]["batch_size"], spec["training"]["optimizer"]["clip_norm"]) == (7, 1)
    assert spec["training"]["optimizer"]["rate"]["peak"] == 0.7


def test_a_network_has_a_part_of_its_own(content: dict[str, Any]) -> None:
    spec = of(content | {"datasets": {"d": {"kind": "pictures"}}}, "gaussian_thresh")
    assert spec["encoder"]["widths"] == [256, 256]
    assert spec["training"]["optimizer"]["clip_norm"] == 9
    assert spec["coder"]["prior_scale"] == 0.316


def test_constants_of_a_method_lie_under_all_that_is_said_of_it(content: dict[str, Any]) -> None:
    assert of(content, "gaussian_thresh")["coder"]["prior_scale"] == 0.7
    said = content | {"methods": {"gaussian_thresh": {"prior_scale": 2}}}
    assert of(said, "gaussian_thresh")["coder"]["prior_scale"] == 2
    overrides = {"gaussian_thresh": {"prior_scale": 3}}
    assert of(said, "gaussian_thresh", overrides=overrides)["coder"]["prior_scale"] == 3
    # The density of an experiment is said by the experiment.
    assert of(content, "gaussian_thresh")["coder"]["threshold"]["density"] == 0.7
    assert of(content, "gaussian_thresh", density=0.2)["coder"]["threshold"]["density"] == 0.2
    by_method = content | {"methods": {"gaussian_thresh": {"threshold": {"density": 0.3}}}}
    assert of(by_method, "gaussian_thresh", density=0.2)["coder"]["threshold"]["density"] == 0.3


def test_so_do_its_objective_and_training(content: dict[str, Any]) -> None:
    spec = of(content, "spike_slab")
    assert (spec["objective"]["samples"], spec["training"]["optimizer"]["rate"]["peak"]) == (3, 0.3)
    said = {"objective": {"samples": 4}, "training": {"optimizer": {"rate": {"peak": 0.4}}}}
    spec = of(content, "spike_slab", **said)
    assert (spec["objective"]["samples"], spec["training"]["optimizer"]["rate"]["peak"]) == (4, 0.4)
    assert spec["training"]["optimizer"]["clip_norm"] == 7


def test_a_method_has_the_constants_of_its_base(content: dict[str, Any]) -> None:
    mine = {"mine": {"base": "gaussian_thresh", "threshold": None}, "other": {"base": "mine", "family": "laplacian"}}
    assert of(content | {"methods": mine}, "mine")["coder"] == {"family": "gaussian", "prior_scale": 0.7}
    # Another family is another part, and has none of them.
    assert of(content | {"methods": mine}, "other")["coder"]["prior_scale"] == 0.1


def test_another_kind_takes_none_of_its_keys(content: dict[str, Any]) -> None:
    same = of(content, "fista", training={"optimizer": {"kind": "adam"}})["training"]["optimizer"]
    assert (same["rate"]["peak"], same["clip_norm"]) == (0.7, 7)
    other = of(content, "fista", training={"optimizer": {"kind": "two_rates"}})["training"]
    assert other["optimizer"] == of(content | {"protocol": "paper"}, "fista")["training"]["optimizer"]
    assert other["batch_size"] == 7


def test_an_experiment_may_follow_another_than_the_study(content: dict[str, Any]) -> None:
    content["experiments"]["as_published"] = content["experiments"]["mine"] | {"protocol": "paper"}
    found = specs(content)
    mine, published = (found[f"{name}/fista/0"]["training"]["optimizer"] for name in ("mine", "as_published"))
    assert (mine["kind"], published["kind"]) == ("adam", "two_rates")
    assert found["as_published/fista/0"]["coder"]["penalty"] == 20


def test_metrics_are_computed_with_its_settings(content: dict[str, Any]) -> None:
    content["experiments"]["mine"]["evaluation"] = {"samples": 5}
    found = configs.evaluation(configs.check(content), "mine")
    assert (found["penalties"], found["samples"]) == ([0.7], 5)


# ------------------------------------------------------------------------------ files


def test_a_file_is_looked_for_beside_the_study(tmp_path: Path, content: dict[str, Any]) -> None:
    (tmp_path / "studies").mkdir()
    write(tmp_path / "mine.yaml", MINE)
    write(tmp_path / "studies" / "other.yaml", {"extends": ["../mine.yaml"], "linear": {"training": {"batch_size": 3}}})
    content["protocol"] = "../mine.yaml"
    content["experiments"]["other"] = content["experiments"]["mine"] | {"protocol": "other.yaml"}
    study = configs.load([write(tmp_path / "studies" / "study.yaml", content)])
    found = {run.experiment: configs.run_spec(study, run) for run in configs.runs(study)}
    assert [found[name]["training"]["batch_size"] for name in ("mine", "other")] == [7, 3]
    assert found["other"]["training"]["optimizer"] == found["mine"]["training"]["optimizer"]


def test_a_file_may_extend_one_of_the_package(tmp_path: Path, content: dict[str, Any]) -> None:
    own = write(tmp_path / "mine.yaml", {"extends": "paper", "linear": {"objective": {"samples": 3}}})
    (tmp_path / "plugins").mkdir()  # of studies: no key of a protocol
    mine, published = (of(content | {"protocol": name}, "spike_slab") for name in (str(own), "paper"))
    assert mine["objective"] == published["objective"] | {"samples": 3}
    assert mine["training"] == published["training"]


def test_the_study_as_run_needs_no_file(tmp_path: Path, content: dict[str, Any]) -> None:
    """A protocol that is changed while jobs run changes none of them."""
    own = write(tmp_path / "mine.yaml", MINE)
    study = configs.load([write(tmp_path / "study.yaml", content | {"protocol": "mine.yaml"})])
    (tmp_path / "config.yaml").write_text(study.to_yaml(), encoding="utf-8")
    own.unlink()
    again = configs.load([tmp_path / "config.yaml"], checked=True)
    assert configs.index(again) == configs.index(study) == configs.index(configs.check(content))


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"linear": {"overrides": {"fista": {"penalty": 0.8}}}}, {"fista"}),
        ({"linear": {"overrides": {"spike_slab": {"objective": {"samples": 4}}}}}, {"spike_slab"}),
        ({"linear": {"objective": {"samples": 4}}}, {"fista", "gaussian_thresh"}),  # spike_slab has its own
        ({"linear": {"training": {"optimizer": {"clip_norm": 8}}}}, set(METHODS)),
        ({"linear": {"evaluation": {"samples": 8}}}, set()),
        ({"network": {"training": {"batch_size": 8}}}, set()),
    ],
)
def test_a_change_of_a_file_changes_the_keys_of_what_it_touches(
    tmp_path: Path, content: dict[str, Any], change: dict[str, Any], touched: set[str]
) -> None:
    content["protocol"] = "mine.yaml"
    path, keys = write(tmp_path / "study.yaml", content), []
    for each in (MINE, configs.merge(MINE, change)):
        write(tmp_path / "mine.yaml", each)
        keys.append({run["method"]: run["key"] for run in configs.index(configs.load([path]))["runs"]})
    assert {method for method in METHODS if keys[0][method] != keys[1][method]} == touched


# ----------------------------------------------------------------------------- mistakes

PAPERS = {"mine": {"dataset": "d", "methods": ["fista"], "protocol": "paper"}}
WRONG: dict[str, tuple[Any, str]] = {
    "name": (
        "stong",
        "protocol: there is no protocol stong; did you mean strong?; there are strong, paper, or the path",
    ),
    "file": ("nothing.yaml", "protocol: config file 'nothing.yaml': No such file or directory"),
    "number": (3, "protocol: 3 is not allowed; it must be text or a mapping"),
    "part": ({"liner": {}}, "protocol: unknown key liner; did you mean linear?; allowed are linear, network"),
    "key": ({"linear": {"trainin": {}}}, "protocol: linear: unknown key trainin; did you mean training?; allowed are"),
    "kind": (
        {"linear": {"encoder": {"kind": "mlb"}}},
        "protocol.linear.encoder.kind: there is no kind of encoder mlb; did you mean mlp?",
    ),
    "no kind": ({"network": {"encoder": {"widths": [3]}}}, "protocol.network.encoder: missing key kind: one of mlp"),
    "setting": (
        {"linear": {"training": {"optimizer": {"kind": "adam", "clip_nrom": 1}}}},
        "protocol.linear.training.optimizer: unknown key clip_nrom; did you mean clip_norm?",
    ),
    "both weights": (
        {"linear": {"objective": {"kl_weight": 1, "noise_variance": 1}}},
        "protocol.linear.objective: kl_weight and noise_variance exclude each other: give one",
    ),
    "method": (
        {"linear": {"overrides": {"fitsa": {}}}},
        "protocol.linear.overrides: there is no method fitsa; did you mean fista?",
    ),
    "constant": (
        {"linear": {"overrides": {"fista": {"penalti": 1}}}},
        "protocol.linear.overrides.fista: unknown key penalti; did you mean penalty?",
    ),
    "training of a method": (
        {"linear": {"overrides": {"fista": {"training": {"optimizer": {"kind": "adam", "rat": 1}}}}}},
        "protocol.linear.overrides.fista.training.optimizer: unknown key rat; did you mean rate?",
    ),
    "metric": (
        {"linear": {"evaluation": {"gradient": False}}},
        "protocol.linear.evaluation: unknown key gradient; did you mean gradients?",
    ),
}


@pytest.mark.parametrize(("protocol", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_told_in_a_line(content: dict[str, Any], protocol: Any, message: str) -> None:
    (line,) = refusal(content | {"protocol": protocol, "experiments": PAPERS})
    assert line.startswith(message)
    content["experiments"]["mine"]["protocol"] = protocol
    (line,) = refusal(content)
    assert line.startswith(f"experiments.mine.{message}")


def test_a_mistake_in_a_file_names_it(tmp_path: Path, content: dict[str, Any]) -> None:
    path = write(tmp_path / "mine.yaml", {"linear": {"trainin": {}, "encodr": {}}})
    (line,) = refusal(content | {"protocol": str(path)})
    assert line.startswith(f"protocol: {path}: linear: unknown key ")
    for wrong, right in (("trainin", "training"), ("encodr", "encoder")):
        assert f"linear: unknown key {wrong}; did you mean {right}?; allowed are encoder, objective" in line


# ------------------------------------------------------------------------ the noise variance


@pytest.mark.parametrize(("data", "pixels"), [({"kind": "synthetic", "pixels": 16}, 16), ({"kind": "pictures"}, 64)])
def test_a_noise_variance_is_a_weight(content: dict[str, Any], data: dict[str, Any], pixels: int) -> None:
    """w = 2 s²/P, of images for all their P = C · H · W numbers; the specification is that of the weight."""
    content["datasets"]["d"] = data | ({"train": 9, "validation": 9, "test": 9} if data["kind"] == "synthetic" else {})
    by_variance = of(content, "spike_slab", objective={"noise_variance": 0.4})
    assert by_variance["objective"]["kl_weight"] == pytest.approx(2 * 0.4 / pixels, rel=1e-15)
    assert of(content, "spike_slab", objective={"kl_weight": 0.8 / pixels}) == by_variance
    assert configs.spec(
        gaussian(), (pixels,), protocol=MINE, objective={"noise_variance": 0.4}
    )["objective"]["kl_weight"] == pytest.approx(0.8 / pixels, rel=1e-15)  # fmt: skip


def test_the_later_of_weight_and_variance_stays(content: dict[str, Any]) -> None:
    by_variance = configs.merge(content, {"protocol": {"linear": {"objective": {"noise_variance": 0.4}}}})
    assert of(by_variance, "fista")["objective"]["kl_weight"] == 0.05
    assert of(by_variance, "fista", objective={"kl_weight": 0.3})["objective"]["kl_weight"] == 0.3
    fixed = {"fista": {"objective": {"noise_variance": 0.8}}}
    assert of(content, "fista", objective={"kl_weight": 0.3}, overrides=fixed)["objective"]["kl_weight"] == 0.1


def test_a_noise_variance_may_be_swept(content: dict[str, Any]) -> None:
    content["experiments"]["mine"] |= {"methods": ["fista"], "objective": {"noise_variance": [0.2, 0.4, 0.8]}}
    found = specs(content)
    assert list(found) == [f"mine/fista__noise_variance-{value}/0" for value in (0.2, 0.4, 0.8)]
    assert [spec["objective"]["kl_weight"] for spec in found.values()] == [0.025, 0.05, 0.1]
    assert [spec["point"] for spec in found.values()] == [{"noise_variance": value} for value in (0.2, 0.4, 0.8)]


@pytest.mark.parametrize("value", [0, -1, "much"])
def test_a_noise_variance_is_positive(content: dict[str, Any], value: Any) -> None:
    content["experiments"]["mine"]["objective"] = {"noise_variance": value}
    (line,) = refusal(content)
    assert line.startswith("experiments.mine.objective.noise_variance: ")
    assert "it must be a number, above 0" in line


# ------------------------------------------------------------------------- without a study


def test_what_a_caller_says_wins() -> None:
    def penalty(**said: Any) -> float:
        found: float = configs.spec(fista(**said), (9,), protocol=MINE)["coder"]["penalty"]
        return found

    assert penalty() == 0.7
    assert penalty(penalty=3) == 3
    assert penalty(penalty=20) == 20  # the package's own, said
    spec = configs.spec(fista(), (9,), protocol=MINE, encoder={"widths": [3]}, training={"batch_size": 3})
    assert (spec["encoder"], spec["training"]["batch_size"]) == ({"kind": "mlp", "widths": [3]}, 3)
    with pytest.raises(UserError, match="protocol: there is no protocol weak"):
        configs.spec(fista(), (9,), protocol="weak")
