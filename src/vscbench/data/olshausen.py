"""Olshausen and Field's ten whitened images of nature (IMAGES.mat, 512×512 each; research use)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vscbench.data.download import download, git_blob_id
from vscbench.data.patches import split_by_image
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vscbench.data.splits import Splits

URL = "http://www.rctn.org/bruno/sparsenet/IMAGES.mat"
BLOB_ID = "18a1e3ab1363edeb6132e237dd84f6ea0a5c9cb2"
TRIM = 4
"""Pixels at each edge that whitening spoilt."""


def read_images(path: Path) -> NDArray[np.float64]:
    """The variable IMAGES (H, W, N) of the MATLAB file at `path`.

    Raises:
        UserError: the file is missing, damaged, or holds something else.
    """
    from scipy.io import loadmat

    if not path.is_file():
        raise UserError(f"source: {path} does not exist; give the path of IMAGES.mat, or its address {URL}")
    try:
        content = loadmat(path)
    except Exception as error:  # noqa: BLE001  (scipy raises what the damage happens to cause)
        raise UserError(f"source: {path} cannot be read as a MATLAB file ({error}): fetch it again") from None
    images = content.get("IMAGES")
    if images is None or images.ndim != 3:  # noqa: PLR2004
        raise UserError(f"source: {path} holds no variable IMAGES of height × width × number")
    return np.asarray(images, dtype=np.float64)


def load(
    images: Mapping[str, Sequence[int]],
    train: int,
    validation: int,
    test: int,
    source: str = URL,
    cache: str = "results/data/IMAGES.mat",
    patch_size: int = 16,
    seed: int = 0,
) -> Splits:
    """Patches of the already whitened images, split by image (0 to 9), edges trimmed.

    Args:
        images: numbers of the images of train, validation and test.
        train: patches to cut for training.
        validation: patches to cut for validation.
        test: patches to cut for the test.
        source: an http(s) address, or the path of a local IMAGES.mat.
        cache: where a download is kept.
        patch_size: edge of a patch in pixels.
        seed: of the patches' positions.
    """
    path = Path(source)
    if source.startswith(("http://", "https://")):
        expected = BLOB_ID if source == URL else None
        path = download(source, Path(cache), check=git_blob_id, expected=expected)
    stack = read_images(path)
    trimmed = {k: stack[TRIM:-TRIM, TRIM:-TRIM, k] for k in range(stack.shape[2])}
    counts = {"train": train, "validation": validation, "test": test}
    return split_by_image(trimmed, images, counts, patch_size, seed)  # type: ignore[arg-type]
