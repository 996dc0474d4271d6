"""The option `--coder` of pytest, which it finds by an entry point: a conftest inside a package is read too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--coder`."""
    said = "module:Class of a Posterior or Coder that vscbench.testing tests instead of the registered (repeatable)"
    parser.addoption("--coder", action="append", default=[], metavar="MODULE:CLASS", help=said)
