"""From images to patches: whitening, splits by image, statistics, files."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy.io import savemat

from vscbench import data
from vscbench.data import natural_images, olshausen, synthetic
from vscbench.data.patches import cut_patches, split_by_image
from vscbench.data.splits import SPLITS, Splits, Stream, allocate, read, standardise, write
from vscbench.data.whitening import whiten, whitening_filter
from vscbench.errors import UserError
from vscbench.files import atomic, read_json, write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COUNTS = {"train": 40, "validation": 20, "test": 30}


@pytest.fixture
def source() -> np.random.Generator:
    """A source of random numbers, the same for each test."""
    return np.random.default_rng(0)


# ------------------------------------------------------------------ whitening


@pytest.mark.parametrize("cutoff", [0.2, 0.4])
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_whitening_filter(shape: tuple[int, int], cutoff: float) -> None:
    """R(f) = f exp(-(f/f₀)⁴), f in cycles per pixel: zero at rest, f₀/e at the cutoff."""
    response = whitening_filter(shape, cutoff)
    assert response.shape == shape
    assert response[0, 0] == 0
    for row, column in ((0, 5), (7, 0), (3, 4), (-3, 4)):
        f = np.hypot(row / shape[0], column / shape[1])
        assert response[row, column] == pytest.approx(f * np.exp(-((f / cutoff) ** 4)))


def radial_power(image: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of an image between frequencies (cycles per pixel)."""
    window = np.outer(np.hanning(image.shape[0]), np.hanning(image.shape[1]))
    power = np.abs(np.fft.fft2(image * window)) ** 2
    f = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None, :])
    return np.array([power[(f >= low) & (f < high)].mean() for low, high in pairwise(edges)])


def test_whitening_flattens_a_natural_spectrum(source: np.random.Generator) -> None:
    """An image whose amplitudes fall as 1/f has equal power at all frequencies well below the cutoff after it."""
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    f[0, 0] = np.inf
    image = np.fft.ifft2(np.fft.fft2(source.standard_normal((256, 256))) / f).real
    edges = np.linspace(0.04, 0.24, 6)
    before, after = radial_power(image, edges), radial_power(whiten(image), edges)
    assert before.max() > 10 * before.min()
    assert after.max() < 1.5 * after.min()
    beyond = radial_power(whiten(image), np.array([0.5, 0.7]))
    assert beyond < 1e-2 * after.min()


def test_whitened_image_has_variance_1_and_no_edges(source: np.random.Generator) -> None:
    white = whiten(source.random((64, 80)), trim=8)
    assert white.shape == (48, 64)
    assert white.std() == pytest.approx(1)


# ---------------------------------------------------------------------- patches


def numbered(*shape: int) -> NDArray[np.float64]:
    """An image whose every pixel is another number."""
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def test_patches_lie_at_distinct_positions(source: np.random.Generator) -> None:
    """All positions of all images, each once, when all are asked for; patches are what lies there."""
    first = numbered(9, 7)
    images = [first, 1000 + numbered(5, 11)]
    patches = cut_patches(images, 4, 6 * 4 + 2 * 8, source)
    corners = patches[:, 0]
    expected = [image[: image.shape[0] - 3, : image.shape[1] - 3].ravel() for image in images]
    np.testing.assert_array_equal(np.sort(corners), np.sort(np.concatenate(expected)))
    for corner, patch in zip(corners, patches, strict=True):
        image = images[int(corner >= 1000)]
        row, column = np.argwhere(image == corner)[0]
        np.testing.assert_array_equal(patch, image[row : row + 4, column : column + 4].ravel())


def test_patches_come_from_everywhere_in_random_order(source: np.random.Generator) -> None:
    patches = cut_patches([numbered(40, 40), 1e4 + numbered(80, 40)], 8, 1000, source)
    corners = patches[:, 0]
    assert len(np.unique(corners)) == 1000
    share = 73 / (73 + 33)  # of the positions that are the second image's
    assert (corners >= 1e4).mean() == pytest.approx(share, abs=0.05)
    assert abs(np.corrcoef(corners, np.arange(1000))[0, 1]) < 0.1


