"""Photographs that ship with libraries."""

from __future__ import annotations

import numpy as np
import pytest

from vscbench import data
from vscbench.data.dataset import SPLITS
from vscbench.data.natural_images import IMAGES, NaturalImages, photograph
from vscbench.data.patches import Names
from vscbench.errors import UserError

COUNTS = {"train": 40, "validation": 20, "test": 30}


@pytest.mark.parametrize("name", IMAGES)
def test_photograph(name: str) -> None:
    grey = photograph(name)
    assert grey.ndim == 2
    assert min(grey.shape) >= 256
    assert (np.array(grey.shape) % 2 == 0).all()
    assert grey.min() >= 0
    assert grey.max() <= 1
    assert grey.std() > 0.05


def test_natural_images() -> None:
    images = Names(["camera", "china"], ["rocket"], ["coffee"])
    source = NaturalImages(images=images, **COUNTS, patch_size=8)
    source.check()
    splits = source.load()
    for split in SPLITS:
        part = getattr(splits, split)
        assert (part.shape, part.dtype) == ((COUNTS[split], 64), np.float32)
        assert np.isfinite(part).all()
        assert 0.2 < part.std() < 5
    assert (splits.truth, splits.labels) == ({}, {})
    assert splits.patch_shape == (1, 8, 8)
    assert source.shape == splits.shape == (64,)
    assert source.files == []


def test_unknown_photograph() -> None:
    spec = {"kind": "natural_images", "images": {"train": ["camera"], "validation": ["moon"], "test": ["coffee"]}}
    source = data.source(spec | COUNTS)
    for refused in (source.check, source.load):
        with pytest.raises(UserError, match="no image moon; there are astronaut, brick"):
            refused()
