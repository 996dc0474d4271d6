"""Commands as forks of a process that has imported torch: as they would be alone, and gone when they should be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vscbench import config as configs
from vscbench.data.splits import write
from vscbench.preloading import ADDRESS, JOBS_BEFORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vscbench.data import Splits

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="commands fork on Linux alone")

HOLD = """
import os, sys
from vscbench import preloading
preloading.start()
print(os.environ[preloading.ADDRESS], flush=True)
sys.stdin.read()
"""
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


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    """What `holds` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def ask(address: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A job: `vscbench` with `arguments`, in an environment that names the server at `address`."""
    line = [sys.executable, "-m", "vscbench", *map(str, arguments)]
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(line, env=os.environ | {ADDRESS: str(address)} | environment, text=True, **pipes)


class Server:
    """The server of a process that has started one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.holder, self.address = process, Path(process.stdout.readline().strip())
        (self.pid,) = until(lambda: children(process.pid))
        until(self.address.is_socket)

    def warm_up(self) -> None:
        """Ask until the server has imported all: some jobs run by themselves before it does."""
        for _ in range(JOBS_BEFORE):
            assert not self.forks()
            outcome(self.command("runs"))
        until(self.address.is_socket)

    def command(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """A job."""
        return ask(self.address, *arguments, **environment)

    def forks(self) -> list[int]:
        """The processes that run commands now."""
        return children(self.pid)


@contextmanager
def holding() -> Iterator[subprocess.Popen[str]]:
    """A process that starts a server, as Snakemake does, and says where."""
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", HOLD], text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving() -> Iterator[Server]:
    with holding() as process:
        yield Server(process)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        found.warm_up()
        yield found


@pytest.fixture
def training(study: dict[str, Any], splits: Splits, tmp_path: Path) -> Command:
    """The command that trains a run which takes seconds, all but its folders."""
    study["experiments"]["recovery"]["training"]["epochs"] = 30
    spec = configs.run_spec(study, "recovery", "laplacian_thresh_gamma", 0)
    write(splits, tmp_path / "data.safetensors", {})
    return ["train", "--spec", json.dumps(spec), "--data", str(tmp_path / "data.safetensors")]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What this process ignores its children ignore too, and a shell's background job ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def into(folder: Path) -> Command:
    return ["--out", str(folder), "--checkpoint", str(folder / "checkpoint.pt")]


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["runs"], 0), (["--help"], 0), (["train", "nothing"], 2), (["no-such-command"], 2), (["table", "no_table"], 2)],
)
def test_a_fork_says_what_a_process_says(server: Server, arguments: Command, code: int) -> None:
    forked, alone = outcome(server.command(*arguments)), outcome(server.command(*arguments, **{ADDRESS: "/nowhere"}))
    assert forked == alone
    assert forked[0] == code
    assert forked[1] or forked[2]


def test_training_in_a_fork_is_bit_identical(server: Server, training: Command, tmp_path: Path) -> None:
    process = server.command(*training, *into(tmp_path / "forked"))
    until(server.forks)
    assert outcome(process)[0] == 0
    assert outcome(server.command(*training, *into(tmp_path / "alone"), **{ADDRESS: "/nowhere"}))[0] == 0
    forked, alone = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("forked", "alone"))
    assert forked == alone


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_fork_ends_with_its_command(server: Server, training: Command, tmp_path: Path, kill: signal.Signals) -> None:
    process = server.command(*training, *into(tmp_path / "run"))
    until(lambda: list((tmp_path / "run").glob("*")) or server.forks())
    process.send_signal(kill)
    code, _, said = outcome(process)
    assert code == (128 + kill if kill == signal.SIGINT else -kill)
    assert "Traceback" not in said
    until(lambda: not server.forks())
    assert not (tmp_path / "run/weights.safetensors").exists()


def test_a_killed_fork_is_an_error_of_one_line(server: Server, training: Command, tmp_path: Path) -> None:
    process = server.command(*training, *into(tmp_path / "run"))
    (fork,) = until(server.forks)
    until(lambda: Path(f"/proc/{fork}/cwd").exists() and len(list(Path(f"/proc/{fork}/task").iterdir())) > 1)
    os.kill(fork, signal.SIGKILL)
    code, _, said = outcome(process)
    assert code == 128 + signal.SIGKILL
    assert said.splitlines()[-1] == "vscbench train: its process was killed"


def test_another_number_of_threads_is_not_for_a_fork(server: Server, training: Command, tmp_path: Path) -> None:
    """Libraries read it when they are imported."""
    code, _, _ = outcome(server.command(*training, *into(tmp_path / "run"), OMP_NUM_THREADS="2"))
    assert code == 0
    assert json.loads((tmp_path / "run/resources.json").read_text())["threads"] == 2


def test_nothing_that_is_preloaded_starts_a_thread(server: Server) -> None:
    assert len(list(Path(f"/proc/{server.pid}/task").iterdir())) == 1


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("end", [subprocess.Popen.kill, lambda process: process.stdin.close()])
def test_the_server_ends_with_who_started_it(end: Callable[[subprocess.Popen[str]], None], warm: bool) -> None:
    with serving() as server:
        if warm:
            server.warm_up()
        end(server.holder)
        until(lambda: server.pid not in parents())
        assert not server.address.parent.exists()
        assert outcome(server.command("runs"))[0] == 0  # by itself


def test_a_server_that_cannot_start_costs_no_job() -> None:
    with serving() as server:
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.pid not in parents())
        assert outcome(server.command("runs"))[0] == 0
        assert not server.forks()
        shutil.rmtree(server.address.parent)  # nobody is left to do it


def test_a_path_too_long_for_a_socket_costs_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with holding() as process:
        address = Path(process.stdout.readline().strip())
        until(lambda: not address.parent.exists())
        code, stdout, stderr = outcome(ask(address, "runs"))
    assert (code, stderr) == (0, "")
    assert stdout


def test_who_asks_for_nothing_harms_nobody(server: Server) -> None:
    for said in (b"", b"\0\0\0\5{", b"\0\0\0\2{}"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(server.address))
            client.sendall(said)
    until(lambda: not server.forks())
    process = server.command("--help")
    until(server.forks)
    assert outcome(process)[0] == 0
