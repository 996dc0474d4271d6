"""Recovery of a known dictionary: what is planted is found, and each number against a direct computation."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, precision_score, recall_score
from torch import Generator, Tensor, nn

from metrics.runs import dictionary
from metrics.runs import evaluation as evaluation_of
from vscbench.coders import Coder
from vscbench.coders.amortised import Amortised
from vscbench.coders.fista import fista
from vscbench.data.synthetic import Synthetic
from vscbench.metrics import recovery
from vscbench.metrics.recovery import aligned, calibration_error, correlation, f1, match, oracle, reliability
from vscbench.model import build_posterior
from vscbench.networks.mlp import MLP
from vscbench.objectives import Objective

if TYPE_CHECKING:
    from vscbench.data import Data
    from vscbench.metrics.evaluation import Evaluation

PIXELS, LATENTS = 12, 6


def normal(rng: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=rng, dtype=torch.float64)


class Known(Coder):
    """A coder that knows the codes of the test data."""

    def __init__(self, generator: nn.Module, codes: Tensor) -> None:
        super().__init__(generator)
        self.known = codes

    def encode(self, x: Tensor) -> Tensor:  # noqa: ARG002
        """The codes that it knows, whatever the data."""
        return self.known


def evaluation(data: Data, atoms: Tensor, codes: Tensor) -> Evaluation:
    """An evaluation of a dictionary (P, K) whose codes of the test data are `codes` (N, K)."""
    return evaluation_of(Known(dictionary(atoms.float()), codes.float()), data)


@pytest.fixture(scope="module")
def planted() -> Data:
    return Synthetic(train=10, validation=10, test=300, pixels=PIXELS, latents=LATENTS, density=0.3, noise=0.05).load()


def truth(data: Data) -> tuple[Tensor, Tensor]:
    """Atoms (P, K*) and test codes (N, K*)."""
    return torch.from_numpy(data.truth["atoms"]), torch.from_numpy(data.truth["codes.test"])


# -------------------------------------------------------------------- atoms


def test_matching_is_the_best_of_all_permutations(rng: Generator) -> None:
    atoms, true = normal(rng, 4, 5), normal(rng, 4, 5)
    cosines = torch.nn.functional.cosine_similarity(true[:, :, None], atoms[:, None, :], dim=0).abs()
    best = max(cosines[range(5), list(order)].sum() for order in permutations(range(5)))
    found = match(atoms, true)
    torch.testing.assert_close(found.cosine.sum(), best)
    torch.testing.assert_close(found.cosine, cosines[found.true, found.learnt])


def test_order_sign_and_length_of_the_atoms_do_not_matter(rng: Generator) -> None:
    """And the codes are brought back to the units of the true ones: A z is the same."""
    true, codes = normal(rng, PIXELS, LATENTS), normal(rng, 20, LATENTS)
    order = torch.randperm(LATENTS, generator=rng)
    lengths = normal(rng, LATENTS).abs() + 0.1
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0]).double()
    atoms, learnt = (true * signs * lengths)[:, order], (codes * signs / lengths)[:, order]
    torch.testing.assert_close(learnt @ atoms.T, codes @ true.T)
    found = match(atoms, true)
    torch.testing.assert_close(found.cosine, torch.ones(LATENTS).double())
    torch.testing.assert_close(aligned(learnt, found, LATENTS), codes)


@pytest.mark.parametrize("kept", [3, 6])
def test_fewer_and_more_learnt_atoms_than_true_ones(planted: Data, rng: Generator, kept: int) -> None:
    """A true atom without a partner counts as a cosine of 0 and its codes as missed; a superfluous code is false."""
    atoms, codes = truth(planted)
    extra = torch.linalg.qr(torch.cat((atoms, normal(rng, PIXELS, 2).float()), 1)).Q[:, -2:]  # orthogonal to the rest
    learnt, drawn = torch.cat((extra, atoms[:, :kept]), 1), torch.cat((torch.ones(300, 2), codes[:, :kept]), 1)
    found = recovery.measure(evaluation(planted, learnt, drawn))
    on = codes != 0
    assert found["recovery_cosine"] == pytest.approx(kept / LATENTS, abs=1e-5)
    assert found["recovery_atoms"] == pytest.approx(100 * kept / LATENTS)
    # The two others take the places of missing atoms, with a cosine of zero: always on, they hit every code of those.
    taken = [k for k in match(learnt, atoms).true.tolist() if k >= kept]
    assert len(taken) == min(2, LATENTS - kept)
    hits = on[:, [*range(kept), *taken]].sum().item()
    assert found["recovery_recall"] == pytest.approx(hits / on.sum().item())
    assert found["recovery_precision"] == pytest.approx(hits / (on[:, :kept].sum().item() + 600))


def test_an_atom_of_zero_is_not_found(planted: Data) -> None:
    atoms, codes = truth(planted)
    atoms = atoms.clone()
    atoms[:, 2] = 0
    found = recovery.measure(evaluation(planted, atoms, codes))
    assert found["recovery_cosine"] == pytest.approx((LATENTS - 1) / LATENTS)


# -------------------------------------------------------------------- codes


def test_true_codes_are_perfect(planted: Data) -> None:
    atoms, codes = truth(planted)
    found = recovery.measure(evaluation(planted, -2 * atoms, -codes / 2))
    ones = ("cosine", "precision", "recall", "f1", "f1_best")
    assert [found[f"recovery_{name}"] for name in ones] == pytest.approx([1] * len(ones))
    assert found["recovery_amplitude_bias"] == pytest.approx(0, abs=1e-6)
    assert not {"recovery_calibration", "recovery_reliability"} & found.keys()  # no posterior


def test_supports_and_amplitudes_of_known_errors(planted: Data, rng: Generator) -> None:
    """Every code shrunk by a fifth, some dropped, some added: against counts by scikit-learn's definitions."""
    atoms, codes = truth(planted)
    uniform = torch.rand(codes.shape, generator=rng)
    guess = torch.where(codes != 0, 0.8 * codes * (uniform < 0.7), 5.0 * (uniform < 0.05))
    found = recovery.measure(evaluation(planted, atoms, guess))
    there, on = (guess != 0).flatten().numpy(), (codes != 0).flatten().numpy()
    assert found["recovery_precision"] == pytest.approx(precision_score(on, there))
    assert found["recovery_recall"] == pytest.approx(recall_score(on, there))
    assert found["recovery_f1"] == pytest.approx(f1_score(on, there))
    assert found["recovery_recall"] < 0.8 < found["recovery_precision"] < 0.95
    assert found["recovery_amplitude_bias"] == pytest.approx(-0.2, abs=1e-6)


