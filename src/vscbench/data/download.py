"""Downloads that resume, are checked, and appear only when they are right."""

from __future__ import annotations

import hashlib
import logging
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from pathlib import Path

log = logging.getLogger(__name__)

CHUNK = 1 << 20
TIMEOUT_S = 30
RANGE_NOT_SATISFIABLE = 416
PARTIAL_CONTENT = 206


def git_blob_id(path: Path) -> str:
    """The id that git gives the content of `path`: SHA-1 of 'blob <length>' + NUL + content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _fetch(url: str, partial: Path) -> None:
    """Append to `partial` what is missing of `url`, or start over where the server cannot resume."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    response: HTTPResponse
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        resumed = response.status == PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        total = int(length) + (have if resumed else 0) if length else None
        size = f" ({total / 1e6:.1f} MB)" if total else ""
        log.info("%s %s%s", "resuming" if resumed else "downloading", url, size)
        with partial.open("ab" if resumed else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
    got = partial.stat().st_size
    if total is not None and got < total:
        raise ConnectionError(f"the connection ended after {got} of {total} bytes")


def download(url: str, path: Path, check: Callable[[Path], str], expected: str | None, tries: int = 3) -> Path:
    """Fetch `url` to `path`, by way of `path`.part, which the next try or call continues.

    Args:
        url: http or https address.
        path: where the file is wanted; one that is there and right is kept.
        check: fingerprint of a file.
        expected: the right fingerprint; None takes any file.
        tries: attempts before giving up.

    Raises:
        UserError: the file cannot be had, or its content is not the expected one (it is removed then).
    """
    if path.is_file() and (expected is None or check(path) == expected):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    problem = ""
    for _ in range(tries):
        try:
            _fetch(url, partial)
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            problem = f"the server answered {error.code} {error.reason}"
            if error.code == RANGE_NOT_SATISFIABLE:
                partial.unlink()  # longer than the file itself: left over from another one
                continue
            if error.code < 500:  # noqa: PLR2004  (asking again would not help)
                break
            continue
        except (OSError, HTTPException, ValueError) as error:
            problem = str(error)
            continue
        found = check(partial)
        if expected is not None and found != expected:
            partial.unlink()
            problem = f"the content has fingerprint {found}, not {expected}"
            continue
        partial.replace(path)
        return path
    raise UserError(f"cannot download {url}: {problem}; try again, or give `source` the path of your own copy")
