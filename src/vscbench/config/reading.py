"""A study from the files that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from vscbench.config.checking import check
from vscbench.config.merging import merge
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """The checked configuration of the files at `paths`, each laid over the ones before it.

    Raises:
        UserError: a file is missing or is not YAML, or the configuration is not valid.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(path.read_bytes())
        except OSError as error:
            raise UserError(f"config file {path}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise UserError(f"config file {path} is not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict):
            raise UserError(f"config file {path} holds no mapping of keys to values")
        config = merge(config, content)
    return check(config)
