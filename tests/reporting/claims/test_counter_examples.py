"""The tables on which verdicts used to be wrong, each named after the finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reporting.claims.made import (
    NETWORK,
    PATCHES,
    about,
    estimators,
    lasso,
    made_up,
    merged,
    reading,
    sampled,
    spread,
    swept,
)
from vscbench.reporting.claims.counts import compare_counts
from vscbench.reporting.claims.judge import judge
from vscbench.reporting.claims.twelve import CLAIMS
from vscbench.reporting.inference import INCONCLUSIVE, NO_VERDICT, NOT_MEASURED, NOT_SUPPORTED, SUPPORTED

if TYPE_CHECKING:
    from pathlib import Path


def errors(dense: float, sparse: float) -> Any:
    return spread(NETWORK, "mse_best", {"gaussian": dense, "gaussian_thresh": sparse})


# ---------- A3: what diverges or is missing is not dropped in silence


def test_a_method_that_diverges_in_all_runs_is_not_as_good(tmp_path: Path) -> None:
    lost = {(NETWORK, "", "gaussian_thresh"): 8}
    study = made_up(tmp_path, errors(0.02, 0.019), diverged=lost)
    found = reading(study, 10)
    assert found.verdict.word == NOT_SUPPORTED
    assert found.comparisons[0].note == "diverged: 8 of 8 against 0 of 8"


def test_an_estimator_that_diverges_in_five_of_eight_runs_is_not_stabler(tmp_path: Path) -> None:
    runs = estimators({"lasso20_best": about(150, 1)}, {"lasso20_best": about(150, 40, seed=1)})
    few = {key: 5 for key in runs if "straight_through" in key[1]}
    assert reading(made_up(tmp_path / "five", runs, diverged=few), 6).verdict.word != SUPPORTED
    every = {key: 8 for key in runs if "straight_through" in key[1]}
    assert reading(made_up(tmp_path / "all", runs, diverged=every), 6).verdict.word == NOT_SUPPORTED
    other = {key: 8 for key in runs if "subgradient" in key[1]}
    assert reading(made_up(tmp_path / "other", runs, diverged=other), 6).verdict.word == SUPPORTED


def test_a_rival_that_was_not_run_blocks_support(tmp_path: Path) -> None:
    runs = {key: metrics for key, metrics in lasso().items() if key[2] != "laplacian_thresh"}
    found = reading(made_up(tmp_path, runs), 3)
    assert found.verdict.word == INCONCLUSIVE
    assert found.verdict.why == "laplacian_thresh was not measured in patches"


def test_a_rival_that_lost_runs_is_compared_by_what_is_left(tmp_path: Path) -> None:
    study = made_up(tmp_path, lasso(), repetitions=5, diverged={(PATCHES, "", "laplacian_thresh"): 1})
    found = reading(study, 3)
    assert found.verdict.word == SUPPORTED
    assert "diverged: 0 of 5 against 1 of 5" in [each.note for each in found.comparisons]


def test_methods_of_which_no_rival_was_run_are_not_measured(tmp_path: Path) -> None:
    runs = {key: metrics for key, metrics in lasso().items() if "thresh" in key[2]}
    assert reading(made_up(tmp_path, runs), 2).verdict.word == NOT_MEASURED


def test_a_rival_that_wins_refutes_whatever_is_missing(tmp_path: Path) -> None:
    runs = {key: metrics for key, metrics in lasso(gaussian=20).items() if key[2] != "laplacian_thresh"}
    assert reading(made_up(tmp_path, runs), 3).verdict.word == NOT_SUPPORTED


def test_survivors_of_a_method_that_diverges_more_often_do_not_support(tmp_path: Path) -> None:
    study = made_up(tmp_path, errors(0.02, 0.01), diverged={(NETWORK, "", "gaussian_thresh"): 3})
    assert reading(study, 10).verdict.word == INCONCLUSIVE  # 3 of 8 against none: Fisher's p is 0.1


# ---------- A4: equal density means equal, also where a curve falls


def test_the_same_falling_curve_at_other_points_is_no_difference(tmp_path: Path) -> None:
    at = {"gaussian_thresh": (0.05, 0.1, 0.2, 0.4), "gaussian_thresh_gamma": (0.05, 0.15, 0.25, 0.4)}
    runs = {
        (PATCHES, f"density={d}", method): {"density": [d] * 8, "fve_draw": 0.6 - 0.1 * np.log(d / 0.05)}
        | {"mse_draw": 0.5, "density_best": [d] * 8, "fve_best": 0.5, "mse_best": 0.5}
        for method, densities in at.items()
        for d in densities
    }
    first = reading(made_up(tmp_path, runs), 8).comparisons[0]
    assert first.effect is not None
    assert abs(first.effect.mean) < 0.005
    assert first.verdict.word == NOT_SUPPORTED


# ---------- A8, A13: an effect below its margin is not supported; margins are relative to what they are about


@pytest.mark.parametrize("seed", range(10))
def test_four_fifths_of_the_margin_is_not_supported(tmp_path: Path, seed: int) -> None:
    values = {"gaussian": about(1.0, 1e-4, seed), "gaussian_thresh": about(1.0 - 0.8 * 0.01, 1e-4, seed + 50)}
    rest = {"laplacian": [2.0] * 8, "laplacian_thresh": about(1.0, 1e-4, seed + 99), "spike_slab": about(3, 1e-4)}
    study = made_up(tmp_path, spread(PATCHES, "lasso20_best", values | rest))
    assert reading(study, 2).verdict.word == NOT_SUPPORTED


def test_agreement_half_as_large_again_beyond_chance_is_seen(tmp_path: Path) -> None:
    found = sampled(draw=0.1066)
    for metrics in found.values():
        if metrics["jaccard_draw"] == 0.2:
            metrics["jaccard_draw"] = 0.1045
    first = reading(made_up(tmp_path, found), 7).comparisons[0]
    assert first.verdict.word == SUPPORTED
    assert first.effect is not None
    assert first.effect.mean == pytest.approx(0.47, abs=0.1)  # 0.0066 against 0.0045


# ---------- A9 to A11: their number is announced, five or more, and and they are not paired


def test_other_runs_than_announced_give_no_verdict(tmp_path: Path) -> None:
    found = reading(made_up(tmp_path, lasso(), announced=5), 3)
    assert found.verdict.word == NO_VERDICT
    assert found.verdict.why == "8 runs of fista in patches, and the study's file says 5"


def test_one_claim_alone_is_corrected_for_twelve(tmp_path: Path) -> None:
    study = made_up(tmp_path, lasso())
    alone = reading(study, 3)
    worst = max(each.verdict.p for each in alone.comparisons)
    assert alone.verdict.p == pytest.approx(12 * worst)


def test_chance_of_the_order_of_repetitions_does_not_matter(tmp_path: Path) -> None:
    noise = about(0, 30, seed=3)
    common = {"fista": [90 + x for x in noise], "gaussian": [100 + x for x in noise]}
    turned = {"fista": [90 + x for x in noise], "gaussian": [100 + x for x in reversed(noise)]}
    found = [
        reading(made_up(tmp_path / name, spread(PATCHES, "lasso20_best", values)), 3).comparisons[0]
        for name, values in (("a", common), ("b", turned))
    ]
    assert found[0].verdict == found[1].verdict
    assert found[0].verdict.p > 0.1  # the seed has the method in it: what they share is chance


def test_folds_of_the_data_are_paired(tmp_path: Path) -> None:
    """Photographs differ more than methods do: what a fold has of its own is in both."""
    hard = about(0, 30, seed=3)
    values = {"fista": [90 + x + k for k, x in enumerate(hard)], "gaussian": [100 + x for x in hard]}
    runs = spread(PATCHES, "lasso20_best", values)
    apart, together = (reading(made_up(tmp_path / str(n), runs, folds=n), 3).comparisons[0].verdict.p for n in (1, 8))
    assert together < 1e-3
    assert apart > 0.1


def test_a_spread_over_folds_is_none_over_seeds(tmp_path: Path) -> None:
    runs = estimators({"lasso20_best": about(150, 1)}, {"lasso20_best": about(150, 40, seed=1)})
    found = reading(made_up(tmp_path, runs, folds=8), 6)
    assert found.verdict.word == INCONCLUSIVE
    assert "folds" in found.verdict.why


def test_four_repetitions_decide_nothing_however_clear(tmp_path: Path) -> None:
    found = judge(made_up(tmp_path, lasso(), repetitions=4))
    assert {each.verdict.word for each in found} <= {INCONCLUSIVE, "not measured here"}
    assert next(each for each in found if each.claim.number == 3).verdict.why == "4 repetitions, and 5 are needed"


def test_an_experiment_with_few_does_not_hold_up_one_with_enough(tmp_path: Path) -> None:
    study = made_up(tmp_path, merged(errors(0.02, 0.01), {("digits", "", "gaussian"): {"mse_best": 0.02}}))
    study.index["experiments"]["digits"] |= {"linear": False, "repetitions": 1}
    assert reading(study, 10).verdict.word == SUPPORTED


# ---------- A12: whole numbers, ties, and numbers that do not vary


def test_at_the_margin_counts_are_called_in_one_of_twenty_tables_at_most() -> None:
    rng, tables = np.random.default_rng(0), 400
    wrong = 0
    for _ in range(tables):
        first, second = rng.integers(0, 3, 5) + 1, rng.integers(0, 3, 5)
        wrong += compare_counts(first, second, 1).p < 0.05
    assert wrong / tables < 0.05 + 2 * np.sqrt(0.05 * 0.95 / tables)


def test_counts_that_do_not_vary_decide_nothing(tmp_path: Path) -> None:
    same = {m: {"attributes_found": [n] * 8} for m, n in (("gaussian", 2.0), ("gaussian_thresh", 9.0))}
    same["laplacian_thresh"] = {"attributes_found": [9.0] * 8}
    found = reading(made_up(tmp_path, {(NETWORK, "", m): dict(metrics) for m, metrics in same.items()}), 12)
    assert found.verdict.word == INCONCLUSIVE
    assert "do not vary" in found.verdict.why


def test_losses_that_do_not_vary_decide_nothing(tmp_path: Path) -> None:
    values = {m: [80.0 if m == "fista" else 100.0] * 8 for m in ("fista", "gaussian")}
    found = reading(made_up(tmp_path, spread(PATCHES, "lasso20_best", values)), 3)
    assert found.comparisons[0].verdict.word == INCONCLUSIVE


# ---------- A2: of two models that are both below the empty one, neither is the better


def test_errors_of_two_methods_that_are_worse_than_no_code(tmp_path: Path) -> None:
    values = swept("latents", "mse_best", {"gaussian": {8: 1.1, 64: 1.2}, "gaussian_thresh": {8: 1.3, 64: 1.1}})
    for metrics in values.values():
        metrics["zero_code/mse_best"] = 1.0
    found = reading(made_up(tmp_path, values), 9)
    assert found.verdict.word == INCONCLUSIVE
    assert "empty model" in found.verdict.why
    assert found.advice == ""  # more repetitions are no way out


def test_a_lasso_objective_that_the_zero_code_beats_is_said_so(tmp_path: Path) -> None:
    found = reading(made_up(tmp_path, lasso(), baselines={"lasso20_best": 130.0}), 2)
    assert found.verdict.word == SUPPORTED  # of each other, as the paper states it
    assert all(each.note.startswith("the all-zero code is lower: 130 against 1") for each in found.comparisons)


def test_gradient_noise_is_that_of_runs_trained_with_as_many_draws(tmp_path: Path) -> None:
    """A14: what runs trained with 20 draws score with one says nothing."""
    values = {"spike_slab": 0.05, "gaussian_thresh": 0.1, "laplacian_thresh": 0.12}
    runs = {
        (PATCHES, "samples=20", method): {
            f"gradient_snr_published_{part}_j{j}": value for part in ("inference", "generator") for j in (1, 20)
        }
        for method, value in values.items()
    }
    found = reading(made_up(tmp_path, runs), 5)
    assert found.verdict == (INCONCLUSIVE, 1.0, "no runs were trained with J = 1")
    assert len(found.comparisons) == 5


def test_margins_are_above_nothing_or_below() -> None:
    """A margin of zero would call the smallest effect one that matters."""
    for claim in CLAIMS:
        for each in (claim.stated, *claim.beside):
            assert each.margin
