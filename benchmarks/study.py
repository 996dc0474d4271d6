"""The published setting on the default study's photographs: 256 pixels, 256 atoms, batches of 100."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import torch

from vscbench.config import check, load, merge, run_spec
from vscbench.data import SOURCES, Splits
from vscbench.training.loop import Trainer

ROOT = Path(__file__).parents[1]
TRAIN, TEST = 80_000, 16_000
EXPERIMENT = "natural_images"
SETTING: dict[str, Any] = {
    "generator": {"kind": "dictionary", "latents": 256},
    "encoder": {"kind": "mlp", "widths": [512, 1024, 512, 256]},
}


@cache
def config() -> dict[str, Any]:
    """The default study at the published size."""
    counts = {"train": TRAIN, "validation": 1000, "test": TEST}
    overlay = {"datasets": {EXPERIMENT: counts}, "experiments": {EXPERIMENT: SETTING}}
    return check(merge(load([ROOT / "config.yaml"]), overlay))


def spec(method: str, samples: int = 20, epochs: int = 1) -> dict[str, Any]:
    """The specification of a run of `method` with J = `samples`."""
    found = run_spec(config(), EXPERIMENT, method, repetition=0)
    training = {"epochs": epochs, "batch_size": 100, "clip_norm": None}  # as published: nothing is clipped
    overlay = {"objective": {"samples": samples}, "training": training}
    return merge(found, overlay)


@cache
def splits() -> Splits:
    """The patches."""
    part = config()["datasets"][EXPERIMENT]
    found = SOURCES[part["kind"]](**{k: v for k, v in part.items() if k != "kind"})
    assert isinstance(found, Splits)  # noqa: S101  (patches always fit in memory)
    return found


def trainer(of: dict[str, Any], patches: int = TRAIN) -> Trainer:
    """A trainer for the specification `of` on the first `patches` of the data; it writes nothing."""
    data = splits()._replace(train=splits().train[:patches])
    return Trainer(of, data, Path("unused"), torch.device("cpu"), checkpoint_seconds=math.inf)
