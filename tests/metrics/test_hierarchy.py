"""Splitting and absorption: planted ones are found at their size, and a perfect, noisy or dense coder has none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from metrics.runs import evaluation as evaluation_of
from metrics.test_recovery import Known, dictionary
from vscbench.data.hierarchical import Hierarchical
from vscbench.metrics import hierarchy
from vscbench.metrics.hierarchy import absorption, latents_of, parents_share

if TYPE_CHECKING:
    from vscbench.data import Data
    from vscbench.metrics.evaluation import Measures

PIXELS, LATENTS, ROOTS, POINTS = 32, 16, 4, 4000


@pytest.fixture(scope="module")
def forest() -> Data:
    """Four roots with three children each."""
    counts = {"train": 10, "validation": 10, "test": POINTS}
    return Hierarchical(**counts, pixels=PIXELS, latents=LATENTS, roots=ROOTS, density=0.2).load()


def truth(data: Data) -> tuple[Tensor, Tensor, Tensor]:
    """Atoms (P, K*), test codes (N, K*) and parents (K*,)."""
    known = data.truth
    atoms, codes, parents = known["atoms"], known["codes.test"], known["parents"]
    return torch.from_numpy(atoms), torch.from_numpy(codes), torch.from_numpy(parents)


def measured(data: Data, atoms: Tensor, codes: Tensor) -> Measures:
    """The measures of codes (N, K) that are known; a coder tells them a chunk at a time."""
    parts = iter(codes.split(500))

    class InTurn(Known):
        def encode(self, x: Tensor) -> Tensor:  # noqa: ARG002
            return next(parts)

    return hierarchy.measure(evaluation_of(InTurn(dictionary(atoms), codes), data))


def absorbed(atoms: Tensor, codes: Tensor, parents: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Atoms and codes where child latents do their parent's work on the points and children of `share` (N, K*)."""
    atoms, codes = atoms.clone(), codes.clone()
    for child in range(ROOTS, LATENTS):
        codes[(codes[:, child] != 0) & share[:, child], parents[child]] = 0
    atoms[:, ROOTS:] += atoms[:, parents[ROOTS:]]
    return atoms, codes


# -------------------------------------------------------------------- absorption


def test_a_perfect_coder_absorbs_and_splits_nothing(forest: Data) -> None:
    """In another order, with other signs and scales."""
    atoms, codes, _ = truth(forest)
    found = measured(forest, -3 * atoms.flip(1), -codes.flip(1) / 3)
    expected = {"features_covered": 100, "splitting": 0, "splitting_latents": 1, "absorption_parents": 100}
    expected |= {"absorption": 0, "absorption_null": 0, "absorption_excess": 0, "absorption_atoms": 0}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_planted_absorption_is_found_at_its_size(forest: Data, rng: Generator, share: float) -> None:
    """Of a point with two children the parent is silent if either has absorbed it: counted pair by pair here."""
    atoms, codes, parents = truth(forest)
    where = torch.rand(codes.shape, generator=rng) < share
    learnt, drawn = absorbed(atoms, codes, parents, where)
    found = measured(forest, learnt, drawn)
    pairs = [(codes[:, k] != 0, drawn[:, parents[k]] == 0) for k in range(ROOTS, LATENTS)]
    expected = sum((on & off).sum() for on, off in pairs) / sum(on.sum() for on, _ in pairs)
    assert found["absorption"] == pytest.approx(float(expected))
    assert (found["absorption"] == 1) if share == 1 else (0.4 < found["absorption"] < 0.8)
    assert found["absorption_null"] == 0
    assert found["absorption_parents"] == 100
    assert found["absorption_atoms"] == pytest.approx(0.5, abs=1e-4)


