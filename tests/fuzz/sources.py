"""Mutators of a user's own data: each says whether what it makes must be refused, and what the refusal must name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from scipy.io import savemat

from . import artifacts
from .judging import Verdict
from .right import PIXELS, ROWS, array, celeba, olshausen, patches, pictures, safetensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from numpy.typing import NDArray

    Spec = dict[str, Any]
    Change = Callable[[Random, Path, Spec], Verdict]

REFUSED, EITHER = Verdict(refused=True), Verdict()


def refused(*says: str) -> Verdict:
    """A refusal that says so."""
    return Verdict(True, says)


# ------------------------------------------------------------------------------ files


def damaged(rng: Random, folder: Path, _: Spec) -> Verdict:
    """One file that is empty, cut, noise, a folder, or gone."""
    path = rng.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    change = rng.choice([artifacts.empty, artifacts.cut, artifacts.noise, artifacts.folder, artifacts.missing])
    change(rng, path)
    fewer = "photos" in path.parts and not path.is_file()  # one picture less
    # A list may be whole up to where it was cut; not every face is chosen, and of a JPEG Pillow may read what there is.
    return EITHER if fewer or path.suffix in (".txt", ".jpg") else refused(path.stem.partition(".")[0])


def flipped(rng: Random, folder: Path, _: Spec) -> Verdict:
    """A few bytes of one file that are others."""
    return artifacts.flipped(rng, rng.choice(sorted(each for each in folder.rglob("*") if each.is_file())))


def elsewhere(rng: Random, _: Path, spec: Spec) -> Verdict:
    """A source that is none."""
    spec["source"] = rng.choice(
        ["missing", "x.txt", "", "a" * 5000, "/proc/self/mem", "/dev/null", "a\0b", "..", "~/x"]
    )
    return REFUSED


def odd_setting(rng: Random, _: Path, spec: Spec) -> Verdict:
    """A setting out of range."""
    key = rng.choice([key for key in (*spec, "seed") if key != "kind"])
    spec[key] = rng.choice([-1, -0.5, [], {"a": 1}, 10**30, [[1]], True if key != "labels" else 3, float("nan")])
    return refused(key)


FILES = ((damaged, 10), (flipped, 8), (elsewhere, 5), (odd_setting, 8))


# ------------------------------------------------------------------------------ arrays


def of_array(x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Arrays that no data set is, by name."""
    images = (255 * x.reshape(ROWS, 1, 4, 4)).astype(np.uint8)

    def with_(value: float) -> NDArray[Any]:
        return np.where(np.arange(x.size).reshape(x.shape) == 77, value, x)

    return {
        "nan": with_(np.nan),
        "inf": with_(np.inf),
        "huge": x.astype(np.float64) * 1e300,
        "complex": x * 1j,
        "text": x.astype(str),
        "bool": x > 0.5,
        "object": np.array([[None] * PIXELS] * ROWS),
        "record": np.zeros(ROWS, [("a", "f4"), ("b", "f4")]),
        "date": np.zeros((ROWS, PIXELS), "M8[s]"),
        "line": x[:, 0],
        "cube": x.reshape(ROWS, 4, 4),
        "five": x.reshape(ROWS, 1, 1, 4, 4),
        "point": np.float32(1.0),
        "no_rows": x[:0],
        "two_rows": x[:2],
        "no_pixels": x[:, :0],
        "last_channels": images.transpose(0, 2, 3, 1),
        "bright": images.astype(np.float32),
        "signed": images.astype(np.int16),
    }


