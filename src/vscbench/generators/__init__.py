"""What turns codes into data (generators), and what turns data into features (encoders)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.generators.dictionary import Dictionary
from vscbench.generators.encoders import MLP

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["MLP", "Dictionary", "build_encoder", "build_generator"]


def build_generator(spec: dict[str, Any], pixels: int, rng: Generator) -> Dictionary:
    """The generator that `spec` (`kind`, `latents`) names, for data of `pixels` pixels."""
    return Dictionary(pixels, spec["latents"], rng)


def build_encoder(spec: dict[str, Any], pixels: int) -> MLP:
    """The encoder that `spec` (`kind`, `widths`) names, for data of `pixels` pixels."""
    return MLP(pixels, spec["widths"])
