"""The user's own array in a file."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from vscbench import data
from vscbench.data import SPLITS, Data, dataset
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS = ["npy", "npz", "packed.npz", "safetensors"]


@pytest.fixture
def x(source: np.random.Generator) -> NDArray[np.float32]:
    return source.random((60, 8)).astype(np.float32)


def save(path: Path, **arrays: NDArray[Any]) -> str:
    """Write arrays in the format that the name of the file asks for."""
    if path.suffix == ".npy":
        np.save(path, next(iter(arrays.values())))
    elif path.suffix == ".npz":
        (np.savez_compressed if "packed" in path.name else np.savez)(path, **arrays)
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return str(path)


def spec(source: str, **settings: Any) -> dict[str, Any]:
    return {"kind": "array", "name": "mine", "source": source, **settings}


@pytest.mark.parametrize("name", FORMATS)
def test_array_of_any_format(tmp_path: Path, x: NDArray[np.float32], name: str) -> None:
    """The data set is that of `from_array`, and the file's header alone says its shape."""
    path = save(tmp_path / f"x.{name}", x=x)
    settings = {"validation": 0.1, "test": 5, "standardise": "global", "seed": 3, "patch_shape": [2, 4]}
    source = data.source(spec(path, **settings))
    source.check()
    assert source.shape == (8,)
    assert source.files == [tmp_path / f"x.{name}"]
    found = data.prepare(spec(path, **settings), tmp_path / "data")
    expected = Data.from_array(x, **settings)
    for part in SPLITS:
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    np.testing.assert_array_equal(found.standardisation.mean, expected.standardisation.mean)
    assert (found.name, found.patch_shape) == ("mine", (1, 2, 4))


