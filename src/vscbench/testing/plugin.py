"""The option `--coder` of pytest, which it finds by an entry point: a conftest inside a package is read too late."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--coder`."""
    said = "module:Class of a Posterior or Coder that vscbench.testing tests instead of the registered (repeatable)"
    parser.addoption("--coder", action="append", default=[], metavar="MODULE:CLASS", help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse in one line what cannot be imported or is no coder."""
    for family in config.getoption("--coder"):
        from vscbench.errors import UserError
        from vscbench.testing.specs import class_of

        try:
            class_of({"family": family})
        except UserError as error:
            raise pytest.UsageError(f"--coder {error}") from None
