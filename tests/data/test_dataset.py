"""Statistics, and a data set from an array of the user's own."""

from __future__ import annotations

import tracemalloc
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vscbench.data import SPLITS, Data, Standardisation, dataset
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


# -------------------------------------------------------------- standardisation


def test_statistics_are_those_of_numpy_to_the_last_bit(
    source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many passes over however small parts."""
    x = source.normal(3, 2, (1000, 7))
    for size in (8 * 7 * 1, 8 * 7 * 64, 1 << 24):
        monkeypatch.setattr(dataset, "CHUNK_BYTES", size)
        rule = Standardisation.of(x)
        np.testing.assert_array_equal(rule.mean, x.mean(0))
        np.testing.assert_array_equal(rule.scale, x.std(0))
        together = Standardisation.of(x, "global")
        assert together.mean == pytest.approx(x.mean())
        assert together.scale == pytest.approx(np.sqrt(x.var(0).mean() + x.mean(0).var()))
        some = Standardisation.of(x, "pixel", np.array([5, 2, 9]))
        np.testing.assert_allclose(some.mean, x[[5, 2, 9]].mean(0))


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, -1e-3, 1e9])
def test_constant_pixel_is_not_divided_by_zero(value: float) -> None:
    """The mean of 3,000 times 0.1 is not 0.1."""
    x = np.full((3000, 2), value)
    x[::2, 1] += 1
    rule = Standardisation.of(x)
    assert rule.scale[0] == 1
    assert rule.scale[1] == pytest.approx(0.5)
    np.testing.assert_allclose(rule.standardise(x)[:, 0], 0, atol=1e-6)


def test_numpy_and_torch_are_standardised_alike(source: np.random.Generator) -> None:
    x = source.normal(1000, 1, (50, 7)).astype(np.float32)
    rule = Standardisation.of(x)
    z = rule.standardise(x)
    assert z.dtype == np.float32
    for tensor in (torch.from_numpy(x), torch.from_numpy(x).double()):
        found = rule.standardise(tensor)
        assert found.dtype == tensor.dtype
        np.testing.assert_array_equal(found.float().numpy(), z)
        np.testing.assert_allclose(rule.restore(found).numpy(), x, rtol=1e-6)
    np.testing.assert_allclose(rule.restore(z), x, rtol=1e-6)
    assert rule.standardise(torch.arange(7)[None]).dtype == torch.float32
    one = rule.standardise(torch.from_numpy(x[0]))  # a single data point, and a stack of several
    np.testing.assert_array_equal(one.numpy(), z[0])
    assert rule.standardise(torch.zeros(2, 3, 7)).shape == (2, 3, 7)


def test_gradients_pass_through() -> None:
    rule = Standardisation(np.array([1.0]), np.array([4.0]))
    x = torch.zeros(3, 1, requires_grad=True)
    rule.standardise(x).sum().backward()
    assert x.grad is not None
    assert (x.grad == 0.25).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_identity_changes_nothing(dtype: type) -> None:
    x = np.zeros((2, 1, 3, 3), dtype)
    rule = Standardisation()
    assert rule.is_identity
    assert rule.standardise(x) is x
    assert rule.restore(x) is x
    assert not Standardisation(np.zeros(3), np.ones(3)).is_identity


# ------------------------------------------------------------------- from_array


def rows_of(found: Data, x: NDArray[Any]) -> dict[str, list[int]]:
    """Which rows of `x` the parts are."""
    known = {row.tobytes(): k for k, row in enumerate(x)}
    return {name: [known[row.tobytes()] for row in getattr(found, name)] for name in SPLITS}


@pytest.mark.parametrize(
    "kind", ["float64", "float32", "float16", ">f4", "int16", "uint8", "torch", "bfloat16", "list"]
)
def test_vectors_of_any_kind(source: np.random.Generator, kind: str) -> None:
    x = source.integers(0, 100, (60, 8))
    given: Any = x.tolist() if kind == "list" else x.astype(kind) if kind not in ("torch", "bfloat16") else None
    if given is None:
        given = torch.tensor(x, dtype=torch.bfloat16 if kind == "bfloat16" else torch.float32, requires_grad=True)
    found = Data.from_array(given, validation=0.1, test=12)
    assert [len(getattr(found, name)) for name in SPLITS] == [42, 6, 12]
    assert all(getattr(found, name).dtype == np.float32 for name in SPLITS)
    np.testing.assert_allclose(found.train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.train.std(0), 1, atol=1e-6)
    raw = np.concatenate([found.standardisation.restore(getattr(found, name)) for name in SPLITS])
    np.testing.assert_allclose(np.sort(raw, 0), np.sort(x, 0), atol=1e-4)
    assert (found.name, found.shape, found.patch_shape, found.labels) == ("array", (8,), None, {})


def test_statistics_are_those_of_train_alone(source: np.random.Generator) -> None:
    x = source.random((60, 8))
    split = [np.arange(40), np.arange(40, 50), np.arange(50, 60)]
    one = Data.from_array(x, split=split)
    np.testing.assert_array_equal(one.standardisation.mean, x[:40].mean(0))
    x[40:] *= 100
    other = Data.from_array(x, split=split)
    np.testing.assert_array_equal(one.train, other.train)


@pytest.mark.parametrize("standardise", ["none", "global"])
def test_other_standardisations(source: np.random.Generator, standardise: Any) -> None:
    x = source.normal(5, [1, 2, 3], (60, 3)).astype(np.float32)
    found = Data.from_array(x, standardise=standardise)
    if standardise == "none":
        assert sorted(chain(*rows_of(found, x).values())) == list(range(60))
        return
    assert found.train.mean() == pytest.approx(0, abs=1e-6)
    assert found.train.std() == pytest.approx(1, abs=1e-6)
    assert found.train[:, 2].std() > 2 * found.train[:, 0].std()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_stay_as_they_are(source: np.random.Generator, dtype: type, channels: int) -> None:
    x = source.integers(0, 256, (30, channels, 4, 6), dtype=np.uint8)
    given = x if dtype == np.uint8 else (x / 255).astype(dtype)
    found = Data.from_array(given, standardise="pixel")
    assert found.standardisation.is_identity
    expected = np.uint8 if dtype == np.uint8 else np.float32
    assert {getattr(found, name).dtype for name in SPLITS} == {np.dtype(expected)}
    assert sorted(chain(*rows_of(found, given.astype(expected)).values())) == list(range(30))
    assert found.shape == (channels, 4, 6)


def test_labels_go_with_their_rows(source: np.random.Generator) -> None:
    x = np.arange(60, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    attributes = source.integers(0, 2, (60, 3))
    for labels in (attributes, attributes.astype(bool), attributes.astype(float), torch.from_numpy(attributes)):
        found = Data.from_array(x, labels=labels, label_names=["a", "b", "c"], standardise="none")
        assert found.label_names == ("a", "b", "c")
        for name in SPLITS:
            assert found.labels[name].dtype == np.uint8
            np.testing.assert_array_equal(found.labels[name], attributes[getattr(found, name)[:, 0].astype(int)])
    assert Data.from_array(x, labels=attributes).label_names == ("attribute_0", "attribute_1", "attribute_2")


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (np.arange(60) % 3, None, ("0", "1", "2")),
        (np.arange(60) % 3 * 10 - 5, None, ("-5", "5", "15")),
        (np.arange(60) % 2 > 0, None, ("False", "True")),
        (np.array(["cat", "dog", "eel"])[np.arange(60) % 3], None, ("cat", "dog", "eel")),
        (np.array(["cat", "dog", "eel"], object)[np.arange(60) % 3], None, ("cat", "dog", "eel")),
        (np.array([b"cat", b"dog"])[np.arange(60) % 2], None, ("cat", "dog")),
        (np.arange(60) % 3, ["x", "y", "z", "never"], ("x", "y", "z", "never")),
        (np.array(["cat", "dog"])[np.arange(60) % 2], ["dog", "cat"], ("dog", "cat")),
    ],
    ids=["numbers", "gaps", "bool", "text", "object", "bytes", "named", "order"],
)
def test_classes_become_one_hot(labels: Any, names: Any, expected: tuple[str, ...]) -> None:
    x = np.arange(60, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    found = Data.from_array(x, labels=labels, label_names=names, standardise="none")
    assert found.label_names == expected
    for name in SPLITS:
        hot = found.labels[name]
        assert (hot.sum(1) == 1).all()
        rows = getattr(found, name)[:, 0].astype(int)
        there = [expected[k] for k in hot.argmax(1)]
        known = [value.decode() if isinstance(value, bytes) else str(value) for value in labels[rows].tolist()]
        assert there == ([expected[int(value)] for value in known] if names and names[0] == "x" else known)


def test_one_recording_is_never_on_both_sides(source: np.random.Generator) -> None:
    groups = source.integers(0, 20, 200)
    x = groups[:, None] * np.ones((1, 4), np.float32)
    found = Data.from_array(x, groups=groups, standardise="none", test=0.2)
    sides = [set(getattr(found, name)[:, 0].tolist()) for name in SPLITS]
    assert sum(map(len, sides)) == 20
    assert len(set.union(*sides)) == 20
    text = Data.from_array(x, groups=torch.from_numpy(groups), standardise="none", test=0.2)
    np.testing.assert_array_equal(text.train, found.train)


def test_the_seed_says_which_rows(source: np.random.Generator) -> None:
    x = source.random((100, 4))
    one, same, other = (Data.from_array(x, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)
    assert [len(getattr(one, name)) for name in SPLITS] == [85, 5, 10]


@pytest.mark.parametrize(("shape", "expected"), [((2, 3), (1, 2, 3)), ((3, 1, 2), (3, 1, 2))])
def test_shape_of_a_patch(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random((20, 6))
    assert Data.from_array(x, patch_shape=shape).patch_shape == expected


def holed(*places: tuple[int, ...], value: float = np.nan) -> NDArray[np.float64]:
    x = np.zeros((10, 4))
    for place in places:
        x[place] = value
    return x


CLASSES = np.arange(10) % 2


@pytest.mark.parametrize(
    ("x", "settings", "message"),
    [
        (holed((7, 2)), {}, r"^x holds 1 number NaN or infinite, the first at \[7, 2\]$"),
        (holed((7, 2), (3, 1), (9, 0), value=-np.inf), {}, r"x holds 3 numbers NaN or infinite, the first at \[3, 1\]"),
        (holed((1, 1), value=1e39), {}, "x holds numbers of 1e.39, beyond single precision"),
        (np.zeros((10, 4), object), {}, "x is of type object; it must be numbers, float or uint8"),
        (np.zeros((10, 4), complex), {}, "x is of type complex128"),
        (np.full((10, 4), "a"), {}, "x is of type <U1"),
        (np.zeros((10, 4), bool), {}, "x is of type bool"),
        ([[1.0], [1.0, 2.0]], {}, "this is no array"),
        (np.zeros(10), {}, r"x has the shape \(10,\); it must be \(N, P\) or \(N, C, H, W\)"),
        (np.zeros((10, 4, 4)), {}, r"it must be .*; give grey images an axis of channels, x\[:, None\]"),
        (np.zeros((2, 4)), {}, r"x has the shape \(2, 4\); it needs 3 rows at least, and no empty axis"),
        (np.zeros((10, 0)), {}, r"x has the shape \(10, 0\); it needs"),
        (np.zeros((10, 8, 8, 3)), {}, r"channels come first, \(N, C, H, W\): np.moveaxis\(x, -1, 1\)"),
        (np.zeros((10, 1, 8, 8), int), {}, r"x holds images of type int64; they must be uint8, or floats in \[0, 1\]"),
        (np.full((10, 1, 2, 2), 255.0), {}, r"images with numbers from 255 to 255; floats must lie in \[0, 1\]"),
        (np.full((10, 1, 2, 2), -0.5), {}, "images with numbers from -0.5 to -0.5"),
        (
            np.zeros((10, 4)),
            {"standardise": "pixels"},
            "'pixels' is not allowed; it must be one of pixel, global, none",
        ),
        (np.zeros((10, 4)), {"test": 9}, r"validation \+ test: 10 of 10 rows, which leaves none for train"),
        (np.zeros((10, 4)), {"groups": CLASSES}, "groups: only 2; train, validation and test need one each at least"),
        (np.zeros((10, 4)), {"split": [[0], [1], [0]]}, "split: row 0 is there twice or more: in train, test"),
        (np.zeros((10, 4)), {"labels": CLASSES[:9]}, r"labels: their shape is \(9,\); it must be \(10,\) or \(10, A\)"),
        (np.zeros((10, 4)), {"labels": np.zeros((10, 2, 2))}, r"labels: their shape is \(10, 2, 2\)"),
        (np.zeros((10, 4)), {"labels": CLASSES / 2}, "labels: classes are of type float64; they must be whole numbers"),
        (np.zeros((10, 4)), {"labels": CLASSES * 0}, "labels: 1 distinct classes; they must be 2 to 1000"),
        (np.zeros((2000, 4)), {"labels": np.arange(2000)}, "labels: 2000 distinct classes; they must be 2 to 1000"),
        (np.zeros((10, 4)), {"labels": np.eye(10) * 2}, r"labels: attributes \(10, 10\) must be 0 or 1"),
        (np.zeros((10, 4)), {"labels": np.full((10, 2), np.nan)}, "must be 0 or 1"),
        (np.zeros((10, 4)), {"labels": np.eye(10), "label_names": ["a"]}, "label_names: 1 for 10 attributes"),
        (np.zeros((10, 4)), {"labels": CLASSES, "label_names": ["a", "a"]}, "label_names: they must be distinct"),
        (
            np.zeros((10, 4)),
            {"labels": CLASSES, "label_names": ["a", "\n"]},
            "label_names: .* text that can be printed",
        ),
        (np.zeros((10, 4)), {"labels": CLASSES * 5, "label_names": ["a", "b"]}, "class 5 has no name among 2"),
        (np.zeros((10, 4)), {"label_names": ["a"]}, "label_names: they are given, but no labels"),
        (np.zeros((10, 4)), {"patch_shape": (3, 2)}, r"patch_shape: \[3, 2\] is not that of data of shape \(4,\)"),
        (np.zeros((10, 1, 2, 2)), {"patch_shape": (2, 2)}, r"is not that of data of shape \(1, 2, 2\)"),
        (np.zeros((10, 4)), {"patch_shape": (4,)}, r"patch_shape: \[4\]"),
        (np.zeros((10, 4)), {"patch_shape": (2, 1, 2, 1)}, r"patch_shape: \[2, 1, 2, 1\]"),
    ],
)
def test_array_that_is_refused(x: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Data.from_array(x, **{"validation": 1, "test": 1} | settings)
    assert "\n" not in str(caught.value)


def test_bad_numbers_are_found_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any part of an array that is read a part at a time, and in any split."""
    monkeypatch.setattr(dataset, "CHUNK_BYTES", 8 * 4 * 3)
    for row in range(10):
        with pytest.raises(UserError, match=rf"the first at \[{row}, 3\]"):
            Data.from_array(holed((row, 3)), validation=1, test=1)


def test_mapped_array_is_copied_once(
    tmp_path: Path, source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 MB of double precision on the disk take the 8 MB of single precision that the data set is, and little more."""
    monkeypatch.setattr(dataset, "CHUNK_BYTES", 1 << 18)
    np.save(tmp_path / "x.npy", source.random((20_000, 100)))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    tracemalloc.start()
    found = Data.from_array(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = sum(getattr(found, name).nbytes for name in SPLITS)
    assert size == 8_000_000
    assert peak < size + 2.5e6


def test_a_data_set_says_what_it_is() -> None:
    found = Data.from_array(np.random.default_rng(0).random((20, 6)), validation=2, test=3, name="mine")
    assert repr(found) == "Data(mine: train (15, 6) float32, validation (2, 6), test (3, 6))"
