"""Checkpoints: all that a killed run needs to end as if it had been left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vscbench.files import atomic

if TYPE_CHECKING:
    from pathlib import Path


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, atomically."""
    with atomic(path) as partial:
        torch.save(state, partial)


def load(path: Path, key: str) -> dict[str, Any] | None:
    """The state saved under `key`; None where there is none, or where it is another run's or damaged."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  (torch raises what the damage happens to cause)
        return None
    return state if isinstance(state, dict) and state.get("key") == key else None
