"""Sweeps: lists in the config become runs; densities become thresholds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Generator

from battery import BASE_SPECS, POSTERIOR_SPECS, Spec, name
from conftest import ROOT, STUDY
from vscbench import config as configs
from vscbench.coders import build_posterior
from vscbench.config import sweeps
from vscbench.config.contents import NEEDS
from vscbench.errors import UserError
from vscbench.reporting.columns import TABLES
from vscbench.reporting.figures import FIGURES

OF_GRADIENTS = {"gradients_inference", "gradients_generator", "gradient_snr"}
OF_NETWORKS = {"attributes", "reconstructions", "prior_samples", "recovered_dictionaries", "traversals"}
METHODS: dict[str, Any] = {
    "gaussian": {"family": "gaussian"},
    "spike_slab": {"family": "spike_slab"},
    "gaussian_thresh": {"family": "gaussian", "threshold": "fixed", "threshold_value": 0.5},
    "laplacian_thresh": {"family": "laplacian", "threshold": "gamma", "threshold_value": 0.5},
}


def study(**changes: Any) -> dict[str, Any]:
    """A study of four methods, with changes to its experiment."""
    config = deepcopy(STUDY)
    config["methods"] = deepcopy(METHODS)
    config["repetitions"] = 1
    experiment = config["experiments"]["recovery"]
    experiment["methods"] = list(METHODS)
    experiment.pop("overrides", None)
    config["experiments"] = {"recovery": configs.merge(experiment, changes)}
    return config


def variants(config: dict[str, Any]) -> list[str]:
    return [variant for _, variant, _ in configs.runs(configs.check(config))]


def test_a_list_is_an_axis_of_every_method() -> None:
    assert variants(study(generator={"latents": [4, 8]}))[:4] == [
        "gaussian@latents=4",
        "gaussian@latents=8",
        "spike_slab@latents=4",
        "spike_slab@latents=8",
    ]


def test_axes_are_combined() -> None:
    config = study(generator={"latents": [4, 8]}, objective={"kl_weight": [0.1, 0.01]})
    assert [v for v in variants(config) if v.startswith("gaussian@")] == [
        "gaussian@latents=4,kl_weight=0.1",
        "gaussian@latents=4,kl_weight=0.01",
        "gaussian@latents=8,kl_weight=0.1",
        "gaussian@latents=8,kl_weight=0.01",
    ]


def test_a_point_settles_every_part_and_names_itself() -> None:
    config = study(generator={"latents": [4, 8]}, objective={"samples": [1, 20]})
    spec = configs.run_spec(configs.check(config), "recovery", "spike_slab@latents=8,samples=20", 0)
    assert (spec["generator"]["latents"], spec["objective"]["samples"]) == (8, 20)
    assert spec["point"] == {"latents": 8, "samples": 20}
    assert configs.run_name(spec) == "recovery/spike_slab@latents=8,samples=20/0"


def test_a_list_in_a_method_is_an_axis_of_it_alone() -> None:
    config = study(overrides={"gaussian_thresh": {"threshold_value": [0.1, 0.2]}})
    assert variants(config) == [
        "gaussian",
        "spike_slab",
        "gaussian_thresh@threshold_value=0.1",
        "gaussian_thresh@threshold_value=0.2",
        "laplacian_thresh",
    ]


def test_a_ramp_is_swept_by_its_dotted_key() -> None:
    config = study(training={"encoder_rate": {"peak": [0.1, 0.2]}})
    found = variants(config)
    assert found[:2] == ["gaussian@encoder_rate.peak=0.1", "gaussian@encoder_rate.peak=0.2"]
    assert configs.run_spec(config, "recovery", found[1], 0)["training"]["encoder_rate"]["peak"] == 0.2


def test_points_of_one_method_share_their_seed_and_another_value_changes_no_run() -> None:
    """So that points are compared on the same noise, and a longer sweep trains its new points alone."""
    few, many = (configs.check(study(generator={"latents": sizes})) for sizes in ([4, 8], [2, 4, 8]))
    specs = [configs.run_spec(c, "recovery", "gaussian@latents=4", 0) for c in (few, many)]
    assert configs.run_key(specs[0]) == configs.run_key(specs[1])
    assert specs[0]["seed"] == configs.run_spec(few, "recovery", "gaussian@latents=8", 0)["seed"]


def test_repetitions_of_an_experiment_replace_those_of_the_study() -> None:
    config = configs.check(study(repetitions=3))
    assert len(configs.runs(config)) == 3 * len(METHODS)
    configs.run_spec(config, "recovery", "gaussian", 2)
    with pytest.raises(UserError, match="no repetition 3: they are 0 to 2"):
        configs.run_spec(config, "recovery", "gaussian", 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator": {"latents": [4, 0]}}, "recovery.generator.latents: 0 is not allowed; it must be a whole number"),
        ({"generator": {"latents": 0}}, "recovery.generator.latents: 0 is not allowed"),
        ({"generator": {"latents": [4, 8, "x"]}}, 'recovery.generator.latents: "x" is not allowed'),
        ({"generator": {"latents": []}}, r"recovery.generator.latents: \[\] is not allowed"),
        ({"generator": {"latents": [4, 4]}}, "recovery.generator.latents: a sweep needs values, each once"),
        ({"density": 1}, "recovery.density: 1 is not allowed; it must be a number, above 0, below 1"),
        ({"density": [0.1, 0.0]}, "recovery.density: 0.0 is not allowed"),
        ({"generator": {"kind": "convolutional"}}, "recovery.generator.kind: synthetic needs dictionary"),
        ({"training": {"optimizer": "adam"}}, "rate"),
        ({"encoder": {"widths": [[4, 8]]}}, "recovery.encoder.widths.0"),
    ],
)
def test_what_cannot_be_swept_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        configs.check(study(**changes))


def test_an_image_size_without_a_network_is_refused_before_any_job() -> None:
    config = study()
    config["datasets"]["digits"] = {"kind": "digits", "train": 10, "validation": 10, "test": 10}
    config["experiments"]["recovery"] |= {
        "dataset": "digits",
        "generator": {"kind": "convolutional", "latents": 4},
        "encoder": {"kind": "convolutional"},
        "training": {"optimizer": "adam", "epochs": 1, "batch_size": 2, "rate": {"peak": 0.1}},
    }
    with pytest.raises(UserError, match=r"generator.kind: there is no convolutional network for 8x8 images, only for"):
        configs.check(config)


@pytest.mark.parametrize("family", ["admm", "lista"])
def test_a_solver_of_dictionaries_is_refused_for_a_network_before_any_job(family: str) -> None:
    config = study()
    config["methods"]["solver"] = {"family": family}
    config["experiments"]["recovery"]["methods"] = ["solver"]
    configs.check(config)
    config["datasets"]["digits"] = {"kind": "digits", "train": 10, "validation": 10, "test": 10}
    config["experiments"]["recovery"] |= {
        "dataset": "digits",
        "generator": {"kind": "mlp", "latents": 4, "widths": [8]},
        "training": {"optimizer": "adam", "epochs": 1, "batch_size": 2, "rate": {"peak": 0.1}},
    }
    with pytest.raises(UserError) as caught:
        configs.check(config)
    (_, line) = str(caught.value).splitlines()
    assert line.strip() == (
        f"experiments.recovery.methods: solver is of family {family}, which needs a dictionary; for a network there "
        "is fista"
    )


def test_an_unknown_point_names_the_nearest() -> None:
    config = configs.check(study(generator={"latents": [4, 8]}))
    with pytest.raises(UserError, match="did you mean gaussian@latents=8"):
        configs.run_spec(config, "recovery", "gaussian@latents=80", 0)


def test_a_part_without_lists_has_one_empty_point() -> None:
    assert sweeps.points({"a": 1, "widths": [1, 2]}) == [{}]
    assert sweeps.variant("gaussian", {}) == "gaussian"


# ---------------------------------------------------------------------- density


@pytest.mark.parametrize(
    ("family", "density", "threshold"),
    [
        ("gaussian", 0.05, 0.62),
        ("gaussian", 0.1, 0.52),
        ("gaussian", 0.2, 0.405),
        ("gaussian", 0.5, 0.213),
        ("laplacian", 0.05, 0.2996),
        ("laplacian", 0.1, 0.23),
        ("laplacian", 0.2, 0.161),
        ("laplacian", 0.5, 0.0693),
    ],
)
def test_threshold_of_a_density_is_that_of_the_table(family: str, density: float, threshold: float) -> None:
    """Spec 1.2."""
    assert configs.threshold_at(density, family, 0.1) == pytest.approx(threshold, abs=6e-4)


@pytest.mark.parametrize("density", [0.05, 0.3])
def test_draws_from_the_prior_have_the_density_asked_for(density: float) -> None:
    config = configs.check(study(density=density))
    for method in ("spike_slab", "gaussian_thresh"):
        coder = configs.run_spec(config, "recovery", method, 0)["coder"]
        posterior = build_posterior(coder)
        params = {head: torch.full((1000, 20), value) for head, value in posterior.prior().items()}
        codes = posterior.codes(params, posterior.noise(params, 5, Generator().manual_seed(0)))
        assert float(codes.ne(0).float().mean()) == pytest.approx(density, abs=0.006)


def test_density_leaves_dense_methods_alone_and_gives_way_to_that_of_a_method() -> None:
    config = configs.check(study(density=0.1, overrides={"laplacian_thresh": {"density": 0.5}}))
    coders = {m: configs.run_spec(config, "recovery", m, 0)["coder"] for m in METHODS}
    assert coders["gaussian"] == METHODS["gaussian"]
    assert coders["spike_slab"]["spike_prior"] == 0.1
    assert coders["laplacian_thresh"]["threshold_value"] == pytest.approx(0.0693, abs=1e-4)
    assert variants(study(density=[0.1, 0.2]))[:3] == ["gaussian", "spike_slab@density=0.1", "spike_slab@density=0.2"]


# ------------------------------------------------------------------------ prior


@pytest.mark.parametrize("spec", POSTERIOR_SPECS, ids=name)
def test_divergence_from_the_prior_is_zero_at_the_prior(spec: Spec) -> None:
    posterior = build_posterior(spec)
    prior = posterior.prior()
    assert set(prior) == set(posterior.heads)
    params = {head: torch.full((1, 1), value, dtype=torch.float64) for head, value in prior.items()}
    torch.testing.assert_close(posterior.kl(params), torch.zeros(1, 1, dtype=torch.float64), rtol=0, atol=1e-12)
    assert posterior.kl({head: value + 0.3 for head, value in params.items()}) > 0


def test_every_family_is_in_the_battery() -> None:
    assert {spec["family"] for spec in BASE_SPECS} == {"gaussian", "laplacian", "spike_slab"}


# ----------------------------------------------------------------- what there is to show


@pytest.mark.parametrize(
    ("overlays", "absent"),
    [
        ((), {"recovery", "ablation"}),
        (("ablation", "ablation_sampling"), {"recovery", "frontier", "matched_density", *OF_NETWORKS}),
        (("ablation", "ablation_kl_weight"), {"recovery", *OF_GRADIENTS, *OF_NETWORKS}),
        (("matched_density",), {"recovery", "ablation", *OF_GRADIENTS, *OF_NETWORKS}),
        (("recovery",), {*OF_GRADIENTS, "ablation", "frontier", "matched_density", "sweeps", *OF_NETWORKS}),
        (("olshausen",), {"recovery", "ablation", "frontier", "matched_density", "sweeps", *OF_NETWORKS}),
        (("faces",), {"recovery", "ablation", "frontier", "matched_density", "table1", "dictionaries", *OF_GRADIENTS}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_tables_and_figures_with_nothing_in_them_are_not_made(overlays: tuple[str, ...], absent: set[str]) -> None:
    config = configs.check(configs.load([ROOT / "config.yaml", *(ROOT / f"config/{name}.yaml" for name in overlays)]))
    names = {*TABLES, *FIGURES}
    assert names - set(configs.worth_making(config, names)) == absent


def test_what_a_table_or_figure_needs_is_known_of_existing_ones() -> None:
    assert set(NEEDS) <= {*TABLES, *FIGURES}
