"""Photographs that ship with scikit-image and scikit-learn: no download.

From scikit-image: astronaut, brick, camera, chelsea, coffee, grass, gravel, rocket (CC0 or public domain). From
scikit-learn: china, flower (CC-BY 2.0; china by cytech, flower by dany13, both on flickr).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscbench.data.patches import Names, PatchSize, check_assignment, split_by_image
from vscbench.data.sources import Counted
from vscbench.data.whitening import whiten
from vscbench.settings import Positive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vscbench.data.dataset import Data

FROM_SKIMAGE = ("astronaut", "brick", "camera", "chelsea", "coffee", "grass", "gravel", "rocket")
FROM_SKLEARN = ("china", "flower")
IMAGES = (*FROM_SKIMAGE, *FROM_SKLEARN)


def photograph(name: str) -> NDArray[np.float64]:
    """The photograph `name`, grey, in [0, 1], cropped to even height and width: (H, W).

    Example:
        >>> photograph("camera").shape
        (512, 512)
    """
    from skimage.color import rgb2gray
    from skimage.util import img_as_float64

    if name in FROM_SKIMAGE:
        import skimage.data

        pixels = getattr(skimage.data, name)()
    else:
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(f"{name}.jpg")
    grey = rgb2gray(pixels) if pixels.ndim == 3 else img_as_float64(pixels)  # noqa: PLR2004
    height, width = (n - n % 2 for n in grey.shape)
    cropped: NDArray[np.float64] = grey[:height, :width]
    return cropped


@dataclass(kw_only=True)
class NaturalImages(Counted):
    """Whitened patches (N, p²) of the photographs, split by image."""

    images: Names
    """The photographs of each split."""
    patch_size: PatchSize = 16
    """p."""
    cutoff: Positive = 0.4
    """Of the whitening, in cycles per pixel."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(p²,)."""
        return (self.patch_size**2,)

    def check(self) -> None:
        """Refuse photographs that do not exist, or that are in two splits."""
        check_assignment(self.images, IMAGES)

    def load(self) -> Data:
        """The data set."""
        assigned = check_assignment(self.images, IMAGES)
        white = {name: whiten(photograph(name), self.cutoff) for part in assigned.values() for name in part}
        sizes = {name: (image.shape[0], image.shape[1]) for name, image in white.items()}
        return split_by_image(sizes, white.__getitem__, assigned, self.counts, self.patch_size, self.seed)
