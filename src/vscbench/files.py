"""Files that are either whole or absent."""

from __future__ import annotations

import filecmp
import json
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 2
"""Of the form of a configuration, of study.json and of a run's config.json: files of another are not read."""

DAY = 24 * 60 * 60
"""Seconds after which a temporary file is taken for that of a job which was killed."""


@contextmanager
def atomic(path: Path, *, keep_equal: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it into place only if the block succeeds.

    With `keep_equal` a file of the same content stays as it is, its date included. A job that is killed leaves its
    temporary file, hidden and read by nothing; who writes the same file a day later deletes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{escape(path.name)}.????????"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        if keep_equal and path.is_file() and filecmp.cmp(partial, path, shallow=False):
            return
        # mkstemp makes private files; results are as readable as the folder that they lie in.
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, atomically."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically; numbers that JSON lacks (nan, inf) are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from `path`; a missing or broken file is a `UserError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the step that writes it first") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: delete it and run its step again") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON ({error}): delete it and run its step again") from None


def of_this_version(content: Any, path: Any) -> dict[str, Any]:
    """`content` of a study.json or config.json at `path`, if this version wrote it; a `UserError` otherwise."""
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise UserError(f"{path} is not of this version of vscbench: delete its folder and run its step again")
    return content
