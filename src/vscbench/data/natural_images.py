"""Photographs that ship with scikit-image and scikit-learn: no download.

From scikit-image: astronaut, brick, camera, chelsea, coffee, grass, gravel, rocket (CC0 or public domain). From
scikit-learn: china, flower (CC-BY 2.0; china by cytech, flower by dany13, both on flickr).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.data.patches import split_by_image
from vscbench.data.splits import SPLITS
from vscbench.data.whitening import whiten
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from vscbench.data.splits import Splits

FROM_SKIMAGE = ("astronaut", "brick", "camera", "chelsea", "coffee", "grass", "gravel", "rocket")
FROM_SKLEARN = ("china", "flower")
IMAGES = (*FROM_SKIMAGE, *FROM_SKLEARN)


def photograph(name: str) -> NDArray[np.float64]:
    """The photograph `name`, grey, in [0, 1], cropped to even height and width: (H, W)."""
    from skimage.color import rgb2gray
    from skimage.util import img_as_float64

    if name in FROM_SKIMAGE:
        import skimage.data

        pixels = getattr(skimage.data, name)()
    elif name in FROM_SKLEARN:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(f"{name}.jpg")
    else:
        raise UserError(f"images: no photograph {name}; there are {', '.join(IMAGES)}")
    grey = rgb2gray(pixels) if pixels.ndim == 3 else img_as_float64(pixels)  # noqa: PLR2004
    height, width = (n - n % 2 for n in grey.shape)
    cropped: NDArray[np.float64] = grey[:height, :width]
    return cropped


def load(
    images: Mapping[str, Sequence[str]],
    train: int,
    validation: int,
    test: int,
    patch_size: int = 16,
    cutoff: float = 0.4,
    seed: int = 0,
) -> Splits:
    """Whitened patches of the embedded photographs, split by image (see `split_by_image`)."""
    names = {name for split in SPLITS for name in images[split]}
    white = {name: whiten(photograph(name), cutoff) for name in sorted(names)}
    counts = {"train": train, "validation": validation, "test": test}
    return split_by_image(white, images, counts, patch_size, seed)  # type: ignore[arg-type]
