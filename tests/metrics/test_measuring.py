"""All metrics: of every coder of the package, of coders of the user's own, and the files of a run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from metrics import planted
from metrics.runs import CODERS, CPU, PENALTIES, SETTINGS, SOLVERS, content, loaded, measures, trained
from vscbench import config as configs
from vscbench.coders import Coder
from vscbench.coders.amortised import Amortised
from vscbench.coders.entropy_bound import EntropyBound
from vscbench.coders.fista import fista
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.map_solver import MapSolver
from vscbench.coders.spike_slab import SpikeSlab
from vscbench.coders.threshold import Thresholded
from vscbench.errors import UserError
from vscbench.files import read_json, write_json
from vscbench.metrics import METRICS, ON_REQUEST, exactness
from vscbench.metrics.measuring import RESOURCES, evaluate, filled, measure_run, timed
from vscbench.networks.dictionary import Dictionary

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data
    from vscbench.metrics.evaluation import Evaluation

OF_A_PAST = ("convergence",)
OF_IMAGES = ("generation", "attributes", "pictures")
OF_DRAWS = ("gradients", "stability", "bounds")


# -------------------------------------------------------------------- every coder of the package


def test_every_metric_is_measured_in_finite_numbers(run: Path, data: Data) -> None:
    e = loaded(run, data)
    family = e.coder.family if isinstance(e.coder, Amortised) else None
    for metric, found in (everything := measures(e)).items():
        expected = (e.coder.stochastic or metric not in OF_DRAWS) and metric not in (*OF_IMAGES, *OF_A_PAST)
        if metric == "bounds":
            expected = isinstance(e.coder, Amortised) and e.coder.bounded
        if metric == "gradients":  # there is noise where the loss is of draws
            expected = isinstance(e.coder, Amortised) and not isinstance(e.coder, EntropyBound)
        if metric == "exactness":
            expected = isinstance(family, Thresholded)
            if isinstance(family, Thresholded) and isinstance(family.base, Laplacian):
                assert found["spike_slab_distance"] < 1.63 / exactness.CODES**0.5  # 1 % of all samples are further away
        if metric == "saturation":
            expected = isinstance(family, SpikeSlab)
        if metric == "optimality":
            expected = isinstance(e.coder, MapSolver)
        assert bool(found) == expected, metric
        for measure, value in found.items():
            # Of a coder that is on nowhere where the truth is, there are no amplitudes to compare.
            none_right = measure == "recovery_amplitude_bias" and found["recovery_recall"] == 0
            assert np.isfinite(value).all() or none_right, measure
    names = [measure for found in everything.values() for measure in found]
    assert len(names) == len(set(names))


def test_metrics_of_a_run_computed_directly(run: Path, data: Data) -> None:
    """Reconstruction, lasso objectives and collapse by their formulas, in float64."""
    found, e = content(run)["metrics"], loaded(run, data)
    x, atoms = e.x.double(), e.coder.atoms.detach().double()
    power = x.square().mean().item()
    for code, z in e.codes.items():
        residual = x - z.double() @ atoms.T
        assert found[f"mse_{code}"] == pytest.approx(residual.square().mean().item(), rel=1e-4)
        assert found[f"fve_{code}"] == pytest.approx(1 - residual.square().mean().item() / power, abs=1e-4)
        for penalty in PENALTIES:
            objective = 0.5 * residual.square().sum(1) + penalty * z.double().abs().sum(1)
            assert found[f"lasso{penalty:g}_{code}"] == pytest.approx(objective.mean().item(), rel=1e-4)
    for measure, z in (("coefficient_collapse", e.best), ("coefficient_collapse_draw", e.draw)):
        small = (z.abs() <= 0.01).double().mean(0)
        assert found[measure] == pytest.approx(100 * (small >= 0.95).double().mean().item())
    nonzero = e.draw.ne(0).double()
    density, active = nonzero.mean().item(), e.mean.double().var(0) > 0.01
    assert found["density"] == pytest.approx(density)
    assert found["density_spread"] == pytest.approx(nonzero.mean(1).std().item(), abs=1e-6)
    assert found["density_best"] == pytest.approx(e.best.ne(0).double().mean().item())
    assert found["density_above_small"] == pytest.approx((e.draw.abs() > 0.01).double().mean().item())
    assert found["l1"] == pytest.approx(e.draw.double().abs().sum(1).mean().item(), rel=1e-4)
    assert found["dead_units"] == pytest.approx(100 * (nonzero.sum(0) == 0).double().mean().item())
    assert found["active_units"] == pytest.approx(100 * active.double().mean().item())
    if e.kl is None:
        assert not {"posterior_collapse", "kl"} & found.keys()
        return
    small = (e.kl <= 0.01).double().mean(0)
    assert found["posterior_collapse"] == pytest.approx(100 * (small >= 0.95).double().mean().item())
    assert found["kl"] == pytest.approx(e.kl.double().sum(1).mean().item(), rel=1e-4)
    assert found["mse_best"] <= found["mse_draw"] + 1e-6  # three draws against one, over 40 data points


def test_no_code_is_better_than_fistas(run: Path) -> None:
    """The lasso's optimum on the run's own dictionary, to the tolerance of the solver."""
    found = content(run)["metrics"]
    for penalty in PENALTIES:
        optimum = found[f"lasso{penalty:g}_fista"]
        assert optimum > 0
        for code in ("draw", "mean", "best"):
            assert found[f"lasso{penalty:g}_{code}"] > optimum * (1 - 1e-3)
        gap = found[f"lasso{penalty:g}_best"] - optimum
        assert found[f"lasso{penalty:g}_gap"] == pytest.approx(gap, abs=1e-6)


@pytest.mark.parametrize("name", SOLVERS)
def test_solver_has_no_gap_at_its_own_penalty(name: str, data: Data, tmp_path: Path) -> None:
    run = trained(CODERS[name] | {"penalty": 0.2}, data, tmp_path)
    found = content(run)["metrics"]
    if name in ("fista", "admm"):
        assert found["lasso0.2_gap"] == pytest.approx(0, abs=1e-2 * found["lasso0.2_fista"])
    assert found["lasso2_gap"] > 0
    assert found["mse_draw"] == found["mse_mean"] == found["mse_best"]
    e = loaded(run, data)
    if name == "fista":
        assert torch.equal(e.best, fista(e.x, e.coder.atoms.detach(), 0.2, gap=1e-2).codes)


def test_evaluation_repeats_itself(run: Path, data: Data, tmp_path: Path) -> None:
    """Same numbers and arrays from the same weights, whatever was drawn in between."""
    again = shutil.copytree(run, tmp_path / "again")
    for name in ("metrics.json", "arrays.npz"):
        (again / name).unlink()
    torch.rand(3)
    measure_run(again, data, SETTINGS, CPU)
    assert content(again) == content(run)
    with np.load(run / "arrays.npz") as one, np.load(again / "arrays.npz") as other:
        assert set(one) == set(other)
        for array in one:
            np.testing.assert_array_equal(one[array], other[array])


def test_same_run_trained_twice_is_measured_alike(data: Data, spike_slab: Path, tmp_path: Path) -> None:
    found, expected = content(trained({"family": "spike_slab"}, data, tmp_path)), content(spike_slab)
    for each in (found, expected):
        times = [each["metrics"].pop(name) for name in list(each["metrics"]) if timed(name)]
        assert len(times) >= len(RESOURCES)
        assert min(times) > 0
    assert found == expected


RAMPS = [
    {"family": "laplacian", "noise_warmup": {"initial": 0.1, "final": 1, "start": 0.5}},
    {"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.1}, "noise_warmup": {"initial": 0.1, "final": 1}},
    {
        "family": "spike_slab",
        "noise_warmup": {"initial": 0.1, "final": 1, "start": 0.5},
        "temperature": {"initial": 1, "final": 0.1, "shape": "geometric"},
    },
    {"family": "fista", "penalty": 1.0, "penalty_warmup": {"initial": 0.1, "final": 1, "end": 0.5}},
]


@pytest.mark.parametrize("coder", RAMPS, ids="_".join)
def test_ramps_in_steps_are_measured_where_training_leaves_them(
    coder: dict[str, Any], data: Data, tmp_path: Path
) -> None:
    """A ramp in steps makes the same run as the same ramp in fractions of the 42 steps, curves and metrics included."""
    in_steps = {
        key: value | {"start": 42 * value.get("start", 0), "end": 42 * value.get("end", 1), "unit": "steps"}
        if isinstance(value, dict) and "initial" in value
        else value
        for key, value in coder.items()
    }
    one, other = trained(coder, data, tmp_path / "fractions"), trained(in_steps, data, tmp_path / "steps")
    weights = [loaded(each, data).coder.state_dict() for each in (one, other)]
    for first, second in zip(*(each.values() for each in weights), strict=True):
        assert torch.equal(first, second)
    assert (one / "history.csv").read_text() == (other / "history.csv").read_text()
    first, second = (content(each)["metrics"] for each in (one, other))
    assert first == pytest.approx(second | {name: first[name] for name in first if timed(name)}, rel=1e-3)


# -------------------------------------------------------------------- the files of a run


def test_files_of_a_measured_run(spike_slab: Path, data: Data) -> None:
    found, spec = content(spike_slab), read_json(spike_slab / "config.json")
    assert (found["status"], found["key"], found["step"]) == ("completed", configs.run_key(spec), 42)
    sections = filled(SETTINGS)
    assert found["settings"] == sections.pop("shared") | sections
    assert all(np.isfinite(value) for value in found["metrics"].values())
    resources = read_json(spike_slab / "resources.json")
    assert all(found["metrics"][name] == resources[name] > 0 for name in RESOURCES)
    with np.load(spike_slab / "arrays.npz") as arrays:
        assert set(arrays) == {"jaccard_draw_by_patch", "jaccard_best_by_patch", "recovery_reliability"}
    for measured in measures(loaded(spike_slab, data)).values():
        for measure, value in measured.items():
            if not isinstance(value, np.ndarray):
                assert found["metrics"][measure] == value


def test_run_that_diverged_has_its_status_and_no_metrics(data: Data, tmp_path: Path) -> None:
    huge = {"initial": 1e12, "final": 1e12}
    optimizer = {"encoder_rate": huge, "dictionary_rate": huge, "clip_norm": None}
    run = trained({"family": "gaussian"}, data, tmp_path, optimizer=optimizer)
    status, found = read_json(run / "status.json"), content(run)
    assert status["status"] == "diverged"
    assert {key: found[key] for key in status} == status
    assert set(found["metrics"]) == set(RESOURCES)
    with np.load(run / "arrays.npz") as arrays:
        assert not list(arrays)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("status", {"status": "finished"}),
        ("status", []),
        ("status", {}),
        ("resources", {"train_seconds": "long", "peak_memory_mb": 1}),
        ("resources", {"train_seconds": 1}),
        ("config", ["a list"]),
        ("config", {"seed": None}),
    ],
)
def test_damaged_files_of_a_run_are_named(
    data: Data, spike_slab: Path, tmp_path: Path, name: str, content: Any
) -> None:
    run = shutil.copytree(spike_slab, tmp_path / "run")
    write_json(run / f"{name}.json", content)
    with pytest.raises(UserError, match=rf"{run}.*{name}\.json"):
        measure_run(run, data, SETTINGS, CPU)


def test_what_is_not_a_number_is_left_out(data: Data, tmp_path: Path) -> None:
    """A penalty so large that every code is zero: there is no Hoyer sparsity, and the file stays valid JSON."""
    run = trained({"family": "fista", "penalty": 1e6}, data, tmp_path)
    found = content(run)["metrics"]
    assert not {"hoyer", "gini", "lifetime_sparsity"} & found.keys()
    assert found["zero_codes"] == found["dead_units"] == found["coefficient_collapse"] == 100
    assert found["density"] == 0
    assert found["lasso2_best"] == pytest.approx(0.5 * np.square(data.test).sum(1).mean(), rel=1e-5)
    values, _ = evaluate(loaded(run, data).coder, data, SETTINGS, only=["sparsity"])
    assert np.isnan(values["hoyer"])


# -------------------------------------------------------------------- settings


def test_settings_of_a_metric_are_its_own_arguments(data: Data, spike_slab: Path) -> None:
    coder = loaded(spike_slab, data).coder
    settings = {"gradients": {"passes": 2, "batches": 1, "samples": [4]}, "penalties": [0.5]}
    values, arrays = evaluate(coder, data, settings, only=["gradients", "lasso"])
    assert not arrays
    assert {name.rpartition("_j")[2] for name in values if name.startswith("gradient")} == {"4"}
    assert {name.partition("_")[0] for name in values if name.startswith("lasso")} == {"lasso0.5"}


def test_a_metric_that_is_off_is_left_out(data: Data, spike_slab: Path) -> None:
    coder, settings = loaded(spike_slab, data).coder, SETTINGS | {"gradients": False, "bounds": True}
    values, _ = evaluate(coder, data, settings, 0, CPU)
    expected = content(spike_slab)["metrics"].keys() - set(RESOURCES)
    assert values.keys() == {name for name in expected if not name.startswith("gradient")}


@pytest.mark.parametrize(
    ("settings", "only", "message"),
    [
        ({"boundz": {}}, None, "there is no metric boundz; did you mean bounds?"),
        ({}, ["sparsty"], "there is no metric sparsty; did you mean sparsity?"),
        ({"bounds": {"point": 3}}, None, "bounds: unknown key point; did you mean points?"),
        ({"stability": {"draws": 1}}, None, "stability.draws: 1 is not allowed; it must be a whole number, at least 2"),
        ({"gradients": {"samples": []}}, None, "gradients.samples"),
        ({"generation": {"images": 1}}, None, "generation.images: 1 is not allowed"),
        ({"samples": 0}, None, "samples: 0 is not allowed"),
        ({"bounds": 3}, None, "bounds"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], only: list[str] | None, message: str) -> None:
    with pytest.raises(UserError) as error:
        filled(settings, only)
    assert message in str(error.value)


def test_every_metric_says_what_its_settings_are() -> None:
    assert list(filled(dict.fromkeys(ON_REQUEST, True))) == ["shared", *METRICS]
    assert METRICS.keys() - filled({}).keys() == ON_REQUEST == {"amortisation", "cost"}
    assert list(filled({}, only=["cost"])) == ["shared", "cost"]
    assert all(address == f"vscbench.metrics.{name}:measure" for name, address in METRICS.items())


# -------------------------------------------------------------------- coders of the user's own


class Rectifier(Coder):
    """It says how it encodes and decodes, and no more."""

    def __init__(self, shape: tuple[int, ...], latents: int) -> None:
        super().__init__()
        rng, size = torch.Generator().manual_seed(0), int(np.prod(shape))
        self.shape, self.weights = shape, nn.Parameter(torch.randn(size, latents, generator=rng) / size**0.5)

    def encode(self, x: Tensor) -> Tensor:
        """[Aᵀx]₊."""
        return (x.flatten(1) @ self.weights).relu()

    def decode(self, z: Tensor) -> Tensor:
        """A z."""
        return (z @ self.weights.T).unflatten(-1, self.shape)


class Linear(Rectifier):
    """The same with a dictionary of the package."""

    def __init__(self, shape: tuple[int, ...], latents: int) -> None:
        super().__init__(shape, latents)
        self.generator = Dictionary(shape, latents)

    decode = Coder.decode


ALWAYS = {
    *("reconstruction", "standard_errors", "floors", "sparsity", "units", "collapse", "support"),
    *("dependence", "pairwise", "two_sample", "dependence_controls", "recovery", "hierarchy"),
}


@pytest.mark.parametrize(("kind", "more"), [(Rectifier, set()), (Linear, {"lasso", "atoms"})])
def test_a_coder_of_vectors(kind: type[Rectifier], more: set[str], data: Data) -> None:
    values, arrays = evaluate(kind(data.shape, 12), data, SETTINGS)
    settings = SETTINGS | {"cost": {"seconds": 0.001}}
    measured = {name for name in METRICS if evaluate(kind(data.shape, 12), data, settings, only=[name])[0]}
    assert measured == ALWAYS | more | {"cost"}
    assert not arrays
    assert all(np.isfinite(value) for value in values.values())
    assert values["mse_draw"] == values["mse_mean"] == values["mse_best"]
    assert not {"kl", "prior_density", "recovery_calibration"} & values.keys()


def test_a_coder_of_images() -> None:
    data = planted.evaluation(test=120, train=60).data
    values, arrays = evaluate(Rectifier(planted.SHAPE, 5), data, SETTINGS)
    assert {"mse_mean", "attributes_found", "probe_auc"} <= values.keys()
    assert {"input", "reconstruction_mean", "recovered_atoms", "traversals"} <= arrays.keys()
    assert "prior_samples" not in arrays


def size(e: Evaluation, *, power: int = 1) -> dict[str, float]:
    """A metric of one's own."""
    return {"size": float(e.mean.abs().pow(power).mean())}


def test_a_metric_of_the_users_own(data: Data, spike_slab: Path) -> None:
    """By the address of its function; its settings are checked as those of any other."""
    coder, name = loaded(spike_slab, data).coder, "metrics.test_measuring:size"
    values, _ = evaluate(coder, data, {name: {"power": 2}}, only=["sparsity", name])
    assert values["size"] == pytest.approx(float(loaded(spike_slab, data).mean.square().mean()))
    with pytest.raises(UserError, match="size: unknown key powr; did you mean power"):
        evaluate(coder, data, {name: {"powr": 2}})


def test_a_failure_names_metric_and_coder(data: Data) -> None:
    class Broken(Rectifier):
        def decode(self, z: Tensor) -> Tensor:
            raise ValueError(f"{z.shape}")

    with pytest.raises(ValueError, match="40, 12") as error:
        evaluate(Broken(data.shape, 12), data)
    assert error.value.__notes__ == ["in the metric reconstruction of the coder Broken"]
