"""Made-up data whose features are a forest: a child is there only where its parent is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vscbench.data.synthetic import Synthetic
from vscbench.errors import UserError
from vscbench.settings import Count, NonNegative

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.data.dataset import Data


@dataclass(kw_only=True)
class Hierarchical(Synthetic):
    """x = A z + noise · ε: unit columns A, supports by a forest of features with Zipf frequencies, sizes near one.

    Feature k = 0, ..., K - 1 is active with the probability p_k ∝ (k + 1)^-exponent whose mean over features is
    `density`; the first `roots` features are roots, and feature k is a child of (k - roots) // children, whole level
    after level. A child is active with the probability p_k/p_parent where its parent is, and never elsewhere, so that
    the p_k are exact. Sizes are |1 + spread · ε|, in units that make the mean of z² 1 over all codes, as of the data of
    kind `synthetic`. After SynthSAEBench (2026, arXiv:2602.14687), whose features are such forests too, without
    its correlations between trees and its siblings that exclude one another.

    Example:
        >>> made = Hierarchical(train=10, validation=5, test=5, pixels=16, latents=24, roots=4, children=2)
        >>> made.parents[:8]
        array([-1, -1, -1, -1,  0,  0,  1,  1])
        >>> made.load().truth["parents"].shape
        (24,)
    """

    roots: Count = 8
    """Trees of the forest."""
    children: Count = 3
    """Of each feature, as long as there are features."""
    exponent: NonNegative = 0.5
    """Of the frequencies; 0: all are equal, and a child is active wherever its parent is."""
    spread: NonNegative = 0.3
    """Standard deviation of sizes in units of their mean, where it is small."""
    signed: bool = False
    """Whether codes have signs: each tree one for each data point, by chance. Else they are non-negative."""

    @property
    def parents(self) -> NDArray[np.int64]:
        """The parent of each feature, which comes before it; -1 of a root: (K,)."""
        return np.maximum((np.arange(self.latents) - self.roots) // self.children, -1)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Probability that each feature is active, falling: (K,)."""
        weights = np.arange(1, self.latents + 1) ** -float(self.exponent)
        return np.asarray(self.density * weights / weights.mean())

    def check(self) -> None:
        """Look whether there are children, and whether frequencies are probabilities.

        Raises:
            UserError: they are not.
        """
        if self.roots >= self.latents:
            raise UserError(
                f"roots: {self.roots} of {self.latents} latents leave no child; it must be less than latents"
            )
        if (most := float(self.frequencies[0])) > 1:
            raise UserError(
                f"density: {self.density:g} would make the first feature active with a probability of {most:.3g}; with "
                f"{self.latents} latents and an exponent of {self.exponent:g} it must be at most "
                f"{self.density / most:.3g}"
            )

    def codes(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Codes z of so many data points: (count, K)."""
        parents, frequencies = self.parents, self.frequencies
        roots = parents < 0
        given_parent = np.where(roots, frequencies, frequencies / frequencies[parents])
        active = rng.random((count, self.latents)) < given_parent
        sizes = np.abs(1 + self.spread * rng.standard_normal((count, self.latents)))
        signs = np.ones((count, self.latents))
        if self.signed:
            signs[:, roots] = rng.choice((-1.0, 1.0), (count, int(roots.sum())))
        for child in np.flatnonzero(~roots):
            active[:, child] &= active[:, parents[child]]
            signs[:, child] = signs[:, parents[child]]
        codes: NDArray[np.float64] = active * signs * sizes / np.sqrt(self.density * (1 + self.spread**2))
        return codes

    def load(self) -> Data:
        """The data set and its truth, parents included."""
        self.check()
        made = super().load()
        return replace(made, truth={**made.truth, "parents": self.parents})
