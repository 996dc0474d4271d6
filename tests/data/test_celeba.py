"""CelebA, from a small album laid out as it is."""

from __future__ import annotations

import logging
import shutil
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from vscbench import data
from vscbench.data import celeba, pictures
from vscbench.data.celeba import CelebA
from vscbench.data.dataset import SPLITS
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


COUNT = 14
PARTITION = [0] * 7 + [1] * 3 + [2] * 4
NAMES = [f"{k + 1:06d}.jpg" for k in range(COUNT)]
ATTRIBUTES = [f"Attribute_{k}" for k in range(40)]
COUNTS = {"train": 5, "validation": 2, "test": 3}


@pytest.fixture
def album(tmp_path: Path, source: np.random.Generator) -> Path:
    """A folder laid out as CelebA is, with 14 images and the official quirks of its text files."""
    folder = tmp_path / "mine" / "celeba"
    make_album(folder, PARTITION, source)
    return folder


def make_album(folder: Path, partition: list[int], rng: np.random.Generator) -> None:
    names = [f"{k + 1:06d}.jpg" for k in range(len(partition))]
    (folder / "img_align_celeba").mkdir(parents=True)
    for name in names:
        small = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(small).resize((178, 218)).save(folder / "img_align_celeba" / name, quality=95)
    attributes = rng.integers(0, 2, (len(names), 40)) * 2 - 1
    rows = {
        "list_eval_partition.txt": ([], [f"{k}" for k in partition]),
        "identity_CelebA.txt": ([], ["2880"] * len(names)),
        "list_bbox_celeba.txt": (["image_id x_1 y_1 width height"], ["   95  71 226 313"] * len(names)),
        "list_landmarks_align_celeba.txt": (["lefteye_x lefteye_y"], [" 69  109"] * len(names)),
        "list_attr_celeba.txt": (
            [" ".join(ATTRIBUTES) + " "],  # the official line ends with a space
            [" ".join(f"{value:2d}" for value in row) for row in attributes],
        ),
    }
    for name, (header, values) in rows.items():
        lines = [str(len(names)), *header] if header else []
        lines += [f"{image} {value}" for image, value in zip(names, values, strict=True)]
        (folder / name).write_text("\n".join(lines) + "\n")


def spec(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"name": "celeba", "kind": "celeba", "source": str(folder), **COUNTS, **changes}


@pytest.mark.parametrize("above", [False, True])
def test_album(album: Path, tmp_path: Path, above: bool, check_images: Callable[..., None]) -> None:
    """Images are the centre of the right files, labels their attributes; the folder above will do, too."""
    splits = data.prepare(spec(album.parent if above else album), tmp_path / "data")
    check_images(splits, tuple(COUNTS.values()), (3, 64, 64), 40)
    assert splits.label_names == tuple(name.lower() for name in ATTRIBUTES)
    known = {}
    attributes = [line.split()[1:] for line in (album / "list_attr_celeba.txt").read_text().splitlines()[2:]]
    for k, name in enumerate(NAMES):
        with Image.open(album / "img_align_celeba" / name) as image:
            centre = image.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.BILINEAR)
        known[np.asarray(centre).transpose(2, 0, 1).tobytes()] = k
    official = {"train": range(7), "validation": range(7, 10), "test": range(10, 13)}
    for name in SPLITS:
        found = [known[image.tobytes()] for image in getattr(splits, name)]
        assert set(found) <= set(official[name])
        assert len(set(found)) == COUNTS[name]
        expected = [[int(value == "1") for value in attributes[k]] for k in found]
        np.testing.assert_array_equal(splits.labels[name], expected)
        if name == "test":  # the first ones, in order
            assert found == [10, 11, 12]
    other = data.prepare(spec(album, seed=3), tmp_path / "other")
    assert not np.array_equal(other.train, splits.train)
    np.testing.assert_array_equal(other.test, splits.test)