def test_too_many_patches(source: np.random.Generator) -> None:
    with pytest.raises(UserError, match="21 patches of 4x4 asked for, but the images hold only 20"):
        cut_patches([numbered(7, 8)], 4, 21, source)


ASSIGNMENT = {"train": ["a", "b", "c"], "validation": ["d"], "test": ["e", "f"]}


def test_splits_share_no_image() -> None:
    """Every image is one number throughout: its patches, z-scored, still say which image they are from."""
    level = {name: 3.0**k for k, name in enumerate("abcdef")}
    images = {name: np.full((20, 20), value) for name, value in level.items()}
    splits = split_by_image(images, ASSIGNMENT, COUNTS, 4, seed=0)
    # z = (x - mean) / std, alike for all pixels here; two images of train give mean and std back.
    found = np.unique(splits.train[:, 0])
    mean, std = _line(found[[0, -1]], [level["a"], level["c"]])
    for split in SPLITS:
        values = getattr(splits, split)
        assert values.shape == (COUNTS[split], 16)
        np.testing.assert_allclose(values, np.repeat(values[:, :1], 16, axis=1))
        sources = np.unique(np.round(values[:, 0] * std + mean, 2))
        np.testing.assert_allclose(sources, [level[name] for name in ASSIGNMENT[split]], rtol=1e-3)


def _line(z: NDArray[np.float32], x: list[float]) -> tuple[float, float]:
    """Intercept and slope of x = intercept + slope · z through two points."""
    slope = (x[1] - x[0]) / float(z[1] - z[0])
    return x[0] - slope * float(z[0]), slope


def random_images(source: np.random.Generator, names: str = "abcdef") -> dict[Any, NDArray[np.float64]]:
    return {name: 5 + 2 * source.standard_normal((20, 20)) for name in names}