def test_latents_dropped_at_random_are_no_absorption(forest: Data, rng: Generator) -> None:
    """The rate is what is dropped, and so is its null; half of the false alarms that ½ allows change nothing."""
    atoms, codes, _ = truth(forest)
    uniform = torch.rand(codes.shape, generator=rng)
    noisy = torch.where(codes != 0, codes * (uniform < 0.8), (uniform < 0.05).float())
    found = measured(forest, atoms, noisy)
    assert found["absorption"] == pytest.approx(0.2, abs=0.03)
    assert found["absorption_excess"] == pytest.approx(0, abs=0.03)
    assert found["absorption_parents"] == 100


def test_dense_codes_and_chance_detect_no_parent(forest: Data, rng: Generator) -> None:
    """So nothing is said of their absorption: there is no number."""
    atoms, codes, _ = truth(forest)
    for blind in (torch.ones_like(codes), codes[torch.randperm(POINTS, generator=rng)], torch.zeros_like(codes)):
        found = measured(forest, atoms, blind)
        assert found["absorption_parents"] == 0
        assert not {"absorption", "absorption_null", "absorption_excess", "splitting"} & found.keys()


def test_a_parent_that_is_hardly_ever_alone_is_not_judged() -> None:
    on = torch.ones(100, dtype=torch.bool)
    on[50:] = False
    for alone, judged in ((19, 0), (20, 1)):
        child = on & (torch.arange(100) >= alone)
        true = torch.stack((on, child), 1)
        assert absorption(true, true, torch.tensor([-1, 0])).judged == judged


def test_random_atoms_share_nothing_with_parents(rng: Generator) -> None:
    """On average; and a planted share comes out, whatever sign and length an atom has."""
    shares = []
    for _ in range(30):
        atoms, true = (torch.randn(PIXELS, 40, generator=rng) for _ in range(2))
        parents = torch.arange(40) // 2 - 1
        parents[:2] = -1
        shares.append(parents_share(atoms, true / true.norm(dim=0), parents))
    assert np.mean(shares) == pytest.approx(0, abs=4 * np.std(shares) / 30**0.5)
    true = torch.linalg.qr(torch.randn(PIXELS, 10, generator=rng)).Q
    parents = torch.tensor([-1, *[0] * 9])
    atoms = true.clone()
    atoms[:, 1:] = -4 * (true[:, 1:] + 0.25 * true[:, :1])
    assert parents_share(atoms, true, parents) == pytest.approx(0.2, abs=1e-5)


# -------------------------------------------------------------------- splitting


@pytest.mark.parametrize("split", [1, 5])
def test_planted_splitting_is_found(forest: Data, rng: Generator, split: int) -> None:
    """The last features in two latents, each active on half of their points; a parent is not split by its children."""
    atoms, codes, _ = truth(forest)
    first = torch.rand(POINTS, split, generator=rng) < 0.5
    halves = codes[:, -split:]
    drawn = torch.cat((codes[:, :-split], halves * first, halves * ~first), 1)
    found = measured(forest, torch.cat((atoms, atoms[:, -split:]), 1), drawn)
    assert found["features_covered"] == 100
    assert found["splitting"] == pytest.approx(100 * split / LATENTS)
    assert found["splitting_latents"] == pytest.approx(1 + split / LATENTS)


def test_junk_is_of_no_feature(forest: Data, rng: Generator) -> None:
    """Dense and shuffled latents, silent ones, and ones that are right but hardly ever active."""
    _, codes, _ = truth(forest)
    true = codes != 0
    shuffled = true[torch.randperm(POINTS, generator=rng)]
    rare = true & (torch.rand(true.shape, generator=rng) < 0.05)
    for junk in (torch.ones_like(true), shuffled, torch.zeros_like(true), rare):
        assert not latents_of(junk, true).any()
        assert (latents_of(torch.cat((true, junk), 1), true) == 1).all()


def test_what_the_data_do_not_tell_is_left_out(forest: Data) -> None:
    atoms, codes, _ = truth(forest)
    plain = {name: value for name, value in forest.truth.items() if name != "parents"}
    assert set(measured(replace(forest, truth=plain), atoms, codes)) == {
        "features_covered",
        "splitting",
        "splitting_latents",
    }
    assert not measured(replace(forest, truth={}), atoms, codes)