def refused(folder: Path, tmp_path: Path, message: str, **changes: Any) -> str:
    """Preparing stops with one line that says this, and leaves nothing."""
    source = data.source(spec(folder, **changes))
    if "does not decode" not in message:
        with pytest.raises(UserError, match=message):
            source.check()
    with pytest.raises(UserError, match=message) as caught:
        data.prepare(spec(folder, **changes), tmp_path / "out" / "data")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    return str(caught.value)


TEXTS = ["list_attr_celeba.txt", "list_eval_partition.txt"]


@pytest.mark.parametrize("missing", [*TEXTS, "img_align_celeba", "img_align_celeba/000009.jpg", "."])
def test_album_that_is_not_complete(album: Path, tmp_path: Path, missing: str) -> None:
    """One message says what lacks, what is needed, where it is to be had, under which licence, and where to put it."""
    path = album / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = refused(album, tmp_path, f"{'mine/celeba' if missing == '.' else album} holds no complete CelebA")
    for name in (*TEXTS, "img_align_celeba/*.jpg") if missing == "." else (missing,):
        assert name in said.partition("Get ")[0]
    for name in (*TEXTS, "img_align_celeba.zip", "img_align_celeba/*.jpg", celeba.PAGE, "non-commercial research"):
        assert name in said.partition("Get ")[2]
    assert "put all of it into one folder and give `source` its path" in said


def test_album_as_some_archives_unpack(album: Path, tmp_path: Path) -> None:
    """Images in a folder of the same name within."""
    expected = data.prepare(spec(album), tmp_path / "expected")
    images = album / "img_align_celeba"
    images.rename(album / "inner")
    images.mkdir()
    (album / "inner").rename(images / "img_align_celeba")
    np.testing.assert_array_equal(data.prepare(spec(album), tmp_path / "data").train, expected.train)


def test_album_with_tables(album: Path, tmp_path: Path) -> None:
    """The .csv files that Kaggle offers say the same; files that nothing needs may lack."""
    expected = data.prepare(spec(album), tmp_path / "expected")
    for name, columns in ((TEXTS[0], ATTRIBUTES), (TEXTS[1], ["partition"])):
        lines = (album / name).read_text().splitlines()[2 if name == TEXTS[0] else 0 :]
        rows = [",".join(["image_id", *columns]), *(",".join(line.split()) for line in lines)]
        (album / name).with_suffix(".csv").write_text("\n".join(rows) + "\n")
        (album / name).unlink()
    found = data.prepare(spec(album), tmp_path / "data")
    assert found.label_names == expected.label_names
    for name in SPLITS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(found.labels[name], expected.labels[name])
    assert sorted(path.name for path in data.source(spec(album)).files) == [
        "list_attr_celeba.csv",
        "list_eval_partition.csv",
    ]


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_text_file_of_another_length(album: Path, tmp_path: Path) -> None:
    name = "list_attr_celeba.txt"
    edit(album / name, lambda lines: lines[:-1])
    refused(album, tmp_path, f"{album / name} is about 13 images, but list_eval_partition.txt about 14")
    edit(album / name, lambda lines: [*lines, lines[-1].replace("13", "14"), lines[-1].replace("13", "15")])
    refused(album, tmp_path, f"{album / name} is about 15 images, but list_eval_partition.txt about 14")


def test_text_file_of_other_images(album: Path, tmp_path: Path) -> None:
    name = "list_attr_celeba.txt"
    edit(album / name, lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]])
    refused(album, tmp_path, f"{album / name} has '000005.jpg' where list_eval_partition.txt has '000004.jpg'")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (TEXTS[0], lambda line: line.replace("1", "x"), "000014.jpg has no -1 or 1 for each of 40 columns"),
        (TEXTS[0], lambda line: line + " 1", "000014.jpg has no -1 or 1 for each of 40 columns"),
        (TEXTS[0], lambda line: line[:-2] + " 0", "000014.jpg has no -1 or 1 for each of 40 columns"),
        (TEXTS[0], lambda line: line[:-2] + " 2", "000014.jpg has no -1 or 1 for each of 40 columns"),
        (TEXTS[0], lambda line: line.replace("1", "\xff\udcff"), "000014.jpg has no -1 or 1 for each of 40 columns"),
        (TEXTS[1], lambda _: "3", "000014.jpg has no 0 or 1 or 2 for each of 1 columns"),
        (TEXTS[1], lambda _: "", "000014.jpg has no 0 or 1 or 2 for each of 1 columns"),
    ],
    ids=["letters", "ragged", "zero", "two", "not_text", "partition_3", "no_partition"],
)
def test_text_file_with_a_bad_line(
    album: Path, tmp_path: Path, name: str, change: Callable[[str], str], message: str
) -> None:
    lines = (album / name).read_text().splitlines()
    image, _, rest = lines[-1].partition(" ")
    lines[-1] = f"{image} {change(rest)}"
    (album / name).write_bytes(("\n".join(lines) + "\n").encode(errors="surrogateescape"))
    refused(album, tmp_path, message)


