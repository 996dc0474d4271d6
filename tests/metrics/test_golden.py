"""The metrics of given codes are those of the code before the renovation, to 1e-9 (1e-6 where that was in float32)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from golden_file import fill, given, golden, same
from vscbench.coders.amortised import Amortised
from vscbench.coders.fista import Fista
from vscbench.data import Data
from vscbench.metrics import (
    attributes,
    collapse,
    dependence,
    exactness,
    features,
    generation,
    gradients,
    lasso,
    pictures,
    reconstruction,
    recovery,
    sparsity,
    stability,
)
from vscbench.metrics.baselines import baselines, sizes
from vscbench.metrics.evaluation import Evaluation
from vscbench.model import build_posterior
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.mlp import MLP
from vscbench.objectives import Objective, squared_error
from vscbench.objectives.iwae import log_mean_exp
from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vscbench.coders import Coder, Posterior

SINGLE = 1e-6
"""Where the old code computed in float32."""
PENALTIES = (2.0, 0.3)


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def values(name: str) -> np.ndarray:
    found: np.ndarray = golden()[f"metric/in/{name}"]
    return found


def posterior(family: str, kind: str) -> Posterior:
    more = {"kl_weight": 0.2} if kind == "gamma" else {}
    scale = 0.15 if family == "laplacian" else 0.2**0.5
    threshold = {"kind": kind, "value": 0.25, **more}
    return build_posterior({"family": family, "prior_scale": scale, "threshold": threshold})


def dictionary(atoms: Tensor) -> Dictionary:
    made = Dictionary((atoms.shape[0],), atoms.shape[1])
    made.atoms = nn.Parameter(atoms)
    return made


def evaluation(coder: Coder) -> Evaluation:
    """Of known codes, whatever the coder would infer."""
    x = values("data")
    truth = {"atoms": golden()["recovery/in/truth"], "codes.test": golden()["recovery/in/true_codes"]}
    e = Evaluation(
        coder, Data(train=x[::-1].copy(), validation=x, test=x, truth=truth), 11, samples=20, penalties=PENALTIES
    )
    known = {"draw": "codes", "mean": "mean", "best": "best", "kl": "kl"}
    e.__dict__ |= {name: given(f"metric/in/{array}") for name, array in known.items()}
    return e


def same_by_name(found: dict[str, Any], name: str, single: tuple[str, ...] = ()) -> None:
    for measure, value in zip(golden()[f"{name}/names"], golden()[f"{name}/values"], strict=True):
        tolerance = SINGLE if measure.startswith(single) else 1e-9
        np.testing.assert_allclose(found.pop(str(measure)), value, tolerance, tolerance, err_msg=str(measure))
    assert not found


# --------------------------------------------------------------------- functions


def test_dependence() -> None:
    codes, mean = values("codes"), values("mean")
    same(dependence.edges(20), "metric/edges_20")
    same(dependence.edges(30), "metric/edges_30")
    same(dependence.entropy_bits(np.array([3, 0, 5, 1, 1])), "metric/entropy_bits")
    bins = (dependence.PATCH_EDGES, dependence.IMAGE_EDGES)
    same([dependence.multi_information(codes, each) for each in bins], "metric/multi_information")
    found = [dependence.copula_total_correlation(z, np.random.default_rng(3)) for z in (codes, mean, codes[:, :1])]
    same(found, "metric/copula_total_correlation")


def test_sparsity_collapse_and_agreement() -> None:
    codes = given("metric/in/codes")
    collapsed = [collapse.collapsed(given(f"metric/in/{name}").abs()) for name in ("codes", "kl", "mean")]
    same(collapsed, "metric/collapsed", SINGLE)
    for measure in (sparsity.hoyer, sparsity.gini, sparsity.lifetime_sparsity):
        same(measure(codes), f"metric/{measure.__name__}")
    same(stability.jaccard(given("metric/in/supports")), "metric/jaccard", SINGLE)


def test_objectives() -> None:
    codes, atoms, w = given("metric/in/codes"), given("in/atoms"), given("in/w_codes")
    same(lasso_objective(given("metric/in/data"), codes @ atoms.T, codes, 2.0), "metric/lasso_objective")
    same(log_mean_exp(w), "metric/log_mean_exp")
    same(squared_error(given("in/x"), w @ atoms.T), "metric/squared_error")


def test_exactness() -> None:
    same(exactness.distance_from_uniform(given("in/uniform")), "metric/distance_from_uniform")
    ranks = []
    for family, kind in (("laplacian", "gamma"), ("laplacian", "fixed"), ("gaussian", "gamma")):
        q = posterior(family, kind)
        params = {head: given(f"in/{'location' if head == 'loc' else head}") for head in q.heads}
        noise = {"laplace": given("in/laplace"), "normal": given("in/normal"), "gamma": given("in/gamma")}
        with torch.no_grad():
            z = q.codes(params, noise)
            of_codes = exactness.spike_slab_ranks(q, params, z, Generator().manual_seed(0))  # type: ignore[arg-type]
        ranks.append(torch.where(z == 0, 0, of_codes))  # those of zeros are drawn
    same(torch.stack(ranks), "metric/spike_slab_ranks")


def test_recovery() -> None:
    truth, true_codes = given("recovery/in/truth"), given("recovery/in/true_codes")
    matching = recovery.match(given("recovery/in/learnt"), truth)
    same(np.stack([field.numpy() for field in matching]), "recovery/match")
    codes = recovery.aligned(given("metric/in/codes"), matching, 5)
    same(codes, "recovery/aligned")
    same(recovery.f1(codes != 0, true_codes != 0), "recovery/f1")
    bins = recovery.reliability(given("recovery/in/probability"), given("recovery/in/event"))
    same(bins, "recovery/reliability", SINGLE)
    same(recovery.calibration_error(bins), "recovery/calibration_error", SINGLE)
    same(recovery.oracle(true_codes @ truth.T, truth, true_codes != 0), "recovery/oracle")


def test_attributes() -> None:
    codes, labels = given("metric/in/mean"), given("metric/in/labels")
    same(attributes.standardised(codes), "attribute/standardised")
    r = attributes.correlation(codes, labels)
    same(r, "attribute/correlation")
    same([attributes.found(r, torch.full((4,), level)).numpy() for level in (0.0, 0.5, 0.9)], "attribute/found")
    z, y = codes.numpy(), labels.numpy()
    same(attributes.probe((z[:25], y[:25]), (z[25:], y[25:])), "attribute/probe")
    same(features.balanced_accuracy(y[::-1].astype(bool), y.astype(bool)), "attribute/balanced_accuracy")


def test_images() -> None:
    real = given("generation/in/real")
    for name, fake in (("equal", "fake"), ("subsets", "fewer")):
        same(generation.distances(real, given(f"generation/in/{fake}"), 7), f"generation/distances_{name}")
    images, mean = given("pictures/in/images"), given("metric/in/mean")
    found = pictures.recovered_atoms(iter(images.split(5)), given("pictures/in/codes"))
    same(found, "pictures/recovered_atoms")
    moved = pictures.traversals(mean[0], given("metric/in/codes"), torch.tensor([2, 0]))
    same(moved, "pictures/traversals")


@pytest.mark.parametrize(("what", "name"), [("patches", "metric/in/data"), ("images", "pictures/in/images")])
def test_variance(what: str, name: str) -> None:
    x = given(name)
    e: Any = SimpleNamespace(device=x.device, chunks=lambda _=None: iter(x.split(7)), x=x, is_images=what == "images")
    same(reconstruction.variance(e), f"reconstruction/variance_{what}")


def test_gradients() -> None:
    moments = gradients.Moments()
    for row in given("gradients/in/passes"):
        moments.add(row)
    same(torch.stack((moments.mean, moments.variance)), "gradients/mean_variance")
    same_by_name(gradients.noise(moments, np.random.default_rng(5))._asdict(), "gradients/noise")
    passes = golden()["gradients/in/passes"][:, 0]
    same(gradients.bootstrap_median(passes, np.random.default_rng(6)), "gradients/bootstrap_median")


# ---------------------------------------------------------------------- measures


@pytest.mark.parametrize(
    ("metric", "single"),
    [
        (reconstruction, ()),
        (lasso, ()),
        (sparsity, ("density", "zero_codes", "dead_units", "active_units")),
        (collapse, ("coefficient", "posterior")),
        (dependence, ()),
    ],
    ids=lambda each: each.__name__.rpartition(".")[2] if hasattr(each, "measure") else "",
)
def test_measures_of_known_codes(metric: Any, single: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasso, "GAP", None)  # the old code stopped where codes no longer changed
    e = evaluation(Fista(dictionary(given("in/atoms")), penalty=0.3))
    same_by_name(metric.measure(e), f"measure/{metric.__name__.rpartition('.')[2]}", single)


@pytest.mark.parametrize("name", ["solver", "amortised"])
def test_measures_of_recovery(name: str) -> None:
    """But for the correlation of codes, which is newer."""
    generator = dictionary(given("recovery/in/learnt"))
    coder: Coder = Fista(generator, penalty=0.3)
    if name == "amortised":
        coder = Amortised(MLP((7,), (8, 5)), generator, posterior("laplacian", "gamma"), Objective.of({}))
        fill(coder, 37, {each: each for each in coder.state_dict() if not each.startswith("generator.")})
    found = recovery.measure(evaluation(coder))
    if name == "amortised":
        same(found.pop("recovery_reliability"), "measure/recovery_amortised/reliability", SINGLE)
    old = {measure: value for measure, value in found.items() if "_mcc_" not in measure}
    same_by_name(old, f"measure/recovery_{name}", ("recovery_",))


def test_baselines() -> None:
    """But for what a tenth of 6 latents is called, and the axis of PCA, which is a point now."""
    x = values("data")
    rows = baselines(Data(train=x[:25], validation=x[25:30], test=x[25:]), 6, PENALTIES)
    names = [row["method"] + "".join(f"@{axis}={value}" for axis, value in row["point"].items()) for row in rows]
    assert names == golden()["baselines/rows"].tolist()
    assert all(list(row["metrics"]) == golden()["baselines/metrics"].tolist() for row in rows)
    same([list(row["metrics"].values()) for row in rows], "baselines/values", SINGLE)
    same(sizes(64, 100), "baselines/sizes")