def test_no_code_at_all(planted: Data) -> None:
    """F1 is 0; precision and bias are no numbers, which files leave out."""
    atoms, codes = truth(planted)
    found = recovery.measure(evaluation(planted, atoms, torch.zeros_like(codes)))
    assert found["recovery_f1"] == found["recovery_recall"] == 0
    assert np.isnan(found["recovery_precision"])
    assert np.isnan(found["recovery_amplitude_bias"])


def test_the_oracle_is_fista_at_its_best_penalty(planted: Data) -> None:
    """Better than FISTA at any λ of a finer grid to a hundredth, and near perfect with little noise."""
    atoms, codes = truth(planted)
    x, on = torch.from_numpy(planted.test), codes != 0
    best = oracle(x, atoms, on)
    others = [f1(fista(x, atoms, float(penalty)).codes != 0, on) for penalty in np.geomspace(0.005, 2, 30)]
    assert best == pytest.approx(max(others), abs=0.01)
    assert best > 0.8
    assert min(others) < best - 0.1


def test_mcc_is_the_best_of_all_pairings_by_numpy(rng: Generator) -> None:
    """With fewer learnt latents than true ones, and one that is constant."""
    true = normal(rng, 200, 4)
    codes = torch.stack((true[:, 2] + normal(rng, 200), -3 * true[:, 0] + 7, torch.ones(200)), 1)
    correlations = np.corrcoef(codes[:, :2].T, true.T)[:2, 2:]
    best = max(abs(correlations[[0, 1], list(pair)]).sum() for pair in permutations(range(4), 2))
    assert correlation(codes, true) == pytest.approx(best / 4)


