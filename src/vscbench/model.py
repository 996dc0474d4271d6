"""A method on a data set: the generator and the coder that a run's specification names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vscbench.coders import build_coder
from vscbench.errors import UserError
from vscbench.networks import build_encoder, build_generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vscbench.coders import Coder


class Model(nn.Module):
    """A generator and the coder that infers its codes."""

    def __init__(self, generator: nn.Module, coder: Coder) -> None:
        super().__init__()
        self.generator = generator
        self.coder = coder


def build(spec: dict[str, Any], shape: Sequence[int]) -> Model:
    """The untrained model of a run, for data of `shape` (P,) or (C, H, W); its weights are a function of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec["seed"])
        encoder = build_encoder(spec["encoder"], shape)
        generator = build_generator(spec["generator"], shape)
        coder = build_coder(spec["coder"], encoder, generator, spec["objective"], shape)
    return Model(generator, coder)


def load(spec: dict[str, Any], weights: Path, shape: Sequence[int], device: torch.device) -> Model:
    """The trained model of a run, on `device`, with everything that ramps at its final value.

    Raises:
        UserError: the weights are missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    model = build(spec, shape)
    try:
        model.load_state_dict(load_file(weights))
    except FileNotFoundError:
        raise UserError(f"{weights} is missing: train the run first") from None
    except SafetensorError as error:
        raise UserError(f"{weights} is damaged ({error}): delete it and train the run again") from None
    model.coder.at(1, 1)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # (what convolutions read fastest)
    return model.to(device).eval()


def device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Raises:
        UserError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # what torch raises depends on its build
        raise UserError(f"device {name} cannot be used here: {str(error).splitlines()[0]}") from None
