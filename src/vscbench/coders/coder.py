"""What a coder is: data in, codes out, and a loss to learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor, nn

from vscbench.objectives.loss import Loss, squared_error

if TYPE_CHECKING:
    from vscbench.coders.distribution import Distribution


class Coder(nn.Module, ABC):
    """Infers the codes z of data x and decodes them to x̂; all that training and metrics talk to.

    A coder of your own says `encode`, and `decode` if it has no generator. Its constructor may take, by name, what the
    study builds for it: `generator`, `encoder`, `objective`, the learned `variance`, `shape` of a data point, `latents`
    K; all its other, annotated arguments are its keys in a configuration.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> class Rectifier(Coder):
        ...     def __init__(self, generator: nn.Module, shape, latents: int):
        ...         super().__init__(generator)
        ...         self.layer = nn.Linear(shape[0], latents)
        ...     def encode(self, x):
        ...         return self.layer(x).relu()
        >>> from vscbench.networks.dictionary import Dictionary
        >>> coder = Rectifier(Dictionary((16,), 8), (16,), 8)
        >>> coder.decode(coder.encode(torch.zeros(5, 16))).shape
        torch.Size([5, 16])
    """

    takes: ClassVar[tuple[str, ...]] = ()
    """Parts that may be composed with it: none, a posterior has some."""

    def __init__(self, generator: nn.Module | None = None) -> None:
        super().__init__()
        self.generator = generator

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """The code that stands for each data point of x (B, P...), a posterior's mean or a solution: (B, K)."""

    def decode(self, z: Tensor) -> Tensor:
        """x̂ of codes (..., K): (..., P...)."""
        if self.generator is None:
            raise TypeError(f"{type(self).__name__} has no generator: it must say how it decodes")
        decoded: Tensor = self.generator(z)
        return decoded

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:  # noqa: ARG002  (no draw of its own)
        """What data (B, P...) cost, with a graph to all that learns; here the squared error of encode and decode."""
        codes = self.encode(x).unsqueeze(0)
        mse = squared_error(x, self.decode(codes))[0]
        return Loss(mse, mse, torch.zeros_like(mse), codes)

    @torch.no_grad()
    def sample(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """Codes drawn for data (B, P...): (S, B, K); here the one code, again and again."""
        return self.encode(x).expand(samples, -1, -1)

    @torch.no_grad()
    def best(self, x: Tensor, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """The best-reconstructing of `samples` codes of each data point, an oracle that sees x: (B, K)."""
        return self.encode(x)

    def posterior(self, x: Tensor) -> Distribution | None:  # noqa: ARG002
        """q(z|x) of data (B, P...); None where a coder has none."""
        return None

    @torch.no_grad()
    def kl(self, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """Divergence of each latent from its prior: (B, K), nats; None where there is no posterior."""
        return None

    def sample_prior(self, count: int, rng: Generator | None) -> Tensor | None:  # noqa: ARG002
        """Codes drawn from the prior: (count, K); None where there is none to draw from."""
        return None

    def set_step(self, step: float, steps: int) -> None:
        """Set what is scheduled during training to its value at `step` of `steps`; `steps` of `steps` at evaluation."""

    @torch.no_grad()
    def set_atoms(self, latents: Tensor, directions: Tensor) -> None:
        """Set the atoms of `latents` (N,) of a linear generator to `directions` (N, P), and what looks for them too."""
        atoms = self.atoms
        assert atoms is not None  # noqa: S101  (whoever asks knows that it is linear)
        atoms[:, latents] = directions.T

    @property
    def stochastic(self) -> bool:
        """Whether two draws for the same data differ."""
        return type(self).posterior is not Coder.posterior

    @property
    def atoms(self) -> Tensor | None:
        """The dictionary (P, K) of a linear generator; None of another."""
        linear = getattr(self.generator, "linear", False)
        return self.generator.get_parameter("atoms") if linear and self.generator is not None else None
