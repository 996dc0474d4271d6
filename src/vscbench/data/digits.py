"""1,797 handwritten digits of 8×8 pixels that ship with scikit-learn (UCI; CC-BY 4.0): no download."""

from __future__ import annotations

import numpy as np

from vscbench.data.splits import Splits
from vscbench.data.subsets import choose

LEVELS = 16
"""The brightest pixel in scikit-learn's scale."""


def load(train: int, validation: int, test: int, seed: int = 0) -> Splits:
    """Images (N, 1, 8, 8) uint8 and their classes one-hot (N, 10).

    Args:
        train: images to draw for training.
        validation: images to draw for validation.
        test: images to draw for the test.
        seed: of the draw.

    Raises:
        UserError: more than 1,797 are asked for.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = np.round(pixels * (255 / LEVELS)).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = np.eye(10, dtype=np.uint8)[classes]
    chosen = choose(len(images), {"train": train, "validation": validation, "test": test}, np.random.default_rng(seed))
    return Splits(
        images[chosen["train"]],
        images[chosen["validation"]],
        images[chosen["test"]],
        labels={name: labels[where] for name, where in chosen.items()},
        label_names=tuple("0123456789"),
    )
