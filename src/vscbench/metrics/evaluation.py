"""What every metric is computed from: a coder, the data, and the codes that it infers for them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor

from vscbench.data.batches import inputs
from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from vscbench.coders import Coder
    from vscbench.coders.posterior import Posterior
    from vscbench.data import Data
    from vscbench.metrics.floors import ProbabilisticPCA

Measures: TypeAlias = "dict[str, float | NDArray[Any]]"
"""What a metric measures: numbers by name, and arrays that figures are drawn from."""

FITTED_ROWS, FITTED_NUMBERS = 10_000, 1 << 23
"""Training data that the references are fitted to at most: rows, and pixels of all."""
CHUNK = {False: 500, True: 100}
"""Data points inferred at once, vectors and images: 20 draws of each and what decodes them stay below 100 MB."""


class Past(NamedTuple):
    """How a coder came to be what it is."""

    spec: Mapping[str, Any]
    """Its specification, of which another can be made."""
    history: Sequence[Mapping[str, float]]
    """Its curves, one row an epoch."""
    seconds: Sequence[float]
    """Of training, up to the end of each epoch; none where that is not known."""


class Evaluation:
    """A trained coder on test data, its codes inferred once and shared by all metrics.

    Args:
        coder: the trained coder, in evaluation mode, all that is scheduled at its final value.
        data: the data set; everything is measured on test.
        seed: of everything that is drawn.
        device: where the coder is.
        samples: J of the best of J draws.
        penalties: λ of the lasso objectives.
        classifier: file of the classifier by whose features images are compared; None: there is none.
        past: how the coder was trained; None: that is not known.
    """

    def __init__(
        self,
        coder: Coder,
        data: Data,
        seed: int = 0,
        device: torch.device | None = None,
        *,
        samples: int,
        penalties: Sequence[float],
        classifier: Path | None = None,
        past: Past | None = None,
    ) -> None:
        self.coder, self.data, self.seed, self.device = coder, data, seed, device or torch.device("cpu")
        self.samples, self.penalties, self.classifier, self.past = samples, penalties, classifier, past
        self.x = torch.from_numpy(data.test)

    # ----------------------------------------------------------------- the data

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a data point: (P,) or (C, H, W)."""
        return tuple(self.x.shape[1:])

    @property
    def is_images(self) -> bool:
        """Whether data points are images, not vectors."""
        return len(self.shape) > 1

    @property
    def labels(self) -> Tensor | None:
        """What is known of the test data, 0 or 1: (N, A), on the device; None where nothing is."""
        return torch.from_numpy(self.data.labels["test"]).to(self.device) if self.data.label_names else None

    @property
    def clusters(self) -> NDArray[Any] | None:
        """The group, as the image of a patch, that each test point is of: (N,); None where each is its own."""
        groups: dict[str, NDArray[Any]] = getattr(self.data, "groups", {})
        return groups.get("test")

    def spread(self, points: int, count: int | None = None) -> Tensor:
        """Rows of so many of the test data, or of `count` others, evenly spaced: the first may all be of one image."""
        last = (len(self.x) if count is None else count) - 1
        return torch.linspace(0, last, min(points, last + 1), dtype=torch.float64).round().long()

    def inputs(self, x: Tensor) -> Tensor:
        """Rows of the data as the networks read them."""
        return inputs(x, self.device)

    def chunks(self, x: Tensor | None = None) -> Iterator[Tensor]:
        """The test data, or data `x`, as the networks read them, a chunk at a time."""
        return map(self.inputs, (self.x if x is None else x).split(CHUNK[self.is_images]))

    def rng(self, purpose: str) -> Generator:
        """A source of noise for one purpose, so that a new metric changes no other."""
        return Generator(self.device).manual_seed(derive_seed(self.seed, purpose))

    # ---------------------------------------------------------------- the codes

    @torch.no_grad()
    def inferred(self, infer: Callable[[Tensor], Tensor], x: Tensor | None = None) -> Tensor:
        """What `infer` makes of the test data, or of data `x`, a chunk at a time: (N, ...)."""
        return torch.cat([infer(part) for part in self.chunks(x)])

    @cached_property
    def draw(self) -> Tensor:
        """One draw for each data point, J = 1: (N, K); the one code of a coder that draws none."""
        rng = self.rng("draw")
        return self.inferred(lambda x: self.coder.sample(x, 1, rng)[0])

    @cached_property
    def best(self) -> Tensor:
        """The best-reconstructing of J draws, the codes that the authors evaluate: (N, K)."""
        rng = self.rng("best")
        return self.inferred(lambda x: self.coder.best(x, self.samples, rng))

    @cached_property
    def mean(self) -> Tensor:
        """The posterior-mean codes: (N, K); the one code of a coder that has no posterior."""
        return self.inferred(self.coder.encode)

    @cached_property
    def kl(self) -> Tensor | None:
        """Divergence of each latent from its prior: (N, K), nats; None where there is no posterior."""
        parts = [self.coder.kl(x) for x in self.chunks()]
        return torch.cat([part for part in parts if part is not None]) if parts[0] is not None else None

    @property
    def family(self) -> Posterior | None:
        """The family that the posterior of each data point is a member of; None where there is no posterior."""
        with torch.no_grad():
            return getattr(self.coder.posterior(self.inputs(self.x[:1])), "family", None)

    @property
    def codes(self) -> dict[str, Tensor]:
        """The three codes that are reported for each data point, by name."""
        return {"draw": self.draw, "mean": self.mean, "best": self.best}

    def prior_codes(self, count: int) -> Tensor | None:
        """Codes drawn from the prior: (count, K); None where there is none to draw from."""
        return self.coder.sample_prior(count, self.rng("prior"))

    # ---------------------------------------------------------- reconstructions

    @torch.no_grad()
    def decoded(self, codes: Tensor) -> Iterator[Tensor]:
        """x̂ of codes (N, K), a chunk at a time, in step with `chunks`."""
        for part in codes.split(CHUNK[self.is_images]):
            yield self.coder.decode(part)

    def errors(self, codes: Tensor) -> Tensor:
        """Squared error of each data point under its code, mean over pixels: (N,)."""
        pairs = zip(self.chunks(), self.decoded(codes), strict=True)
        return torch.cat([(x_hat - x).square().flatten(1).mean(1) for x, x_hat in pairs])

    @cached_property
    def point_errors(self) -> dict[str, Tensor]:
        """The errors of `codes`, by name: (N,) each."""
        return {name: self.errors(codes) for name, codes in self.codes.items()}

    # ------------------------------------------------------------------ references

    @cached_property
    def principal(self) -> ProbabilisticPCA:
        """Probabilistic PCA of the training data with as many components as there are latents."""
        from vscbench.metrics.floors import probabilistic_pca

        points = min(FITTED_ROWS, FITTED_NUMBERS // math.prod(self.shape))
        train = torch.from_numpy(self.data.train[self.spread(points, len(self.data.train)).numpy()])
        return probabilistic_pca(self.inputs(train).cpu(), self.draw.shape[1])
