"""What sparse autoencoders share: scores from an encoder, of which few become a code, in one pass."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.coder import Coder
from vscbench.networks.detectors import set_detectors
from vscbench.objectives.loss import Loss, squared_error


class Autoencoder(Coder):
    """z = f(a), x̂ = G(z), with the scores a = W φ(x) + c of the features φ(x) of an encoder.

    Codes are signed: f acts on |a|, and z has the sign of a, as the codes of a dictionary have. `signed: false` has
    the published one-sided codes, z ≥ 0. Where features hold the data (`linear_plus`), W starts at the atoms,
    a = Aᵀx. There is no bias before encoder and behind decoder, as there is in language models: data are standardised.

    Args:
        generator: G.
        encoder: data (B, P...) to features (B, F), with F as its attribute `features`.
        latents: K.
        signed: whether codes may be negative.
    """

    generator: nn.Module

    def __init__(self, generator: nn.Module, encoder: nn.Module, latents: int, *, signed: bool = True) -> None:
        super().__init__(generator)
        self.encoder, self.signed = encoder, signed
        self.head = nn.Linear(int(encoder.features), latents)  # type: ignore[arg-type]
        if self.atoms is not None:
            set_detectors(self.head, torch.arange(latents), self.atoms.detach().T, encoder)

    @abstractmethod
    def activate(self, scores: Tensor) -> Tensor:
        """Codes of scores, both (B, K), each data point by itself."""

    def activate_batch(self, scores: Tensor) -> Tensor:
        """Codes of the scores of a batch, both (B, K), while training; as `activate` has them unless it says else."""
        return self.activate(scores)

    def scores(self, x: Tensor) -> Tensor:
        """a of data (B, P...): (B, K)."""
        # In the data's precision, though the networks may compute in half of it.
        found: Tensor = self.head(self.encoder(x)).to(x.dtype)
        return found

    def encode(self, x: Tensor) -> Tensor:
        """f(a) of data (B, P...): (B, K)."""
        return self.activate(self.scores(x))

    def size(self, scores: Tensor) -> Tensor:
        """|a|, or max(a, 0) where codes are one-sided: shape of a."""
        return scores.abs() if self.signed else scores.relu()

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:  # noqa: ARG002
        """‖x - x̂‖²/P and what keeps the codes sparse, with a graph to encoder and generator."""
        scores = self.scores(x)
        codes = self.activate_batch(scores).unsqueeze(0)
        mse = squared_error(x, self.decode(codes))[0]
        return Loss(mse + self.sparsity(x, scores, codes[0]), mse, torch.zeros_like(mse), codes)

    def sparsity(self, x: Tensor, scores: Tensor, codes: Tensor) -> Tensor:  # noqa: ARG002
        """What is added to the error of data (B, P...) with scores and codes (B, K): (B,), or () for all of them."""
        return codes.new_zeros(())

    def lengths(self, codes: Tensor) -> Tensor:
        """Σ_k |z_k| ‖a_k‖ of codes (B, K), which a longer atom with a smaller code leaves as it is: (B,).

        Conerly et al. 2024, "Update on how we train SAEs". Of a network ‖a_k‖ = 1.
        """
        if self.atoms is None:
            return codes.abs().sum(-1)
        total: Tensor = codes.abs() @ torch.linalg.vector_norm(self.atoms, dim=0)
        return total

    def set_atoms(self, latents: Tensor, directions: Tensor) -> None:
        """Set atoms, and the scores of their latents to the correlations with them where the encoder is linear."""
        super().set_atoms(latents, directions)
        set_detectors(self.head, latents, directions, self.encoder)