def odd_array(rng: Random, folder: Path, _: Spec) -> Verdict:
    """An array that no data set is."""
    x = np.random.default_rng(0).random((ROWS, PIXELS)).astype(np.float32)
    name, made = rng.choice(list(of_array(x).items()))
    np.savez(folder / "x.npz", x=made, kinds=np.arange(ROWS) % 3, sessions=np.arange(ROWS) // 6)
    return refused("x" if name not in ("no_rows", "two_rows") else "")


def odd_labels(rng: Random, folder: Path, _: Spec) -> Verdict:
    """Labels or groups that are none."""
    with np.load(folder / "x.npz") as file:
        arrays = dict(file)
    count = len(arrays["kinds"])
    wrong = [
        np.zeros(count),
        np.zeros(3, int),
        np.zeros((count, 2, 2), int),
        np.full(count, np.nan),
        np.array(["a"] * count),
    ]
    which = rng.choice(["kinds", "sessions"])
    arrays[which] = rng.choice([*wrong, np.arange(count) * 1j])
    np.savez(folder / "x.npz", **arrays)
    return refused("labels" if which == "kinds" else "groups")


def odd_split(rng: Random, folder: Path, spec: Spec) -> Verdict:
    """A split with rows that there are not, or that are on two sides."""
    del spec["groups"]
    spec["split"] = "split.npz"
    rows: dict[str, Any] = {"train": np.arange(40), "validation": np.arange(40, 50), "test": np.arange(50, 60)}
    which = rng.choice(list(rows))
    rows[which] = rng.choice(
        [np.array([-1]), np.array([60]), np.array([], int), np.array([0.5]), np.array([[1]]), None]
    )
    if rows[which] is None:
        del rows[which]
    else:
        rows["train" if which != "train" else "test"] = np.arange(41)
    np.savez(folder / "split.npz", **rows)
    return refused("split")


def odd_share(rng: Random, _: Path, spec: Spec) -> Verdict:
    """Shares of rows that cannot be."""
    key = rng.choice(["validation", "test"])
    spec[key] = rng.choice([0, 1.5, -3, 60, 10**9, "half", [0.5], 0.999])
    return EITHER if spec[key] == 0.999 else refused(key)


def misspelt(rng: Random, _: Path, spec: Spec) -> Verdict:
    """The name of an array, or a word, with a letter too many."""
    key, right = rng.choice([("key", "x1"), ("standardise", "pixels"), ("labels", "kindss"), ("groups", "session")])
    spec[key] = right
    return refused(right)


def odd_names(rng: Random, _: Path, spec: Spec) -> Verdict:
    """Names of labels, or a shape of patches, that do not fit."""
    key = rng.choice(["label_names", "patch_shape"])
    names = [["a"], ["a", "a", "b"], ["a", "b", "\n"], []]
    spec[key] = (
        rng.choice(names) if key == "label_names" else rng.choice([[3, 3], [16], [-4, -4], [4, 4, 4, 4], [0, 16]])
    )
    return refused(key if key == "patch_shape" else "label")


ARRAYS = ((odd_array, 25), (odd_labels, 12), (odd_split, 10), (odd_share, 8), (misspelt, 6), (odd_names, 8))


# ---------------------------------------------------------------------------- pictures


def odd_picture(rng: Random, folder: Path, _: Spec) -> Verdict:
    """A picture of an unusual kind, or text that is called one."""
    pixels = np.random.default_rng(0).integers(0, 2, (20, 24), dtype=np.uint8)
    options: list[tuple[Callable[[Path], Any], Verdict]] = [
        (lambda path: path.write_text("no picture"), refused("odd.png")),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), refused("odd.png")),
        (lambda path: path.write_bytes(b"BM" + b"\xff" * 60), refused("odd.png")),
        (lambda path: Image.fromarray(pixels.astype(np.float32)).save(path.with_suffix(".tiff")), refused("odd.tiff")),
        (lambda path: Image.fromarray(pixels.astype(np.uint16) * 65535).save(path), EITHER),
        (lambda path: Image.fromarray(pixels > 0).save(path), EITHER),
        (lambda path: Image.new("P", (20, 20)).save(path), EITHER),
        (lambda path: Image.new("CMYK", (20, 20)).save(path.with_suffix(".jpg")), EITHER),
        (lambda path: Image.new("LA", (20, 20)).save(path), EITHER),
    ]
    make, verdict = rng.choice(options)
    make(folder / "photos/cats/odd.png")
    return verdict


def odd_size(rng: Random, _: Path, spec: Spec) -> Verdict:
    """A size of pictures or patches that cannot be."""
    if spec.get("patches"):
        spec["patches"] |= rng.choice([{"size": 100}, {"size": 0}, {"train": 10**9}, {"cutoff": -1}, {"size": [4, 4]}])
        return REFUSED
    spec["size"] = rng.choice([0, -4, [4], [4, 4, 4], "12", 1.5, {"a": 1}, [True, True]])
    return refused("size")


def few(_: Random, folder: Path, __: Spec) -> Verdict:
    """Two pictures."""
    for path in sorted(folder.glob("photos/*/*"))[2:]:
        path.unlink()
    return REFUSED


