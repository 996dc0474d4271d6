"""What is refused, and how it is said: the key, the value, what may stand there, the nearest right name."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any

import pytest
import yaml

from vscbench import config as configs
from vscbench.config.reading import Loader
from vscbench.errors import UserError

REMOVED = object()


def changed(content: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of `content` in which `key` (a.b.c) is `value`."""
    content = deepcopy(content)
    *path, last = key.split(".")
    part = content
    for step in path:
        part = part.setdefault(step, {})
    if value is REMOVED:
        del part[last]
    else:
        part[last] = value
    return content


def refusal(content: dict[str, Any]) -> list[str]:
    """The lines that say what is wrong with `content`."""
    with pytest.raises(UserError) as caught:
        configs.check(content)
    first, *lines = str(caught.value).splitlines()
    assert first == "the configuration is not valid:"
    return [line.strip() for line in lines]


R = "experiments.recovery"
WRONG: dict[str, tuple[str, Any, str]] = {
    "typo at the top": ("repetition", 3, "top level: unknown key repetition; did you mean repetitions?; allowed are "),
    "typo in an experiment": (f"{R}.methd", 3, f"{R}: unknown key methd; did you mean methods?; allowed are dataset"),
    "typo in training": (f"{R}.training.epoch", 3, f"{R}.training: unknown key epoch; did you mean epochs?; allowed"),
    "typo in an optimizer": (
        f"{R}.training.optimizer.clip_nrm",
        3,
        f"{R}.training.optimizer: unknown key clip_nrm; did you mean clip_norm?; allowed are encoder_rate,",
    ),
    "typo in a method": (
        "methods.mine.treshold",
        {"kind": "fixed"},
        "methods.mine: unknown key treshold; did you mean threshold?; allowed are prior_scale, family, threshold",
    ),
    "typo in a threshold": (
        "methods.mine.threshold",
        {"kind": "fixed", "valu": 1},
        "methods.mine.threshold: unknown key valu; did you mean value?; allowed are value, density, estimator, kind",
    ),
    "typo in a ramp": (
        "methods.spike_slab",
        {"temperature": {"strat": 0.1}},
        "methods.spike_slab.temperature: unknown key strat; did you mean start?; allowed are initial, final, start,",
    ),
    "typo in a rate": (
        f"{R}.training.optimizer.encoder_rate",
        {"peak": 0.1, "warmpu": 0.1},
        f"{R}.training.optimizer.encoder_rate: unknown key warmpu; did you mean warmup?",
    ),
    "typo in a data set": (
        "datasets.synthetic.pixel",
        3,
        "datasets.synthetic: unknown key pixel; did you mean pixels?",
    ),
    "typo in an evaluation": (
        f"{R}.evaluation",
        {"gradient": {}},
        f"{R}.evaluation: unknown key gradient; did you mean gradients?; allowed are samples, penalties, split, recon",
    ),
    "typo in a metric": (
        f"{R}.evaluation",
        {"gradients": {"pases": 3}},
        f"{R}.evaluation.gradients: unknown key pases; did you mean passes?; allowed are passes, samples",
    ),
    "key that is far from all": ("wibble", 3, "top level: unknown key wibble; allowed are version, study, results"),
    "key that is no text": ("methods.mine", {"family": "gaussian", 1: 2}, "methods.mine: unknown key 1; allowed"),
    "key of another family": (
        "methods.fista.threshold",
        {"kind": "fixed", "value": 1},
        "methods.fista: unknown key threshold",
    ),
    "text for a number": (
        f"{R}.objective.kl_weight",
        "small",
        f'{R}.objective.kl_weight: "small" is not allowed; it must be a number, at least 0',
    ),
    "fraction for a count": (
        "repetitions",
        1.5,
        "repetitions: 1.5 is not allowed; it must be a whole number, at least 1, at most 100000",
    ),
    "whole fraction for a count": ("repetitions", 2.0, "repetitions: 2.0 is not allowed; it must be a whole number"),
    "truth for a count": ("repetitions", True, "repetitions: true is not allowed; it must be a whole number"),
    "far too many": ("repetitions", 10**9, "repetitions: 1000000000 is not allowed; it must be a whole number, at"),
    "list for a mapping": ("methods", ["fista"], 'methods: ["fista"] is not allowed; it must be a mapping'),
    "text for a mapping": ("datasets", "synthetic", 'datasets: "synthetic" is not allowed; it must be a mapping'),
    "text for a method": ("methods.fista", "fista", 'methods.fista: "fista" is not allowed; it must be a mapping'),
    "text for a threshold": (
        "methods.mine.threshold",
        "fixed",
        'methods.mine.threshold: "fixed" is not allowed; it must be a mapping or null',
    ),
    "mapping for a list": (
        f"{R}.methods",
        {"fista": None},
        f'{R}.methods: {{"fista": null}} is not allowed; it must be a list of at least 1',
    ),
    "number for a metric": (
        f"{R}.evaluation",
        {"gradients": 3},
        f"{R}.evaluation.gradients: 3 is not allowed; it must",
    ),
    "nothing": ("methods", None, "methods: null is not allowed; it must be a mapping"),
    "digits without end": (f"{R}.training.epochs", 10**400, f"{R}.training.epochs: 1000000000000"),
    "null as a sweep": (
        "methods.mine.threshold",
        [None],
        "methods.mine.threshold: [null] is not allowed; it must be a",
    ),
    "below the range": (
        f"{R}.training.epochs",
        0,
        f"{R}.training.epochs: 0 is not allowed; it must be a whole number, at least 1, at most 1000000000, or null",
    ),
    "edge of the range": (
        "methods.mine.threshold",
        {"kind": "gamma", "value": 0},
        "methods.mine.threshold.value: 0 is not allowed; it must be a number, above 0, or null",
    ),
    "above the range": (
        "methods.spike_slab",
        {"prior_active": 1.0},
        "methods.spike_slab.prior_active: 1.0 is not allowed; it must be a number, above 0, below 1",
    ),
    "density of nothing": (f"{R}.density", 1e-300, f"{R}.density: 1e-300 is not allowed; it must be a number, at"),
    "not a number": (f"{R}.objective.kl_weight", float("nan"), f"{R}.objective.kl_weight: NaN is not allowed; it must"),
    "infinite": (
        f"{R}.objective.kl_weight",
        float("inf"),
        f"{R}.objective.kl_weight: Infinity is not allowed; it must",
    ),
    "empty list": (f"{R}.methods", [], f"{R}.methods: [] is not allowed; it must be a list of at least 1"),
    "unknown choice": (
        f"{R}.objective.backward",
        "selectd",
        f'{R}.objective.backward: "selectd" is not allowed; it must be one of selected, all; did you mean selected?',
    ),
    "unknown rule": (
        f"{R}.objective.sampling",
        "max_elob",
        f"{R}.objective.sampling: there is no sampling rule max_elob; did you mean max_elbo?; there are max_elbo,",
    ),
    "unknown family": (
        "methods.mine.family",
        "gausian",
        "methods.mine.family: there is no family gausian; did you mean gaussian?; there are gaussian, laplacian",
    ),
    "unknown kind of threshold": (
        "methods.mine.threshold",
        {"kind": "gama", "value": 1},
        "methods.mine.threshold.kind: there is no kind of threshold gama; did you mean gamma?; there are fixed, gamma",
    ),
    "family that is no text": (
        "methods.mine.family",
        ["gaussian"],
        'methods.mine.family: ["gaussian"] is not allowed; it must be one of gaussian, laplacian, spike_slab',
    ),
    "no family": ("methods.mine", {}, "methods.mine: missing key family: one of gaussian, laplacian"),
    "no module": (
        "methods.mine.family",
        "nowhere:Coder",
        "methods.mine.family: nowhere:Coder: there is no module nowhere",
    ),
    "no class in a module": (
        "methods.mine.family",
        "parts:Gausian",
        "methods.mine.family: parts:Gausian: parts has no",
    ),
    "no class": ("methods.mine.family", "math:pi", "methods.mine.family: math:pi is no class"),
    "unknown kind of data": (
        "datasets.synthetic.kind",
        "synthetc",
        "datasets.synthetic.kind: there is no kind of data set synthetc; did you mean synthetic?; there are synthetic",
    ),
    "bad name": (
        "methods.My-Method",
        {"family": "fista"},
        'methods: the name "My-Method" must be lower-case letters, digits and _',
    ),
    "label of two lines": ("methods.mine.label", "a\nb", 'methods.mine.label: "a\\nb" is not allowed; it must be text'),
    "bad device": (
        "device",
        "gpu",
        'device: "gpu" is not allowed; it must be text, at most 8 characters (auto, cpu, cuda, cuda:N or mps)',
    ),
    "missing key": ("datasets", REMOVED, "top level: missing key datasets"),
    "missing setting": ("datasets.synthetic.train", REMOVED, "datasets.synthetic: missing key train"),
    "threshold without a value": (
        "methods.mine.threshold",
        {"kind": "fixed"},
        "methods.mine.threshold: missing key value or density",
    ),
    "threshold with both": (
        "methods.mine.threshold",
        {"kind": "fixed", "value": 1, "density": 0.1},
        "methods.mine.threshold: value and density exclude each other: give one",
    ),
    "epochs and steps": (f"{R}.training.steps", 3, f"{R}.training: epochs and steps exclude each other: give one"),
    "unknown data set": (
        f"{R}.dataset",
        "synthetics",
        f"{R}.dataset: there is no data set synthetics; did you mean synthetic?; there are synthetic",
    ),
    "unknown method": (
        f"{R}.methods",
        ["fista", "spike_slap"],
        f"{R}.methods: there is no method spike_slap; did you mean spike_slab?; there are fista, mine, admm",
    ),
    "method twice": (f"{R}.methods", ["fista", "fista"], f"{R}.methods: fista is given 2 times"),
    "unknown base": (
        "methods.mine",
        {"base": "fitsa"},
        "methods.mine.base: there is no method fitsa; did you mean fista",
    ),
    "base of itself": ("methods.mine", {"base": "mine"}, "methods.mine.base: a method cannot be its own base"),
    "override of an unknown method": (
        f"{R}.overrides",
        {"fitsa": {"penalty": 1}},
        f"{R}.overrides: there is no method fitsa; did you mean fista?; there are",
    ),
    "override that is wrong": (
        f"{R}.overrides",
        {"fista": {"penalty": -1}},
        f"{R}.overrides.fista.penalty: -1 is not allowed; it must be a number, above 0",
    ),
    "override of the training": (
        f"{R}.overrides",
        {"fista": {"training": {"optimizer": {"rate": {"peak": 1}}}}},
        f"{R}.overrides.fista.training.optimizer: unknown key rate; did you mean",
    ),
    "objective of a method": (
        "methods.fista.objective",
        {"samples": 0},
        "methods.fista.objective.samples: 0 is not allowed; it must be a whole number, at least 1",
    ),
    "training of a method": (
        "methods.fista.training",
        {"batch_size": 0},
        "methods.fista.training.batch_size: 0 is not allowed; it must be a whole number, at least 1",
    ),
    "ramp beyond the end": (
        "methods.fista.penalty_warmup",
        {"end": 1500},
        "methods.fista.penalty_warmup: start and end are fractions of training, at most 1; write unit: steps for steps",
    ),
    "ramp backwards": (
        f"{R}.training.optimizer.encoder_rate",
        {"initial": 0.1, "final": 1, "start": 0.6, "end": 0.2},
        f"{R}.training.optimizer.encoder_rate: the ramp ends (0.2) before it starts (0.6)",
    ),
    "sweep of nothing": (f"{R}.generator.latents", [], f"{R}.generator.latents: a sweep needs values, each once"),
    "value twice": (f"{R}.generator.latents", [4, 4], f"{R}.generator.latents: a sweep needs values, each once"),
    "value of a sweep": (f"{R}.generator.latents", [4, 8, "x"], f'{R}.generator.latents: "x" is not allowed; it must'),
    "density of a sweep": (f"{R}.density", [0.1, 0.0], f"{R}.density.1: 0.0 is not allowed; it must be a number, at"),
    "widths of widths": (f"{R}.encoder", {"widths": [[4, 8]]}, f"{R}.encoder.widths.0: [4, 8] is not allowed; it must"),
    "sweep of an encoder": (
        f"{R}.encoder",
        {"kind": ["mlp"]},
        f'{R}.encoder.kind: ["mlp"] is not allowed; it must be one',
    ),
    "sweep of a million": (
        f"{R}.generator.latents",
        list(range(1, 150_000)),
        f"{R}: with fista the study has 299998 runs; at most 100000 are allowed",
    ),
    "braces in the results": ("results", "a/{b}", "results: 'a/{b}' is not allowed; the name of a folder is wanted"),
    "option as results": ("results", "-x", "results: '-x' is not allowed; a folder's name begins with no -"),
    "zero in the results": ("results", "a\0b", r"results: 'a\x00b' is not allowed; the name of a folder is wanted"),
    "long results": ("results", "a" * 5000, "results: 'aaa"),
    "name of a target": (
        "experiments.tables",
        {"dataset": "synthetic", "methods": ["fista"]},
        "experiments.tables: tables",
    ),
    "network for vectors": (f"{R}.generator.kind", "mlp", f"{R}.generator.kind: data of 16 numbers need a dictionary"),
    "experiment that is not there": (
        "experiments.recovry",
        None,
        "top level: experiments.recovry: null deletes what a file before it has; did you mean recovery?",
    ),
    "file that is not there": (
        "datasets.synthetic",
        {"kind": "array", "source": "missing.npy"},
        "datasets.synthetic: there is no file missing.npy",
    ),
    "folder of plugins": ("plugins", "nowhere", "plugins: there is no folder nowhere"),
    "another version": ("version", 1, "version: 1 is not allowed; it must be 2"),
}


