"""What every metric is computed from: a trained run, the data, and the codes that it infers for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Generator, Tensor, nn

from vscbench.config import derive_seed
from vscbench.data.batches import inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.data import Splits
    from vscbench.model import Model

Measures: TypeAlias = "dict[str, float | NDArray[np.float32]]"
"""What a question answers: numbers by the name of the metric, and arrays that figures are drawn from."""

CHUNK = {False: 500, True: 100}
"""Data points inferred at once, patches and images: 20 draws of each and what decodes them stay below 100 MB."""


class Evaluation:
    """A trained model on test data.

    Args:
        model: the trained model, as `vscbench.model.load` returns it.
        splits: the data; everything is measured on test.
        settings: the `evaluation` part of an experiment.
        seed: of everything that is drawn.
        device: where the model is.
        features: what images are compared by, (B, C, H, W) to (B, F), and its name; None: they are not.
    """

    def __init__(
        self,
        model: Model,
        splits: Splits,
        settings: dict[str, Any],
        seed: int,
        device: torch.device,
        features: tuple[str, Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        self.model, self.splits, self.settings, self.seed, self.device = model, splits, settings, seed, device
        self.x = torch.from_numpy(splits.test)
        self.features_name = features[0] if features else ""
        self.features = features[1] if features else None

    # ---------------------------------------------------------------- the model

    @property
    def coder(self) -> Coder:
        """The coder under test."""
        return self.model.coder

    @property
    def generator(self) -> nn.Module:
        """The generator under test."""
        return self.model.generator

    # ----------------------------------------------------------------- the data

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a data point: (P,) or (C, H, W)."""
        return tuple(self.x.shape[1:])

    @property
    def is_images(self) -> bool:
        """Whether data points are images, not patches."""
        return len(self.shape) > 1

    @property
    def labels(self) -> Tensor | None:
        """What is known of the test data, 0 or 1: (N, A); None where nothing is."""
        return torch.from_numpy(self.splits.labels["test"]) if self.splits.label_names else None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels."""
        return self.splits.label_names

    def inputs(self, x: Tensor) -> Tensor:
        """Rows of the data as the networks read them."""
        return inputs(x, self.device)

    def chunks(self) -> Iterator[Tensor]:
        """The test data as the networks read them, a chunk at a time."""
        return map(self.inputs, self.x.split(CHUNK[self.is_images]))

    def rng(self, purpose: str) -> Generator:
        """A source of noise for one purpose, so that a new metric changes no other."""
        return Generator(self.device).manual_seed(derive_seed(self.seed, purpose))

    # ---------------------------------------------------------------- the codes

    @torch.no_grad()
    def _inferred(self, infer: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.cat([infer(x) for x in self.chunks()])

    @cached_property
    def draw(self) -> Tensor:
        """One draw for each data point, J = 1: (N, K)."""
        rng = self.rng("draw")
        return self._inferred(lambda x: self.coder.sample(x, self.generator, 1, rng)[0])

    @cached_property
    def best(self) -> Tensor:
        """The best-reconstructing of J draws, the codes that the authors evaluate: (N, K)."""
        rng = self.rng("best")
        return self._inferred(lambda x: self.coder.best(x, self.generator, self.settings["samples"], rng))

    @cached_property
    def mean(self) -> Tensor:
        """The posterior-mean codes: (N, K)."""
        return self._inferred(lambda x: self.coder.mean(x, self.generator))

    @cached_property
    def kl(self) -> Tensor | None:
        """Divergence of each latent from its prior: (N, K), nats; None where there is no posterior."""
        if not self.coder.stochastic:
            return None
        return self._inferred(self.coder.kl)  # type: ignore[arg-type]

    @property
    def codes(self) -> dict[str, Tensor]:
        """The three codes that are reported for each data point, by name."""
        return {"draw": self.draw, "mean": self.mean, "best": self.best}

    def prior_codes(self, count: int) -> Tensor | None:
        """Codes drawn from the prior: (count, K); None for a MAP solver."""
        return self.coder.prior(count, self.draw.shape[1], self.rng("prior"))

    @torch.no_grad()
    def train_mean_codes(self, count: int) -> tuple[Tensor, Tensor]:
        """Posterior-mean codes (n, K) and labels (n, A) of the first `count` training points, or of all there are."""
        x = torch.from_numpy(self.splits.train[:count])
        parts = map(self.inputs, x.split(CHUNK[self.is_images]))
        codes = torch.cat([self.coder.mean(part, self.generator) for part in parts])
        return codes, torch.from_numpy(self.splits.labels["train"][:count])

    # ---------------------------------------------------------- reconstructions

    @torch.no_grad()
    def decoded(self, codes: Tensor) -> Iterator[Tensor]:
        """What the generator makes of codes (N, K), a chunk at a time, in step with `chunks`."""
        for part in codes.split(CHUNK[self.is_images]):
            yield self.generator(part)

    def errors(self, codes: Tensor) -> Tensor:
        """Squared error of each data point under its code, mean over pixels: (N,)."""
        pairs = zip(self.chunks(), self.decoded(codes), strict=True)
        return torch.cat([(x_hat - x).square().flatten(1).mean(1) for x, x_hat in pairs])
