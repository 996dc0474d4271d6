"""Which rows are for training, validation and the test."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from vscbench.data.splitting import choose, divide, given
from vscbench.errors import UserError


def test_subsets_are_disjoint_random_and_in_order(source: np.random.Generator) -> None:
    chosen = choose(1000, {"train": 500, "validation": 0, "test": 300}, source)
    together = np.concatenate(list(chosen.values()))
    assert [len(part) for part in chosen.values()] == [500, 0, 300]
    assert len(np.unique(together)) == 800
    assert (np.diff(chosen["train"]) > 0).all()
    assert chosen["train"].mean() == pytest.approx(499.5, abs=40)
    again = choose(1000, {"train": 500}, np.random.default_rng(0))
    np.testing.assert_array_equal(again["train"], chosen["train"])
    np.testing.assert_array_equal(choose(4, {"all": 4}, source)["all"], np.arange(4))


def test_too_many_images(source: np.random.Generator) -> None:
    with pytest.raises(UserError, match=r"train \+ test: 11 images asked for, but there are only 10"):
        choose(10, {"train": 6, "test": 5}, source)


def test_division_is_a_random_partition() -> None:
    one, same, other = (divide(1000, 0.05, 100, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert {name: len(rows) for name, rows in one.items()} == {"train": 850, "validation": 50, "test": 100}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(one.values()))), np.arange(1000))
    for name, rows in one.items():
        np.testing.assert_array_equal(rows, same[name])
        assert not np.array_equal(rows, other[name])
        assert rows.mean() == pytest.approx(499.5, abs=5 * 289 / len(rows) ** 0.5)
        assert (np.diff(rows) < 0).any()  # in random order, too


def test_a_share_is_one_row_at_least() -> None:
    parts = divide(10, 0.001, 0.001, np.random.default_rng(0))
    assert [len(rows) for rows in parts.values()] == [8, 1, 1]


@pytest.mark.parametrize("kind", [int, str])
def test_a_group_is_on_one_side(source: np.random.Generator, kind: type) -> None:
    groups = np.sort(source.integers(0, 40, 1000))
    parts = divide(1000, 0.1, 200, np.random.default_rng(3), groups.astype(kind))
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(1000))
    sides = [set(groups[rows].tolist()) for rows in parts.values()]
    assert sum(map(len, sides)) == len(set(groups.tolist()))
    assert 100 <= len(parts["validation"]) < 150  # as asked for, and a group more at most
    assert 200 <= len(parts["test"]) < 250
    assert (np.diff(groups[parts["train"]]) != 0).mean() > 0.9  # rows in random order, not group after group
    other = divide(1000, 0.1, 200, np.random.default_rng(4), groups)
    assert set(groups[other["test"]].tolist()) != sides[2]


def test_no_part_is_ever_empty(source: np.random.Generator) -> None:
    """Whatever the groups and their order: each part has a row, or the division is refused."""
    taken = 0
    for seed in range(200):
        groups = source.integers(0, 4, 12)
        try:
            parts = divide(12, int(source.integers(1, 5)), int(source.integers(1, 5)), source, groups)
        except UserError as error:
            assert "groups" in str(error), seed  # noqa: PT017  (some are refused)
            continue
        taken += 1
        assert all(len(rows) for rows in parts.values())
    assert 20 < taken < 180


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation": 0}, "validation: 0 is not allowed; it must be a share between 0 and 1, or a whole number"),
        ({"test": 1.5}, "test: 1.5 is not allowed"),
        ({"test": -1}, "test: -1 is not allowed"),
        ({"test": float("nan")}, "test: nan is not allowed"),
        ({"test": "many"}, "test: 'many' is not allowed"),
        ({"validation": 5, "test": 5}, r"validation \+ test: 10 of 10 rows, which leaves none for train"),
        ({"groups": np.zeros(10, int)}, "groups: only 1; train, validation and test need one each at least"),
        ({"groups": np.zeros(9, int)}, r"groups: their shape is \(9,\); it must be \(10,\), one a row"),
        ({"groups": np.zeros((10, 1), int)}, r"groups: their shape is \(10, 1\)"),
        ({"groups": np.zeros(10)}, "groups: their type is float64; it must be whole numbers or text"),
        ({"groups": np.array([0] * 8 + [1, 2]), "test": 3}, "the 3 groups are too few or too large"),
    ],
)
def test_division_that_is_refused(settings: dict[str, Any], message: str) -> None:
    for seed in range(5):
        try:
            divide(**({"total": 10, "validation": 1, "test": 1, "rng": np.random.default_rng(seed)} | settings))
        except UserError as error:
            assert re.search(message, str(error))  # noqa: PT017  (whichever of the orders has it)
            return
    pytest.fail("it is taken")


def test_given_rows_stay_in_their_order() -> None:
    parts = given([[5, 2], np.array([0], np.uint8), (3, 1)], 6)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [5, 2],
        "validation": [0],
        "test": [3, 1],
    }


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ([[0], [1]], "split: 2 lists of rows; it must be three: train, validation, test"),
        ([[0], [], [1]], r"split: validation has the shape \(0,\); it must be a list of one row at least"),
        ([[0], [[1]], [2]], r"split: validation has the shape \(1, 1\)"),
        ([[0], [1.0], [2]], "split: validation is of type float64; it must be whole numbers"),
        ([[0], [1], [True]], "split: test is of type bool"),
        ([[0], [1], [6]], "split: test has row 6; rows are 0 to 5"),
        ([[-1], [1], [2]], "split: train has row -1; rows are 0 to 5"),
        ([[0, 3], [1], [2, 3]], "split: row 3 is there twice or more: in train, test"),
        ([[0, 3, 3], [1], [2]], "split: row 3 is there twice or more: in train, train"),
    ],
)
def test_given_rows_that_are_refused(split: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        given(split, 6)