@pytest.mark.parametrize(("key", "value", "said"), WRONG.values(), ids=WRONG.keys())
def test_refusal_names_the_key_what_it_may_be_and_the_nearest_name(
    content: dict[str, Any], key: str, value: Any, said: str
) -> None:
    if key == f"{R}.generator.kind":
        content["experiments"]["recovery"]["training"] = {}
    lines = refusal(changed(content, key, value))
    assert [line for line in lines if line.startswith(said)], lines
    assert all(len(line) < 1000 for line in lines)  # some name all the methods that there are


def test_nothing_is_wrong_with_the_study_that_they_change(content: dict[str, Any]) -> None:
    assert configs.check(content).study == "tiny"


def test_every_mistake_is_told_at_once(content: dict[str, Any]) -> None:
    content |= {"seed": -1, "repetitions": 0}
    content["methods"]["fista"]["penalty"] = "large"
    content["datasets"]["synthetic"]["pixels"] = 0
    assert len(refusal(content)) == 4


def test_a_mistake_in_a_method_is_not_told_again_of_its_experiments(content: dict[str, Any]) -> None:
    content["methods"]["fista"]["penalty"] = "large"
    content["experiments"]["recovery"]["overrides"] = {"fista": {"tolerance": 0.1}}
    assert len(refusal(content)) == 1