PICTURES = ((odd_picture, 10), (odd_size, 8), (few, 1))


# --------------------------------------------------------------------------- IMAGES.mat


def odd_images(rng: Random, folder: Path, _: Spec) -> Verdict:
    """A MATLAB file that holds something else."""
    images = np.random.default_rng(0).normal(size=(24, 24, 10))
    flat = images.copy()
    flat[..., 3] = 1
    holed = images.copy()
    holed[3, 4, 5] = rng.choice([np.nan, np.inf])
    wrong: list[dict[str, Any]] = [
        {"IMAGES": holed},
        {"IMAGES": flat},
        {"IMAGES": images * 1j},
        {"IMAGES": images > 0},
        {"IMAGES": (images * 50).astype(np.int16)},
        {"IMAGES": images[..., 0]},
        {"IMAGES": "text"},
        {"IMAGES": {"a": images}},
        {"IMAGESr": images},
        {"images": images},
        {},
    ]
    savemat(folder / "IMAGES.mat", rng.choice(wrong))
    return refused("IMAGES.mat")


def swapped(_: Random, folder: Path, __: Spec) -> Verdict:
    """Numbers whose bytes are in the other order."""
    images = np.random.default_rng(0).normal(size=(24, 24, 10))
    savemat(folder / "IMAGES.mat", {"IMAGES": images.byteswap()})
    return refused("IMAGES.mat")


def odd_choice(rng: Random, _: Path, spec: Spec) -> Verdict:
    """Images that there are not, or on two sides; patches larger than an image; more folds than images."""
    several: list[Spec] = [
        {"images": {"train": [0, 1], "validation": [2], "test": [10]}, "folds": None},
        {"images": {"train": [0, 1], "validation": [2], "test": [-1]}, "folds": None},
        {"images": {"train": [0, 1], "validation": [1], "test": [2]}, "folds": None},
        {"images": {"train": [0, 0], "validation": [1], "test": [2]}, "folds": None},
        {"images": {"train": [], "validation": [1], "test": [2]}, "folds": None},
        {"patch_size": 17},
        {"patch_size": 10**9},
        {"trim": 12},
        {"trim": 100},
        {"folds": 11},
        {"folds": 2},
        {"fold": 7},
        {"split": "leaky"},
    ]
    spec |= rng.choice(several)
    return REFUSED


OLSHAUSEN = ((odd_images, 14), (swapped, 1), (odd_choice, 14))


# ------------------------------------------------------------------------------- CelebA


def odd_list(rng: Random, folder: Path, _: Spec) -> Verdict:
    """A line of a list with another value, name or length."""
    path = folder / "celeba" / rng.choice(["list_attr_celeba.txt", "list_eval_partition.txt"])
    lines = path.read_text().splitlines()
    k = rng.randrange(2, len(lines))
    name, *values = lines[k].split()
    column = rng.randrange(len(values))
    changed = [
        [name, *values[:column], rng.choice(["0.5", "7", "x", "", "nan"]), *values[column + 1 :]],
        [name, *values[:-1]],
        [name, *values, "1"],
        ["000001.jpg" if not lines[k].startswith("000001") else "000002.jpg", *values],
        ["999999.jpg", *values],
        [],
        ["../../x.jpg", *values],
    ]
    lines[k] = " ".join(rng.choice(changed))
    path.write_text("\n".join(lines) + "\n")
    return refused("celeba")


def odd_face(_: Random, folder: Path, __: Spec) -> Verdict:
    """Faces of another size, or no pictures."""
    for path in (folder / "celeba/img_align_celeba").iterdir():
        Image.new("RGB", (20, 20)).save(path)
    return refused(".jpg")


CELEBA = ((odd_list, 14), (odd_face, 1))


CASES = {
    f"{base.__name__}-{change.__name__}-{seed}": (base, change, seed)
    for base, changes in (
        (array, (*FILES, *ARRAYS)),
        (safetensors, FILES[:2]),
        (pictures, (*FILES, *PICTURES)),
        (patches, (*FILES[1:2], *PICTURES)),
        (olshausen, (*FILES, *OLSHAUSEN)),
        (celeba, (*FILES[:3], *CELEBA)),
    )
    for change, count in changes
    for seed in range(count)
}
