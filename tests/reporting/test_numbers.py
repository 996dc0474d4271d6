"""Numbers as text."""

from __future__ import annotations

import math

import pytest

from vscbench.reporting.numbers import Cell, figures_of, text

NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "sd", "written"),
    [
        (102, 2.8284, "102.0 ± 2.8"),
        (0.8223, 0.014142, "0.822 ± 0.014"),
        (34200, 85, "34200 ± 85"),
        (12345.6, 2345, "12346 ± 2345"),
        (-2.5, 0.12, "-2.50 ± 0.12"),
        (1e-9, 0.5, "0.00 ± 0.50"),
        (2e-4, 3e-5, "2.0e-04 ± 3.0e-05"),
        (0.5, 1e-7, "0.5000 ± 0.0000"),
        (12.5, 0, "12.5 ± 0.0"),
        (0, 0, "0 ± 0"),
        (64.86, NAN, "64.9"),
        (735, NAN, "735"),
        (0.370851, NAN, "0.371"),
        (-0.370851, NAN, "-0.371"),
        (25640, NAN, "25640"),
        (5e-5, NAN, "5.00e-05"),
        (0, NAN, "0"),
        (1, NAN, "1.00"),
        (0.022952, 0.000024, "0.022952 ± 0.000024"),
        (0.028624, 0.000112, "0.02862 ± 0.00011"),
    ],
)
def test_numbers_have_the_digits_that_their_spread_allows(mean: float, sd: float, written: str) -> None:
    """Two digits of the standard deviation; three of a number without one."""
    cell = Cell(mean, sd, 1 if math.isnan(sd) else 2)
    assert text(cell) == written
    assert text(cell, "+-") == written.replace(" ± ", "+-")
    assert f"{mean:{figures_of(mean, sd)}}" == written.split(" ± ", maxsplit=1)[0]


def test_no_number_is_a_dash() -> None:
    assert text(None) == "–"
