"""Frontiers, statistics and matched dictionaries are those of the code before the renovation, to 1e-9."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from golden_file import golden, same
from vscbench.reporting.agreement import matched_cosine
from vscbench.reporting.frontier import CODES, Curve, Frontier, efficient, overlap
from vscbench.reporting.inference import holm, one_sample, p_above

COLUMNS = [str(name) for name in golden()["frontier/in/columns"]]
VALUES = golden()["statistics/in/values"]


def points() -> pd.DataFrame:
    """A row for each run: method, group, repetition and the metrics of its codes."""
    table = pd.DataFrame(golden()["frontier/in/values"], columns=COLUMNS)
    method, group = golden()["frontier/in/text"].T
    return table.assign(method=method, group=group, repetition=golden()["frontier/in/repetition"].astype(int))


def test_matched_cosine() -> None:
    learnt, atoms = golden()["recovery/in/learnt"], golden()["in/atoms"]
    pairs = ((learnt, atoms), (atoms, atoms[:, ::-1]), (atoms[:, :4], learnt[:, :4]))
    same([matched_cosine(*pair) for pair in pairs], "reporting/matched_cosine")


def test_curves() -> None:
    """Between their nodes. What the nodes are is no longer as it was: no maximum is taken over points."""
    vsc, fista = (Curve(*golden()[f"frontier/curve_{method}"]) for method in ("vsc", "fista"))
    same(vsc.at([0.02, 0.05, 0.1, 0.2, 0.5, 0.9]), "frontier/at_vsc")
    span = overlap([vsc, fista])
    assert span is not None
    same(span, "frontier/overlap")
    same([vsc.mean(*span), fista.mean(*span)], "frontier/mean")


def test_efficient_points() -> None:
    same(efficient(points()["density"], -points()["fve_draw"]), "frontier/efficient")


@pytest.mark.parametrize("code", CODES)
def test_frontier(code: str) -> None:
    place = Frontier(["g"], points())
    same(place.common(code), f"frontier/common_{code}")
    same(place.highest("vsc", code)[COLUMNS], f"frontier/highest_vsc_{code}")


def test_statistics() -> None:
    p = [[p_above(one_sample(row), bound) for bound in (0.0, 0.2)] for row in VALUES]
    np.testing.assert_allclose(p, golden()["statistics/p_above"][: len(VALUES)], rtol=1e-9)  # the rest does not vary
    same(holm([p_above(one_sample(row), 0) for row in VALUES]), "statistics/holm")
