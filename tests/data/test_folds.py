"""Folds over images: each in one test, alike in contrast, the group of every patch kept."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from PIL import Image

from vscbench import data
from vscbench.cli import main
from vscbench.data import SPLITS, Data, natural_images, olshausen
from vscbench.data.folds import Folded, deal
from vscbench.data.natural_images import NaturalImages, photograph
from vscbench.data.whitening import whiten
from vscbench.errors import UserError
from vscbench.files import read_json
from vscbench.metrics.baselines import baselines

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OLSHAUSEN = dict(enumerate([0.099, 0.042, 0.077, 0.072, 0.200, 0.100, 0.081, 0.058, 0.047, 0.014]))
"""The variances of the ten images, by the audit."""
WITHIN = 0.1
"""How far the mean square of a test may be from that of its training patches, which is 1."""


def square(x: NDArray[Any]) -> float:
    return float(np.square(x, dtype=np.float64).mean())


def test_images_are_dealt_by_falling_contrast_forth_and_back() -> None:
    assert deal(OLSHAUSEN, 5) == [[4, 9], [5, 1], [0, 8], [6, 7], [2, 3]]
    assert deal(dict(zip("abcdefg", (7, 6, 5, 4, 3, 2, 1), strict=True)), 3) == [
        ["a", "f", "g"],
        ["b", "e"],
        ["c", "d"],
    ]


def test_rounding_does_not_change_what_is_dealt(source: np.random.Generator) -> None:
    """Photographs are whitened to variance 1 but for rounding, which another machine does in another way."""
    names = "abcdefghij"
    for _ in range(5):
        assert deal({name: 1 + 1e-5 * source.normal() for name in names}, 5) == deal(dict.fromkeys(names, 1.0), 5)


@pytest.mark.parametrize("seed", range(20))
def test_every_image_is_in_the_test_of_one_fold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    folds = int(rng.integers(3, 7))
    contrast = dict(enumerate(rng.gamma(2, size=int(rng.integers(folds, 40)))))
    tests: list[int] = []
    for fold in range(folds):
        parts = Folded(folds=folds, fold=fold).assign(contrast)
        assert list(parts) == list(SPLITS)
        assert all(parts.values())
        assert sorted(image for part in parts.values() for image in part) == sorted(contrast)
        assert parts["validation"] == Folded(folds=folds, fold=(fold + 1) % folds).assign(contrast)["test"]
        tests += parts["test"]
    assert sorted(tests) == sorted(contrast)


def test_folds_are_more_alike_than_images() -> None:
    """Of 10 to 40 images with contrasts that differ as much, means of folds differ by a third as much or less."""
    rng = np.random.default_rng(0)
    spreads = []
    for _ in range(50):
        contrast = rng.gamma(2, size=int(rng.integers(2, 9)) * 5)
        means = [np.mean(contrast[part]) for part in deal(dict(enumerate(contrast)), 5)]
        spreads.append(np.std(means) / np.std(contrast))
    assert np.mean(spreads) < 1 / 3


def test_too_few_images() -> None:
    with pytest.raises(UserError, match="folds: 3 folds need as many images at least; there are 2"):
        Folded(folds=3).assign({"a": 1.0, "b": 1.0})


# -------------------------------------------------------------------- photographs


def photographs(fold: int) -> Data:
    return NaturalImages(folds=5, fold=fold, train=3000, validation=300, test=3000, patch_size=8).load()


def test_contrast_of_test_and_train_is_matched_on_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each fold, within 10 %; each of two photographs gives half of the test, and no other split sees it."""
    white = cache(lambda name: whiten(photograph(name)))  # once for all folds
    monkeypatch.setattr(natural_images, "photograph", lambda name: name)
    monkeypatch.setattr(natural_images, "whiten", lambda name, _: white(name))
    seen: list[int] = []
    for fold in range(5):
        found = photographs(fold)
        assert square(found.train) == pytest.approx(1, abs=1e-5)
        assert square(found.test) == pytest.approx(1, abs=WITHIN)
        images = {split: np.unique(found.groups[split], return_counts=True) for split in SPLITS}
        assert [len(found.groups[split]) for split in SPLITS] == [3000, 300, 3000]
        assert images["test"][1].tolist() == [1500, 1500]
        assert images["train"][1].tolist() == [500] * 6
        assert sorted(np.concatenate([names for names, _ in images.values()]).tolist()) == list(range(10))
        seen += images["test"][0].tolist()
    assert sorted(seen) == list(range(10))


