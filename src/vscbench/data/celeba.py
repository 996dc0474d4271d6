"""CelebA: 202,599 aligned faces with 40 attributes (Liu et al., 2015), from the user's own copy."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.data.splits import Stream
from vscbench.data.subsets import choose
from vscbench.data.torchvision_ops import import_torchvision
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image

log = logging.getLogger(__name__)

PAGE = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
IMAGES = "img_align_celeba"
PARTITION, ATTRIBUTES = "list_eval_partition.txt", "list_attr_celeba.txt"
HEADERS = {
    PARTITION: 0,
    ATTRIBUTES: 2,
    "identity_CelebA.txt": 0,
    "list_bbox_celeba.txt": 2,
    "list_landmarks_align_celeba.txt": 2,
}
"""Lines before the first image in each text file that torchvision reads."""
OFFICIAL = {"train": "0", "validation": "1", "test": "2"}
"""What the partition file calls the splits."""
ALIGNED = (178, 218)
"""Width and height of the aligned images."""
CROP, SIZE = 140, 64
"""Edges of the centre crop and of the result, in pixels."""
CHUNK = 1000
"""Images decoded before the next are asked for: bounds memory."""
LOG_SECONDS = 10


def load(source: str, train: int, validation: int, test: int, seed: int = 0) -> Stream:
    """Images (N, 3, 64, 64) uint8, centre crop 140 scaled to 64, and their 40 attributes.

    Args:
        source: the user's CelebA folder, or the folder that contains it as celeba.
        train: images to choose from the official training set (162,770).
        validation: images to choose from the official validation set (19,867).
        test: the first images of the official test set (19,962).
        seed: of the choice.

    Raises:
        UserError: files are missing or do not fit together; an image does not decode (when the stream is filled).
    """
    folder = Path(source) / "celeba"
    folder = folder if folder.is_dir() else Path(source)
    partition = _check(folder)
    dataset = _open(folder)
    rng = np.random.default_rng(seed)
    chosen = {}
    for name, count in (("train", train), ("validation", validation), ("test", test)):
        there = np.flatnonzero(partition == OFFICIAL[name])
        chosen[name] = there[choose(len(there), {name: count}, rng)[name]]
    # The published test images are the first ones, not a choice.
    chosen["test"] = np.flatnonzero(partition == OFFICIAL["test"])[:test]
    attributes = dataset.attr.numpy().astype(np.uint8)
    return Stream(
        shapes={name: (len(where), 3, SIZE, SIZE) for name, where in chosen.items()},
        fill=lambda arrays: _decode(dataset, chosen, arrays),
        labels={name: attributes[where] for name, where in chosen.items()},
        label_names=tuple(name.lower() for name in dataset.attr_names if name),
    )


def _check(folder: Path) -> NDArray[np.str_]:
    """The official split of each image, after a look whether everything is there and fits together."""
    images = folder / IMAGES
    there = {path.name for path in images.iterdir()} if images.is_dir() else set()
    missing = [name for name in HEADERS if not (folder / name).is_file()]
    missing += [] if there else [f"{IMAGES}/*.jpg"]
    if missing:
        raise UserError(_layout(folder, ", ".join(missing)))
    names = {name: [image for image, _ in _rows(folder / name)] for name in HEADERS}
    listed = names[PARTITION]
    for name, found in names.items():
        if len(found) != len(listed):
            raise UserError(
                f"{folder / name} is about {len(found)} images, but {PARTITION} about {len(listed)}: "
                f"fetch both again from {PAGE}"
            )
        if wrong := [k for k, image in enumerate(listed) if found[k] != image]:
            raise UserError(
                f"{folder / name} has {found[wrong[0]]!r} where {PARTITION} has {listed[wrong[0]]!r}: "
                f"fetch both again from {PAGE}"
            )
    if absent := [image for image in listed if image not in there]:
        raise UserError(_layout(folder, f"{len(absent)} images, the first {IMAGES}/{absent[0]}"))
    return np.array([split for _, split in _rows(folder / PARTITION)])


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """The image and the rest of each line of a text file."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in islice(file, HEADERS[path.name], None):
            image, _, rest = line.strip().partition(" ")
            yield image, rest.strip()


def _layout(folder: Path, missing: str) -> str:
    files = ", ".join(HEADERS)
    return (
        f"source: {folder} holds no complete CelebA, it lacks {missing}. Get {IMAGES}.zip, {files} from {PAGE} "
        f"(non-commercial research only), unzip the images to {IMAGES}/*.jpg, put all of it into one folder and "
        "give `source` its path"
    )


def _open(folder: Path) -> Any:
    """torchvision's data set in `folder`; text files that are not the official ones are only warned of."""
    datasets = import_torchvision().datasets
    md5 = {name: code for _, code, name in datasets.CelebA.file_list if name in HEADERS}
    for name, code in md5.items():
        if (found := datasets.utils.calculate_md5(folder / name)) != code:
            log.warning("%s is not the official file (md5 %s, not %s)", folder / name, found, code)

    class Copy(datasets.CelebA):  # type: ignore[misc, name-defined]
        """The user's files, wherever they are and whichever they are."""

        base_folder = ""
        file_list = tuple(("", None, name) for name in md5)

    try:
        dataset = Copy(folder, split="all", transform=_crop())
    except (ValueError, IndexError) as error:
        raise UserError(f"{folder}: torchvision cannot read the text files ({error}): fetch them from {PAGE}") from None
    named, columns = sum(map(bool, dataset.attr_names)), dataset.attr.shape[1]
    if named != columns or not ((dataset.attr == 0) | (dataset.attr == 1)).all():
        raise UserError(
            f"{folder / ATTRIBUTES} has no 1 or -1 for each of its {named} attributes: fetch it from {PAGE}"
        )
    return dataset


def _crop() -> Callable[[Image], NDArray[np.uint8]]:
    """From an opened image to pixels (3, 64, 64)."""
    transforms = import_torchvision().transforms
    crop = transforms.Compose([transforms.CenterCrop(CROP), transforms.Resize(SIZE)])

    def apply(image: Image) -> NDArray[np.uint8]:
        with image:  # closes the file where it does not decode, too
            if image.size != ALIGNED:
                raise ValueError(f"its size is {image.size[0]}x{image.size[1]}, not {ALIGNED[0]}x{ALIGNED[1]}")
            return np.asarray(crop(image.convert("RGB"))).transpose(2, 0, 1)

    return apply


def _decode(dataset: Any, chosen: dict[str, NDArray[np.int64]], arrays: Any) -> None:
    """Write the chosen images into the arrays of their splits."""

    def decode(index: int) -> NDArray[np.uint8]:
        try:
            pixels: NDArray[np.uint8] = dataset[index][0]
        except Exception as error:  # noqa: BLE001  (Pillow raises what the damage happens to cause)
            path = Path(dataset.root) / IMAGES / dataset.filename[index]
            raise UserError(f"{path} does not decode ({error}): fetch it again from {PAGE}") from None
        return pixels

    done, total, last = 0, sum(map(len, chosen.values())), monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, where in chosen.items():
            for first in range(0, len(where), CHUNK):
                some = where[first : first + CHUNK].tolist()
                for k, pixels in enumerate(pool.map(decode, some), first):
                    arrays[name][k] = pixels
                done += len(some)
                if monotonic() - last > LOG_SECONDS:
                    last = monotonic()
                    log.info("decoded %d of %d images", done, total)
