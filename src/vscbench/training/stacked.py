"""Runs that differ by their seed alone as one model: every weight has a first dimension R, one place a run.

Products are batched over runs; all else is elementwise. Row b·R + r of whatever has a row for each data point is data
point b of run r, so that a batch of R runs is to a coder a batch of B·R data points, and no coder knows of it.
"""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vscbench.coders.amortised import Amortised
from vscbench.errors import UserError
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.mlp import MLP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vscbench.coders import Coder
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
        self.layers = nn.Sequential(
            *(StackedLinear(each) if isinstance(each[0], nn.Linear) else each[0] for each in layers)
        )

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
        parts, shape = apart(codes, len(self.atoms)), (*codes.shape[:-1], self.atoms.shape[1])
        if torch.is_grad_enabled():
            return together(torch.bmm(parts, self.atoms.mT)).view(shape)
        decoded = codes.new_empty(shape)  # in place of a copy
        torch.bmm(parts, self.atoms.mT, out=apart(decoded, len(self.atoms)))
        return decoded


def stack(coders: Sequence[Coder]) -> Coder:
    """One coder of R that differ by their weights alone.

    Raises:
        UserError: they are other than amortised posteriors with an MLP, a dictionary, and prior and variance fixed.
    """
    alike: list[Amortised] = [coder for coder in coders if type(coder) is Amortised]
    encoders = [coder.encoder for coder in alike if type(coder.encoder) is MLP]
    dictionaries = [coder.generator for coder in alike if type(coder.generator) is Dictionary]
    own = [coder for coder in alike if coder.learned_prior is None and coder.variance is None]
    own = [coder for coder in own if not isinstance(coder.family, nn.Module)]  # whose prior has learned scales
    if not len(coders) == len(own) == len(encoders) == len(dictionaries):
        raise UserError("only posteriors with prior and variance fixed, an mlp and a dictionary train as one model")
    made = deepcopy(alike[0])
    made.encoder, made.generator = StackedMLP(encoders), StackedDictionary(dictionaries)
    made.heads = StackedHeads([coder.heads for coder in alike])  # type: ignore[assignment]
    return made


def stack_models(models: Sequence[Model], stack: Callable[[Sequence[Any]], Coder]) -> Model:
    """The model of the coder that `stack` makes of those of R models."""
    made = copy(models[0])
    made._modules = {"coder": stack([model.coder for model in models])}  # noqa: SLF001
    return made


def unstack(stacked: Model, run: int, into: Model) -> Model:
    """`into`, a plain model, with the weights of one run of a stacked one."""
    parameters, state = dict(stacked.named_parameters()), stacked.state_dict()
    like = into.state_dict()
    into.load_state_dict(
        {name: (state[name][run].reshape(like[name].shape) if name in parameters else state[name]) for name in like}
    )
    return into
