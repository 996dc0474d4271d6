"""Runs of seconds on made-up vectors of 16 pixels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from vscbench.training.run import train, write
from vscbench.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.data import Data

CPU = torch.device("cpu")
KEY = "key"
CODERS: dict[str, dict[str, Any]] = {
    "fista": {"family": "fista", "penalty": 0.2},
    "laplacian_thresh_gamma": {"family": "laplacian", "threshold": {"kind": "gamma", "value": 0.25}},
    "spike_slab": {"family": "spike_slab"},
}
OPTIMIZER = {
    "kind": "two_rates",
    "encoder_rate": {"peak": 0.001},
    "dictionary_rate": {"initial": 0.1, "final": 0.02, "shape": "geometric"},
}


def spec_of(
    coder: str | dict[str, Any] = "laplacian_thresh_gamma",
    *,
    seed: int = 0,
    objective: dict[str, Any] | None = None,
    optimizer: dict[str, Any] | None = None,
    **training: Any,
) -> dict[str, Any]:
    """The specification of a run of two epochs of 21 steps, but for what is given."""
    return {
        "experiment": "tried",
        "method": "tried",
        "point": {},
        "repetition": 0,
        "seed": seed,
        "generator": {"kind": "dictionary", "latents": 12},
        "encoder": {"kind": "mlp", "widths": [16]},
        "coder": CODERS[coder] if isinstance(coder, str) else coder,
        "objective": {"sampling": "max_elbo", "samples": 3, "kl_weight": 0.01} | (objective or {}),
        "training": {"epochs": 2, "batch_size": 10, "validation_penalty": 20.0}
        | training
        | {"optimizer": OPTIMIZER | (optimizer or {})},
    }


def trainer_of(spec: dict[str, Any], data: Data, checkpoint: Path | None = None) -> Trainer:
    return Trainer(spec, data, CPU, checkpoint, 0, KEY)


def trained(spec: dict[str, Any], data: Data, out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Train into `out`; the status that is written there."""
    write(train(spec, data, device=CPU, key=KEY, checkpoint=checkpoint), spec, data.shape, out)
    status: dict[str, Any] = json.loads((out / "status.json").read_text())
    return status


def results(out: Path) -> tuple[bytes, bytes]:
    """What must be the same where a run is repeated."""
    return (out / "weights.safetensors").read_bytes(), (out / "history.csv").read_bytes()
