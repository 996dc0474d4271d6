"""The examples in docstrings run as they are printed."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import vscbench

PACKAGE = Path(vscbench.__file__).parent
MODULES = sorted(
    "vscbench." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if "template" not in path.parts and path.name != "__init__.py" and ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    assert {"vscbench.library", "vscbench.coders.coder", "vscbench.settings"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
