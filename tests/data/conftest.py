from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vscbench.data import SPLITS, Data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@pytest.fixture
def source() -> np.random.Generator:
    """A source of random numbers, the same for each test."""
    return np.random.default_rng(0)


@pytest.fixture
def check_images() -> Callable[..., None]:
    """What every image data set is."""

    def check(found: Data, counts: Sequence[int], shape: tuple[int, ...], names: int) -> None:
        assert len(found.label_names) == len(set(found.label_names)) == names
        assert found.standardisation.is_identity
        for name, count in zip(SPLITS, counts, strict=True):
            images, labels = getattr(found, name), found.labels[name]
            assert (images.shape, images.dtype) == ((count, *shape), np.uint8)
            assert (labels.shape, labels.dtype) == ((count, names), np.uint8)
            assert labels.max() <= 1

    return check
