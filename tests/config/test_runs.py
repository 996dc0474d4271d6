"""The runs of a study: their names, seeds and specifications; sweeps; densities."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from typing import Any

import pytest

from vscbench import config as configs
from vscbench.config import Run
from vscbench.errors import UserError
from vscbench.files import VERSION
from vscbench.methods import Method, gaussian_thresh
from vscbench.violations import ViolationsError


def variants(content: dict[str, Any]) -> list[str]:
    return [run.variant for run in configs.runs(configs.check(content)) if run.repetition == 0]


def specs(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    study = configs.check(content)
    return {run.name: configs.run_spec(study, run) for run in configs.runs(study)}


def keys(content: dict[str, Any]) -> dict[str, str]:
    return {name: configs.run_key(spec) for name, spec in specs(content).items()}


@pytest.fixture
def recovery(content: dict[str, Any]) -> dict[str, Any]:
    """The experiment of the small study."""
    experiment: dict[str, Any] = content["experiments"]["recovery"]
    return experiment


# ------------------------------------------------------------------------- identity


def test_runs_of_a_study(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    found = [run.name for run in configs.runs(configs.check(content))]
    assert found == [f"recovery/{method}/{repetition}" for method in recovery["methods"] for repetition in (0, 1)]


@pytest.mark.parametrize(
    ("point", "variant"),
    [
        ((), "m"),
        ((("latents", 64), ("density", 0.1)), "m__latents-64__density-0.1"),
        ((("tolerance", 1e-5),), "m__tolerance-1e-05"),
        ((("flip", True), ("clip_norm", None)), "m__flip-true__clip_norm-null"),
        ((("sampling", "max_elbo"),), "m__sampling-max_elbo"),
    ],
)
def test_variant_says_the_point(point: tuple[tuple[str, Any], ...], variant: str) -> None:
    assert Run("e", "m", point).variant == variant
    assert Run("e", "m", point, 3).name == f"e/{variant}/3"
    assert Run("e", "m", point).name == f"e/{variant}/0"


def test_variant_is_cut_at_a_hundred_characters() -> None:
    assert Run("e", "m" * 100).variant == "m" * 100
    cut = Run("e", "m" * 101).variant
    assert cut[:92] == "m" * 91 + "-"
    assert len(cut) == 100


def test_variants_are_short_plain_and_their_own() -> None:
    long = [Run("e", "m", (*((f"axis_{k}", k / 7) for k in range(20)), ("last", last))) for last in (1, 2)]
    odd = [Run("e", "m", (("sampling", value),)) for value in ("mine:Rule", "mine-rule", "mine:rule", "mine/rule")]
    names = [run.variant for run in (*long, *odd)]
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= 100
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")


@pytest.mark.parametrize("kind", ["plain", "long"])
def test_every_run_is_found_by_its_name(content: dict[str, Any], recovery: dict[str, Any], kind: str) -> None:
    recovery["generator"]["latents"] = [4, 8]
    if kind == "long":
        rate = {"peak": [0.1, 0.2], "warmup": [0.123456789, 0.2], "warmup_at_least": [1, 2]}
        recovery["training"]["optimizer"] = {"encoder_rate": rate}
    # Names that begin each other.
    content["methods"] |= {"mine__latents": {"base": "mine"}, "mine": {"family": "gaussian"}}
    recovery["methods"] = ["mine", "mine__latents"]
    study = configs.check(content)
    runs = list(configs.runs(study))
    assert [configs.resolve(study, run.name) for run in runs] == runs
    assert len({run.name for run in runs}) == len(runs)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recover/fista/0", "no experiment recover; did you mean recovery"),
        ("recovery/fitsa/0", "no method fitsa in recovery; did you mean fista"),
        ("recovery/fista/2", "no repetition 2 of recovery/fista: they are 0 to 1"),
        (
            "recovery/fista/-1",
            "recovery/fista/-1 names no run; write EXPERIMENT/METHOD/REPETITION, for example recovery/",
        ),
        ("recovery/fista", "recovery/fista names no run"),
        ("", "nothing names no run"),
        ("recovery/fista__latents-80/0", "no run of fista__latents-80 in recovery"),
        ("recovery/fista/99999999999999999999", "names no run"),
    ],
)
def test_run_that_does_not_exist(content: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        configs.resolve(configs.check(content), name)


def test_of_many_points_few_are_shown(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = list(range(1, 21))
    study = configs.check(content)
    with pytest.raises(UserError, match=r"latents-20$"):
        configs.resolve(study, "recovery/fista__latents-x/0")
    recovery["generator"]["latents"] = list(range(1, 22))
    with pytest.raises(UserError, match=r"latents-20, \.\.\.$"):
        configs.resolve(configs.check(content), "recovery/fista__latents-x/0")


def test_an_unknown_point_names_the_nearest(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4, 8]
    with pytest.raises(UserError, match="did you mean fista__latents-8"):
        configs.resolve(configs.check(content), "recovery/fista__latents-80/0")


# -------------------------------------------------------------------- specifications


def test_specification_is_filled_in(content: dict[str, Any]) -> None:
    spec = specs(content)["recovery/fista/0"]
    assert spec["version"] == VERSION
    assert spec["dataset"] == {"name": "synthetic", **content["datasets"]["synthetic"], "noise": 0.1, "missing": False}
    assert spec["coder"]["tolerance"] == 1e-3
    assert spec["coder"]["penalty_warmup"] == {
        "initial": 0.1,
        "final": 1.0,
        "start": 0.0,
        "end": 0.0375,
        "shape": "linear",
        "unit": "fraction",
        "levels": None,
    }
    assert spec["objective"].items() >= {"sampling": "max_elbo", "samples": 3, "kl_weight": 0.01}.items()
    assert spec["training"]["optimizer"]["clip_norm"] == 5
    assert spec["training"]["validation_penalty"] == 20
    assert "steps" not in spec["training"]
    json.dumps(spec, allow_nan=False)


def test_constants_of_a_method_win_over_the_experiments(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    """And overrides of the experiment over those of the method."""
    content["methods"]["spike_slab"] = {
        "objective": {"samples": 1, "kl_weight": 0.5},
        "training": {"optimizer": {"encoder_rate": {"initial": 0.5, "final": 0.1}}},
    }
    recovery["overrides"] = {"spike_slab": {"objective": {"kl_weight": 0.7}, "gate": "published"}}
    found = specs(content)
    spec = found["recovery/spike_slab/0"]
    assert (spec["objective"]["samples"], spec["objective"]["kl_weight"]) == (1, 0.7)
    assert spec["training"]["optimizer"]["encoder_rate"]["initial"] == 0.5
    assert spec["coder"]["gate"] == "published"
    assert spec["training"]["epochs"] == 2
    other = found["recovery/fista/0"]
    assert other["objective"]["samples"] == 3
    assert other["training"]["optimizer"]["encoder_rate"]["peak"] == 0.001


def test_methods_of_the_study(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    content["methods"] = {
        "gaussian_thresh": {"threshold": {"density": 0.3}},
        "wide": {"base": "gaussian_thresh", "prior_scale": 2, "label": "Wide"},
        "dense": {"base": "wide", "threshold": None},
        "other": {"base": "wide", "family": "laplacian"},
    }
    recovery["methods"] = list(content["methods"])
    coders = {name.split("/")[1]: spec["coder"] for name, spec in specs(content).items()}
    assert coders["gaussian_thresh"]["threshold"]["density"] == 0.3
    assert "value" not in coders["gaussian_thresh"]["threshold"]
    assert coders["wide"] == coders["gaussian_thresh"] | {"prior_scale": 2.0}
    assert coders["dense"] == {"family": "gaussian", "prior_scale": 2.0}
    assert (coders["other"]["family"], coders["other"]["prior_scale"]) == ("laplacian", 0.1)
    assert configs.labels(configs.check(content)) == {
        "gaussian_thresh": "Thresholded Gaussian",
        "wide": "Wide",
        "dense": "dense",
        "other": "other",
    }


def test_seeds_differ_and_stay_positive(content: dict[str, Any]) -> None:
    content["repetitions"] = 50
    found = {spec["seed"] for spec in specs(content).values()}
    assert len(found) == 150
    assert all(0 <= seed < 2**62 for seed in found)


def test_seeds_stay_what_they_were(content: dict[str, Any]) -> None:
    """A number that changes here changes every result."""
    assert configs.derive_seed(0, "synthetic", "fista", 0) == 342835939436177713
    assert specs(content)["recovery/fista/0"]["seed"] == 342835939436177713


def test_adding_a_method_or_a_repetition_changes_no_other_run(content: dict[str, Any]) -> None:
    before = keys(content)
    content["experiments"]["recovery"]["methods"].insert(0, "mine")
    content["repetitions"] = 3
    after = keys(content)
    assert len(after) == 12
    assert {run: after[run] for run in before} == before


@pytest.mark.parametrize(
    "change",
    [
        {"datasets": {"synthetic": {"pixels": 16}}},
        {"methods": {"fista": {"penalty": 0.2}}},
        {"experiments": {"recovery": {"generator": {"latents": 12}}}},
        {"experiments": {"recovery": {"training": {"epochs": 2}}}},
        {"experiments": {"recovery": {"training": {"optimizer": {"encoder_rate": {"peak": 0.001}}}}}},
        {"experiments": {"recovery": {"objective": {"samples": 3, "kl_weight": 1e-2}}}},
        {"experiments": {"recovery": {"overrides": {"fista": {"penalty": 0.2, "tolerance": 0.001}}}}},
        {"seed": 0},
    ],
)
def test_an_overlay_that_says_the_same_changes_no_run(content: dict[str, Any], change: dict[str, Any]) -> None:
    """Whatever the order of its keys, and whether or not it is the default."""
    reordered = dict(reversed(configs.merge(change, content).items()))
    assert keys(reordered) == keys(content)
    assert configs.index(configs.check(configs.merge(content, change))) == configs.index(configs.check(content))


@pytest.mark.parametrize(
    "change",
    [
        {"methods": {"fista": {"penalty": 0.3}}},
        {"experiments": {"recovery": {"overrides": {"fista": {"penalty": 0.3}}}}},
    ],
)
def test_changing_a_constant_changes_the_keys_of_its_method_alone(
    content: dict[str, Any], change: dict[str, Any]
) -> None:
    before, after = keys(content), keys(configs.merge(content, change))
    assert {run for run in before if before[run] != after[run]} == {"recovery/fista/0", "recovery/fista/1"}


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        ({"seed": 1}, True),
        ({"study": "other"}, True),
        ({"datasets": {"synthetic": {"noise": 0.3}}}, True),
        ({"experiments": {"recovery": {"training": {"epochs": 3}}}}, True),
        ({"experiments": {"recovery": {"objective": {"samples": 4}}}}, True),
        ({"experiments": {"recovery": {"generator": {"latents": 4}}}}, True),
        ({"experiments": {"recovery": {"encoder": {"widths": [4]}}}}, True),
        ({"experiments": {"recovery": {"evaluation": {"samples": 4}}}}, False),
        ({"methods": {"fista": {"label": "Lasso"}}}, False),
        ({"results": "elsewhere"}, False),
        ({"tracking": "sqlite:///runs.db"}, False),
        ({"device": "cuda"}, False),
        ({"checkpoint_seconds": 5}, False),
    ],
)
def test_what_a_key_depends_on(content: dict[str, Any], change: dict[str, Any], matters: bool) -> None:
    before, after = keys(content), keys(configs.merge(content, change))
    assert [before[run] != after[run] for run in before] == [matters] * len(before)


def test_specifications_share_nothing(content: dict[str, Any]) -> None:
    before = deepcopy(content)
    study = configs.check(content)
    run = next(configs.runs(study))
    spec = configs.run_spec(study, run)
    key = configs.run_key(spec)
    for section in ("coder", "objective", "training", "dataset"):
        spec[section]["another"] = 7
    spec["training"]["optimizer"]["encoder_rate"]["peak"] = 7
    assert configs.run_key(configs.run_spec(study, run)) == key
    assert content == before


def test_specification_without_a_study() -> None:
    spec = configs.spec(gaussian_thresh(density=0.1), (9,), seed=3, protocol="paper", training={"steps": 5})
    assert (spec["seed"], spec["method"], spec["dataset"]) == (3, "gaussian_thresh", {"name": "array"})
    assert (spec["experiment"], spec["point"], spec["version"]) == ("", {}, VERSION)
    assert spec["training"]["steps"] == 5
    assert spec["coder"]["threshold"]["density"] == 0.1
    assert spec["generator"] == {"kind": "dictionary", "latents": 128}
    wrong = Method("a", "A", {"family": "gaussian", "prior_scal": 1})
    with pytest.raises(ViolationsError) as caught:
        configs.spec(wrong, (9,), protocol="paper", objective={"samples": 0})
    first, second = str(caught.value).splitlines()
    assert first.startswith("coder: unknown key prior_scal; did you mean prior_scale?; allowed are prior_scale, family")
    assert second == "objective.samples: 0 is not allowed; it must be a whole number, at least 1, at most 1000000000"


def test_addresses_of_the_parts(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["overrides"] = {"laplacian_thresh_gamma": {"prior": {"kind": "vamp"}}}
    assert configs.addresses(specs(content)["recovery/laplacian_thresh_gamma/0"]) == [
        f"parts:{part}"
        for part in (
            "Synthetic",
            "Dictionary",
            "Encoder",
            "Laplacian",
            "GammaThreshold",
            "VampPrior",
            "average",
            "TwoRates",
        )
    ]


# --------------------------------------------------------------------------- sweeps


def test_a_list_is_an_axis_of_every_method(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4, 8]
    assert variants(content)[:3] == ["fista__latents-4", "fista__latents-8", "laplacian_thresh_gamma__latents-4"]


def test_axes_are_combined_in_an_order_of_their_own(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4, 8]
    recovery["objective"] = {"samples": [1, 20], "kl_weight": [0.1, 0.01]}
    found = variants(content)
    assert found[:3] == [
        "fista__latents-4__kl_weight-0.1__samples-1",
        "fista__latents-4__kl_weight-0.1__samples-20",
        "fista__latents-4__kl_weight-0.01__samples-1",
    ]
    recovery["objective"] = dict(reversed(recovery["objective"].items()))
    assert variants(content) == found


def test_a_point_settles_every_part(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4, 8]
    recovery["training"]["optimizer"] = {"encoder_rate": {"peak": [0.1, 0.2]}}
    content["methods"]["laplacian_thresh_gamma"] = {"threshold": {"value": [0.1, 0.2]}}
    recovery["methods"] = ["laplacian_thresh_gamma"]
    name = "laplacian_thresh_gamma__latents-8__threshold.value-0.1__optimizer.encoder_rate.peak-0.2"
    spec = specs(content)[f"recovery/{name}/0"]
    assert spec["point"] == {"latents": 8, "threshold.value": 0.1, "optimizer.encoder_rate.peak": 0.2}
    assert spec["generator"]["latents"] == 8
    assert spec["coder"]["threshold"]["value"] == 0.1
    assert spec["training"]["optimizer"]["encoder_rate"]["peak"] == 0.2


def test_axes_of_one_name_are_told_apart(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["methods"] = ["laplacian_thresh_gamma"]
    recovery["objective"] = {"kl_weight": [0.1, 0.2]}
    recovery["overrides"] = {"laplacian_thresh_gamma": {"family": "parts:Weighted", "kl_weight": [1, 2]}}
    assert variants(content)[0] == "laplacian_thresh_gamma__kl_weight-1__objective.kl_weight-0.1"


def test_a_list_in_a_method_is_an_axis_of_it_alone(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["overrides"] = {"spike_slab": {"prior_active": [0.1, 0.2]}}
    assert variants(content) == [
        "fista",
        "laplacian_thresh_gamma",
        "spike_slab__prior_active-0.1",
        "spike_slab__prior_active-0.2",
    ]


def test_a_list_by_nature_or_of_one_value_is_no_axis(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4]
    recovery["encoder"] = {"widths": [8, 16]}
    recovery["methods"] = ["fista"]
    ((name, spec), _) = specs(content).items()
    assert name == "recovery/fista/0"
    assert spec["point"] == {}
    assert (spec["generator"]["latents"], spec["encoder"]["widths"]) == (4, [8, 16])


def test_lists_inside_nested_parts_and_ramps(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    """By nature or an axis, as their class says."""
    recovery["methods"] = ["laplacian_thresh_gamma"]
    recovery["overrides"] = {
        "laplacian_thresh_gamma": {
            "prior": {"kind": "vamp", "sizes": [3, 4], "pseudo_inputs": [5, 6]},
            "noise_warmup": {"initial": [0.1, 0.2]},
        }
    }
    assert variants(content)[1] == "laplacian_thresh_gamma__noise_warmup.initial-0.1__prior.pseudo_inputs-6"
    for spec in specs(content).values():
        assert spec["coder"]["prior"]["sizes"] == [3, 4]
        assert spec["coder"]["prior"]["pseudo_inputs"] in (5, 6)
        assert spec["coder"]["noise_warmup"]["initial"] in (0.1, 0.2)


def test_points_share_their_seed_and_another_value_changes_no_run(
    content: dict[str, Any], recovery: dict[str, Any]
) -> None:
    """So that points are compared on the same noise, and a longer sweep trains its new points alone."""
    recovery["generator"]["latents"] = [4, 8]
    few = specs(content)
    recovery["generator"]["latents"] = [2, 4, 8]
    many = specs(content)
    assert few == {name: many[name] for name in few}
    assert few["recovery/fista__latents-4/0"]["seed"] == few["recovery/fista__latents-8/0"]["seed"]


def test_repetitions_of_an_experiment_replace_those_of_the_study(
    content: dict[str, Any], recovery: dict[str, Any]
) -> None:
    recovery["repetitions"] = 3
    assert len(specs(content)) == 9


def test_ten_thousand_runs_are_planned_at_a_linear_cost(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["methods"] = ["gaussian_thresh"]

    def seconds(count: int) -> float:
        recovery["objective"]["kl_weight"] = [k / count for k in range(1, count + 1)]
        began = time.process_time()
        assert len(configs.index(configs.check(content))["runs"]) == 2 * count
        return time.process_time() - began

    first = seconds(500)
    assert seconds(5000) < 25 * first + 1


# -------------------------------------------------------------------------- density


def test_density_of_an_experiment_is_that_of_its_sparse_methods(
    content: dict[str, Any], recovery: dict[str, Any]
) -> None:
    recovery |= {"density": 0.2, "methods": ["fista", "mine", "spike_slab", "gaussian_thresh"]}
    coders = {name.split("/")[1]: spec["coder"] for name, spec in specs(content).items()}
    assert coders["gaussian_thresh"]["threshold"] == {
        "kind": "fixed",
        "density": 0.2,
        "estimator": "straight_through",
    }
    assert coders["spike_slab"]["density"] == 0.2
    assert "prior_active" not in coders["spike_slab"]
    assert not any("density" in coders[name] for name in ("fista", "mine"))


def test_density_gives_way_to_that_of_a_method_and_to_an_override(
    content: dict[str, Any], recovery: dict[str, Any]
) -> None:
    methods = ["spike_slab", "gaussian_thresh", "laplacian_thresh", "laplacian_thresh_gamma"]
    recovery |= {"density": [0.1, 0.2], "methods": methods}
    content["methods"]["gaussian_thresh"] = {"threshold": {"density": 0.5}}
    recovery["overrides"] = {"laplacian_thresh": {"threshold": {"value": 0.3}}, "spike_slab": {"prior_active": 0.4}}
    found = {name: spec["coder"] for name, spec in specs(content).items() if name.endswith("/0")}
    assert found["recovery/gaussian_thresh/0"]["threshold"]["density"] == 0.5
    assert found["recovery/laplacian_thresh/0"]["threshold"]["value"] == 0.3
    assert found["recovery/spike_slab/0"]["prior_active"] == 0.4
    swept = [found[f"recovery/laplacian_thresh_gamma__density-{density}/0"] for density in (0.1, 0.2)]
    assert [coder["threshold"]["density"] for coder in swept] == [0.1, 0.2]


# ---------------------------------------------------------------------------- index


def test_index_says_what_each_folder_stands_for(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["generator"]["latents"] = [4, 8]
    study = configs.check(content)
    found = configs.index(study)
    assert json.loads(json.dumps(found)) == found
    assert found["experiments"]["recovery"] == {
        "dataset": "synthetic",
        "kind": "synthetic",
        "shape": [16],
        "linear": True,
        "generator": "dictionary",
        "latents": 8,
        "methods": recovery["methods"],
        "differs_from": None,
        "repetitions": 2,
        "folds": 1,
        "shipped": None,
        "axes": {"latents": [4, 8]},
        "evaluation": {"samples": 20, "penalties": [20.0, 8.0], "split": "test"},
    }
    assert found["methods"]["fista"] == "FISTA"
    assert len(found["runs"]) == 12
    for entry, run in zip(found["runs"], configs.runs(study), strict=True):
        assert entry["folder"] == f"runs/{run.name}"
        assert entry["key"] == configs.run_key(configs.run_spec(study, run))
        assert entry["point"] == dict(run.point)


def test_evaluation_says_what_the_study_does(content: dict[str, Any], recovery: dict[str, Any]) -> None:
    recovery["evaluation"] = {"samples": 3, "gradients": False, "reconstruction": {}}
    assert configs.evaluation(configs.check(content), "recovery") == {
        "samples": 3,
        "penalties": [20.0, 8.0],
        "split": "test",
        "gradients": False,
        "reconstruction": {},
    }
