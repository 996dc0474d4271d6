"""Fashion-MNIST: 70,000 grey images of clothes, 28×28 (Xiao et al., 2017, arXiv 1708.07747; MIT licence)."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from vscbench.data.download import download
from vscbench.data.splits import Splits
from vscbench.data.subsets import choose
from vscbench.data.torchvision_ops import import_torchvision
from vscbench.errors import UserError


def load(
    train: int,
    validation: int,
    test: int,
    source: str | None = None,
    cache: str = "results/data/fashion_mnist",
    seed: int = 0,
) -> Splits:
    """Images (N, 1, 28, 28) uint8 and their classes one-hot (N, 10).

    Args:
        train: images of the official training set (60,000).
        validation: other images of the official training set.
        test: images of the official test set (10,000).
        source: folder that holds the four official .gz files (or FashionMNIST/raw with them), only read; None
            downloads them.
        cache: folder where a download is kept.
        seed: of the choice where fewer images are asked for than there are.

    Raises:
        UserError: a file is missing or not the official one; it is named.
    """
    dataset = import_torchvision().datasets.FashionMNIST
    folder = _download(dataset, Path(cache)) if source is None else _find(dataset, Path(source))
    with TemporaryDirectory() as root:
        raw = Path(root) / "FashionMNIST" / "raw"  # where torchvision looks for the unpacked files
        raw.mkdir(parents=True)
        for name, _ in dataset.resources:
            with gzip.open(folder / name) as packed, (raw / name.removesuffix(".gz")).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        training, testing = dataset(root, train=True), dataset(root, train=False)
    rng = np.random.default_rng(seed)
    chosen = choose(len(training), {"train": train, "validation": validation}, rng)
    images = {name: training.data.numpy()[where, None] for name, where in chosen.items()}
    classes = {name: training.targets.numpy()[where] for name, where in chosen.items()}
    drawn = choose(len(testing), {"test": test}, rng)["test"]
    one_hot = np.eye(len(training.classes), dtype=np.uint8)
    return Splits(
        images["train"],
        images["validation"],
        testing.data.numpy()[drawn, None],
        labels={name: one_hot[part] for name, part in classes.items()}
        | {"test": one_hot[testing.targets.numpy()[drawn]]},
        label_names=tuple(_plain(name) for name in dataset.classes),
    )


def _plain(name: str) -> str:
    """The name of a class as a name of a metric: "T-shirt/top" is t_shirt."""
    return name.partition("/")[0].lower().replace("-", "_").replace(" ", "_")


def _download(dataset: Any, folder: Path) -> Path:
    """The folder with the official files, fetched where they are not there yet."""
    md5 = import_torchvision().datasets.utils.calculate_md5
    for name, expected in dataset.resources:
        download(dataset.mirrors[0] + name, folder / name, md5, expected)
    return folder


def _find(dataset: Any, source: Path) -> Path:
    """The folder at or below `source` with the official files, checked."""
    md5 = import_torchvision().datasets.utils.calculate_md5
    help_ = f"fetch it from {dataset.mirrors[0]}, or leave `source` out to have it downloaded"
    folders = (source, source / "raw", source / "FashionMNIST" / "raw")
    names = [name for name, _ in dataset.resources]
    folder = next((each for each in folders if any((each / name).is_file() for name in names)), source)
    for name, expected in dataset.resources:
        path = folder / name
        if not path.is_file():
            raise UserError(f"source: {path} is missing; {help_}")
        if (found := md5(path)) != expected:
            raise UserError(
                f"source: {path} is damaged, cut short or another file (md5 {found}, not {expected}); {help_}"
            )
    return folder
