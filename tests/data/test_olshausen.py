"""Olshausen and Field's images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.io import savemat

from vscbench.data.dataset import SPLITS, Data
from vscbench.data.olshausen import Olshausen, read_images
from vscbench.data.patches import Numbers
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = {"train": 40, "validation": 20, "test": 30}
ONE = {"train": 1, "validation": 1, "test": 1}
ONE_EACH = Numbers([0], [1], [2])


def test_olshausen(data_folder: Path) -> None:
    path = data_folder / "olshausen/IMAGES.mat"
    if not path.is_file():
        pytest.skip(f"no {path}")
    images = read_images(path)
    assert images.shape == (512, 512, 10)
    source = Olshausen(images=Numbers([0, 1, 2], [3], [9]), **COUNTS, source=str(path))
    source.check()
    assert (source.files, source.shape) == ([path], (256,))
    splits = source.load()
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
    images[edge] = 1e6
    path = write_images(tmp_path / "IMAGES.mat", IMAGES=images)

    def load(count: int) -> Data:
        counts = {"train": count, "validation": count, "test": count}
        return Olshausen(images=ONE_EACH, **counts, source=str(path), patch_size=8).load()

    found = load(25)
    assert (found.standardisation.restore(found.test) < 100).all()
    with pytest.raises(UserError, match="hold only 25"):
        load(26)


def test_leaky_split_is_the_authors(tmp_path: Path, source: np.random.Generator) -> None:
    """Patches of every image in every split, edges too, standardised by mean and deviation of all that there are."""
    images = 3 + source.standard_normal((12, 10, 3))
    path = write_images(tmp_path / "IMAGES.mat", IMAGES=images)
    every = np.concatenate(
        [np.lib.stride_tricks.sliding_window_view(images[..., k], (4, 4)).reshape(-1, 16) for k in range(3)]
    )
    assert len(every) == 3 * 9 * 7
    counts = {"train": 100, "validation": 39, "test": 50}  # all of them
    found = Olshausen(split="leaky", trim=0, **counts, source=str(path), patch_size=4).load()
    parts = [found.train, found.validation, found.test]
    assert [len(part) for part in parts] == list(counts.values())
    expected = (every - every.mean(0)) / every.std(0)
    order = [np.lexsort(rows.T) for rows in (np.concatenate(parts), expected)]
    np.testing.assert_allclose(np.concatenate(parts)[order[0]], expected[order[1]], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.standardisation.mean, every.mean(0))
    for part in parts:  # none is of one image alone
        of = [
            np.isclose(part[:, None], expected[None, k * 63 : (k + 1) * 63], atol=1e-5).all(-1).any() for k in range(3)
        ]
        assert all(of)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "missing key images: the numbers of those of train, validation and test; or folds, or split: leaky"),
        ({"split": "leaky", "images": ONE_EACH}, "images: split: leaky takes patches of all of them; leave images out"),
        ({"split": "leaky", "folds": 3}, "folds: split: leaky takes patches of all of them; leave folds out"),
        ({"folds": 3, "images": ONE_EACH}, "images: give either `images`, the numbers of each split, or `folds`"),
        ({"folds": 3, "fold": 3}, "fold: there is no fold 3; they are 0 to 2"),
        ({"images": ONE_EACH, "fold": 0}, "fold: there is no fold 0; without `folds` there is none"),
    ],
)
def test_images_are_given_where_they_are_split(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Olshausen(**ONE, **changes)


def refused(path: Path, message: str, **changes: Any) -> None:
    """Both the check and the loading say so in one line that names the file."""
    source = Olshausen(**({"images": ONE_EACH, **ONE, "source": str(path), "patch_size": 4} | changes))
    for act in (source.check, source.load):
        with pytest.raises(UserError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)
        assert changes or str(path) in str(caught.value)


def test_olshausen_source_that_cannot_be_read(tmp_path: Path) -> None:
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
            refused(path, message)


def broken(change: str) -> dict[str, Any]:
    """Variables of a file that is a MATLAB file and yet not the right one."""
    images = np.random.default_rng(0).standard_normal((20, 20, 3))
    if change == "nan":
        images[5, 5, 1] = np.nan
        images[5, 6, 1] = np.inf
    if change == "zero":
        images[..., 2] = 0
    if change == "raw":
        return {"IMAGESr": images}
    return {"IMAGES": {"complex": images + 1j, "logical": images > 0, "text": np.array(["a"])}.get(change, images)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nan", "IMAGES holds 2 numbers NaN or infinite"),
        ("zero", "image 2 of IMAGES is the same number throughout"),
        ("complex", "IMAGES is of type complex128; it must be real numbers"),
        ("logical", "IMAGES is of type uint8; it must be real numbers"),
        ("text", "holds no variable IMAGES of height"),
        ("raw", "holds IMAGESr, the images before whitening; the whitened ones are at http"),
    ],
)
def test_images_that_are_not_the_images(tmp_path: Path, change: str, message: str) -> None:
    refused(write_images(tmp_path / "IMAGES.mat", **broken(change)), message)


def test_matlab_7_3(tmp_path: Path) -> None:
    """Known by its first bytes: it is HDF5, which SciPy does not read."""
    path = tmp_path / "IMAGES.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512))
    refused(path, "is a MATLAB 7.3 file, which cannot be read; in MATLAB save it with -v7")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_size": 13}, "a patch of 13x13 is larger than image 0, whose usable part is 12x12"),
        ({"images": Numbers([0], [1], [3])}, "images: no image 3; there are 0, 1, 2"),
        ({"images": Numbers([0], [1], [1])}, "images: 1 is assigned twice"),
    ],
)
def test_settings_that_do_not_fit_the_images(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_images(tmp_path / "IMAGES.mat", **broken("none"))
    refused(path, message, **changes)


def test_address_is_no_file_of_this_machine() -> None:
    source = Olshausen(images=ONE_EACH, **ONE)
    source.check()
    assert source.files == []