def test_ramp_that_an_override_turns_backwards(content: dict[str, Any]) -> None:
    """Each part is right alone."""
    content["methods"]["fista"]["penalty_warmup"] = {"initial": 0.1, "final": 1, "start": 0.5, "end": 1}
    content["experiments"]["recovery"]["overrides"] = {"fista": {"penalty_warmup": {"end": 0.4}}}
    (line,) = refusal(content)
    assert line.startswith(f"{R}.overrides.fista.penalty_warmup: the ramp ends (0.4) before it starts (0.5)")


def test_a_class_says_which_runs_it_cannot_serve(content: dict[str, Any]) -> None:
    """At each value of a sweep."""
    content["experiments"]["recovery"]["objective"] = {"sampling": ["average", "iwae"], "kl_weight": [0.1, 0]}
    assert set(refusal(content)) == {
        f"{R}: {method}: iwae needs a kl_weight above 0" for method in content["experiments"]["recovery"]["methods"]
    }
    content["experiments"]["recovery"]["objective"]["kl_weight"] = 0.1
    configs.check(content)


def test_networks_that_do_not_fit_the_images(content: dict[str, Any]) -> None:
    content["datasets"]["pictures"] = {"kind": "pictures"}
    content["experiments"] = {"pictures": {"dataset": "pictures", "methods": ["fista", "admm"], "generator": {}}}
    assert refusal(content) == ["experiments.pictures: admm: admm needs a dictionary; for a network there is fista"]
    content["experiments"]["pictures"] |= {"methods": ["fista"], "generator": {"kind": "convolutional"}}
    assert refusal(content) == ["experiments.pictures: fista: there is no convolutional network for 8x8 images"]
    content["datasets"]["pictures"]["side"] = 28
    configs.check(content)
    content["experiments"]["pictures"]["generator"] = {"kind": "dictionary"}
    assert "data of 1x28x28 numbers need a network" in refusal(content)[0]


