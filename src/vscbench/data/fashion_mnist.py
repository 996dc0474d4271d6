"""Fashion-MNIST: 70,000 grey images of clothes, 28×28 (Xiao et al., 2017, arXiv 1708.07747; MIT licence)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vscbench.data.dataset import Data
from vscbench.data.download import download, md5
from vscbench.data.sources import Counted
from vscbench.data.splitting import choose
from vscbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FILES = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""The official files and the MD5 of each."""
CLASSES = ("t_shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle_boot")


@dataclass(kw_only=True)
class FashionMNIST(Counted):
    """Images (N, 1, 28, 28) uint8 and their classes one-hot (N, 10).

    Train and validation are chosen from the official training set (60,000), test from the official test set (10,000).
    """

    source: str | None = None
    """Folder that holds the four official .gz files (or FashionMNIST/raw with them), only read; None downloads them."""
    cache: str = "results/data/fashion_mnist"
    """Folder where a download is kept."""

    shape: ClassVar[tuple[int, ...]] = (1, 28, 28)

    @property
    def files(self) -> list[Path]:
        """The four files of a local folder."""
        return [] if self.source is None else [_folder(Path(self.source)) / name for name in FILES]

    def check(self) -> None:
        """Refuse files of a local folder that are missing or not the official ones; the file is named."""
        help_ = f"fetch it from {MIRROR}, or leave `source` out to have it downloaded"
        for path in self.files:
            if not path.is_file():
                raise UserError(f"source: {path} is missing; {help_}")
            if (found := md5(path)) != (right := FILES[path.name]):
                raise UserError(
                    f"source: {path} is damaged, cut short or another file (md5 {found}, not {right}); {help_}"
                )

    def load(self) -> Data:
        """The data set, downloaded where no source is given."""
        self.check()
        paths = self.files or [download(MIRROR + name, Path(self.cache) / name, md5, FILES[name]) for name in FILES]
        pictures, classes, test_pictures, test_classes = (_numbers(path) for path in paths)
        rng = np.random.default_rng(self.seed)
        rows = choose(len(classes), {"train": self.train, "validation": self.validation}, rng)
        test = choose(len(test_classes), {"test": self.test}, rng)["test"]
        hot = np.eye(len(CLASSES), dtype=np.uint8)
        return Data(
            pictures.reshape(-1, *self.shape)[rows["train"]],
            pictures.reshape(-1, *self.shape)[rows["validation"]],
            test_pictures.reshape(-1, *self.shape)[test],
            labels={name: hot[classes[part]] for name, part in rows.items()} | {"test": hot[test_classes[test]]},
            label_names=CLASSES,
        )


def _folder(source: Path) -> Path:
    """The folder at or below `source` that holds an official file."""
    folders = (source, source / "raw", source / "FashionMNIST" / "raw")
    return next((each for each in folders if any((each / name).is_file() for name in FILES)), source)


def _numbers(path: Path) -> NDArray[np.uint8]:
    """The bytes of a packed IDX file after its header, whose fourth byte says how many lengths of axes follow."""
    content = gzip.decompress(path.read_bytes())
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
