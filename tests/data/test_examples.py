"""The examples in the documentation of vscbench.data."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from vscbench import data

MODULES = ["vscbench.data", *(f"vscbench.data.{module.name}" for module in pkgutil.iter_modules(data.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