def test_text_that_looks_like_a_number(content: dict[str, Any]) -> None:
    """As Snakemake's --config gives it, which reads YAML 1.1."""
    value = yaml.safe_load("1e-4")
    (line,) = refusal(changed(content, f"{R}.objective.kl_weight", value))
    assert "1.0e-4" in line
    configs.check(changed(content, f"{R}.objective.kl_weight", yaml.load("1e-4", Loader)))  # noqa: S506


@pytest.mark.parametrize("key", ["generator.latents", "objective.kl_weight"])
def test_a_sweep_of_a_million_points_is_refused_at_once(content: dict[str, Any], key: str) -> None:
    content["experiments"]["recovery"] |= {
        "generator": {"latents": list(range(1, 1001))},
        "objective": {"kl_weight": [k / 1000 for k in range(1000)]},
    }
    began = time.perf_counter()
    (line,) = refusal(changed(content, f"{R}.{key}", list(range(1, 1002))))
    assert "runs; at most 100000" in line
    assert time.perf_counter() - began < 2


def test_a_hundred_thousand_runs_are_as_many_as_there_may_be(content: dict[str, Any]) -> None:
    content["experiments"]["recovery"] |= {
        "methods": ["fista"],
        "generator": {"latents": [4, 8]},
        "repetitions": 50_000,
    }
    configs.check(content)
    content["experiments"]["recovery"]["repetitions"] += 1
    assert refusal(content) == [f"{R}: with fista the study has 100002 runs; at most 100000 are allowed"]


