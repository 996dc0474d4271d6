"""Folds over images: every image is in the test of one fold, and folds are alike in contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from vscbench.data.dataset import SPLITS
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    Image = TypeVar("Image", bound=Hashable)


def deal(contrast: Mapping[Image, float], folds: int) -> list[list[Image]]:
    """Images in order of falling contrast, dealt forth and back to `folds` parts, whose means are so about equal.

    Contrasts that agree in three digits count as equal, and such images keep their order: what is dealt does not depend
    on rounding.

    Args:
        contrast: of each image, the variance of its pixels.
        folds: how many parts.

    Raises:
        UserError: there are fewer images than folds.

    Example:
        >>> deal({"a": 0.1, "b": 0.4, "c": 0.2, "d": 0.3}, 2)
        [['b', 'a'], ['d', 'c']]
    """
    if len(contrast) < folds:
        raise UserError(f"folds: {folds} folds need as many images at least; there are {len(contrast)}")
    order = sorted(contrast, key=lambda image: -float(f"{contrast[image]:.3g}"))
    parts: list[list[Image]] = [[] for _ in range(folds)]
    for k, image in enumerate(order):
        turn, place = divmod(k, folds)
        parts[folds - 1 - place if turn % 2 else place].append(image)
    return parts


@dataclass(kw_only=True)
class Folded:
    """A source whose images are split by folds: one for the test, the next for validation, the others for training."""

    folds: Annotated[int, Field(ge=len(SPLITS), le=100)] | None = None
    """Into how many folds of like contrast the images are dealt; repetition r tests on fold r mod `folds`."""
    fold: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The one fold that every repetition tests on, in place of that."""

    def __post_init__(self) -> None:
        if self.fold is not None and self.fold >= (self.folds or 0):
            there = f"they are 0 to {self.folds - 1}" if self.folds else "without `folds` there is none"
            raise UserError(f"fold: there is no fold {self.fold}; {there}")

    def assign(self, contrast: Mapping[Image, float]) -> dict[str, list[Image]]:
        """The images of each split, of the contrast of all; those of the first fold where none was chosen.

        Raises:
            UserError: there are fewer images than folds.

        Example:
            >>> Folded(folds=3, fold=2).assign({"a": 0.3, "b": 0.2, "c": 0.1})
            {'train': ['b'], 'validation': ['a'], 'test': ['c']}
        """
        folds = self.folds or len(SPLITS)
        parts, test = deal(contrast, folds), self.fold or 0
        validation = (test + 1) % folds
        train = [image for k, part in enumerate(parts) if k not in (test, validation) for image in part]
        return {"train": train, "validation": parts[validation], "test": parts[test]}
