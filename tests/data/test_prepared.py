"""The file of a prepared data set."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from vscbench import data
from vscbench.data.dataset import SPLITS, Data, Standardisation, Stream
from vscbench.data.prepared import allocate, read, write
from vscbench.data.synthetic import Synthetic
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SPEC = {
    "name": "made_up",
    "kind": "synthetic",
    "train": 20,
    "validation": 5,
    "test": 6,
    "pixels": 4,
    "latents": 3,
}


def test_data_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "data.safetensors"
    made = Synthetic(train=20, validation=5, test=6, pixels=4, latents=3).load()
    assert made.truth.keys() == {"atoms", "codes.train", "codes.validation", "codes.test"}
    for found in (data.prepare(SPEC, path), data.read(path)):
        for split in SPLITS:
            np.testing.assert_array_equal(getattr(found, split), getattr(made, split))
        assert found.truth.keys() == made.truth.keys()
        for name, value in made.truth.items():
            np.testing.assert_array_equal(found.truth[name], value)
        assert (found.labels, found.label_names) == ({}, ())
    assert [each.name for each in path.parent.iterdir()] == ["data.safetensors"]


def test_data_file_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.prepare(SPEC, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_data_file_of_strided_arrays(tmp_path: Path) -> None:
    """What is written is the array, not the memory that it is a view of."""
    x = np.arange(36, dtype=np.float32).reshape(6, 6)
    write(Data(x.T, x[::2], x[:, ::-1]), tmp_path / "data")
    found = read(tmp_path / "data")
    np.testing.assert_array_equal(found.train, x.T)
    np.testing.assert_array_equal(found.validation, x[::2])
    np.testing.assert_array_equal(found.test, x[:, ::-1])


def labelled(source: np.random.Generator) -> Data:
    """Images and labels that end at odd bytes, beside numbers of four bytes."""
    parts = [source.integers(0, 256, (n, 1, 3, 2), dtype=np.uint8) for n in (7, 0, 4)]
    labels = {
        name: source.integers(0, 2, (len(part), 3), dtype=np.uint8) for name, part in zip(SPLITS, parts, strict=True)
    }
    return Data(
        *parts,
        {"atoms": np.arange(6, dtype=np.float32)},
        labels=labels,
        label_names=("hat", "λ", "smile"),
        standardisation=Standardisation(source.standard_normal(6), source.random(6)),
        patch_shape=(1, 3, 2),
        name="é",
    )


def test_labels_round_trip(tmp_path: Path, source: np.random.Generator) -> None:
    made = labelled(source)
    write(made, tmp_path / "data", {"kind": "x"})
    found = read(tmp_path / "data")
    assert found.label_names == made.label_names
    assert found.labels.keys() == set(SPLITS)
    for name in SPLITS:
        np.testing.assert_array_equal(found.labels[name], made.labels[name])
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
        assert found.labels[name].dtype == np.uint8
    np.testing.assert_array_equal(found.truth["atoms"], made.truth["atoms"])
    assert found.truth["atoms"].dtype == np.float32
    assert found.truth["atoms"].flags.aligned
    np.testing.assert_array_equal(found.standardisation.mean, made.standardisation.mean)
    np.testing.assert_array_equal(found.standardisation.scale, made.standardisation.scale)
    assert (found.patch_shape, found.name) == ((1, 3, 2), "é")


def test_data_file_is_safetensors(tmp_path: Path, source: np.random.Generator) -> None:
    """Its own library reads ours, and we read its."""
    made = labelled(source)
    write(made, tmp_path / "ours", {"kind": "é"})
    tensors = load_file(tmp_path / "ours")
    expected = {name: getattr(made, name) for name in SPLITS} | {"truth.atoms": made.truth["atoms"]}
    expected |= {f"labels.{name}": value for name, value in made.labels.items()}
    expected |= {f"standardisation.{name}": getattr(made.standardisation, name) for name in ("mean", "scale")}
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    with safe_open(tmp_path / "ours", "numpy") as file:
        metadata = file.metadata()
    assert json.loads(metadata["spec"]) == {"kind": "é"}
    assert json.loads(metadata["label_names"]) == list(made.label_names)
    save_file(tensors, tmp_path / "theirs", metadata)
    theirs = read(tmp_path / "theirs")
    assert theirs.label_names == made.label_names
    np.testing.assert_array_equal(theirs.test, made.test)
    np.testing.assert_array_equal(theirs.truth["atoms"], made.truth["atoms"])


def test_data_file_is_mapped(tmp_path: Path) -> None:
    """Arrays of 8 MB take no memory when they are read; torch takes them as they are, and changes stay in memory."""
    x = np.full((2000, 1000), 7, np.float32)
    write(Data(x, x[:1], x[:1]), tmp_path / "data")
    before = (tmp_path / "data").read_bytes()
    tracemalloc.start()
    found = read(tmp_path / "data")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e5
    assert isinstance(found.train, np.memmap)
    tensor = torch.from_numpy(found.train)
    assert tensor.data_ptr() == found.train.ctypes.data
    tensor[0] = 1
    assert (tmp_path / "data").read_bytes() == before
    assert read(tmp_path / "data").train[0, 0] == 7


def test_stream_is_filled_in_the_file(tmp_path: Path) -> None:
    """16 MB of images come into the file without being in memory."""
    shapes = {"train": (4000, 1, 64, 64), "validation": (2, 1, 64, 64), "test": (3, 1, 64, 64)}

    def fill(arrays: Any) -> None:
        for value, part in enumerate(arrays.values()):
            for k in range(len(part)):
                part[k] = (k + value) % 251

    labels = {name: np.ones((shape[0], 1), np.uint8) for name, shape in shapes.items()}
    tracemalloc.start()
    write(Stream(shapes=shapes, fill=fill, labels=labels, label_names=("one",)), tmp_path / "data")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
    found = read(tmp_path / "data")
    for value, (name, shape) in enumerate(shapes.items()):
        part = getattr(found, name)
        assert (part.shape, part.dtype) == (shape, np.uint8)
        np.testing.assert_array_equal(part[:, 0, 5, 7], (np.arange(shape[0]) + value) % 251)
    np.testing.assert_array_equal(found.labels["test"], labels["test"])
    assert found.label_names == ("one",)


def test_stream_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fill(arrays: Any) -> None:
        arrays["train"][0] = 1
        raise UserError("an image does not decode")

    shapes = dict.fromkeys(SPLITS, (2, 1, 4, 4))
    with pytest.raises(UserError, match="does not decode"):
        write(Stream(shapes=shapes, fill=fill), tmp_path / "data")
    assert not list(tmp_path.iterdir())


def test_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_400_000_000))
    wanted = {"train": ((150_000, 3, 64, 64), np.dtype(np.uint8))}
    with (
        pytest.raises(UserError, match=r"data takes 1\.8 GB, but its disk has only 1\.4 GB left"),
        allocate(tmp_path / "data", wanted, {}),
    ):
        pytest.fail("there is no room")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 7, 60, 0.5, -1], ids=["empty", "no_header", "part_of_header", "half", "one_less"])
def test_damaged_data_file(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "data.safetensors"
    data.prepare(SPEC, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) if keep == 0.5 else int(keep)])
    with pytest.raises(UserError, match=rf"{path} is damaged"):
        data.read(path)


@pytest.mark.parametrize(
    "header",
    [
        "[]",
        '{"train": 3}',
        '{"train": {"dtype": "U8", "shape": [9], "data_offsets": [0, 8]}}',
        '{"train": {"dtype": "U8", "shape": [8], "data_offsets": [0, 9]}}',
        '{"train": {"dtype": "F32", "shape": [2], "data_offsets": [1, 8]}}',
        '{"train": {"dtype": "U8", "shape": "eight", "data_offsets": [0, 8]}}',
        "{",
        "\0\0",
    ],
)
def test_data_file_with_a_damaged_header(tmp_path: Path, header: str) -> None:
    path = tmp_path / "data.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(8))
    with pytest.raises(UserError, match=rf"{path} is damaged"):
        read(path)


def test_data_file_with_more_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "data.safetensors"
    data.prepare(SPEC, path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(UserError, match=rf"{path} is damaged"):
        read(path)


def test_file_of_something_else_is_no_data(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"generator.atoms": np.zeros(3)}, path)
    with pytest.raises(UserError, match=str(path)):
        data.read(path)


def test_missing_data_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.safetensors is missing: make it with `vscbench data`"):
        data.read(tmp_path / "data.safetensors")


def test_failed_preparation_leaves_nothing(tmp_path: Path) -> None:
    spec = {
        "name": "photographs",
        "kind": "natural_images",
        "images": {"train": ["moon"], "validation": ["rocket"], "test": ["coffee"]},
    }
    with pytest.raises(UserError, match="no image moon"):
        data.prepare(spec | {"train": 1, "validation": 1, "test": 1}, tmp_path / "data.safetensors")
    assert not list(tmp_path.iterdir())


def test_equal_content_is_left_alone(tmp_path: Path) -> None:
    """The date of the file says when its content came to be, so that nothing is trained again for a touched source."""
    path = tmp_path / "data.safetensors"
    data.prepare(SPEC, path)
    os.utime(path, (1e9, 1e9))
    content = path.read_bytes()
    found = data.prepare(SPEC, path)
    assert path.stat().st_mtime == 1e9
    assert found.name == "made_up"
    data.prepare(SPEC | {"seed": 1}, path)
    assert path.stat().st_mtime > 1e9
    assert path.read_bytes() != content
    path.write_bytes(content[:-1])
    os.utime(path, (1e9, 1e9))
    data.prepare(SPEC, path)
    assert (path.read_bytes(), path.stat().st_mtime > 1e9) == (content, True)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, _: tensors.update(test=tensors["test"][:, :3].copy()),
        lambda tensors, _: tensors.update(test=tensors["test"].astype(np.float64)),
        lambda _, metadata: metadata.pop("patch_shape"),
        lambda _, metadata: metadata.update(patch_shape="[1, 2"),
        lambda _, metadata: metadata.update(label_names="3"),
    ],
    ids=["shape", "type", "no_patch_shape", "cut_patch_shape", "label_names"],
)
def test_parts_that_do_not_fit_together(tmp_path: Path, change: Callable[[Any, Any], None]) -> None:
    path = tmp_path / "data.safetensors"
    data.prepare(SPEC, path)
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    change(tensors, metadata)
    save_file(tensors, path, metadata)
    with pytest.raises(UserError, match=rf"{path} is damaged .*: delete it and prepare the data again"):
        read(path)
