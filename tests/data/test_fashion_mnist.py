"""Fashion-MNIST, from small files in the official format and, where there is a copy, from its own."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vscbench import data
from vscbench.data import fashion_mnist
from vscbench.data.dataset import SPLITS
from vscbench.data.download import md5
from vscbench.data.fashion_mnist import FashionMNIST
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def clothes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 30 + 12 images in the official format, whose pixels all are the image's number."""
    folder = tmp_path / "clothes"
    folder.mkdir()
    for prefix, count in (("train", 30), ("t10k", 12)):
        size = count.to_bytes(4, "big")
        edge = (28).to_bytes(4, "big")
        images = np.repeat(np.arange(count, dtype=np.uint8), 784).tobytes()
        classes = (np.arange(count) % 10).astype(np.uint8).tobytes()
        contents = {
            "images-idx3": b"\0\0\x08\x03" + size + 2 * edge + images,
            "labels-idx1": b"\0\0\x08\x01" + size + classes,
        }
        for kind, content in contents.items():
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(fashion_mnist, "FILES", {name: md5(folder / name) for name in fashion_mnist.FILES})
    return folder


def test_clothes(clothes: Path, check_images: Callable[..., None]) -> None:
    """Train and validation share no image and come from the training set; labels go with their images."""
    splits = FashionMNIST(train=20, validation=8, test=9, source=str(clothes)).load()
    check_images(splits, (20, 8, 9), (1, 28, 28), 10)
    numbers = {name: getattr(splits, name)[:, 0, 3, 3] for name in SPLITS}
    assert len(np.unique(np.concatenate([numbers["train"], numbers["validation"]]))) == 28
    assert numbers["train"].max() > 12  # of the training set's 30 images, not of the test set's 12
    for name in SPLITS:
        np.testing.assert_array_equal(splits.labels[name].argmax(1), numbers[name] % 10)
        assert (splits.labels[name].sum(1) == 1).all()
    assert splits.label_names[:2] == ("t_shirt", "trouser")
    assert splits.label_names[-1] == "ankle_boot"
    again, other = (
        FashionMNIST(train=20, validation=8, test=9, source=str(clothes), seed=seed).load() for seed in (0, 1)
    )
    np.testing.assert_array_equal(again.test, splits.test)
    assert not np.array_equal(other.test, splits.test)


@pytest.mark.parametrize("below", ["", "raw", "FashionMNIST/raw"])
def test_clothes_in_a_folder_below(clothes: Path, tmp_path: Path, below: str) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(clothes, folder / below)
    assert len(FashionMNIST(train=20, validation=8, test=9, source=str(folder)).load().train) == 20
    assert sorted(each.name for each in (folder / below).iterdir()) == sorted(each.name for each in clothes.iterdir())


def test_too_many_clothes(clothes: Path) -> None:
    with pytest.raises(UserError, match=r"train \+ validation: 31 images asked for, but there are only 30"):
        FashionMNIST(train=20, validation=11, test=9, source=str(clothes)).load()
    with pytest.raises(UserError, match="test: 13 images asked for, but there are only 12"):
        FashionMNIST(train=20, validation=8, test=13, source=str(clothes)).load()


@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "other"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_damaged_clothes(clothes: Path, tmp_path: Path, name: str, damage: str) -> None:
    path = clothes / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"truncated": content[:-20], "empty": b"", "other": gzip.compress(b"other")}[damage])
    said = "is missing" if damage == "missing" else "is damaged, cut short or another file"
    spec = {"kind": "fashion_mnist", "train": 20, "validation": 8, "test": 9, "source": str(clothes)}
    with pytest.raises(UserError, match=rf"source: {path} {said}"):
        data.source(spec).check()
    with pytest.raises(UserError, match=rf"source: {path} {said}.* fetch it from http") as caught:
        data.prepare(spec, tmp_path / "out" / "data")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_folder_without_clothes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"source: {tmp_path}/none/train-images-idx3-ubyte.gz is missing"):
        FashionMNIST(train=20, validation=8, test=9, source=str(tmp_path / "none")).load()


def test_official_clothes(data_folder: Path, check_images: Callable[..., None]) -> None:
    """All 70,000, from a folder that stays as it is."""
    folder = data_folder / "FashionMNIST/raw"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    before = sorted(each.name for each in folder.iterdir())
    splits = FashionMNIST(train=55_000, validation=5000, test=10_000, source=str(folder)).load()
    check_images(splits, (55_000, 5000, 10_000), (1, 28, 28), 10)
    training = splits.labels["train"].sum(0, dtype=int) + splits.labels["validation"].sum(0, dtype=int)
    np.testing.assert_array_equal(training, 6000)
    np.testing.assert_array_equal(splits.labels["test"].sum(0, dtype=int), 1000)
    assert splits.labels["test"][0, splits.label_names.index("ankle_boot")] == 1
    assert splits.train.mean() == pytest.approx(0.2860 * 255, rel=0.005)  # the mean that torchvision's users divide by
    assert sorted(each.name for each in folder.iterdir()) == before
