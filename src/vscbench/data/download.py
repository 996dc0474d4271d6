"""Downloads that resume, are checked, and appear only when they are right."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.client import HTTPException
from typing import IO, TYPE_CHECKING

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


def md5(path: Path) -> str:
    """The MD5 of the content of `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _locked(partial: Path) -> Iterator[IO[bytes]]:
    """Yield the file `partial`, which no other process writes meanwhile; an empty one is removed at the end."""
    while True:
        with partial.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is(partial, file):  # who held the lock before has moved it into place, or removed it
                continue
            try:
                yield file
            finally:
                file.flush()
                if _is(partial, file) and not partial.stat().st_size:
                    partial.unlink()
            return


def _is(path: Path, file: IO[bytes]) -> bool:
    """Whether `file` is what lies at `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _fetch(url: str, file: IO[bytes]) -> None:
    """Append to `file` what is missing of `url`, or start over where the server cannot resume."""
    have = file.seek(0, 2)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    response: HTTPResponse
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        resumed = response.status == PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        total = int(length) + (have if resumed else 0) if length else None
        size = f" ({total / 1e6:.1f} MB)" if total else ""
        log.info("%s %s%s", "resuming" if resumed else "downloading", url, size)
        if not resumed:
            file.truncate(0)
        while chunk := response.read(CHUNK):
            file.write(chunk)
        file.flush()
    got = file.seek(0, 2)
    if total is not None and got < total:
        raise ConnectionError(f"the connection ended after {got} of {total} bytes")
    if total is not None and got > total:
        file.truncate(0)
        raise ConnectionError(f"{got} bytes came, of {total}")


def download(url: str, path: Path, check: Callable[[Path], str], expected: str | None, tries: int = 3) -> Path:
    """Fetch `url` to `path`, by way of `path`.part, which the next try or call continues.

    Of several processes that want the file one fetches it, and the others wait.

    Args:
        url: http or https address.
        path: where the file is wanted; one that is there and right is kept.
        check: fingerprint of a file.
        expected: the right fingerprint; None takes any file.
        tries: attempts before giving up.

    Raises:
        UserError: the file cannot be had, or its content is not the expected one (it is removed then).
    """

    def right() -> bool:
        return path.is_file() and (expected is None or check(path) == expected)

    if right():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    problem = ""
    with _locked(partial) as file:
        if right():  # another process was faster
            return path
        for _ in range(tries):
            try:
                _fetch(url, file)
            except urllib.error.HTTPError as error:
                error.close()  # it holds the connection
                problem = f"the server answered {error.code} {error.reason}"
                if error.code == RANGE_NOT_SATISFIABLE:
                    file.truncate(0)  # longer than the file itself: left over from another one
                    continue
                if error.code < 500:  # noqa: PLR2004  (asking again would not help)
                    break
                continue
            except (OSError, HTTPException, ValueError) as error:
                problem = str(error)
                continue
            found = check(partial)
            if expected is None or found == expected:
                partial.replace(path)
                return path
            file.truncate(0)
            problem = f"the content has fingerprint {found}, not {expected}"
    raise UserError(f"cannot download {url}: {problem}; try again, or give `source` the path of your own copy")
