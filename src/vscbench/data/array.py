"""The user's own array, from a file of NumPy (.npy, .npz) or .safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench.data.array_files import READERS, contents, pick, stored
from vscbench.data.arrays import Arrangement
from vscbench.data.dataset import SPLITS
from vscbench.data.sources import Source
from vscbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.data.dataset import Stream


@dataclass(kw_only=True)
class Array(Arrangement, Source):
    """Vectors (N, P) or images (N, C, H, W), split, standardised and labelled as by `Data.from_array`.

    Files are mapped into memory, so an array may be larger than it (a packed one of `numpy.savez_compressed` may not).

    Example:
        >>> import numpy as np
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "recordings.npy"
        >>> np.save(path, np.random.default_rng(0).random((100, 64)))
        >>> Array(source=str(path), validation=10, test=0.2).load().shapes
        {'train': (70, 64), 'validation': (10, 64), 'test': (20, 64)}
    """

    source: str
    """The file."""
    key: str | None = None
    """The array in it, where it holds several."""
    labels: str | None = None
    """Classes (N,) or attributes (N, A): a key of the same file, or the path of another that holds nothing else."""
    groups: str | None = None
    """Groups (N,) of which each goes to one split: a key or a path, as `labels`."""
    split: str | None = None
    """Path of a file with the arrays train, validation and test: positions of rows, in place of a random choice."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row, as the file's header says."""
        return stored(Path(self.source), self.key, "source").shape[1:]

    @property
    def files(self) -> list[Path]:
        """The files of data, labels, groups and split."""
        beside = [self._beside(self.labels, "labels"), self._beside(self.groups, "groups")]
        return [Path(self.source), *(path for path in beside if path), *([Path(self.split)] if self.split else [])]

    def check(self) -> None:
        """Refuse what can be refused without a look at the numbers of the array."""
        self.assign(*self._arrays())

    def load(self) -> Stream:
        """The data set."""
        try:
            return self.stream(*self._arrays())
        except UserError as error:
            raise UserError(f"{self.source}: {error}") from None

    def _beside(self, name: str | None, what: str) -> Path | None:
        """The path that `labels` or `groups` is, where it is no key of the source."""
        if name is None or name in contents(Path(self.source), "source"):
            return None
        if Path(name).suffix not in READERS:  # a key that is not there
            stored(Path(self.source), name, what)
        return Path(name)

    def _vector(self, name: str | None, what: str) -> NDArray[Any] | None:
        if name is None:
            return None
        path = self._beside(name, what)
        return pick(Path(self.source), name, what) if path is None else pick(path, None, what)

    def _arrays(self) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None, list[NDArray[Any]] | None]:
        """The array, its labels, its groups and its split."""
        x = pick(Path(self.source), self.key, "source")
        split = [pick(Path(self.split), name, "split") for name in SPLITS] if self.split else None
        return x, self._vector(self.labels, "labels"), self._vector(self.groups, "groups"), split
