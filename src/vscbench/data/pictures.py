"""Pictures in files of any format that Pillow reads."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CHUNK = 1000
"""Pictures decoded before the next are asked for: bounds memory."""
LOG_SECONDS = 10
ORIENTATION, UPRIGHT, SIDEWAYS = 0x0112, 1, (5, 6, 7, 8)
"""The tag of EXIF, and its values for a picture as it is and for those whose height and width are swapped."""
LONG, BYTE = 65535, 255
"""The brightest pixel in 16 and 8 bits."""


def find(folder: Path) -> list[Path]:
    """The pictures in `folder` and below it, by their suffix, in the order of their names; hidden ones left out.

    Raises:
        UserError: there is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise UserError(f"source: there is no folder {folder}")
    Image.init()
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in known
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not found:
        raise UserError(f"source: {folder} holds no pictures (.png, .jpg, .tif or any other that Pillow reads)")
    return found


def _opened(path: Path, what: Callable[[Image.Image], Any], remedy: str) -> Any:
    try:
        with Image.open(path) as image:
            return what(image)
    except Exception as error:  # noqa: BLE001  (Pillow raises what the damage happens to cause)
        raise UserError(f"{path} does not decode ({getattr(error, 'strerror', None) or error}){remedy}") from None


def size(path: Path) -> tuple[int, int]:
    """Height and width of the picture at `path`, of its header alone.

    Raises:
        UserError: it is no picture; it is named.
    """

    def look(image: Image.Image) -> tuple[int, int]:
        return image.size if _orientation(image) in SIDEWAYS else image.size[::-1]

    found: tuple[int, int] = _opened(path, look, "")
    return found


def _orientation(image: Image.Image) -> int:
    """Of the EXIF of an opened picture that is not decoded yet."""
    if image.format == "PNG" and "exif" not in image.info:  # Pillow would decode all of it to look for one at the end
        return UPRIGHT
    found: int = image.getexif().get(ORIENTATION, UPRIGHT)
    return found


def pixels(image: Image.Image, colour: bool, shape: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """An opened picture (C, H, W) in grey (C = 1) or colour (3), turned as its EXIF says.

    Args:
        image: of any mode, transparency being left out; one of 16 bits a pixel is scaled to 8.
        colour: whether three channels are wanted.
        shape: height and width of the result, to which the middle of the picture is scaled; None keeps its own.

    Raises:
        ValueError: its pixels are numbers whose scale is not known.

    Example:
        >>> pixels(Image.new("RGB", (8, 4), "white"), colour=False, shape=(2, 2)).tolist()
        [[[255, 255], [255, 255]]]
    """
    if _orientation(image) != UPRIGHT:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > LONG:
            raise ValueError("its pixels are not of 8 or 16 bits")
        image = Image.fromarray(np.round(values * (BYTE / LONG)).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("its pixels are not of 8 or 16 bits")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    image = image.convert("RGB" if colour else "L")
    if shape is not None:
        image = ImageOps.fit(image, shape[::-1], Image.Resampling.BICUBIC)
    return np.moveaxis(np.atleast_3d(np.asarray(image)), -1, 0)


def decode(path: Path, make: Callable[[Image.Image], NDArray[np.uint8]], remedy: str = "") -> NDArray[np.uint8]:
    """What `make` makes of the picture at `path`.

    Raises:
        UserError: it does not decode; it is named, with the `remedy`.
    """
    made: NDArray[np.uint8] = _opened(path, make, remedy)
    return made


def decode_all(
    chosen: Mapping[str, Sequence[Path]], make: Callable[[Path], NDArray[np.uint8]], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write what `make` makes of the chosen pictures into the arrays (N, C, H, W) of their splits, on all cores."""
    done, total, last = 0, sum(map(len, chosen.values())), monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, paths in chosen.items():
            for first in range(0, len(paths), CHUNK):
                some = paths[first : first + CHUNK]
                for k, made in enumerate(pool.map(make, some), first):
                    arrays[name][k] = made
                done += len(some)
                if monotonic() - last > LOG_SECONDS:
                    last = monotonic()
                    log.info("decoded %d of %d images", done, total)
