"""Whether codes are optimal, against scikit-learn's optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from metrics.runs import dictionary, evaluation, made_up, untrained
from vscbench.coders.fista import Fista
from vscbench.metrics.optimality import measure
from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from vscbench.data import Data

PENALTY = 0.1


@pytest.mark.parametrize(("stop", "iterations"), [("gap", 10_000), ("change", 500), ("change", 20)])
def test_gap_bounds_the_distance_from_the_optimum(stop: str, iterations: int) -> None:
    """Of atoms that are nearly alike: optimal to 1 % by the gap, and by the rule of small changes some are not."""
    rng = torch.Generator().manual_seed(0)
    atoms = torch.randn(16, 24, generator=rng, dtype=torch.float64)
    atoms = atoms[:, :1] + 0.3 * atoms
    x = 3 * torch.randn(12, 16, generator=rng, dtype=torch.float64)
    coder = Fista(dictionary(atoms), PENALTY, stop=stop, max_iterations=iterations)  # type: ignore[arg-type]
    e = evaluation(coder, made_up(x))
    solver = Lasso(alpha=PENALTY / 16, fit_intercept=False, tol=1e-9, max_iter=200_000)
    optimal = torch.from_numpy(np.stack([solver.fit(atoms.numpy(), row.numpy()).coef_ for row in x]))
    reached, least = (lasso_objective(x, z @ atoms.T, z, PENALTY) for z in (e.mean, optimal))
    found = measure(e)
    assert found["duality_gap_largest"] >= (1 - least / reached).max() >= 0
    assert found["duality_gap"] >= (1 - least / reached).mean()
    assert (found["optimal_codes"] == 100) == (found["duality_gap_largest"] <= 0.01) == (stop == "gap")
    assert measure(e, gap=1.0)["optimal_codes"] == 100


def test_of_solvers_alone(data: Data) -> None:
    assert measure(untrained({"family": "gaussian"}, data)) == {}
    assert measure(untrained({"family": "lista", "penalty": 0.1}, data))["optimal_codes"] < 100
