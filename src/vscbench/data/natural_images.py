"""Photographs that ship with scikit-image and scikit-learn: no download.

From scikit-image: astronaut, brick, camera, chelsea, coffee, grass, gravel, rocket (CC0 or public domain). From
scikit-learn: china, flower (CC-BY 2.0; china by cytech, flower by dany13, both on flickr).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscbench.data.folds import Folded
from vscbench.data.patches import Names, PatchSize, check_assignment, split_by_image
from vscbench.data.sources import Counted
from vscbench.data.whitening import whiten
from vscbench.errors import UserError
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
class NaturalImages(Folded, Counted):
    """Whitened patches (N, p²) of the photographs, split by image: as told, or all ten by folds."""

    images: Names | None = None
    """The photographs of each split; none with `folds`."""
    patch_size: PatchSize = 16
    """p."""
    cutoff: Positive = 0.4
    """Of the whitening, in cycles per pixel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.images is None) == (self.folds is None):
            raise UserError("images: give either `images`, the photographs of each split, or `folds`")

    @property
    def shape(self) -> tuple[int, ...]:
        """(p²,)."""
        return (self.patch_size**2,)

    def check(self) -> None:
        """Refuse photographs that do not exist, or that are in two splits."""
        if self.images:
            check_assignment(self.images, IMAGES)
        else:
            self.assign(dict.fromkeys(IMAGES, 1.0))

    def load(self) -> Data:
        """The data set."""
        given = self.images and check_assignment(self.images, IMAGES)
        names = [name for part in given.values() for name in part] if given else IMAGES
        white = {name: whiten(photograph(name), self.cutoff) for name in names}
        assigned = given or self.assign({name: float(image.var()) for name, image in white.items()})
        sizes = {name: (image.shape[0], image.shape[1]) for name, image in white.items()}
        return split_by_image(
            sizes, white.__getitem__, assigned, self.counts, self.patch_size, self.seed, equally=given is None
        )
