"""Commands as forks of a process that has imported torch: as they would be alone, and gone when they should be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from vscbench import preloading
from vscbench.preloading import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="commands fork on Linux alone")

HOLD = """
import os, sys
from vscbench import preloading
preloading.start()
print(os.environ[preloading.ADDRESS], flush=True)
sys.stdin.read()
"""
RUN = "recovery/laplacian_thresh_gamma/0"
Command = list[str]


def parents() -> dict[int, int]:
    """The parent of every process that is alive."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found


def children(pid: int) -> list[int]:
    return [child for child, parent in parents().items() if parent == pid]


def has_begun(fork: int) -> bool:
    """Whether it has said that it runs the command; if it is killed before, the command runs by itself instead."""
    return len(list(Path(f"/proc/{fork}/task").iterdir())) > 1


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    """What `holds` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def ask(address: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A job: `vscbench` with `arguments`, in an environment that names the server at `address`."""
    line = [sys.executable, "-m", "vscbench", *map(str, arguments)]
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    variables = os.environ | {ADDRESS: address, "OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(line, env=variables, text=True, **pipes)


class Server:
    """The server of a process that has started one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.holder, self.address = process, process.stdout.readline().strip()
        (self.pid,) = until(lambda: children(process.pid))

    def listens(self) -> bool:
        """Whether it has imported all and waits for jobs."""
        return f"@{self.address}" in Path("/proc/net/unix").read_text()

    def command(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """A job."""
        return ask(self.address, *arguments, **environment)

    def forks(self) -> list[int]:
        """The processes that run commands now."""
        return children(self.pid)


@contextmanager
def serving() -> Iterator[Server]:
    """A process that starts a server, as Snakemake does."""
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    environment = {key: value for key, value in os.environ.items() if key != ADDRESS}
    with subprocess.Popen([sys.executable, "-c", HOLD], text=True, env=environment, **pipes) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that is ready."""
    with serving() as found:
        until(found.listens)
        yield found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a study whose data are prepared."""
    folder = tmp_path_factory.mktemp("prepared")
    process = ask("", "data", "synthetic", "--config", study(folder))
    assert outcome(process)[0] == 0
    return folder / "results/data"


def study(folder: Path, steps: int = 600) -> str:
    """The configuration of a study of one run, which takes seconds at 600 steps, with its results in `folder`."""
    content = {
        "results": str(folder / "results"),
        "device": "cpu",
        "datasets": {"synthetic": {"kind": "synthetic", "train": 2000, "validation": 30, "test": 30, "pixels": 64}},
        "experiments": {
            "recovery": {
                "dataset": "synthetic",
                "methods": ["laplacian_thresh_gamma"],
                "generator": {"latents": 32},
                "training": {"steps": steps, "batch_size": 50},
            }
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture
def training(data: Path, tmp_path: Path) -> Command:
    """The command that trains a run."""
    return trained_in(tmp_path / "study", data)


def trained_in(folder: Path, data: Path, steps: int = 600) -> Command:
    """The command that trains a run below `folder`."""
    (folder / "results").mkdir(parents=True)
    (folder / "results/data").symlink_to(data)
    return ["train", RUN, "--config", study(folder, steps)]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What this process ignores its children ignore too, and a shell's background job ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--version"], 0), (["--help"], 0), (["runs", "--config", "nowhere"], 2), (["no-such-command"], 2)],
)
def test_a_fork_says_what_a_process_says(server: Server, arguments: Command, code: int) -> None:
    forked, alone = outcome(server.command(*arguments)), outcome(ask("nowhere", *arguments))
    assert forked == alone
    assert forked[0] == code
    assert forked[1] or forked[2]


def test_training_in_a_fork_is_bit_identical(server: Server, data: Path, tmp_path: Path) -> None:
    process = server.command(*trained_in(tmp_path / "forked", data, 50))
    until(server.forks)
    assert outcome(process)[0] == 0
    assert outcome(ask("nowhere", *trained_in(tmp_path / "alone", data, 50)))[0] == 0
    runs = [tmp_path / name / "results/runs" / RUN / "weights.safetensors" for name in ("forked", "alone")]
    assert runs[0].read_bytes() == runs[1].read_bytes()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_fork_ends_with_its_command(server: Server, training: Command, tmp_path: Path, kill: signal.Signals) -> None:
    process = server.command(*training)
    until(server.forks)
    process.send_signal(kill)
    code, _, said = outcome(process)
    assert code == (128 + kill if kill == signal.SIGINT else -kill)
    assert "Traceback" not in said
    until(lambda: not server.forks())
    assert not (tmp_path / "study/results/runs" / RUN / "weights.safetensors").exists()


def test_a_killed_fork_is_an_error_of_one_line(server: Server, training: Command) -> None:
    process = server.command(*training)
    (fork,) = until(server.forks)
    until(lambda: has_begun(fork))
    os.kill(fork, signal.SIGKILL)
    code, _, said = outcome(process)
    assert code == 128 + signal.SIGKILL
    assert said.splitlines()[-1] == "vscbench train: its process was killed"


def test_another_number_of_threads_is_not_for_a_fork(server: Server, data: Path, tmp_path: Path) -> None:
    """Libraries read it when they are imported."""
    training = trained_in(tmp_path / "study", data, 5)
    assert outcome(server.command(*training, OMP_NUM_THREADS="2"))[0] == 0
    resources = tmp_path / "study/results/runs" / RUN / "resources.json"
    assert json.loads(resources.read_text())["threads"] == 2


def test_nothing_that_is_preloaded_starts_a_thread(server: Server) -> None:
    assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) == 1


@pytest.mark.parametrize(
    ("end", "ready"), [(subprocess.Popen.kill, False), (lambda process: process.stdin.close(), True)]
)
def test_the_server_ends_with_who_started_it(end: Callable[[subprocess.Popen[str]], None], ready: bool) -> None:
    with serving() as server:
        if ready:
            until(server.listens)
        end(server.holder)
        until(lambda: server.pid not in parents())
        assert not server.listens()
        assert outcome(server.command("--version"))[0] == 0  # by itself


def test_a_training_ends_with_a_killed_snakemake(data: Path, tmp_path: Path) -> None:
    """Else the next one would train the same run beside it."""
    with serving() as server:
        until(server.listens)
        process = server.command(*trained_in(tmp_path / "study", data))
        (fork,) = until(server.forks)
        until(lambda: has_begun(fork))
        server.holder.kill()
        until(lambda: fork not in parents())
        assert outcome(process)[0] == 128 + signal.SIGKILL


def test_a_server_that_was_killed_costs_no_job() -> None:
    with serving() as server:
        until(server.listens)
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.pid not in parents())
        assert outcome(server.command("--version"))[0] == 0


def test_who_asks_for_nothing_harms_nobody(server: Server) -> None:
    for said in (b"", b"{", b"[]"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(f"\0{server.address}")
            client.send(said)
    until(lambda: not server.forks())
    process = server.command("--help")
    assert outcome(process)[0] == 0


def test_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At both ends, by what the kernel says of the other one."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert preloading._is_ours(one)
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        assert not preloading._is_ours(one)
