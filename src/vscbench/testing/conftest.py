"""Who is given to which test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from torch import Generator

from vscbench.testing.specs import composed, every_spec, is_consistent, is_posterior, name

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.testing.specs import Spec


def specs_of(config: pytest.Config) -> list[Spec]:
    """What is tested: the coders that are asked for, or all that are registered."""
    asked = config.getoption("--coder", [])
    return [spec for family in asked for spec in composed(family)] if asked else every_spec()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of posteriors where none is tested: they are not for such a coder, and not skipped."""
    return True if collection_path.stem == "test_posterior" and not any(map(is_posterior, specs_of(config))) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `coder_spec` every coder, `posterior_spec` every posterior, `consistent_spec` those with their own KL."""
    specs = specs_of(metafunc.config)
    posteriors = [spec for spec in specs if is_posterior(spec)]
    given = {
        "coder_spec": specs,
        "posterior_spec": posteriors,
        "consistent_spec": [spec for spec in posteriors if is_consistent(spec)],
    }
    for fixture, found in given.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, found, ids=name)


@pytest.fixture
def rng() -> Generator:
    """A source of random numbers, the same for each test."""
    return Generator().manual_seed(0)