def test_splits_are_a_function_of_the_seed(source: np.random.Generator) -> None:
    images = random_images(source)
    one, same, other = (split_by_image(images, ASSIGNMENT, COUNTS, 4, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


def test_statistics_are_those_of_train(source: np.random.Generator) -> None:
    """Per pixel; whatever validation and test hold, train stays as it is."""
    images = random_images(source)
    splits = split_by_image(images, ASSIGNMENT, COUNTS, 4, seed=0)
    np.testing.assert_allclose(splits.train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(splits.train.std(0), 1, atol=1e-6)
    brighter = images | {name: 100 * images[name] for name in "def"}
    np.testing.assert_array_equal(split_by_image(brighter, ASSIGNMENT, COUNTS, 4, seed=0).train, splits.train)


def test_standardise_by_the_first_part_alone() -> None:
    train, test = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 7.0]])
    z = standardise(train, test)
    np.testing.assert_array_equal(z[0], [[-1, 0], [1, 0]])  # a pixel that is constant is not divided by zero
    np.testing.assert_array_equal(z[1], [[2, 2]])
    assert z[0].dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": ["e", "a"]}, "a is in more than one split"),
        ({"train": ["a", "a"]}, "a is in more than one split"),
        ({"validation": ["moon"]}, "no image moon; there are a, b, c, d, e, f"),
    ],
    ids=["in_two_splits", "twice_in_one", "unknown"],
)
def test_wrong_assignment(source: np.random.Generator, changes: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_by_image(random_images(source), ASSIGNMENT | changes, COUNTS, 4, seed=0)


# --------------------------------------------------------------------- data sets


@pytest.mark.parametrize("name", natural_images.IMAGES)
def test_photograph(name: str) -> None:
    grey = natural_images.photograph(name)
    assert grey.ndim == 2
    assert min(grey.shape) >= 256
    assert (np.array(grey.shape) % 2 == 0).all()
    assert grey.min() >= 0
    assert grey.max() <= 1
    assert grey.std() > 0.05


def test_natural_images() -> None:
    images = {"train": ["camera", "china"], "validation": ["rocket"], "test": ["coffee"]}
    splits = natural_images.load(images, **COUNTS, patch_size=8)
    for split in SPLITS:
        part = getattr(splits, split)
        assert (part.shape, part.dtype) == ((COUNTS[split], 64), np.float32)
        assert np.isfinite(part).all()
        assert 0.2 < part.std() < 5
    assert splits.truth == {}


def test_unknown_photograph() -> None:
    with pytest.raises(UserError, match="no photograph moon; there are astronaut"):
        natural_images.load({"train": ["camera"], "validation": ["moon"], "test": ["coffee"]}, **COUNTS)


def test_olshausen(data_folder: Path) -> None:
    path = data_folder / "olshausen/IMAGES.mat"
    if not path.is_file():
        pytest.skip(f"no {path}")
    images = olshausen.read_images(path)
    assert images.shape == (512, 512, 10)
    splits = olshausen.load(
        {"train": [0, 1, 2], "validation": [3], "test": [9]}, **COUNTS, source=str(path), patch_size=16
    )
    for split in SPLITS:
        part = getattr(splits, split)
        assert (part.shape, part.dtype) == ((COUNTS[split], 256), np.float32)
        assert np.isfinite(part).all()


def write_images(path: Path, **variables: Any) -> Path:
    savemat(path, variables)
    return path


def test_olshausen_leaves_the_edges_out(tmp_path: Path, source: np.random.Generator) -> None:
    """Four pixels at each side: 20×20 become 12×12, with 25 places for a patch of 8×8."""
    images = source.standard_normal((20, 20, 3))
    edge = np.ones((20, 20), dtype=bool)
    edge[4:-4, 4:-4] = False
    images[edge] = np.nan
    path = write_images(tmp_path / "IMAGES.mat", IMAGES=images)

    def load(count: int) -> Splits:
        assignment = {"train": [0], "validation": [1], "test": [2]}
        return olshausen.load(assignment, count, count, count, source=str(path), patch_size=8)

    assert np.isfinite(load(25).test).all()
    with pytest.raises(UserError, match="hold only 25"):
        load(26)


def test_olshausen_source_that_cannot_be_read(tmp_path: Path) -> None:
    images = {"train": [0], "validation": [1], "test": [2]}
    damaged = tmp_path / "damaged.mat"
    whole = write_images(tmp_path / "whole.mat", IMAGES=np.zeros((20, 20, 3)))
    sources = {
        "does not exist": tmp_path / "missing.mat",
        "cannot be read as a MATLAB file": damaged,
        "holds no variable IMAGES": write_images(tmp_path / "other.mat", PICTURES=np.zeros((20, 20, 3))),
        "height × width × number": write_images(tmp_path / "flat.mat", IMAGES=np.zeros((20, 20))),
    }
    for content in (b"", b"not MATLAB" * 100, whole.read_bytes()[:-500], whole.read_bytes()[:60]):
        damaged.write_bytes(content)
        for message, path in sources.items():
            with pytest.raises(UserError, match=message) as caught:
                olshausen.load(images, 1, 1, 1, source=str(path), patch_size=4)
            assert str(path) in str(caught.value)


def test_synthetic_truth_is_the_truth() -> None:
    """x = A z + noise · ε, in the data's own units."""
    splits = synthetic.load(2000, 100, 300, pixels=24, latents=32, density=0.1, noise=0.2, seed=3)
    atoms = splits.truth["atoms"]
    np.testing.assert_allclose(np.linalg.norm(atoms, axis=0), 1, rtol=1e-5)
    for split, count in (("train", 2000), ("validation", 100), ("test", 300)):
        x, codes = getattr(splits, split), splits.truth[f"codes.{split}"]
        assert (x.shape, codes.shape) == ((count, 24), (count, 32))
        residual = x - codes @ atoms.T
        assert residual.std() == pytest.approx(0.2, rel=0.05)
    codes = splits.truth["codes.train"]
    assert (codes != 0).mean() == pytest.approx(0.1, rel=0.05)
    assert (codes**2).mean() == pytest.approx(1, rel=0.12)
    assert codes.mean() == pytest.approx(0, abs=0.02)


def test_synthetic_without_noise_is_exact() -> None:
    splits = synthetic.load(50, 5, 5, noise=0.0)
    np.testing.assert_allclose(splits.test, splits.truth["codes.test"] @ splits.truth["atoms"].T, atol=1e-5)


# ------------------------------------------------------------------------- files

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
    made = synthetic.load(20, 5, 6, pixels=4, latents=3)
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
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    write(Splits(x.T, x[::2], x[:, ::3]), tmp_path / "data", {})
    found = read(tmp_path / "data")
    np.testing.assert_array_equal(found.train, x.T)
    np.testing.assert_array_equal(found.validation, x[::2])
    np.testing.assert_array_equal(found.test, x[:, ::3])


def labelled(source: np.random.Generator) -> Splits:
    """Images and labels that end at odd bytes, beside numbers of four bytes."""
    parts = [source.integers(0, 256, (n, 1, 3, 2), dtype=np.uint8) for n in (7, 0, 4)]
    labels = {
        name: source.integers(0, 2, (len(part), 3), dtype=np.uint8) for name, part in zip(SPLITS, parts, strict=True)
    }
    return Splits(*parts, {"atoms": np.arange(6, dtype=np.float32)}, labels, ("hat", "λ", "smile"))


def test_labels_round_trip(tmp_path: Path, source: np.random.Generator) -> None:
    made = labelled(source)
    write(made, tmp_path / "data", {"spec": "{}"})
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


def test_data_file_is_safetensors(tmp_path: Path, source: np.random.Generator) -> None:
    """Its own library reads ours, and we read its."""
    made = labelled(source)
    write(made, tmp_path / "ours", {"spec": "é"})
    tensors = load_file(tmp_path / "ours")
    expected = {name: getattr(made, name) for name in SPLITS} | {"truth.atoms": made.truth["atoms"]}
    expected |= {f"labels.{name}": value for name, value in made.labels.items()}
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    with safe_open(tmp_path / "ours", "numpy") as file:
        metadata = file.metadata()
    assert metadata == {"spec": "é", "label_names": json.dumps(made.label_names)}
    save_file(tensors, tmp_path / "theirs", metadata)
    theirs = read(tmp_path / "theirs")
    assert theirs.label_names == made.label_names
    np.testing.assert_array_equal(theirs.test, made.test)
    np.testing.assert_array_equal(theirs.truth["atoms"], made.truth["atoms"])


def test_data_file_is_mapped(tmp_path: Path) -> None:
    """Arrays of 8 MB take no memory when they are read; torch takes them as they are, and changes stay in memory."""
    x = np.full((2000, 1000), 7, np.float32)
    write(Splits(x, x[:1], x[:1]), tmp_path / "data", {})
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
    write(Stream(shapes, fill, labels, ("one",)), tmp_path / "data", {})
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
        write(Stream(shapes, fill, {}, ()), tmp_path / "data", {})
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
        "images": {"train": ["moon"], "validation": [], "test": []},
    }
    with pytest.raises(UserError):
        data.prepare(spec | COUNTS, tmp_path / "data.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("before", [None, "old"])
def test_atomic_write_that_fails_changes_nothing(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "file.json"
    if before:
        path.write_text(before)

    def fail() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"value": float("nan")})
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == ({path.name: before} if before else {})


def test_atomic_write(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    for text in ("first", "λ = 0.25"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert path.stat().st_mode & 0o777 == 0o644
        assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_json_round_trip_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with pytest.raises(UserError, match=f"{path} is missing"):
        read_json(path)
    write_json(path, {"a": [1, 2.5, None]})
    assert read_json(path) == {"a": [1, 2.5, None]}
    path.write_text(json.dumps([1, 2])[:-1])
    with pytest.raises(UserError, match=f"{path} is not valid JSON"):
        read_json(path)
