"""A folder of the user's own pictures."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from vscbench import data
from vscbench.config import parts
from vscbench.data import SPLITS, images
from vscbench.data.whitening import whiten
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

PATCHES = {"size": 8, "train": 200, "validation": 30, "test": 40}


@pytest.fixture
def folder(tmp_path: Path, source: np.random.Generator) -> Path:
    """Twenty pictures of 40×50 in two sub-folders, the k-th of which has only values near 10 k."""
    for k in range(20):
        path = tmp_path / "photos" / ("cats" if k % 2 else "dogs") / f"{k:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = source.integers(0, 6, (40, 50, 3), dtype=np.uint8)
        Image.fromarray((noise + 10 * k).astype(np.uint8)).save(path)
    return tmp_path / "photos"


def spec(folder: Path, **settings: Any) -> dict[str, Any]:
    return {"kind": "images", "name": "photos", "source": str(folder), **settings}


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(("size", "edges"), [(16, (16, 16)), ([12, 20], (12, 20))])
def test_whole_pictures(folder: Path, tmp_path: Path, colour: bool, size: Any, edges: tuple[int, int]) -> None:
    settings = spec(folder, size=size, colour=colour, validation=2, test=0.25)
    source = data.source(settings)
    source.check()
    found = data.prepare(settings, tmp_path / "data")
    assert source.shape == found.shape == (3 if colour else 1, *edges)
    assert (found.train.dtype, found.standardisation.is_identity) == (np.uint8, True)
    numbers = {name: (getattr(found, name).mean((1, 2, 3)) // 10).astype(int).tolist() for name in SPLITS}
    assert {name: len(part) for name, part in numbers.items()} == {"train": 13, "validation": 2, "test": 5}
    assert sorted(chain(*numbers.values())) == list(range(20))
    assert found.labels == {}
    other = data.prepare(settings | {"seed": 1}, tmp_path / "other")
    assert not np.array_equal(other.test, found.test)


@pytest.mark.parametrize("settings", [{"size": [12, 20]}, {"patches": PATCHES}])
def test_a_job_reads_what_a_study_fills_in(folder: Path, settings: dict[str, Any]) -> None:
    """All defaults written out, nulls among them, are the same source."""
    given = {"kind": "images", "source": str(folder), **settings}
    assert data.source(parts.filled("dataset", given)) == data.source(given)


def test_sub_folders_are_labels(folder: Path, tmp_path: Path) -> None:
    found = data.prepare(spec(folder, size=8, labels=True), tmp_path / "data")
    assert found.label_names == ("cats", "dogs")
    for name in SPLITS:
        odd = (getattr(found, name).mean((1, 2, 3)) // 10).astype(int) % 2
        np.testing.assert_array_equal(found.labels[name], np.stack([odd, 1 - odd], 1))


@pytest.mark.parametrize("colour", [False, True])
def test_no_picture_gives_patches_to_both_sides(folder: Path, tmp_path: Path, colour: bool) -> None:
    settings = spec(folder, patches=PATCHES, colour=colour, standardise="none")
    source = data.source(settings)
    source.check()
    found = data.prepare(settings, tmp_path / "data")
    channels = 3 if colour else 1
    assert source.shape == found.shape == (channels * 64,)
    assert found.patch_shape == (channels, 8, 8)
    sides = []
    for name, count in (("train", 200), ("validation", 30), ("test", 40)):
        part = getattr(found, name)
        assert (part.shape, part.dtype) == ((count, channels * 64), np.float32)
        assert part.max() <= 1
        sides.append({int(value) for value in part.mean(1) * 255 // 10})
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert [len(side) for side in sides] == [14, 2, 4]


def test_patches_are_standardised(folder: Path, tmp_path: Path) -> None:
    found = data.prepare(spec(folder, patches=PATCHES), tmp_path / "data")
    np.testing.assert_allclose(found.train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.train.std(0), 1, atol=1e-5)
    raw = found.standardisation.restore(found.test)
    assert 0 <= raw.min() <= raw.max() <= 1
    together = data.prepare(spec(folder, patches=PATCHES, standardise="global"), tmp_path / "together")
    assert together.standardisation.mean.shape == ()


@pytest.mark.parametrize("colour", [False, True])
def test_whitened_patches_are_of_the_whitened_picture(folder: Path, tmp_path: Path, colour: bool) -> None:
    """Each channel by itself, eight pixels at each edge left out."""
    patches = PATCHES | {"whiten": True, "cutoff": 0.3, "train": 50}
    found = data.prepare(spec(folder, patches=patches, colour=colour, standardise="none"), tmp_path / "data")
    channels = 3 if colour else 1
    white = []
    for path in sorted(folder.rglob("*.png")):
        with Image.open(path) as image:
            x = np.asarray(image.convert("RGB" if colour else "L")).reshape(40, 50, channels) / 255
        white.append(np.stack([whiten(x[..., c], 0.3) for c in range(channels)]))
    assert white[0].shape == (channels, 24, 34)
    corners = np.concatenate([np.moveaxis(each, 0, -1).reshape(-1, channels) for each in white])
    for patch in found.test.reshape(-1, channels, 8, 8)[:10]:
        assert np.abs(corners - patch[:, 0, 0]).max(1).min() < 1e-6


def test_files_are_the_pictures_unless_they_are_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = data.source(spec(folder, size=8))
    assert source.files == sorted(folder.rglob("*.png"))
    monkeypatch.setattr(images, "MANY", 19)
    assert source.files == [folder]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "images: give either `size`, for whole pictures, or `patches`"),
        ({"size": 8, "patches": PATCHES}, "images: give either `size`, for whole pictures, or `patches`"),
        ({"patches": PATCHES, "labels": True}, "`labels` are those of whole pictures"),
        ({"size": 0}, r"size: 0 is not allowed; it must be a number of pixels, or \[height, width\]"),
        ({"size": [1, 2, 3]}, "size: .* is not allowed"),
        ({"size": 8.5}, "size: 8.5 is not allowed"),
        ({"size": True}, "size: true is not allowed"),
        ({"patches": PATCHES | {"size": 2}}, "patches.size: 2 is not allowed; it must be a whole number, at least 4"),
        ({"size": 8, "test": 2.5}, "test: 2.5 is not allowed; it must be a share between 0 and 1, or a whole number"),
        ({"size": 8, "colour": "yes"}, 'colour: "yes" is not allowed; it must be true or false'),
    ],
)
def test_settings_that_are_refused(folder: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        data.source(spec(folder, **settings))


def refused(folder: Path, message: str, **settings: Any) -> None:
    source = data.source(spec(folder, **settings))
    for act in (source.check, source.load):
        with pytest.raises(UserError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_folder_that_is_refused(folder: Path, tmp_path: Path, source: np.random.Generator) -> None:
    refused(folder / "none", "source: there is no folder .*/none", size=8)
    refused(folder, r"photos holds 20 pictures; validation \+ test: 20 of 20 rows", size=8, validation=10, test=10)
    refused(folder, "a patch of 32x32 is larger than image .*png, whose usable part is 24x34", patches=white(32))
    small = folder / "cats" / "small.png"
    Image.fromarray(source.integers(0, 255, (5, 60), dtype=np.uint8)).save(small)
    refused(folder, f"a patch of 8x8 is larger than image {small}, whose usable part is 5x60", patches=PATCHES)
    small.rename(folder / "alone.png")
    refused(folder, "labels: .*alone.png lies in no sub-folder, which would be its class", size=8, labels=True)
    (folder / "alone.png").unlink()
    (folder / "dogs").rename(tmp_path / "dogs")
    refused(folder, "labels: 1 distinct classes", size=8, labels=True)


def white(size: int) -> dict[str, Any]:
    return PATCHES | {"size": size, "whiten": True}


def test_too_many_patches(folder: Path) -> None:
    source = data.source(spec(folder, patches=PATCHES | {"test": 10_000}))
    with pytest.raises(UserError, match=r"10000 patches of 8x8 asked for, but the images hold only 5676"):
        source.load()


def test_picture_that_is_none(folder: Path, tmp_path: Path) -> None:
    """Before any job where its header says so, by its name in any case."""
    path = folder / "cats" / "01.png"
    content = path.read_bytes()
    path.write_bytes(b"no picture")
    for settings in ({"size": 8}, {"patches": PATCHES}):
        with pytest.raises(UserError, match=f"{path} does not decode"):
            data.source(spec(folder, **settings)).check()
        path.write_bytes(content[:500])
        with pytest.raises(UserError, match=f"{path} does not decode"):
            data.prepare(spec(folder, **settings, seed=2), tmp_path / "out" / "data")
        assert not list(tmp_path.glob("out/*"))
        path.write_bytes(b"no picture")


def test_picture_of_one_colour_cannot_be_whitened(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        Image.new("RGB", (40, 40), (9, 9, 9)).save(path)
    with pytest.raises(UserError, match="png has a channel that is the same throughout: it cannot be whitened"):
        data.source(spec(folder, patches=white(8))).load()