def test_mcc_of_known_noise_and_of_chance(rng: Generator) -> None:
    """Codes with noise of their own variance correlate by 1/√2, in any order, sign and scale; by chance hardly."""
    true = normal(rng, 4000, 16)
    order, scale = torch.randperm(16, generator=rng), normal(rng, 16)
    codes = ((true + normal(rng, 4000, 16)) * scale)[:, order]
    assert correlation(codes, true) == pytest.approx(0.5**0.5, abs=0.01)
    assert correlation(codes[torch.randperm(4000, generator=rng)], true) < (2 * np.log(16) / 4000) ** 0.5


def test_mcc_of_a_run_is_by_codes_alone(planted: Data) -> None:
    """Whatever the atoms, and without any; its null is what other data points give."""
    atoms, codes = truth(planted)
    for generator in (dictionary(torch.ones_like(atoms)), nn.Identity()):
        found = recovery.measure(evaluation_of(Known(generator, -codes.flip(1)), planted))
        assert found["recovery_mcc_draw"] == found["recovery_mcc_mean"] == pytest.approx(1)
        assert 0.02 < found["recovery_mcc_null"] < 0.2
    assert found.keys() == {f"recovery_mcc_{name}" for name in ("draw", "mean", "null")}


# -------------------------------------------------------------------- calibration


def test_reliability_of_known_cases() -> None:
    """Edges belong to the bin above them, 1 to the last."""
    probability = torch.tensor([0.0, 0.05, 0.1, 0.55, 0.55, 1.0, 0.95])
    event = torch.tensor([0, 1, 0, 1, 0, 1, 1]).bool()
    bins = reliability(probability, event)
    expected = np.zeros((3, 10))
    expected[:, [0, 1, 5, 9]] = [[0.025, 0.1, 0.55, 0.975], [0.5, 0, 0.5, 1], [2, 1, 2, 2]]
    np.testing.assert_allclose(bins, expected, atol=1e-6)
    error = (2 * 0.475 + 0.1 + 2 * 0.05 + 2 * 0.025) / 7
    assert calibration_error(bins) == pytest.approx(error)


def test_probabilities_that_are_true_are_calibrated(rng: Generator) -> None:
    """Squared ones are off by E[p - p²] = 1/6, but for the bins."""
    probability = torch.rand(200_000, generator=rng)
    event = torch.rand(200_000, generator=rng) < probability
    assert calibration_error(reliability(probability, event)) < 0.01
    assert calibration_error(reliability(probability.square(), event)) == pytest.approx(1 / 6, abs=0.01)
    assert calibration_error(reliability(torch.ones(200_000), event)) == pytest.approx(0.5, abs=0.01)


def test_calibration_of_a_posterior_is_against_the_matched_truth(planted: Data) -> None:
    """A prior of the data's density, told by a network of zeros, is calibrated; a dense posterior is off by 1 - p."""
    atoms, codes = truth(planted)
    density = codes.ne(0).float().mean().item()
    for spec, expected in (
        ({"family": "laplacian", "threshold": {"kind": "fixed", "value": -np.log(density)}}, 0.0),
        ({"family": "gaussian"}, 1 - density),
    ):
        coder = Amortised(MLP((PIXELS,), (4,)), dictionary(atoms.flip(1)), build_posterior(spec), Objective.of({}))
        for parameter in (*coder.encoder.parameters(), *coder.heads.parameters()):
            nn.init.zeros_(parameter)  # log b = 0
        found = recovery.measure(evaluation_of(coder, planted))
        assert found["recovery_calibration"] == pytest.approx(expected, abs=1e-5)
        assert np.asarray(found["recovery_reliability"])[2].sum() == codes.numel()
        assert found["recovery_cosine"] == pytest.approx(1)


def test_nothing_is_asked_of_data_without_a_truth(planted: Data) -> None:
    atoms, codes = truth(planted)
    assert not recovery.measure(evaluation(replace(planted, truth={}), atoms, codes))
