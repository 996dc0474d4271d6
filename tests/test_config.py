"""Configurations: what is refused and how it is said, overlays, defaults, and what seeds and keys depend on."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from battery import CODER_SPECS, Spec, name
from vscbench import config as configs
from vscbench.coders import DEEP_SOLVERS, LEARNED_SOLVERS, POSTERIORS, SOLVERS
from vscbench.config.checking import LINEAR_FAMILIES
from vscbench.data import SOURCES
from vscbench.errors import UserError
from vscbench.ramps import OneCycle, Ramp, schedule

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "config.yaml"
OVERLAYS = sorted((ROOT / "config").glob("*.yaml"))
REMOVED = object()

Config = dict[str, Any]


def changed(config: Config, key: str, value: Any) -> Config:
    """A copy of `config` in which `key` (a.b.c) is `value`."""
    config = deepcopy(config)
    *path, last = key.split(".")
    part = config
    for step in path:
        part = part[step]
    if value is REMOVED:
        del part[last]
    else:
        part[last] = value
    return config


def refusal(config: Config) -> list[str]:
    """The lines that say what is wrong with `config`."""
    with pytest.raises(UserError) as caught:
        configs.check(config)
    first, *lines = str(caught.value).splitlines()
    assert first == "the configuration is not valid:"
    return lines


# -------------------------------------------------------------- studies of the suite


def layers(overlay: Path) -> list[Path]:
    """The files of the command that an overlay names in its first lines, or the overlay alone."""
    command = re.search(r"--configfile((?: config/\S+)+)", overlay.read_text(encoding="utf-8"))
    return [ROOT / path for path in command[1].split()] if command else [overlay]


STUDIES = {"default": [DEFAULT]} | {path.stem: [DEFAULT, *layers(path)] for path in OVERLAYS}


@pytest.mark.parametrize("paths", STUDIES.values(), ids=STUDIES.keys())
def test_every_study_of_the_suite_is_valid(paths: list[Path]) -> None:
    config = configs.load(paths)
    found = configs.runs(config)
    specs = [configs.run_spec(config, *run) for run in found]
    assert specs
    assert len({configs.run_name(spec) for spec in specs}) == len(specs)
    assert len({configs.run_key(spec) for spec in specs}) == len(specs)
    for spec in specs:
        for key in ("rate",) if spec["training"]["optimizer"] == "adam" else ("encoder_rate", "dictionary_rate"):
            schedule(spec["training"][key])
        json.dumps(spec, allow_nan=False)


def test_default_study_has_the_papers_methods_and_constants() -> None:
    config = configs.load([DEFAULT])
    methods = config["methods"]
    assert {"fista", "gaussian", "laplacian", "spike_slab"} <= methods.keys()
    assert methods["fista"]["penalty"] == 20
    for base, threshold in (("gaussian", 0.52), ("laplacian", 0.25)):
        assert methods[f"{base}_thresh"]["threshold_value"] == threshold
        assert methods[f"{base}_thresh_gamma"]["threshold_value"] == threshold
        assert methods[base]["spread_prior"] == 0.1
    assert methods["spike_slab"]["gate"] == "logit"


@pytest.mark.parametrize("spec", CODER_SPECS, ids=name)
def test_schema_takes_what_the_battery_tests(study: Config, spec: Spec) -> None:
    configs.check(changed(study, "methods.fista", spec))


def test_schema_knows_what_is_registered() -> None:
    kinds = configs.schema()["$defs"]
    assert kinds["method"].keys() == POSTERIORS.keys() | SOLVERS.keys() | LEARNED_SOLVERS.keys()
    assert set(LINEAR_FAMILIES) == (SOLVERS.keys() | LEARNED_SOLVERS.keys()) - DEEP_SOLVERS.keys()
    assert kinds["dataset"].keys() == SOURCES.keys()


# ----------------------------------------------------------------------- refusals

WRONG = {
    "typo_at_the_top": ("repetition", 3, ["unknown key repetition", "did you mean repetitions?"]),
    "typo_in_an_experiment": (
        "experiments.recovery.training.epoch",
        3,
        ["experiments.recovery.training", "unknown key epoch", "did you mean epochs?", "allowed are", "batch_size"],
    ),
    "typo_in_a_method": (
        "methods.laplacian_thresh_gamma.treshold",
        "fixed",
        ["methods.laplacian_thresh_gamma", "unknown key treshold", "did you mean threshold?"],
    ),
    "typo_in_a_ramp": (
        "methods.spike_slab.temperature",
        {"initial": 1, "final": 0.5, "strat": 0.1},
        ["methods.spike_slab.temperature", "unknown key strat", "did you mean start?"],
    ),
    "typo_in_a_rate": (
        "experiments.recovery.training.encoder_rate",
        {"peak": 0.1, "warmpu": 0.1},
        ["experiments.recovery.training.encoder_rate", "unknown key warmpu", "did you mean warmup?"],
    ),
    "typo_in_a_dataset": (
        "datasets.synthetic.pixel",
        3,
        ["datasets.synthetic", "unknown key pixel", "did you mean pixels?"],
    ),
    "key_that_is_far_from_all": ("wibble", 3, ["unknown key wibble;", "allowed are study, results"]),
    "key_that_is_no_text": (
        "methods.spike_slab",
        {"family": "spike_slab", 1: 2},
        ["methods.spike_slab", "unknown key 1"],
    ),
    "key_of_another_family": ("methods.fista.threshold", "fixed", ["methods.fista", "unknown key threshold"]),
    "text_for_a_number": (
        "experiments.recovery.objective.kl_weight",
        "small",
        ["experiments.recovery.objective.kl_weight", '"small" is not allowed', "a number, at least 0"],
    ),
    "fraction_for_a_count": ("repetitions", 1.5, ["repetitions", "1.5", "a whole number, at least 1"]),
    "whole_fraction_for_a_count": ("repetitions", 2.0, ["repetitions", "2.0", "a whole number, at least 1"]),
    "truth_for_a_count": ("repetitions", True, ["repetitions", "true", "a whole number"]),
    "list_for_a_mapping": ("methods", ["fista"], ["methods", "a mapping"]),
    "text_for_a_mapping": ("datasets", "synthetic", ["datasets", "a mapping"]),
    "text_for_a_method": ("methods.fista", "fista", ["methods.fista", "a mapping"]),
    "mapping_for_a_list": ("experiments.recovery.methods", {"fista": None}, ["experiments.recovery.methods", "a list"]),
    "nothing": ("methods", None, ["methods", "null is not allowed", "a mapping"]),
    "below_the_range": (
        "experiments.recovery.training.epochs",
        0,
        ["experiments.recovery.training.epochs", "0 is not allowed", "a whole number, at least 1"],
    ),
    "edge_of_the_range": (
        "methods.laplacian_thresh_gamma.threshold_value",
        0,
        ["methods.laplacian_thresh_gamma.threshold_value", "a number, above 0"],
    ),
    "above_the_range": ("methods.spike_slab.spike_prior", 1.0, ["methods.spike_slab.spike_prior", "above 0, below 1"]),
    "not_a_number": (
        "experiments.recovery.objective.kl_weight",
        float("nan"),
        ["experiments.recovery.objective.kl_weight", "a number"],
    ),
    "infinite": (
        "experiments.recovery.objective.kl_weight",
        float("inf"),
        ["experiments.recovery.objective.kl_weight", "a number"],
    ),
    "empty_list": ("experiments.recovery.methods", [], ["experiments.recovery.methods", "a list that is not empty"]),
    "unknown_choice": (
        "experiments.recovery.objective.sampling",
        "max_elob",
        ["objective.sampling", "one of max_elbo, average", "did you mean max_elbo?"],
    ),
    "unknown_family": (
        "methods.fista.family",
        "fitsa",
        ["methods.fista.family", "one of gaussian, laplacian, spike_slab, fista", "did you mean fista?"],
    ),
    "family_that_is_no_text": ("methods.fista.family", ["fista"], ["methods.fista.family", "one of gaussian"]),
    "no_family": ("methods.fista.family", REMOVED, ["methods.fista", "family is a required"]),
    "unknown_kind_of_data": (
        "datasets.synthetic.kind",
        "synthetc",
        ["datasets.synthetic.kind", "natural_images", "did you mean synthetic?"],
    ),
    "exact_divergence_of_a_learned_threshold": (
        "methods.laplacian_thresh_gamma.kl",
        "exact",
        ["methods.laplacian_thresh_gamma.threshold", '"gamma" is not allowed; it must be "fixed"'],
    ),
    "exact_divergence_of_a_gaussian": (
        "methods.fista",
        {"family": "gaussian", "threshold": "fixed", "threshold_value": 0.5, "kl": "exact"},
        ["methods.fista", "unknown key kl"],
    ),
    "pseudo_inputs_of_a_fixed_prior": (
        "methods.spike_slab.pseudo_inputs",
        500,
        ["methods.spike_slab", "prior is a required"],
    ),
    "temperature_of_a_mixture": (
        "methods.spike_slab",
        {"family": "spike_slab", "prior": "vamp", "prior_temperature": {"initial": 1, "final": 0.1}},
        ["methods.spike_slab.prior", '"vamp" is not allowed; it must be "clf"'],
    ),
    "exact_divergence_from_a_learned_prior": (
        "methods.fista",
        {"family": "laplacian", "threshold": "fixed", "threshold_value": 0.3, "kl": "exact", "prior": "vamp"},
        ["methods.fista.prior", 'must be "fixed"'],
    ),
    "bad_name": (
        "methods.My-Method",
        {"family": "fista"},
        ["methods", "My-Method", "lower-case letters, digits and _"],
    ),
    "bad_device": ("device", "gpu", ["device", '"gpu"', "auto, cpu, cuda, cuda:N or mps"]),
    "missing_key": ("seed", REMOVED, ["top level", "seed is a required"]),
    "missing_part": (
        "experiments.recovery.training",
        REMOVED,
        ["experiments.recovery", "training is a required"],
    ),
    "threshold_without_a_value": (
        "methods.laplacian_thresh_gamma.threshold_value",
        REMOVED,
        ["methods.laplacian_thresh_gamma", "threshold_value is a required"],
    ),
    "estimator_without_a_threshold": (
        "methods.spike_slab",
        {"family": "gaussian", "estimator": "published"},
        ["methods.spike_slab", "threshold", "estimator"],
    ),
    "unknown_dataset": (
        "experiments.recovery.dataset",
        "synthetics",
        ["experiments.recovery.dataset", "no data set synthetics", "did you mean synthetic?", "there are synthetic"],
    ),
    "unknown_method": (
        "experiments.recovery.methods",
        ["fista", "spike_slap"],
        ["experiments.recovery.methods", "no method spike_slap", "did you mean spike_slab?", "there are fista"],
    ),
    "override_of_an_unknown_method": (
        "experiments.recovery.overrides",
        {"fitsa": {"penalty": 1}},
        ["experiments.recovery.overrides", "no method fitsa", "did you mean fista?"],
    ),
    "override_that_is_wrong": (
        "experiments.recovery.overrides",
        {"fista": {"penalty": -1}},
        ["experiments.recovery.overrides.fista.penalty", "-1", "a number, above 0"],
    ),
    "ramp_beyond_the_end": (
        "methods.fista.penalty_warmup",
        {"initial": 0.1, "final": 1, "end": 1500},
        ["methods.fista.penalty_warmup", "at most 1", "write unit: steps"],
    ),
    "ramp_backwards": (
        "methods.fista.penalty_warmup",
        {"initial": 0.1, "final": 1, "start": 0.6, "end": 0.2},
        ["methods.fista.penalty_warmup", "ends (0.2) before it starts (0.6)"],
    ),
    "ramp_backwards_in_an_experiment": (
        "experiments.recovery.training.encoder_rate",
        {"initial": 0.1, "final": 1, "start": 0.6, "end": 0.2},
        ["experiments.recovery.training.encoder_rate", "ends (0.2) before it starts (0.6)"],
    ),
}


@pytest.mark.parametrize(("key", "value", "said"), WRONG.values(), ids=WRONG.keys())
def test_refusal_names_the_key_what_it_may_be_and_the_nearest_name(
    study: Config, key: str, value: Any, said: list[str]
) -> None:
    lines = refusal(changed(study, key, value))
    matching = [line for line in lines if all(part in line for part in said)]
    assert matching, lines


def test_ramp_that_an_override_turns_backwards(study: Config) -> None:
    """Each part is right alone."""
    study["methods"]["fista"]["penalty_warmup"] = {"initial": 0.1, "final": 1, "start": 0.5}
    study["experiments"]["recovery"]["overrides"] = {"fista": {"penalty_warmup": {"end": 0.4}}}
    assert any("overrides.fista.penalty_warmup: the ramp ends" in line for line in refusal(study))


def test_importance_weights_need_a_likelihood(study: Config) -> None:
    """Wherever rule and weight come from; a solver needs neither."""
    objective = study["experiments"]["recovery"]["objective"]
    objective["sampling"] = "iwae"
    configs.check(study)
    objective["kl_weight"] = 0
    lines = refusal(study)
    assert len(lines) == 2
    for line, method in zip(lines, ("laplacian_thresh_gamma", "spike_slab"), strict=True):
        assert all(part in line for part in ("experiments.recovery", method, "kl_weight above 0"))
    study["methods"]["spike_slab"] |= {"kl_weight": 0.1, "prior": "clf"}
    assert "spike_slab" in refusal(study)[1]
    assert "a prior that does not look at the data: fixed or vamp" in refusal(study)[1]
    study["methods"]["spike_slab"]["prior"] = "vamp"
    study["experiments"]["recovery"]["overrides"] = {"laplacian_thresh_gamma": {"sampling": "average"}}
    configs.check(study)


def test_every_mistake_is_told_at_once(study: Config) -> None:
    study |= {"seed": -1, "repetitions": 0}
    study["methods"]["fista"]["penalty"] = "large"
    assert len(refusal(study)) == 3


def test_number_that_yaml_takes_for_text(study: Config) -> None:
    """YAML 1.1 reads 1e-4 as text: whoever writes it is told to write 1.0e-4."""
    value = yaml.safe_load("kl_weight: 1e-4")["kl_weight"]
    (line,) = refusal(changed(study, "experiments.recovery.objective.kl_weight", value))
    assert "1.0e-4" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"a: [1, 2", "is not valid YAML"),
        (b"- a\n- b\n", "holds no mapping"),
        (b"", "holds no mapping"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "YAML"),
    ],
    ids=["missing", "broken", "list", "empty", "binary"],
)
def test_config_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "study.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        configs.load([DEFAULT, path])
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


# ----------------------------------------------------------------------- overlays

LAYERS = {
    "nothing": ({"a": {"b": 1}}, {}),
    "value": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}),
    "new_key": ({"a": {"b": 1}}, {"a": {"c": 2}, "d": 3}),
    "list": ({"a": [1, 2]}, {"a": [3]}),
    "null": ({"a": {"b": {"c": 1}}}, {"a": {"b": None}}),
    "mapping_over_a_value": ({"a": 1}, {"a": {"b": 2}}),
    "mapping_over_null": ({"a": None}, {"a": {"b": 2}}),
    "value_over_a_mapping": ({"a": {"b": 2}}, {"a": 1}),
    "empty_mapping": ({"a": {"b": 2}}, {"a": {}}),
    "deep": ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"d": 3, "e": 4}}}),
}


@pytest.mark.parametrize(("base", "overlay"), LAYERS.values(), ids=LAYERS.keys())
def test_overlays_merge_as_snakemakes_do(base: Config, overlay: Config) -> None:
    utils = pytest.importorskip("snakemake.utils")
    before = deepcopy((base, overlay))
    merged = configs.merge(base, overlay)
    assert (base, overlay) == before
    expected = deepcopy(base)
    utils.update_config(expected, deepcopy(overlay))
    assert merged == expected


def test_later_files_lie_over_earlier_ones(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("seed: 5\nrepetitions: 4\nmethods: {fista: {penalty: 3}}\n")
    two.write_text("repetitions: 6\n")
    config = configs.load([DEFAULT, one, two])
    assert (config["seed"], config["repetitions"]) == (5, 6)
    assert config["methods"]["fista"]["penalty"] == 3
    assert config["methods"]["fista"]["family"] == "fista"


def test_overlay_switches_an_experiment_off(study: Config) -> None:
    study["experiments"]["other"] = None
    assert configs.experiments(configs.check(study)).keys() == {"recovery"}
    with pytest.raises(UserError, match="no experiment other; there are recovery"):
        configs.run_spec(study, "other", "fista", 0)


# --------------------------------------------------------------------------- runs


def test_runs_of_a_study(study: Config) -> None:
    assert configs.runs(study) == [
        ("recovery", method, repetition)
        for method in study["experiments"]["recovery"]["methods"]
        for repetition in (0, 1)
    ]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (("recover", "fista", 0), "no experiment recover; did you mean recovery"),
        (("recovery", "fitsa", 0), "no method fitsa in recovery; did you mean fista"),
        (("recovery", "fista", 2), "no repetition 2: they are 0 to 1"),
        (("recovery", "fista", -1), "no repetition -1"),
    ],
    ids=["experiment", "method", "repetition", "negative"],
)
def test_run_that_does_not_exist(study: Config, run: tuple[str, str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        configs.run_spec(study, *run)


def test_defaults_are_filled_in(study: Config) -> None:
    spec = configs.run_spec(study, "recovery", "fista", 0)
    assert spec["training"]["clip_norm"] is None
    assert spec["training"]["validation_penalty"] == 20
    evaluation = configs.evaluation_spec(study, "recovery")
    assert evaluation == configs.EVALUATION_DEFAULTS
    study["experiments"]["recovery"]["evaluation"] = {"samples": 3}
    study["experiments"]["recovery"]["training"]["clip_norm"] = 1.0
    configs.check(study)
    assert configs.evaluation_spec(study, "recovery") == evaluation | {"samples": 3}
    assert configs.run_spec(study, "recovery", "fista", 0)["training"]["clip_norm"] == 1


def test_defaults_are_valid(study: Config) -> None:
    """What is filled in would be accepted if it were written."""
    study["experiments"]["recovery"]["evaluation"] = dict(configs.EVALUATION_DEFAULTS)
    study["experiments"]["recovery"]["training"] |= configs.TRAINING_DEFAULTS["two_rates"]
    configs.check(study)


def test_constants_of_a_method_win_over_the_experiments(study: Config) -> None:
    """And overrides of the experiment over those of the method."""
    study["methods"]["spike_slab"] |= {"samples": 1, "kl_weight": 0.5, "encoder_rate": {"peak": 0.5}}
    study["experiments"]["recovery"]["overrides"] = {"spike_slab": {"kl_weight": 0.7, "gate": "published"}}
    configs.check(study)
    spec = configs.run_spec(study, "recovery", "spike_slab", 0)
    assert spec["objective"] == {"sampling": "max_elbo", "samples": 1, "kl_weight": 0.7}
    assert spec["training"]["encoder_rate"] == {"peak": 0.5}
    assert spec["coder"] == {"family": "spike_slab", "gate": "published"}
    other = configs.run_spec(study, "recovery", "fista", 0)
    assert other["objective"]["samples"] == 3
    assert other["training"]["encoder_rate"] == {"peak": 0.001}


def specs(config: Config) -> dict[tuple[str, str, int], dict[str, Any]]:
    return {run: configs.run_spec(config, *run) for run in configs.runs(configs.check(config))}


def keys(config: Config) -> dict[tuple[str, str, int], str]:
    return {run: configs.run_key(spec) for run, spec in specs(config).items()}


def seeds(config: Config) -> dict[tuple[str, str, int], int]:
    return {run: spec["seed"] for run, spec in specs(config).items()}


def test_seeds_differ_and_stay_positive(study: Config) -> None:
    study["repetitions"] = 50
    found = set(seeds(study).values())
    assert len(found) == 150
    assert all(0 <= seed < 2**62 for seed in found)


def test_seeds_stay_what_they_were() -> None:
    """A number that changes here changes every result."""
    assert configs.derive_seed(0, "synthetic", "fista", 0) == 342835939436177713


def test_adding_a_method_or_a_repetition_changes_no_other_run(study: Config) -> None:
    before = keys(study), seeds(study)
    study["methods"]["another"] = {"family": "gaussian"}
    study["experiments"]["recovery"]["methods"].insert(0, "another")
    study["repetitions"] = 3
    for old, new in zip(before, (keys(study), seeds(study)), strict=True):
        assert len(new) == 12
        assert {run: new[run] for run in old} == old


@pytest.mark.parametrize(
    ("key", "value"),
    [("methods.fista.penalty", 0.3), ("experiments.recovery.overrides", {"fista": {"penalty": 0.3}})],
    ids=["method", "override"],
)
def test_changing_a_constant_changes_the_keys_of_its_method_alone(study: Config, key: str, value: Any) -> None:
    before, after = keys(study), keys(changed(study, key, value))
    assert {run for run in before if before[run] != after[run]} == {("recovery", "fista", k) for k in (0, 1)}
    assert seeds(study) == seeds(changed(study, key, value))


@pytest.mark.parametrize(
    ("key", "value", "matters"),
    [
        ("seed", 1, True),
        ("study", "other", True),
        ("datasets.synthetic.noise", 0.3, True),
        ("experiments.recovery.training.epochs", 3, True),
        ("experiments.recovery.objective.samples", 4, True),
        ("experiments.recovery.generator.latents", 4, True),
        ("experiments.recovery.evaluation", {"samples": 4}, False),
        ("methods.fista.label", "FISTA", False),
        ("results", "elsewhere", False),
        ("tracking", "sqlite:///runs.db", False),
        ("device", "cuda", False),
        ("checkpoint_seconds", 5, False),
    ],
)
def test_what_a_key_depends_on(study: Config, key: str, value: Any, matters: bool) -> None:
    before, after = keys(study), keys(changed(study, key, value))
    assert [before[run] != after[run] for run in before] == [matters] * len(before)


def test_key_does_not_depend_on_the_order_of_keys(study: Config) -> None:
    spec = configs.run_spec(study, "recovery", "fista", 0)
    assert configs.run_key(dict(reversed(spec.items()))) == configs.run_key(spec)


def test_specification_survives_json(study: Config) -> None:
    """It travels through a command line and comes back with the same key."""
    for spec in specs(study).values():
        assert configs.run_key(json.loads(json.dumps(spec))) == configs.run_key(spec)


def test_specifications_share_nothing_with_the_config(study: Config) -> None:
    before = deepcopy(study)
    spec = configs.run_spec(study, "recovery", "fista", 0)
    spec["coder"]["penalty"] = 7
    spec["objective"]["samples"] = 7
    spec["training"]["epochs"] = 7
    assert study == before


def test_schedule_of_a_rate() -> None:
    assert schedule({"peak": 0.1, "warmup": 0.2}) == OneCycle(0.1, 0.2)
    assert schedule({"initial": 1, "final": 2}) == Ramp(1, 2)


def test_labels(study: Config) -> None:
    study["methods"]["fista"]["label"] = "FISTA"
    found = configs.labels(study)
    assert (found["fista"], found["spike_slab"]) == ("FISTA", "spike_slab")
