"""torchvision for any build of torch.

A registry's torchvision is built against the CUDA build of torch. Beside a CPU build its C++ operators do not load,
and `import torchvision` stops at "operator torchvision::nms does not exist", although data sets, transforms and
models need none of them. Declaring the two operators that the import asks for is enough.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

MISSING = "operator torchvision::nms does not exist"
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_declared: list[Any] = []
"""Keeps the declaration: it ends with the object."""


def import_torchvision() -> ModuleType:
    """The module torchvision, with its operators declared (not defined) where the plain import fails for them."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if MISSING not in str(error):
            raise
    for name in [each for each in sys.modules if each.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    _declared.append(library)
    return importlib.import_module("torchvision")