@pytest.mark.parametrize("name", ["npz", "packed.npz", "safetensors"])
def test_everything_in_one_file(tmp_path: Path, x: NDArray[np.float32], name: str) -> None:
    beside = {"kind": np.arange(60) % 3, "recording": np.arange(60) // 6, "x.raw": x * 2}
    path = save(tmp_path / f"all.{name}", x=x, **beside)
    settings = {"key": "x.raw", "labels": "kind", "groups": "recording", "label_names": ["a", "b", "c"]}
    source = data.source(spec(path, **settings))
    assert source.files == [tmp_path / f"all.{name}"]
    found = data.prepare(spec(path, **settings), tmp_path / "data")
    expected = Data.from_array(x * 2, labels=beside["kind"], groups=beside["recording"])
    np.testing.assert_array_equal(found.test, expected.test)
    np.testing.assert_array_equal(found.labels["test"], expected.labels["test"])
    assert found.label_names == ("a", "b", "c")


def test_everything_in_files_of_its_own(tmp_path: Path, x: NDArray[np.float32]) -> None:
    split = {"train": np.arange(10, 60), "validation": np.arange(4), "test": np.arange(4, 10)}
    settings = {
        "labels": save(tmp_path / "labels.npy", labels=np.array(["cat", "dog"])[np.arange(60) % 2]),
        "groups": save(tmp_path / "groups.npz", groups=np.arange(60)),
        "split": save(tmp_path / "split.npz", **split),
    }
    source = data.source(spec(save(tmp_path / "x.npy", x=x), **settings))
    source.check()
    assert sorted(path.name for path in source.files) == ["groups.npz", "labels.npy", "split.npz", "x.npy"]
    found = source.load().load()
    np.testing.assert_array_equal(found.standardisation.mean, x[10:].astype(float).mean(0))
    np.testing.assert_allclose(found.standardisation.restore(found.test), x[4:10], rtol=1e-5)
    assert found.label_names == ("cat", "dog")


def test_images_and_columns_first(tmp_path: Path, source: np.random.Generator) -> None:
    images = source.integers(0, 256, (30, 3, 4, 5), dtype=np.uint8)
    turned = np.asfortranarray(source.random((30, 6)))
    for name in ("npy", "npz"):
        found = data.source(spec(save(tmp_path / f"images.{name}", x=images)))
        assert found.shape == (3, 4, 5)
        assert found.load().load().train.dtype == np.uint8
        by_columns = data.source(spec(save(tmp_path / f"turned.{name}", x=turned))).load().load()
        np.testing.assert_array_equal(by_columns.test, Data.from_array(turned).test)


@pytest.mark.parametrize("name", ["npy", "npz", "safetensors"])
def test_array_larger_than_what_is_taken_of_memory(
    tmp_path: Path, source: np.random.Generator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """8 MB of doubles go from file to file."""
    path = save(tmp_path / f"x.{name}", x=source.random((10_000, 100)))
    monkeypatch.setattr(dataset, "CHUNK_BYTES", 1 << 17)
    tracemalloc.start()
    data.source(spec(path)).check()
    checked = tracemalloc.get_traced_memory()[1]
    data.prepare(spec(path), tmp_path / "data")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert checked < 1e6
    assert peak < 2e6


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({}, {"source": "x.csv"}, "source: .*x.csv is no .npy, .npz, .safetensors"),
        ({}, {"source": "no.npy"}, "source: there is no file .*no.npy"),
        ({"x.npz": {"a": 1, "b": 1}}, {"source": "x.npz"}, "source: .*x.npz holds a, b; say which by `key`"),
        (
            {"x.npz": {"raw": 1, "b": 1}},
            {"source": "x.npz", "key": "rwa"},
            "holds no rwa; did you mean raw.; there are",
        ),
        ({}, {"labels": "kind"}, "labels: .*x.npy holds no kind; there are x"),
        (
            {"x.npz": {"raw": 1, "session": 1}},
            {"source": "x.npz", "key": "raw", "groups": "sesion"},
            "groups: .*x.npz holds no sesion; did you mean session.; there are raw, session",
        ),
        ({}, {"labels": "no.npy"}, "labels: there is no file no.npy"),
        ({}, {"split": "x.npz"}, "split: there is no file"),
        ({"s.npz": {"train": 1, "test": 1}}, {"split": "s.npz"}, "split: .*s.npz holds no validation"),
        ({}, {"label_names": ["a"]}, "label_names: they are given, but no labels"),
        ({"l.npy": {"l": 1}}, {"labels": "l.npy"}, r"labels: their shape is \(4, 4\); it must be \(60,\)"),
        ({}, {"test": 60}, r"validation \+ test: 63 of 60 rows"),
        ({}, {"patch_shape": [3, 3]}, r"patch_shape: \[3, 3\] is not that of data of shape \(8,\)"),
        ({"x.npz": {"a": "text"}}, {"source": "x.npz"}, "x is of type <U1"),
    ],
)
def test_settings_that_are_refused_before_any_job(
    tmp_path: Path,
    x: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, dict[str, Any]],
    settings: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "x.npy", x=x)
    for name, arrays in files.items():
        save(tmp_path / name, **{key: np.full((4, 4), "a" if v == "text" else v) for key, v in arrays.items()})
    source = data.source(spec("x.npy") | settings)
    for act in (source.check, source.load):
        with pytest.raises(UserError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_bad_numbers_are_refused_by_the_name_of_the_file(tmp_path: Path, x: NDArray[np.float32]) -> None:
    x[3, 4] = np.nan
    path = save(tmp_path / "x.npy", x=x)
    with pytest.raises(UserError, match=rf"{path}: x holds 1 number NaN or infinite, the first at \[3, 4\]"):
        data.prepare(spec(path), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("damage", ["half", "empty", "other"])
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_file(tmp_path: Path, x: NDArray[np.float32], name: str, damage: str) -> None:
    path = tmp_path / f"x.{name}"
    save(path, x=x)
    content = path.read_bytes()
    path.write_bytes({"half": content[: len(content) // 2], "empty": b"", "other": b"something else" * 99}[damage])
    source = data.source(spec(str(path)))
    for act in (source.check, source.load, lambda: source.shape):
        with pytest.raises(UserError, match=rf"source: {path} cannot be read"):
            act()


def test_packed_array_with_damaged_numbers(tmp_path: Path, x: NDArray[np.float32]) -> None:
    path = tmp_path / "x.packed.npz"
    save(path, x=x)
    content = bytearray(path.read_bytes())
    content[500:520] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"source: {path} cannot be read"):
        data.source(spec(str(path))).load()


@pytest.mark.parametrize("name", ["npy", "npz"])
def test_python_objects_are_not_loaded(tmp_path: Path, name: str) -> None:
    """They could be code."""
    path = save(tmp_path / f"x.{name}", x=np.array([[{}], [[]], [()]], dtype=object))
    with pytest.raises(UserError, match=rf"source: {path} cannot be read"):
        data.source(spec(path)).load()


@pytest.mark.parametrize("split", [None, [[0, 1, 5, 6], [2, 7], [3, 4, 8, 9]]])
def test_groups_are_kept(split: list[list[int]] | None) -> None:
    """As numbers, one for each group, whatever says how rows are split: the rows themselves say their group here."""
    names = np.array(["b", "b", "a", "c", "c", "d", "d", "e", "f", "f"])
    values = np.unique(names, return_inverse=True)[1]
    x = np.stack([values, np.arange(10)], 1).astype(np.float32)
    found = Data.from_array(x, groups=names, split=split, standardise="none", validation=1, test=2)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(found.groups[part], getattr(found, part)[:, 0])
    assert Data.from_array(x, validation=1, test=2).groups == {}