def test_results_may_be_as_long_as_a_file_system_has_it(content: dict[str, Any]) -> None:
    long = "/".join(["a" * 249] * 4)
    for name in ("a" * 255, long + "a", "größe daten"):
        assert configs.check(content | {"results": name}).results == name
    for name in ("a" * 256, "ö" * 128, long + "aa"):
        assert "at most 255 characters" in refusal(content | {"results": name})[0]


def test_data_are_looked_for_when_asked(content: dict[str, Any]) -> None:
    content["datasets"]["synthetic"]["missing"] = True
    study = configs.check(content)
    with pytest.raises(UserError, match=r"datasets.synthetic: the file is missing"):
        configs.check_data(study, ["synthetic"])


def test_minimal_study() -> None:
    study = configs.check(
        {
            "protocol": "paper",
            "datasets": {"d": {"kind": "array", "source": "x.npy"}},
            "experiments": {"mine": {"dataset": "d", "methods": ["gaussian_thresh"]}},
        }
    )
    (run,) = configs.runs(study)
    spec = configs.run_spec(study, run)
    assert spec["generator"] == {"kind": "dictionary", "latents": 128}
    assert spec["objective"] == {
        "sampling": "max_elbo",
        "samples": 20,
        "kl_weight": 0.01,
        "backward": "selected",
        "variance": "fixed",
    }
    training = spec["training"]
    assert (training["steps"], training["batch_size"], training["validation_penalty"]) == (1600, 100, 20)
    assert configs.evaluation(study, "mine") == {"samples": 20, "penalties": [20.0, 8.0], "split": "test"}
    assert (study.results, study.seed, study.device, study.checkpoint_seconds) == ("results", 0, "auto", 60)
    assert spec["training"]["optimizer"]["kind"] == "two_rates"
    assert spec["coder"]["threshold"]["value"] == 0.52


def test_minimal_study_of_images() -> None:
    study = configs.check(
        {
            "datasets": {"d": {"kind": "pictures"}},
            "experiments": {"mine": {"dataset": "d", "methods": ["gaussian_thresh"]}},
        }
    )
    (run,) = configs.runs(study)
    spec = configs.run_spec(study, run)
    assert spec["generator"] == {"kind": "mlp", "latents": 128, "widths": [256, 256]}
    assert spec["training"]["optimizer"]["kind"] == "adam"
    assert spec["training"]["validation_penalty"] is None
