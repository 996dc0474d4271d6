"""What every metric is computed from: a trained run, the test data, and the codes that it infers for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Generator, Tensor

from vscbench.config import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.generators import Dictionary
    from vscbench.model import Model

Measures: TypeAlias = "dict[str, float | NDArray[np.float32]]"
"""What a question answers: numbers by the name of the metric, and arrays that figures are drawn from."""

CHUNK = 500
"""Data points inferred at once: 20 draws of each and their reconstructions stay below 100 MB."""


class Evaluation:
    """A trained model on test data.

    Args:
        model: the trained model, as `vscbench.model.load` returns it.
        x: test data (N, P).
        settings: the `evaluation` part of an experiment.
        seed: of everything that is drawn.
    """

    def __init__(self, model: Model, x: Tensor, settings: dict[str, Any], seed: int) -> None:
        self.model, self.x, self.settings, self.seed = model, x, settings, seed

    @property
    def coder(self) -> Coder:
        """The coder under test."""
        return self.model.coder

    @property
    def generator(self) -> Dictionary:
        """The generator under test."""
        return self.model.generator

    def rng(self, purpose: str) -> Generator:
        """A source of noise for one purpose, so that a new metric changes no other."""
        return Generator(self.x.device).manual_seed(derive_seed(self.seed, purpose))

    def chunked(self, infer: Callable[[Tensor], Tensor]) -> Tensor:
        """`infer` on the data, a chunk at a time: (N, K)."""
        with torch.no_grad():
            return torch.cat([infer(part) for part in self.x.split(CHUNK)])

    @cached_property
    def draw(self) -> Tensor:
        """One draw for each data point, J = 1: (N, K)."""
        rng = self.rng("draw")
        return self.chunked(lambda x: self.coder.sample(x, self.generator, 1, rng)[0])

    @cached_property
    def best(self) -> Tensor:
        """The best-reconstructing of J draws, the codes that the authors evaluate: (N, K)."""
        rng = self.rng("best")
        return self.chunked(lambda x: self.coder.best(x, self.generator, self.settings["samples"], rng))

    @cached_property
    def mean(self) -> Tensor:
        """The posterior-mean codes: (N, K)."""
        return self.chunked(lambda x: self.coder.mean(x, self.generator))

    @cached_property
    def kl(self) -> Tensor | None:
        """Divergence of each latent from its prior: (N, K), nats; None where there is no posterior."""
        if not self.coder.stochastic:
            return None
        return self.chunked(self.coder.kl)  # type: ignore[arg-type]

    @property
    def codes(self) -> dict[str, Tensor]:
        """The three codes that are reported for each data point, by name."""
        return {"draw": self.draw, "mean": self.mean, "best": self.best}
