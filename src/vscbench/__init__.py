"""A benchmark of variational sparse coding: which sparse coder to use, on your data, and whether to trust the answer.

The library, of which everything is imported when it is first used:

    import vscbench as vsc

    data = vsc.Data.from_array(x, validation=0.05, test=0.1, standardise="pixel")
    run = vsc.fit(data, vsc.methods.gaussian_thresh(density=0.1), latents=128, steps=1600, seed=0)
    vsc.evaluate(run, data, only=["reconstruction", "sparsity"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vscbench import methods
    from vscbench.coders import Base, Coder, Distribution, Posterior
    from vscbench.data import Data
    from vscbench.errors import UserError
    from vscbench.fitted import Run
    from vscbench.library import compare, evaluate, fit, load
    from vscbench.methods import Method

__version__ = "0.2.0"
__all__ = [
    "Base",
    "Coder",
    "Data",
    "Distribution",
    "Method",
    "Posterior",
    "Run",
    "UserError",
    "compare",
    "evaluate",
    "fit",
    "load",
    "methods",
]

_PLACES = {
    "library": ("compare", "evaluate", "fit", "load"),
    "fitted": ("Run",),
    "coders": ("Base", "Coder", "Distribution", "Posterior"),
    "data": ("Data",),
    "methods": ("Method",),
    "errors": ("UserError",),
}
_HOME = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("methods", "config", "metrics"):
        return importlib.import_module(f"vscbench.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'vscbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vscbench.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
