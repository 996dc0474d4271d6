"""Olshausen and Field's ten whitened images of nature (IMAGES.mat, 512×512 each; research use)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from vscbench.data.dataset import SPLITS, Data, Standardisation
from vscbench.data.download import download, git_blob_id
from vscbench.data.folds import Folded
from vscbench.data.patches import Numbers, PatchSize, check_assignment, check_sizes, cut_patches, split_by_image
from vscbench.data.sources import Counted
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Images = Mapping[int, NDArray[np.float64]]

URL = "http://www.rctn.org/bruno/sparsenet/IMAGES.mat"
BLOB_ID = "18a1e3ab1363edeb6132e237dd84f6ea0a5c9cb2"
TRIM = 4
"""Pixels at each edge that whitening spoilt."""
WEB = ("http://", "https://")


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
    except NotImplementedError:
        raise UserError(
            f"source: {path} is a MATLAB 7.3 file, which cannot be read; in MATLAB save it with -v7, or fetch {URL}"
        ) from None
    except Exception as error:  # noqa: BLE001  (scipy raises what the damage happens to cause)
        raise UserError(f"source: {path} cannot be read as a MATLAB file ({error}): fetch it again") from None
    images = content.get("IMAGES")
    if images is None and "IMAGESr" in content:
        raise UserError(f"source: {path} holds IMAGESr, the images before whitening; the whitened ones are at {URL}")
    if images is None or images.ndim != 3:  # noqa: PLR2004
        raise UserError(f"source: {path} holds no variable IMAGES of height × width × number")
    if images.dtype.kind != "f":
        raise UserError(f"source: {path}: IMAGES is of type {images.dtype}; it must be real numbers, floats")
    if bad := int(np.count_nonzero(~np.isfinite(images))):
        raise UserError(f"source: {path}: IMAGES holds {bad} numbers NaN or infinite")
    if flat := [k for k in range(images.shape[2]) if np.ptp(images[..., k]) == 0]:
        raise UserError(f"source: {path}: image {flat[0]} of IMAGES is the same number throughout")
    return np.asarray(images, dtype=np.float64)


@dataclass(kw_only=True)
class Olshausen(Folded, Counted):
    """Patches (N, p²) of the already whitened images, split by image, the images' edges trimmed.

    Their contrasts, mean squares of .014 to .200, differ 14-fold: images 8 and 9 as a test have a third of what the
    others have. Folds pair high with low, which brings a test to between .8 and 1.5 of its training images;
    `equal_contrast` to 1.
    """

    images: Numbers | None = None
    """The images of each split, 0 to 9; none with `folds`, or where the split leaks."""
    equal_contrast: bool = False
    """Whether each image is scaled to variance 1 first, as photographs are by whitening."""
    split: Literal["by_image", "leaky"] = "by_image"
    """`leaky`, as published: patches of all images in each split, which overlap, standardised by all of them."""
    trim: Annotated[int, Field(ge=0, le=100)] = TRIM
    """Pixels left out at each edge of an image; the authors leave out none."""
    source: str = URL
    """An http(s) address, or the path of a local IMAGES.mat."""
    cache: str = "results/data/IMAGES.mat"
    """Where a download is kept."""
    patch_size: PatchSize = 16
    """p."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [key for key in ("images", "folds") if getattr(self, key) is not None]
        if self.split == "by_image" and not given:
            raise UserError(
                "missing key images: the numbers of those of train, validation and test; or folds, or split: leaky"
            )
        if self.split == "leaky" and given:
            raise UserError(f"{given[0]}: split: leaky takes patches of all of them; leave {given[0]} out")
        if len(given) > 1:
            raise UserError("images: give either `images`, the numbers of each split, or `folds`")

    @property
    def shape(self) -> tuple[int, ...]:
        """(p²,)."""
        return (self.patch_size**2,)

    @property
    def files(self) -> list[Path]:
        """A local IMAGES.mat."""
        return [] if self.source.startswith(WEB) else [Path(self.source)]

    def check(self) -> None:
        """Refuse a local file that is not IMAGES.mat, and images that do not exist or are in two splits."""
        if self.files:
            self._stack(self.files[0])

    def load(self) -> Data:
        """The data set, downloaded where the source is an address."""
        path = Path(self.source)
        if not self.files:
            expected = BLOB_ID if self.source == URL else None
            path = download(self.source, Path(self.cache), check=git_blob_id, expected=expected)
        images = self._stack(path)
        if self.split == "leaky":
            return leaky_split(images, self.counts, self.patch_size, self.seed)
        return split_by_image(
            _sizes(images),
            images.__getitem__,
            self._assigned(images),
            self.counts,
            self.patch_size,
            self.seed,
            equally=self.folds is not None,
        )

    def _assigned(self, images: Images) -> dict[str, list[int]]:
        if self.images is None:
            return self.assign({k: float(image.var()) for k, image in images.items()})
        return check_assignment(self.images, list(images))

    def _stack(self, path: Path) -> dict[int, NDArray[np.float64]]:
        stack = read_images(path)
        height, width, count = stack.shape
        images = {k: stack[self.trim : height - self.trim, self.trim : width - self.trim, k] for k in range(count)}
        check_sizes(_sizes(images), self.patch_size)
        if self.split == "by_image":
            self._assigned(images)
        return {k: image / image.std() for k, image in images.items()} if self.equal_contrast else images


def _sizes(images: Images) -> dict[int, tuple[int, int]]:
    return {k: (image.shape[0], image.shape[1]) for k, image in images.items()}


def window_sums(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum of each pixel of a patch over all positions of the patch in an image (H, W): (size, size).

    Example:
        >>> window_sums(np.arange(9.0).reshape(3, 3), 2)
        array([[ 8., 12.],
               [20., 24.]])
    """
    sums = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows = sums[-size:] - sums[:size]
    return np.asarray(rows[:, -size:] - rows[:, :size])


def leaky_split(images: Images, counts: Mapping[str, int], patch_size: int, seed: int) -> Data:
    """Patches of all splits from all images (H, W), at distinct positions, standardised by all patches there are.

    As published: patches of training and test overlap, and share the mean and standard deviation of each pixel. A
    number on such a test set flatters whatever was trained.

    Raises:
        UserError: an image is smaller than a patch, or the images hold too few.
    """
    sizes, rng = _sizes(images), np.random.default_rng(seed)
    found, _ = cut_patches(sizes, images.__getitem__, patch_size, sum(counts.values()), rng)
    positions = sum((height - patch_size + 1) * (width - patch_size + 1) for height, width in sizes.values())
    mean, square = (
        np.sum([window_sums(image**power, patch_size).ravel() for image in images.values()], axis=0) / positions
        for power in (1, 2)
    )
    rule = Standardisation(mean, np.sqrt(square - mean**2))
    ends = np.cumsum([counts[split] for split in SPLITS])[:-1]
    train, validation, test = np.split(rule.standardise(found), ends)
    return Data(
        train=train, validation=validation, test=test, standardisation=rule, patch_shape=(1, patch_size, patch_size)
    )
