"""What turns codes into data (generators), and what turns data into features (encoders).

A kind is registered by its line in `GENERATORS` or `ENCODERS`: a class that is built from the shape of the data and
from its part of the config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.networks.convolutional import ConvolutionalEncoder, ConvolutionalGenerator, ResNet18
from vscbench.networks.dictionary import Dictionary
from vscbench.networks.mlp import MLP, MLPGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

__all__ = ["ENCODERS", "GENERATORS", "Dictionary", "build_encoder", "build_generator"]

GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "dictionary": Dictionary,
    "mlp": MLPGenerator,
    "convolutional": ConvolutionalGenerator,
}
ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "mlp": MLP,
    "convolutional": ConvolutionalEncoder,
    "resnet18": ResNet18,
}


def build_generator(spec: dict[str, Any], shape: Sequence[int]) -> nn.Module:
    """The generator that `spec` (`kind`, `latents`, ...) names, for data of `shape` (P,) or (C, H, W)."""
    return GENERATORS[spec["kind"]](shape, **{k: v for k, v in spec.items() if k != "kind"})


def build_encoder(spec: dict[str, Any], shape: Sequence[int]) -> nn.Module:
    """The encoder that `spec` (`kind`, ...) names, for data of `shape` (P,) or (C, H, W)."""
    return ENCODERS[spec["kind"]](shape, **{k: v for k, v in spec.items() if k != "kind"})
