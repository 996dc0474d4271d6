"""1,797 handwritten digits of 8×8 pixels that ship with scikit-learn (UCI; CC-BY 4.0): no download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vscbench.data.dataset import Data
from vscbench.data.sources import Counted
from vscbench.data.splitting import choose

LEVELS = 16
"""The brightest pixel in scikit-learn's scale."""


@dataclass(kw_only=True)
class Digits(Counted):
    """Images (N, 1, 8, 8) uint8 and their classes one-hot (N, 10).

    Example:
        >>> Digits(train=1000, validation=100, test=100).load().label_names[:3]
        ('0', '1', '2')
    """

    shape: ClassVar[tuple[int, ...]] = (1, 8, 8)

    def load(self) -> Data:
        """The data set.

        Raises:
            UserError: more than 1,797 are asked for.
        """
        from sklearn.datasets import load_digits

        pixels, classes = load_digits(return_X_y=True)
        images = np.round(pixels * (255 / LEVELS)).astype(np.uint8).reshape(-1, *self.shape)
        labels = np.eye(10, dtype=np.uint8)[classes]
        rows = choose(len(images), self.counts, np.random.default_rng(self.seed))
        return Data(
            train=images[rows["train"]],
            validation=images[rows["validation"]],
            test=images[rows["test"]],
            labels={name: labels[part] for name, part in rows.items()},
            label_names=tuple("0123456789"),
        )
