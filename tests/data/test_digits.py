"""Handwritten digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.datasets import load_digits

from vscbench.data.dataset import SPLITS
from vscbench.data.digits import Digits
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_digits(check_images: Callable[..., None]) -> None:
    """All 1,797, each once, with scikit-learn's classes and brightness."""
    splits = Digits(train=1400, validation=197, test=200).load()
    check_images(splits, (1400, 197, 200), (1, 8, 8), 10)
    pixels, classes = load_digits(return_X_y=True)
    theirs = sorted(zip(map(tuple, (pixels * 255 / 16).round().astype(int).tolist()), classes.tolist(), strict=True))
    ours = [
        (tuple(image.ravel().tolist()), int(label.argmax()))
        for name in SPLITS
        for image, label in zip(getattr(splits, name), splits.labels[name], strict=True)
    ]
    assert sorted(ours) == theirs
    assert splits.train.max() == 255
    assert (splits.labels["train"].sum(1) == 1).all()
    assert splits.label_names == tuple("0123456789")


def test_digits_are_a_function_of_the_seed() -> None:
    one, same, other = (Digits(train=100, validation=10, test=10, seed=seed).load().train for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_too_many_digits() -> None:
    with pytest.raises(UserError, match="1798 images asked for, but there are only 1797"):
        Digits(train=1798, validation=0, test=0).load()
