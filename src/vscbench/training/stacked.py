"""Runs that differ by their seed alone as one model: every weight has a first dimension R, one place a run.

Products are batched over runs; all else is elementwise. Row b·R + r of whatever has a row for each data point is data
point b of run r, so that a batch of R runs is to a coder a batch of B·R data points, and no coder knows of it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vscbench.coders.amortised import Amortised
from vscbench.errors import UserError
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.mlp import MLP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vscbench.model import Model


def apart(x: Tensor, runs: int) -> Tensor:
    """Rows (..., B·R, F) as (R, ... · B, F), without a copy."""
    return x.reshape(-1, runs, x.shape[-1]).transpose(0, 1)


def together(x: Tensor) -> Tensor:
    """(R, B, F) as rows (B·R, F)."""
    return x.transpose(0, 1).flatten(0, 1)


class StackedLinear(nn.Module):
    """R linear layers, of (R, B, F)."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach().unsqueeze(0) for layer in layers]))  # (R, 1, F)

    def forward(self, x: Tensor) -> Tensor:
        """Each run's layer of its own part."""
        return torch.baddbmm(self.bias, x, self.weight.mT)


class StackedHeads(StackedLinear):
    """R linear layers, of rows."""

    def forward(self, x: Tensor) -> Tensor:
        """Each run's layer of its own rows."""
        return together(super().forward(apart(x, len(self.weight))))


class StackedMLP(nn.Module):
    """R encoders of rows (B·R, P)."""

    def __init__(self, encoders: Sequence[MLP]) -> None:
        super().__init__()
        self.runs, self.features = len(encoders), encoders[0].features
        layers = zip(*(encoder.layers for encoder in encoders), strict=True)
        self.layers = nn.Sequential(*(StackedLinear(each) if isinstance(each[0], nn.Linear) else each[0] for each in layers))

    def forward(self, x: Tensor) -> Tensor:
        """Features (B·R, F)."""
        features: Tensor = self.layers(apart(x.flatten(1), self.runs))
        return together(features)


class StackedDictionary(nn.Module):
    """R dictionaries, of codes (..., B·R, K)."""

    linear = True
    candidates_at_once = 1000

    def __init__(self, dictionaries: Sequence[Dictionary]) -> None:
        super().__init__()
        self.atoms = nn.Parameter(torch.stack([each.atoms.detach() for each in dictionaries]))  # (R, P, K)

    @property
    def latents(self) -> int:
        """K."""
        return self.atoms.shape[2]

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (..., B·R, K) to data (..., B·R, P)."""
        decoded = torch.bmm(apart(codes, len(self.atoms)), self.atoms.mT)
        return together(decoded).view(*codes.shape[:-1], -1)


def stack(models: Sequence[Model]) -> Model:
    """One model of R that differ by their weights alone.

    Raises:
        UserError: it is of other parts than an amortised posterior with an MLP and a dictionary.
    """
    coders = [model.coder for model in models]
    first = coders[0]
    plain = isinstance(first, Amortised) and first.learned_prior is None
    if not plain or type(first.encoder) is not MLP or type(first.generator) is not Dictionary:
        raise UserError("only posteriors with their own prior, an encoder `mlp` and a dictionary train as one model")
    made = deepcopy(models[0])
    made.coder.encoder = StackedMLP([coder.encoder for coder in coders])  # type: ignore[misc]
    made.coder.heads = StackedHeads([coder.heads for coder in coders])  # type: ignore[misc]
    made.coder.generator = StackedDictionary([coder.generator for coder in coders])  # type: ignore[misc]
    return made


def unstack(stacked: Model, run: int, into: Model) -> Model:
    """`into`, a plain model, with the weights of one run of a stacked one."""
    parameters, state = dict(stacked.named_parameters()), stacked.state_dict()
    like = into.state_dict()
    into.load_state_dict(
        {name: (state[name][run].reshape(like[name].shape) if name in parameters else state[name]) for name in like}
    )
    return into
