"""Downloads against a server on this machine that does what servers do on bad days."""

from __future__ import annotations

import gzip
import hashlib
import io
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from scipy.io import savemat

from vscbench.data import fashion_mnist
from vscbench.data.download import download, git_blob_id
from vscbench.data.fashion_mnist import FashionMNIST
from vscbench.data.olshausen import Olshausen
from vscbench.data.patches import Numbers
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 40_000  # more than one chunk
FIVE = {"train": 5, "validation": 5, "test": 5}


@dataclass
class Server:
    """What the server gives, and what it was asked for."""

    url: str = ""
    content: bytes = CONTENT
    files: dict[str, bytes] = field(default_factory=dict)
    """Other contents, by path."""
    resumes: bool = True
    """Whether it knows Range."""
    chunked: bool = False
    """Whether it sends chunks without saying how long the whole is."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the connection ends, an entry for each of the first answers."""
    statuses: list[int] = field(default_factory=list)
    """Errors to answer with, an entry for each of the first requests."""
    garbage: bool = False
    """Whether the answer is no HTTP at all."""
    requests: list[str | None] = field(default_factory=list)
    """The Range header of each request."""


class Handler(BaseHTTPRequestHandler):
    """Answers as the `Server` says."""

    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *args: Any) -> None:
        self.behaviour = server
        super().__init__(*args)

    def do_GET(self) -> None:
        """Give the file, or what the server's mood allows."""
        server = self.behaviour
        self.close_connection = True
        asked = self.headers.get("Range")
        server.requests.append(asked)
        if server.garbage:
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            return
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        content = server.files.get(self.path, server.content)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.resumes else 0
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body[: server.cuts.pop(0)] if server.cuts else body
        if server.chunked:
            self.wfile.write(b"%x\r\n" % len(body) + sent)
            self.wfile.write(b"\r\n0\r\n\r\n" if sent == body else b"")
        else:
            self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    behaviour = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, behaviour)) as http:
        behaviour.url = f"http://127.0.0.1:{http.server_port}/file.bin"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield behaviour
        http.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is wanted, in a folder that is not there yet."""
    return tmp_path / "folder" / "file.bin"


@pytest.fixture
def right(tmp_path: Path) -> str:
    """The fingerprint of the right content."""
    copy = tmp_path / "copy"
    copy.write_bytes(CONTENT)
    return git_blob_id(copy)


def files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()} if path.parent.exists() else {}


def test_fingerprint_is_gits(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello\n")  # printf 'hello\n' | git hash-object --stdin
    assert git_blob_id(tmp_path / "file") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_download(server: Server, path: Path, right: str) -> None:
    assert download(server.url, path, git_blob_id, right) == path
    assert files(path) == {"file.bin": CONTENT}
    assert server.requests == [None]


def test_right_file_is_not_fetched_again(server: Server, path: Path, right: str) -> None:
    for _ in range(2):
        download(server.url, path, git_blob_id, right)
    assert len(server.requests) == 1


def test_wrong_file_is_replaced(server: Server, path: Path, right: str) -> None:
    path.parent.mkdir()
    path.write_bytes(b"old")
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


def test_any_file_will_do_without_a_fingerprint(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"my own")
    download(server.url, path, git_blob_id, None)
    assert (files(path), server.requests) == ({"file.bin": b"my own"}, [])
    path.unlink()
    download(server.url, path, git_blob_id, None)
    assert files(path) == {"file.bin": CONTENT}


def test_cut_connection_is_resumed(server: Server, path: Path, right: str) -> None:
    server.cuts = [1_000_000, 2_000_000]
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}
    assert server.requests == [None, "bytes=1000000-", "bytes=3000000-"]


def test_next_call_continues_where_the_last_one_gave_up(server: Server, path: Path, right: str) -> None:
    server.cuts = [1_000_000]
    with pytest.raises(UserError, match="the connection ended after 1000000 of 10240000 bytes"):
        download(server.url, path, git_blob_id, right, tries=1)
    assert files(path) == {"file.bin.part": CONTENT[:1_000_000]}
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}
    assert server.requests[1:] == ["bytes=1000000-"]


def test_server_that_cannot_resume(server: Server, path: Path, right: str) -> None:
    server.resumes, server.cuts = False, [1_000_000]
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}
    assert len(server.requests) == 2


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more"], ids=["whole", "too_long"])
def test_leftover_as_long_as_the_file(server: Server, path: Path, right: str, left: bytes) -> None:
    """A kill between the last byte and the renaming leaves a whole partial file, which cannot be continued."""
    path.parent.mkdir()
    path.with_name("file.bin.part").write_bytes(left)
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


def test_leftover_of_another_file(server: Server, path: Path, right: str) -> None:
    path.parent.mkdir()
    path.with_name("file.bin.part").write_bytes(b"something else")
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


def test_wrong_content_leaves_no_file(server: Server, path: Path, right: str) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(UserError, match=f"has fingerprint [0-9a-f]{{40}}, not {right}"):
        download(server.url, path, git_blob_id, right)
    assert files(path) == {}


def test_chunks_without_a_length(server: Server, path: Path, right: str) -> None:
    server.chunked = True
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


def test_chunks_that_are_cut(server: Server, path: Path, right: str) -> None:
    server.chunked, server.cuts = True, [1_000_000]
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (500, 3), (503, 3)])
def test_refusal(server: Server, path: Path, right: str, status: int, asked: int) -> None:
    """What will not change is not asked for again."""
    server.statuses = [status] * 10
    with pytest.raises(UserError, match=f"cannot download {server.url}: the server answered {status}") as caught:
        download(server.url, path, git_blob_id, right)
    assert "give `source` the path of your own copy" in str(caught.value)
    assert files(path) == {}
    assert len(server.requests) == asked


def test_server_that_recovers(server: Server, path: Path, right: str) -> None:
    server.statuses = [503, 500]
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}


def test_answer_that_is_no_http(server: Server, path: Path, right: str) -> None:
    server.garbage = True
    with pytest.raises(UserError, match=f"cannot download {server.url}"):
        download(server.url, path, git_blob_id, right)
    assert files(path) == {}


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/file.bin", "http://", "http://[broken", "http://a b/c"],
    ids=["nobody_listens", "no_host", "broken", "spaces"],
)
def test_address_that_leads_nowhere(path: Path, url: str) -> None:
    with pytest.raises(UserError, match="cannot download"):
        download(url, path, git_blob_id, None)
    assert files(path) == {}


def test_images_are_fetched_once_and_cached(server: Server, tmp_path: Path) -> None:
    images = np.random.default_rng(0).standard_normal((20, 20, 3))
    savemat(tmp_path / "IMAGES.mat", {"IMAGES": images})
    server.content = (tmp_path / "IMAGES.mat").read_bytes()
    cache = tmp_path / "cache" / "IMAGES.mat"
    for _ in range(2):
        splits = Olshausen(
            images=Numbers([0], [1], [2]), **FIVE, source=server.url, cache=str(cache), patch_size=4
        ).load()
        assert splits.train.shape == (5, 16)
    assert cache.read_bytes() == server.content
    assert server.requests == [None]


@pytest.fixture
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What torchvision's mirror of Fashion-MNIST holds: small files in the official format."""
    packed: dict[str, bytes] = {}
    for prefix, count in (("train", 30), ("t10k", 12)):
        shape = b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        packed[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(b"\0\0\x08\x03" + shape + bytes(count * 784))
        packed[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(b"\0\0\x08\x01" + shape[:4] + bytes(count))
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in packed.items()}
    monkeypatch.setattr(fashion_mnist, "FILES", sums)
    monkeypatch.setattr(fashion_mnist, "MIRROR", server.url.replace("file.bin", "mirror/"))
    server.files = {f"/mirror/{name}": content for name, content in packed.items()}
    return packed


def test_fashion_mnist_is_fetched_once_and_cached(server: Server, mirror: dict[str, bytes], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    server.cuts = [10]  # the first connection ends early
    for _ in range(2):
        splits = FashionMNIST(train=20, validation=5, test=12, cache=str(cache)).load()
        assert splits.train.shape == (20, 1, 28, 28)
    assert files(cache / "any") == mirror
    assert server.requests == [None, "bytes=10-", None, None, None]


def test_damaged_cache_of_fashion_mnist_is_mended(server: Server, mirror: dict[str, bytes], tmp_path: Path) -> None:
    FashionMNIST(train=20, validation=5, test=12, cache=str(tmp_path)).load()
    name = "t10k-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes(mirror[name][:-1])
    FashionMNIST(train=20, validation=5, test=12, cache=str(tmp_path)).load()
    assert files(tmp_path / "any") == mirror
    assert len(server.requests) == 5


def test_mirror_with_other_files(server: Server, mirror: dict[str, bytes], tmp_path: Path) -> None:
    name = "train-labels-idx1-ubyte.gz"
    server.files[f"/mirror/{name}"] = b"something else"
    with pytest.raises(UserError, match=rf"cannot download http.*/mirror/{name}: the content has fingerprint"):
        FashionMNIST(train=20, validation=5, test=12, cache=str(tmp_path)).load()
    first = "train-images-idx3-ubyte.gz"
    assert files(tmp_path / "any") == {first: mirror[first]}


def test_mirror_that_is_down(server: Server, mirror: dict[str, bytes], tmp_path: Path) -> None:
    assert mirror
    server.statuses = [404]
    with pytest.raises(UserError, match=r"the server answered 404 .* give `source` the path of your own copy"):
        FashionMNIST(train=20, validation=5, test=12, cache=str(tmp_path)).load()
    assert files(tmp_path / "any") == {}


# ------------------------------------------------------------- several at once


def together(count: int, what: Callable[[], Any]) -> list[Any]:
    """What as many threads get that do the same at the same time."""
    start = threading.Barrier(count)

    def act(_: int) -> Any:
        start.wait()
        return what()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


@pytest.mark.parametrize("known", [True, False], ids=["fingerprint", "any_content"])
def test_one_fetches_and_the_others_wait(server: Server, path: Path, right: str, known: bool) -> None:
    server.cuts = [5_000_000]
    found = together(6, lambda: download(server.url, path, git_blob_id, right if known else None))
    assert found == [path] * 6
    assert files(path) == {"file.bin": CONTENT}
    assert len(server.requests) == 2


def test_each_of_several_tries_where_nothing_can_be_had(server: Server, path: Path, right: str) -> None:
    server.statuses = [404] * 3

    def fail() -> bool:
        with pytest.raises(UserError, match="the server answered 404"):
            download(server.url, path, git_blob_id, right)
        return True

    assert together(3, fail) == [True] * 3
    assert files(path) == {}
    assert len(server.requests) == 3


def test_the_next_in_line_takes_over_where_one_fails(server: Server, path: Path, right: str) -> None:
    """What it waited for has been removed: it begins a file of its own."""
    server.statuses = [404] * 5

    def attempt() -> bool:
        try:
            return download(server.url, path, git_blob_id, right) == path
        except UserError:
            return False

    assert sorted(together(6, attempt)) == [False] * 5 + [True]
    assert files(path) == {"file.bin": CONTENT}


def test_process_that_is_killed_leaves_no_lock(server: Server, path: Path, right: str) -> None:
    """The lock ends with its holder; what it fetched is continued."""
    path.parent.mkdir()
    code = (
        "import fcntl, os, signal\n"
        f"file = open({str(path) + '.part'!r}, 'ab', buffering=0)\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        f"file.write(bytes(range(256)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    download(server.url, path, git_blob_id, right)
    assert files(path) == {"file.bin": CONTENT}
    assert server.requests == ["bytes=256-"]


def test_answer_longer_than_it_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more bytes than Content-Length, whoever wrote them."""

    class Answer(io.BytesIO):
        status = 200
        headers: ClassVar = {"Content-Length": "5"}

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Answer(b"sixsix"))
    with pytest.raises(UserError, match="6 bytes came, of 5"):
        download("http://host/file.bin", path, git_blob_id, None)
    assert files(path) == {}
