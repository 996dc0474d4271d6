"""Image data sets: digits, drawn faces, Fashion-MNIST and CelebA."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import logging
import shutil
import subprocess
import sys
import tracemalloc
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from vscbench import data
from vscbench.data import celeba, digits, faces, fashion_mnist, torchvision_ops
from vscbench.data.splits import SPLITS, Splits
from vscbench.data.subsets import choose
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def source() -> np.random.Generator:
    """A source of random numbers, the same for each test."""
    return np.random.default_rng(0)


def check_images(splits: Splits, counts: tuple[int, ...], shape: tuple[int, ...], names: int) -> None:
    """What every image data set is."""
    assert len(splits.label_names) == len(set(splits.label_names)) == names
    for name, count in zip(SPLITS, counts, strict=True):
        images, labels = getattr(splits, name), splits.labels[name]
        assert (images.shape, images.dtype) == ((count, *shape), np.uint8)
        assert (labels.shape, labels.dtype) == ((count, names), np.uint8)
        assert labels.max() <= 1


# ------------------------------------------------------------------ torchvision


def test_torchvision_is_whole_in_a_fresh_process() -> None:
    """Whatever the build of torch: data sets, transforms and models are there, without a warning."""
    code = (
        "from vscbench.data.torchvision_ops import import_torchvision as get\n"
        "tv = get()\n"
        "assert get() is tv\n"
        "import torch, torchvision\n"
        "assert torchvision is tv and tv.datasets.CelebA and tv.transforms.Resize\n"
        "print(tv.models.resnet18(num_classes=3)(torch.zeros(2, 3, 32, 32)).shape)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("torch.Size([2, 3])\n", "")


def test_operators_are_declared_only_where_the_import_fails_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = list(torchvision_ops._declared)
    monkeypatch.setattr(importlib, "import_module", {"torchvision": sys}.get)
    assert torchvision_ops.import_torchvision() is sys

    def fail(_: str) -> None:
        raise RuntimeError("another fault")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="another fault"):
        torchvision_ops.import_torchvision()
    assert torchvision_ops._declared == declared


# ---------------------------------------------------------------------- subsets


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


# ----------------------------------------------------------------------- digits


def test_digits() -> None:
    """All 1,797, each once, with scikit-learn's classes and brightness."""
    splits = digits.load(1400, 197, 200)
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
    one, same, other = (digits.load(100, 10, 10, seed=seed).train for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_too_many_digits() -> None:
    with pytest.raises(UserError, match="1798 images asked for, but there are only 1797"):
        digits.load(1798, 0, 0)


# ------------------------------------------------------------------------ faces


@pytest.fixture(scope="module")
def drawn() -> Splits:
    return faces.load(1500, 20, 500)


def test_faces(drawn: Splits) -> None:
    check_images(drawn, (1500, 20, 500), (3, 64, 64), len(faces.PROBABILITIES))
    assert not np.array_equal(drawn.labels["train"][:20], drawn.labels["validation"])
    assert drawn.train.min() < 10
    assert drawn.train.max() > 240


def test_faces_are_a_function_of_the_seed(drawn: Splits) -> None:
    """A split does not depend on how many faces the others have."""
    again = faces.load(70, 20, 1)
    np.testing.assert_array_equal(again.validation, drawn.validation)
    np.testing.assert_array_equal(again.labels["validation"], drawn.labels["validation"])
    assert not np.array_equal(faces.load(1, 20, 1, seed=1).validation, drawn.validation)


def test_attributes_are_as_frequent_and_correlated_as_named(source: np.random.Generator) -> None:
    n = 40_000
    labels = faces.draw_labels(n, source)
    names = tuple(faces.PROBABILITIES)
    for name, column in zip(names, labels.T, strict=True):
        assert column.mean() == pytest.approx(faces.PROBABILITIES[name], abs=5 * 0.5 / n**0.5)
    r = np.corrcoef(labels.T)
    for j, k in combinations(range(len(names)), 2):
        pair = {names[j], names[k]}
        expected = next((value for both, value in faces.CORRELATIONS.items() if set(both) == pair), 0)
        assert r[j, k] == pytest.approx(expected, abs=5 / n**0.5)


def test_correlation_of_a_rare_and_a_frequent_attribute(
    source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "PROBABILITIES", {"rare": 0.1, "frequent": 0.6})
    monkeypatch.setattr(faces, "CORRELATIONS", {("rare", "frequent"): 0.25})
    labels = faces.draw_labels(40_000, source)
    np.testing.assert_allclose(labels.mean(0), [0.1, 0.6], atol=0.01)
    assert np.corrcoef(labels.T)[0, 1] == pytest.approx(0.25, abs=0.02)


def test_given_correlations_can_be_had() -> None:
    """P(second | first) lies in [0, 1], and no attribute is in two pairs."""
    for (first, second), r in faces.CORRELATIONS.items():
        p, q = faces.PROBABILITIES[first], faces.PROBABILITIES[second]
        slope = r * (q * (1 - q) / (p * (1 - p))) ** 0.5
        assert 0 <= q - slope * p <= 1
        assert 0 <= q + slope * (1 - p) <= 1
    paired = [name for pair in faces.CORRELATIONS for name in pair]
    assert len(set(paired)) == len(paired)


def some_faces(labels: NDArray[np.uint8], rng: np.random.Generator, **changes: Any) -> NDArray[np.int64]:
    """Faces that differ in nothing but what is given."""
    nuisance = faces.draw_nuisance(len(labels), np.random.default_rng(5))._replace(**changes)
    return faces.render(labels, nuisance, rng).astype(int)


def test_each_attribute_is_seen_in_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turning it on changes at least 40 pixels of every face by a tenth of the scale or more; the rest not at all."""
    monkeypatch.setattr(faces, "NOISE", 0)
    without = np.zeros((40, len(faces.PROBABILITIES)), np.uint8)
    plain = some_faces(without, np.random.default_rng(0))
    for k, name in enumerate(faces.PROBABILITIES):
        labels = without.copy()
        labels[:, k] = 1
        change = np.abs(some_faces(labels, np.random.default_rng(0)) - plain).max(1)
        assert ((change > 25).sum((1, 2)) >= 40).all(), name
        assert (change == 0).mean() > (0.3 if name == "dark_background" else 0.75), name


def test_attributes_can_be_read_from_the_pixels(drawn: Splits) -> None:
    """A linear classifier of pictures of 32×32 finds each of them on faces that it has not seen."""

    def features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return images.reshape(len(images), 3, 32, 2, 32, 2).mean((3, 5)).reshape(len(images), -1) / 255

    model = RidgeClassifier(alpha=10).fit(features(drawn.train), drawn.labels["train"].astype(int))
    right = (model.predict(features(drawn.test)) == drawn.labels["test"]).mean(0)
    assert dict(zip(drawn.label_names, right > 0.9, strict=True)) == dict.fromkeys(drawn.label_names, True)


def test_everything_that_varies_changes_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "NOISE", 0)
    labels = np.ones((4, len(faces.PROBABILITIES)), np.uint8)
    plain = some_faces(labels, np.random.default_rng(0))
    nuisance = faces.draw_nuisance(4, np.random.default_rng(5))
    for name, value in nuisance._asdict().items():
        changed = some_faces(labels, np.random.default_rng(0), **{name: value + 0.1})
        assert (np.abs(changed - plain).max((1, 2, 3)) > 1).all(), name


def test_edges_are_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a pixel to the right changes no pixel by more than a small part of the scale, and many by a little."""
    monkeypatch.setattr(faces, "NOISE", 0)
    labels = faces.draw_labels(50, np.random.default_rng(1))
    shift = faces.draw_nuisance(50, np.random.default_rng(5)).shift
    moved = some_faces(labels, np.random.default_rng(0), shift=shift + np.array([0.1, 0], np.float32))
    change = np.abs(moved - some_faces(labels, np.random.default_rng(0)))
    assert change.max() < 50
    assert (change.max((1, 2, 3)) > 5).all()


def test_noise_is_the_only_other_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((20, len(faces.PROBABILITIES)), np.uint8)
    noisy = some_faces(labels, np.random.default_rng(0))
    monkeypatch.setattr(faces, "NOISE", 0)
    clean = some_faces(labels, np.random.default_rng(1))
    inside = (clean > 20) & (clean < 235)
    assert (noisy - clean)[inside].std() == pytest.approx(0.012 * 255, rel=0.03)


@pytest.mark.parametrize("change", ["chunks", "windows"])
def test_how_faces_are_drawn_makes_no_difference(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Neither how many at a time, nor that each part is drawn only in the window that it can reach."""
    labels = faces.draw_labels(400, np.random.default_rng(1))
    labels[:100] = 1
    expected = some_faces(labels, np.random.default_rng(0))
    if change == "chunks":
        monkeypatch.setattr(faces, "CHUNK", 7)
    else:
        monkeypatch.setattr(faces._Canvas, "window", lambda self, *_: self)
    found = some_faces(labels, np.random.default_rng(0))
    assert np.abs(found - expected).max() <= 1


# --------------------------------------------------------------- Fashion-MNIST


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
    dataset = torchvision_ops.import_torchvision().datasets.FashionMNIST
    sums = [
        (name, hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest())
        for name, _ in dataset.resources
    ]
    monkeypatch.setattr(dataset, "resources", sums)
    return folder


def test_clothes(clothes: Path) -> None:
    """Train and validation share no image and come from the training set; labels go with their images."""
    splits = fashion_mnist.load(20, 8, 9, source=str(clothes))
    check_images(splits, (20, 8, 9), (1, 28, 28), 10)
    numbers = {name: getattr(splits, name)[:, 0, 3, 3] for name in SPLITS}
    assert len(np.unique(np.concatenate([numbers["train"], numbers["validation"]]))) == 28
    assert numbers["train"].max() > 12  # of the training set's 30 images, not of the test set's 12
    for name in SPLITS:
        np.testing.assert_array_equal(splits.labels[name].argmax(1), numbers[name] % 10)
        assert (splits.labels[name].sum(1) == 1).all()
    assert splits.label_names[:2] == ("t_shirt", "trouser")
    assert splits.label_names[-1] == "ankle_boot"
    again, other = (fashion_mnist.load(20, 8, 9, source=str(clothes), seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.test, splits.test)
    assert not np.array_equal(other.test, splits.test)


@pytest.mark.parametrize("below", ["", "raw", "FashionMNIST/raw"])
def test_clothes_in_a_folder_below(clothes: Path, tmp_path: Path, below: str) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(clothes, folder / below)
    assert len(fashion_mnist.load(20, 8, 9, source=str(folder)).train) == 20
    assert sorted(each.name for each in (folder / below).iterdir()) == sorted(each.name for each in clothes.iterdir())


def test_too_many_clothes(clothes: Path) -> None:
    with pytest.raises(UserError, match=r"train \+ validation: 31 images asked for, but there are only 30"):
        fashion_mnist.load(20, 11, 9, source=str(clothes))
    with pytest.raises(UserError, match="test: 13 images asked for, but there are only 12"):
        fashion_mnist.load(20, 8, 13, source=str(clothes))


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
    with pytest.raises(UserError, match=rf"source: {path} {said}.* fetch it from http") as caught:
        data.prepare(spec, tmp_path / "out" / "data")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_folder_without_clothes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"source: {tmp_path}/none/train-images-idx3-ubyte.gz is missing"):
        fashion_mnist.load(20, 8, 9, source=str(tmp_path / "none"))


def test_official_clothes(data_folder: Path) -> None:
    """All 70,000, from a folder that stays as it is."""
    folder = data_folder / "FashionMNIST/raw"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    before = sorted(each.name for each in folder.iterdir())
    splits = fashion_mnist.load(55_000, 5000, 10_000, source=str(folder))
    check_images(splits, (55_000, 5000, 10_000), (1, 28, 28), 10)
    training = splits.labels["train"].sum(0, dtype=int) + splits.labels["validation"].sum(0, dtype=int)
    np.testing.assert_array_equal(training, 6000)
    np.testing.assert_array_equal(splits.labels["test"].sum(0, dtype=int), 1000)
    assert splits.labels["test"][0, splits.label_names.index("ankle_boot")] == 1
    assert splits.train.mean() == pytest.approx(0.2860 * 255, rel=0.005)  # the mean that torchvision's users divide by
    assert sorted(each.name for each in folder.iterdir()) == before


# ----------------------------------------------------------------------- CelebA

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
def test_album(album: Path, tmp_path: Path, above: bool) -> None:
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
    with pytest.raises(UserError, match=message) as caught:
        data.prepare(spec(folder, **changes), tmp_path / "out" / "data")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    return str(caught.value)


TEXTS = sorted(celeba.HEADERS)


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


def test_album_laid_out_wrongly(album: Path, tmp_path: Path) -> None:
    """Images in a folder of the same name within, as some archives unpack."""
    images = album / "img_align_celeba"
    images.rename(album / "inner")
    images.mkdir()
    (album / "inner").rename(images / "img_align_celeba")
    refused(album, tmp_path, r"lacks 14 images, the first img_align_celeba/000001.jpg\. Get")


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


@pytest.mark.parametrize("name", [name for name in TEXTS if name != celeba.PARTITION])
def test_text_file_of_another_length(album: Path, tmp_path: Path, name: str) -> None:
    edit(album / name, lambda lines: lines[:-1])
    refused(album, tmp_path, f"{album / name} is about 13 images, but list_eval_partition.txt about 14")
    edit(album / name, lambda lines: [*lines, lines[-1], lines[-1]])
    refused(album, tmp_path, f"{album / name} is about 15 images, but list_eval_partition.txt about 14")


def test_text_file_of_other_images(album: Path, tmp_path: Path) -> None:
    name = "list_attr_celeba.txt"
    edit(album / name, lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]])
    refused(album, tmp_path, f"{album / name} has '000005.jpg' where list_eval_partition.txt has '000004.jpg'")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("list_attr_celeba.txt", lambda line: line.replace("1", "x"), "torchvision cannot read the text files"),
        ("list_attr_celeba.txt", lambda line: line + " 1", "torchvision cannot read the text files"),
        ("list_attr_celeba.txt", lambda line: line[:-2] + " 5", "has no 1 or -1 for each of its 40 attributes"),
        ("identity_CelebA.txt", lambda line: line.replace("2880", "Ann"), "torchvision cannot read the text files"),
        (
            "list_attr_celeba.txt",
            lambda line: line.replace("1", "\xff\udcff"),
            "torchvision cannot read the text files",
        ),
    ],
    ids=["letters", "ragged", "five", "identity", "not_text"],
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
    edit(album / celeba.ATTRIBUTES, lambda lines: [lines[0], "Bald Hat", *lines[2:]])
    refused(album, tmp_path, "has no 1 or -1 for each of its 2 attributes")


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


def test_unofficial_text_files_are_named(album: Path, caplog: pytest.LogCaptureFixture) -> None:
    celeba.load(str(album), **COUNTS)
    for name in TEXTS:
        assert f"{album / name} is not the official file" in caplog.text


def test_decoding_is_logged(
    album: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celeba, "CHUNK", 2)
    monkeypatch.setattr(celeba, "LOG_SECONDS", -1)
    caplog.set_level(logging.INFO)
    data.prepare(spec(album), tmp_path / "data")
    logged = [record.getMessage() for record in caplog.records if "decoded" in record.getMessage()]
    assert logged == [f"decoded {done} of 10 images" for done in (2, 4, 5, 7, 9, 10)]


def test_memory_of_decoding_does_not_grow_with_the_album(
    tmp_path: Path, source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 images take no more than 40 do: far less than the 2.5 MB that their pixels are."""
    monkeypatch.setattr(celeba, "CHUNK", 10)
    make_album(tmp_path / "celeba", [0] * 200 + [1, 2], source)
    peaks = []
    for count in (40, 200):
        stream = celeba.load(str(tmp_path), count, 1, 1)

        def fill(arrays: Any, stream: Any = stream) -> None:
            tracemalloc.start()
            stream.fill(arrays)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

        data.splits.write(stream._replace(fill=fill), tmp_path / "data", {})
    assert peaks[1] < 1.2 * peaks[0] + 1e5
    assert peaks[1] < 1e6
