"""Patches cut from images, and splits by image."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vscbench.data.dataset import SPLITS, Data
from vscbench.data.patches import Names, check_assignment, cut_patches, split_by_image
from vscbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNTS = {"train": 40, "validation": 20, "test": 30}


def numbered(*shape: int) -> NDArray[np.float64]:
    """An image whose every pixel is another number."""
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def cut(images: list[NDArray[np.float64]], size: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    sizes = {k: image.shape[-2:] for k, image in enumerate(images)}
    return cut_patches(sizes, images.__getitem__, size, count, rng)[0]


def split(images: dict[Any, NDArray[np.float64]], seed: int, **changes: Any) -> Data:
    sizes = {name: image.shape[-2:] for name, image in images.items()}
    return split_by_image(sizes, images.__getitem__, asdict(ASSIGNMENT), COUNTS, 4, seed, **changes)


def test_patches_lie_at_distinct_positions(source: np.random.Generator) -> None:
    """All positions of all images, each once, when all are asked for; patches are what lies there."""
    first = numbered(9, 7)
    images = [first, 1000 + numbered(5, 11)]
    patches = cut(images, 4, 6 * 4 + 2 * 8, source)
    corners = patches[:, 0]
    expected = [image[: image.shape[0] - 3, : image.shape[1] - 3].ravel() for image in images]
    np.testing.assert_array_equal(np.sort(corners), np.sort(np.concatenate(expected)))
    for corner, patch in zip(corners, patches, strict=True):
        image = images[int(corner >= 1000)]
        row, column = np.argwhere(image == corner)[0]
        np.testing.assert_array_equal(patch, image[row : row + 4, column : column + 4].ravel())


def test_patches_come_from_everywhere_in_random_order(source: np.random.Generator) -> None:
    patches = cut([numbered(40, 40), 1e4 + numbered(80, 40)], 8, 1000, source)
    corners = patches[:, 0]
    assert len(np.unique(corners)) == 1000
    share = 73 / (73 + 33)  # of the positions that are the second image's
    assert (corners >= 1e4).mean() == pytest.approx(share, abs=0.05)
    assert abs(np.corrcoef(corners, np.arange(1000))[0, 1]) < 0.1


def test_too_many_patches(source: np.random.Generator) -> None:
    with pytest.raises(UserError, match="21 patches of 4x4 asked for, but the images hold only 20"):
        cut([numbered(7, 8)], 4, 21, source)


ASSIGNMENT = Names(["a", "b", "c"], ["d"], ["e", "f"])


def test_splits_share_no_image() -> None:
    """Every image is one number throughout: its patches, z-scored, still say which image they are from."""
    level = {name: 3.0**k for k, name in enumerate("abcdef")}
    images = {name: np.full((20, 20), value) for name, value in level.items()}
    splits = split(images, 0)
    # z = (x - mean) / std, alike for all pixels here; two images of train give mean and std back.
    found = np.unique(splits.train[:, 0])
    mean, std = _line(found[[0, -1]], [level["a"], level["c"]])
    for part in SPLITS:
        values = getattr(splits, part)
        assert values.shape == (COUNTS[part], 16)
        np.testing.assert_allclose(values, np.repeat(values[:, :1], 16, axis=1))
        sources = np.unique(np.round(values[:, 0] * std + mean, 2))
        np.testing.assert_allclose(sources, [level[name] for name in getattr(ASSIGNMENT, part)], rtol=1e-3)


def _line(z: NDArray[np.float32], x: list[float]) -> tuple[float, float]:
    """Intercept and slope of x = intercept + slope · z through two points."""
    slope = (x[1] - x[0]) / float(z[1] - z[0])
    return x[0] - slope * float(z[0]), slope


def random_images(source: np.random.Generator, names: str = "abcdef") -> dict[Any, NDArray[np.float64]]:
    return {name: 5 + 2 * source.standard_normal((20, 20)) for name in names}


def test_splits_are_a_function_of_the_seed(source: np.random.Generator) -> None:
    images = random_images(source)
    one, same, other = (split(images, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


def test_statistics_are_those_of_train(source: np.random.Generator) -> None:
    """Per pixel; whatever validation and test hold, train stays as it is."""
    images = random_images(source)
    splits = split(images, 0)
    np.testing.assert_allclose(splits.train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(splits.train.std(0), 1, atol=1e-6)
    brighter = images | {name: 100 * images[name] for name in "def"}
    np.testing.assert_array_equal(split(brighter, 0).train, splits.train)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": ["e", "a"]}, "a is assigned twice; each image belongs to one split"),
        ({"train": ["a", "a"]}, "a is assigned twice; each image belongs to one split"),
        ({"validation": ["moon"]}, "no image moon; there are a, b, c, d, e, f"),
    ],
    ids=["in_two_splits", "twice_in_one", "unknown"],
)
def test_wrong_assignment(changes: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_assignment(Names(**asdict(ASSIGNMENT) | changes), list("abcdef"))


def test_assignment_that_is_right() -> None:
    assert check_assignment(ASSIGNMENT, list("abcdef")) == asdict(ASSIGNMENT)


def test_patch_larger_than_an_image(source: np.random.Generator) -> None:
    with pytest.raises(UserError, match="a patch of 8x8 is larger than image 1, whose usable part is 20x7"):
        cut([numbered(9, 9), numbered(20, 7)], 8, 1, source)


def test_colour_patches_are_their_channels_one_after_the_other(source: np.random.Generator) -> None:
    image = numbered(3, 9, 7)
    patches = cut([image], 4, 24, source).reshape(-1, 3, 4, 4)
    for patch in patches:
        _, row, column = np.argwhere(image == patch[0, 0, 0])[0]
        np.testing.assert_array_equal(patch, image[:, row : row + 4, column : column + 4])
    found = split({name: source.standard_normal((3, 20, 20)) for name in "abcdef"}, 0)
    assert found.train.shape == (40, 48)
    assert found.patch_shape == (3, 4, 4)


def test_an_image_is_read_once_and_only_where_a_patch_is_cut(source: np.random.Generator) -> None:
    read = []

    def take(name: str) -> NDArray[np.float64]:
        read.append(name)
        return numbered(8, 8)

    cut_patches(dict.fromkeys("abcdefgh", (8, 8)), take, 8, 3, source)
    assert len(read) == len(set(read)) == 3


def test_statistics_are_kept(source: np.random.Generator) -> None:
    images = random_images(source)
    found, raw = split(images, 0), split(images, 0, standardise="none")
    assert raw.standardisation.is_identity
    np.testing.assert_allclose(found.standardisation.restore(found.test), raw.test, rtol=1e-5, atol=1e-5)
    together = split(images, 0, standardise="global")
    assert together.standardisation.mean.shape == ()
    assert together.train.mean() == pytest.approx(0, abs=1e-6)
    assert together.train.std() == pytest.approx(1, abs=1e-6)