def test_attributes_without_names(album: Path, tmp_path: Path) -> None:
    edit(album / TEXTS[0], lambda lines: [lines[0], "Bald Hat", *lines[2:]])
    refused(album, tmp_path, "000001.jpg has no -1 or 1 for each of 2 columns")


def test_names_that_are_there_twice(album: Path, tmp_path: Path) -> None:
    edit(album / TEXTS[0], lambda lines: [lines[0], lines[1].replace("Attribute_7", "Attribute_3"), *lines[2:]])
    refused(album, tmp_path, "list_attr_celeba.txt has the column Attribute_3 twice")
    edit(album / TEXTS[1], lambda lines: [*lines, lines[-1]])
    refused(album, tmp_path, "list_eval_partition.txt has the image 000014.jpg twice")


@pytest.mark.parametrize("split", SPLITS)
def test_more_images_than_the_album_has(album: Path, tmp_path: Path, split: str) -> None:
    there = PARTITION.count(SPLITS.index(split))
    refused(album, tmp_path, f"{split}: 15000 images asked for, but there are only {there}", **{split: 15_000})


@pytest.mark.parametrize("damage", ["truncated", "empty", "no_image", "other_size"])
def test_image_that_does_not_decode(album: Path, tmp_path: Path, damage: str) -> None:
    """It is named, and nothing is left half written."""
    path = album / "img_align_celeba" / NAMES[11]
    if damage == "other_size":
        Image.new("RGB", (200, 200)).save(path)
    else:
        content = path.read_bytes()
        path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "no_image": b"no" * 99}[damage])
    said = refused(album, tmp_path, f"{path} does not decode")
    assert celeba.PAGE in said
    if damage == "other_size":
        assert "its size is 200x200, not 178x218" in said


def test_grey_image_is_made_colour(album: Path, tmp_path: Path) -> None:
    Image.new("L", (178, 218), 77).save(album / "img_align_celeba" / NAMES[10])
    assert (data.prepare(spec(album), tmp_path / "data").test[0] == 77).all()


def test_decoding_is_logged(
    album: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "CHUNK", 2)
    monkeypatch.setattr(pictures, "LOG_SECONDS", -1)
    caplog.set_level(logging.INFO)
    data.prepare(spec(album), tmp_path / "data")
    logged = [record.getMessage() for record in caplog.records if "decoded" in record.getMessage()]
    assert logged == [f"decoded {done} of 10 images" for done in (2, 4, 5, 7, 9, 10)]


def test_memory_of_decoding_does_not_grow_with_the_album(
    tmp_path: Path, source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 images take no more than 40 do: far less than the 2.5 MB that their pixels are."""
    monkeypatch.setattr(pictures, "CHUNK", 10)
    make_album(tmp_path / "celeba", [0] * 200 + [1, 2], source)
    peaks = []
    for count in (40, 200):
        stream = CelebA(source=str(tmp_path), train=count, validation=1, test=1).load()

        def fill(arrays: Any, stream: Any = stream) -> None:
            tracemalloc.start()
            stream.fill(arrays)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

        data.write(replace(stream, fill=fill), tmp_path / "data")
    assert peaks[1] < 1.2 * peaks[0] + 1e5
    assert peaks[1] < 1e6