def test_groups_are_written_and_read(tmp_path: Path) -> None:
    spec = {"kind": "natural_images", "folds": 5, "train": 60, "validation": 6, "test": 9, "patch_size": 4}
    made, found = data.source(spec).load(), data.prepare(spec, tmp_path / "data.safetensors")
    assert isinstance(made, Data)
    assert set(found.groups) == set(SPLITS)
    for split in SPLITS:
        np.testing.assert_array_equal(found.groups[split], made.groups[split])
        assert found.groups[split].dtype == np.int64
    assert sorted(np.unique(found.groups["test"], return_counts=True)[1]) == [4, 5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "images: give either `images`, the photographs of each split, or `folds`"),
        ({"folds": 3, "images": {split: ["camera"] for split in SPLITS}}, "images: give either `images`"),
        ({"folds": 2}, "folds: 2 is not allowed"),
        ({"folds": 11}, "folds: 11 folds need as many images at least; there are 10"),
        ({"folds": 5, "fold": 5}, "fold: there is no fold 5; they are 0 to 4"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        data.source({"kind": "natural_images", "train": 9, "validation": 9, "test": 9, **settings}).check()
    assert "\n" not in str(caught.value)


# -------------------------------------------------------------------- Olshausen's images


def test_contrast_of_test_and_train_on_olshausens_images(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit A6: images 8 and 9 as the test have a mean square of .315 where train has 1.

    Folds of images that are scaled alike have 1, within 10 %. Folds alone have .75 to 1.65: the image of most contrast
    stays what it is, whichever one stands beside it.
    """
    path = data_folder / "olshausen/IMAGES.mat"
    if not path.is_file():
        pytest.skip(f"no {path}")
    monkeypatch.setattr(olshausen, "read_images", cache(olshausen.read_images))
    counts = {"train": 4000, "validation": 400, "test": 4000, "patch_size": 8}

    def of_test(**settings: Any) -> float:
        found = data.source({"kind": "olshausen", "source": str(path), **counts, **settings}).load()
        assert isinstance(found, Data)
        return square(found.test)

    audited = {"train": list(range(7)), "validation": [7], "test": [8, 9]}
    assert of_test(images=audited) == pytest.approx(0.315, abs=0.02)
    for fold in range(5):
        assert of_test(folds=5, fold=fold, equal_contrast=True) == pytest.approx(1, abs=WITHIN)
        assert 0.75 < of_test(folds=5, fold=fold) < 1.65


# -------------------------------------------------------------------- a folder of pictures


@pytest.fixture
def folder(tmp_path: Path, source: np.random.Generator) -> Path:
    """Twelve pictures of 30×30 whose brightest pixel, and so their contrast, grows with their number."""
    (tmp_path / "photos").mkdir()
    for k in range(12):
        pixels = source.integers(0, 20 * (k + 1), (30, 30), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{k:02d}.png")
    return tmp_path / "photos"


def test_patches_of_pictures_by_folds(folder: Path) -> None:
    patches = {"size": 8, "train": 90, "validation": 15, "test": 15}
    seen: list[int] = []
    for fold in range(4):
        source = data.source({"kind": "images", "source": str(folder), "patches": patches, "folds": 4, "fold": fold})
        source.check()
        found = source.load()
        counts = [np.unique(found.groups[split], return_counts=True)[1].tolist() for split in SPLITS]
        assert counts == [[15] * 6, [5] * 3, [5] * 3]
        seen += np.unique(found.groups["test"]).tolist()
        assert fold or np.unique(found.groups["test"]).tolist() == [3, 4, 11]  # by hand: forth, back and forth
    assert sorted(seen) == list(range(12))


def test_commands_on_folds(folder: Path, tmp_path: Path) -> None:
    """`data` prepares all folds or the one that is named; each repetition has codes that learn nothing of its own."""
    patches = {"size": 8, "train": 90, "validation": 15, "test": 15}
    study = {
        "study": "folds",
        "results": str(tmp_path / "results"),
        "repetitions": 4,
        "datasets": {"photos": {"kind": "images", "source": str(folder), "patches": patches, "folds": 3}},
        "experiments": {"one": {"dataset": "photos", "methods": ["fista"], "generator": {"latents": 12}}},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))

    def run(*arguments: str) -> set[str]:
        assert main([*arguments, "--config", str(tmp_path / "study.yaml")]) == 0
        return {path.name for path in (tmp_path / "results/data").iterdir()}

    assert run("data", "photos.fold-1") == {"photos.fold-1.safetensors"}
    assert run("data", "photos") == {f"photos.fold-{fold}.safetensors" for fold in range(3)}
    run("baselines", "one")
    rows = read_json(tmp_path / "results/baselines/one.json")["baselines"]
    for repetition, fold in enumerate((0, 1, 2, 0)):
        expected = baselines(data.read(tmp_path / f"results/data/photos.fold-{fold}.safetensors"), 12, [20.0, 8.0])
        found = [row for row in rows if row["repetition"] == repetition]
        assert [row["method"] for row in found] == [row["method"] for row in expected]
        for row, other in zip(found, expected, strict=True):
            for metric, value in row["metrics"].items():
                if metric in other["metrics"]:
                    assert value == pytest.approx(other["metrics"][metric])


def test_whole_pictures_by_folds(folder: Path) -> None:
    """In the order in which they are dealt; each is a data point of its own."""
    source = data.source({"kind": "images", "source": str(folder), "size": 30, "folds": 4})
    found = source.load().load()
    brightest = found.test.max((1, 2, 3))
    assert found.test.shape == (3, 1, 30, 30)
    assert found.groups == {}
    assert [int(value) // 20 for value in brightest] == [11, 4, 3]


def test_shares_do_not_go_with_folds(folder: Path) -> None:
    with pytest.raises(
        UserError, match="folds: validation and test are a fold each; leave `validation` and `test` out"
    ):
        data.source({"kind": "images", "source": str(folder), "size": 8, "folds": 4, "test": 0.3})
    with pytest.raises(UserError, match="photos holds 12 pictures; folds: 13 folds need as many images at least"):
        data.source({"kind": "images", "source": str(folder), "size": 8, "folds": 13}).check()
