"""CelebA: 202,599 aligned faces with 40 attributes (Liu et al., 2015), from the user's own copy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from vscbench.data import pictures
from vscbench.data.dataset import Stream
from vscbench.data.sources import Counted
from vscbench.data.splitting import choose
from vscbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAGE = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
REMEDY = f": fetch it again from {PAGE}"
IMAGES = "img_align_celeba"
PARTITION, ATTRIBUTES = "list_eval_partition", "list_attr_celeba"
OFFICIAL = {"train": 0, "validation": 1, "test": 2}
"""What the partition file calls the splits."""
ALIGNED = (178, 218)
"""Width and height of the aligned images."""
CROP, SIZE = 140, 64
"""Edges of the centre crop and of the result, in pixels."""


@dataclass(kw_only=True)
class CelebA(Counted):
    """Images (N, 3, 64, 64) uint8, centre crop 140 scaled to 64, and their 40 attributes.

    Train and validation are chosen from the official sets (162,770 and 19,867); the test set is the first images of
    the official one (19,962), as published.
    """

    source: str
    """The user's CelebA folder, or the folder that contains it as celeba."""

    shape: ClassVar[tuple[int, ...]] = (3, SIZE, SIZE)

    @property
    def files(self) -> list[Path]:
        """The two text files."""
        return [_text(self._folder, stem) for stem in (PARTITION, ATTRIBUTES)]

    @property
    def _folder(self) -> Path:
        below = Path(self.source) / "celeba"
        return below if below.is_dir() else Path(self.source)

    def check(self) -> None:
        """Refuse a copy in which something is missing or does not fit together."""
        self._choose(_read(self._folder)[1])

    def load(self) -> Stream:
        """The data set.

        Raises:
            UserError: files are missing or do not fit together; an image does not decode (when the stream is filled).
        """
        images, partition, attributes, names = _read(self._folder)
        rows = self._choose(partition)
        return Stream(
            shapes={name: (len(where), *self.shape) for name, where in rows.items()},
            fill=partial(
                pictures.decode_all,
                {name: [images[k] for k in where] for name, where in rows.items()},
                partial(pictures.decode, make=_crop, remedy=REMEDY),
            ),
            labels={name: attributes[where] for name, where in rows.items()},
            label_names=tuple(name.lower() for name in names),
        )

    def _choose(self, partition: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        rng = np.random.default_rng(self.seed)
        rows = {}
        for name, count in self.counts.items():
            there = np.flatnonzero(partition == OFFICIAL[name])
            rows[name] = there[choose(len(there), {name: count}, rng)[name]]
        # The published test images are the first ones, not a choice.
        return rows | {"test": np.flatnonzero(partition == OFFICIAL["test"])[: self.test]}


def _crop(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels (3, 64, 64) of an opened image."""
    if image.size != ALIGNED:
        raise ValueError(f"its size is {image.size[0]}x{image.size[1]}, not {ALIGNED[0]}x{ALIGNED[1]}")
    left, top = ((edge - CROP) // 2 for edge in ALIGNED)
    crop = image.convert("RGB").crop((left, top, left + CROP, top + CROP))
    return np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def _text(folder: Path, stem: str) -> Path:
    """The official .txt, or the .csv that Kaggle makes of it."""
    table = folder / f"{stem}.csv"
    return table if table.is_file() else folder / f"{stem}.txt"


def _read(folder: Path) -> tuple[list[Path], NDArray[np.int64], NDArray[np.uint8], list[str]]:
    """Path, split and attributes (N, 40) of each image, and the names of the attributes."""
    images = folder / IMAGES
    images = images / IMAGES if (images / IMAGES).is_dir() else images  # as some archives unpack
    there = {path.name for path in images.iterdir()} if images.is_dir() else set()
    texts = {stem: _text(folder, stem) for stem in (PARTITION, ATTRIBUTES)}
    missing = [path.name for path in texts.values() if not path.is_file()]
    if missing := missing + ([] if there else [f"{IMAGES}/*.jpg"]):
        raise UserError(_layout(folder, ", ".join(missing)))
    listed, partition, _ = _table(texts[PARTITION], {str(value): value for value in OFFICIAL.values()})
    again, attributes, names = _table(texts[ATTRIBUTES], {"-1": 0, "1": 1})
    if len(again) != len(listed):
        raise UserError(
            f"{texts[ATTRIBUTES]} is about {len(again)} images, but {texts[PARTITION].name} about {len(listed)}: "
            f"fetch both again from {PAGE}"
        )
    for one, other in zip(again, listed, strict=True):
        if one != other:
            raise UserError(
                f"{texts[ATTRIBUTES]} has {one!r} where {texts[PARTITION].name} has {other!r}: "
                f"fetch both again from {PAGE}"
            )
    if absent := [image for image in listed if image not in there]:
        raise UserError(_layout(folder, f"{len(absent)} images, the first {IMAGES}/{absent[0]}"))
    return [images / name for name in listed], partition[:, 0], attributes.astype(np.uint8), names


def _table(path: Path, values: dict[str, int]) -> tuple[list[str], NDArray[Any], list[str]]:
    """Images, what a text file says of each (N, A), as numbers, and the names of the columns where it has them."""
    text = path.read_text(encoding="utf-8", errors="replace").replace(",", " ")
    rows = [line.split() for line in text.splitlines() if line.strip()]
    if rows and len(rows[0]) == 1:  # how many there are
        del rows[0]
    names = rows.pop(0) if rows and rows[0][-1] not in values else []
    names = names[1:] if names[:1] == ["image_id"] else names
    columns = len(names) or 1
    for image, *found in rows:
        if len(found) != columns or not values.keys() >= set(found):
            raise UserError(f"{path}: {image} has no {' or '.join(values)} for each of {columns} columns{REMEDY}")
    images = [row[0] for row in rows]
    for kind, given in (("image", images), ("column", names)):
        if len(set(given)) < len(given):
            twice = next(name for k, name in enumerate(given) if name in set(given[:k]))
            raise UserError(f"{path} has the {kind} {twice} twice{REMEDY}")
    return images, np.array([[values[value] for value in row[1:]] for row in rows]).reshape(len(rows), columns), names


def _layout(folder: Path, missing: str) -> str:
    return (
        f"source: {folder} holds no complete CelebA, it lacks {missing}. Get {IMAGES}.zip, {PARTITION}.txt and "
        f"{ATTRIBUTES}.txt from {PAGE} (non-commercial research only), unzip the images to {IMAGES}/*.jpg, put all of "
        "it into one folder and give `source` its path"
    )
