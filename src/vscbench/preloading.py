"""Jobs of the workflow as forks of one process that has imported what they all import.

Importing torch, pandas and their like costs a job two to four seconds of CPU, as much as a short training: a quarter of
the default study. Snakemake starts a server (`start`) that imports them once; `python -m vscbench` asks it for a fork
(`run_in_fork`), hands over its arguments, folder, environment and standard streams, and ends as the fork ends. The
package itself is not preloaded: each job reads the code as it is. Where there is no server (a cluster's node, another
system than Linux, a command by hand) a command runs in its own process, with the same result.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import math
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADDRESS = "VSCBENCH_PRELOADED"
"""The variable that holds the server's socket."""
PRELOADED = (
    "numpy",
    "torch",
    "torch._dynamo",  # any optimiser imports it, though nothing here is compiled
    "safetensors.torch",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "pandas",
    "matplotlib.pyplot",
    "seaborn",
)
"""What most jobs import. None may start a thread: a fork has only the thread that made it."""
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # what Snakemake gives a job
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas imports pyarrow, whose allocator has a thread
}
JOBS_BEFORE = 2
"""How many jobs run by themselves first: for a single one, a figure drawn again, all that is not worth it."""
STREAMS = (0, 1, 2)
READY, LENGTH_BYTES = b"r", 4


def start() -> None:
    """Start the server for the jobs of this process; it ends with this process. Nothing where there is one already."""
    if not sys.platform.startswith("linux") or ADDRESS in os.environ:
        return
    os.environ[ADDRESS] = str(Path(tempfile.mkdtemp(prefix="vscbench-")) / "socket")  # in a folder for this user alone
    subprocess.Popen(
        [sys.executable, "-m", "vscbench.preloading"],
        stdin=subprocess.PIPE,  # closes when this process ends, however it ends
        start_new_session=True,  # Ctrl-C is for the jobs
        env=ENVIRONMENT | os.environ,
    )


def run_in_fork(arguments: Sequence[str]) -> int | None:
    """Run `vscbench` with `arguments` in a fork of the server; its exit code, or None where no server takes it."""
    address = os.environ.get(ADDRESS)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX) as server:
        try:
            code = server.recv(1) if taken(server, address, arguments) else None
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
    if code == b"":
        print(f"vscbench {arguments[0]}: its process was killed", file=sys.stderr)
        return 128 + signal.SIGKILL
    return code[0] if code else None


def taken(server: socket.socket, address: str, arguments: Sequence[str]) -> bool:
    """Hand the command over to the server at `address`; whether a fork runs it."""
    try:
        server.connect(address)
        request = json.dumps([list(arguments), str(Path.cwd()), dict(os.environ)]).encode()
        socket.send_fds(server, [len(request).to_bytes(LENGTH_BYTES)], STREAMS)
        server.sendall(request)
        return server.recv(1) == READY
    except OSError:  # it has ended, or never came to be
        return False


def serve(address: str) -> None:
    """Fork for each job that asks at `address`, until standard input closes."""
    if not all(jobs(address, JOBS_BEFORE)):
        return
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # tables and figures are an extra of the package
            importlib.import_module(name)
    gc.freeze()  # else each fork's collector visits 400,000 objects of these, which copies the pages they share: 0.25 s
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks end unattended
    for client in jobs(address):
        if client and os.fork() == 0:
            try:
                answer(client)
            finally:  # it ends here, whatever happens
                os._exit(1)


def jobs(address: str, count: float = math.inf) -> Iterator[socket.socket | None]:
    """The connections of the next `count` jobs, each open until the next; None and no more when standard input closes.

    A job that comes while nobody waits for it here is refused, and runs by itself.
    """
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as events:
        listener.bind(address)
        listener.listen(128)
        for source in (listener, sys.stdin):
            events.register(source, selectors.EVENT_READ)
        while count > 0:
            if any(key.fileobj is sys.stdin for key, _ in events.select()):
                yield None
                break
            count -= 1
            client, _ = listener.accept()
            with client:
                yield client
    Path(address).unlink()


def answer(client: socket.socket) -> None:
    """Run what `client` asks for, as the process that it would have been."""
    head, streams, _, _ = socket.recv_fds(client, LENGTH_BYTES, len(STREAMS))
    with client.makefile("rb") as reader:
        arguments, folder, environment = json.loads(reader.read(int.from_bytes(head)))
    if environment.get("OMP_NUM_THREADS") != os.environ.get("OMP_NUM_THREADS"):
        return  # libraries have read theirs: the job had better run by itself
    for stream, given in zip(STREAMS, streams, strict=True):
        os.dup2(given, stream)
        os.close(given)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    client.sendall(READY)
    threading.Thread(target=end_with, args=(client,), daemon=True).start()
    code = run(arguments)
    for output in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            output.flush()
    client.sendall(bytes([code]))
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of the command line with `arguments`, whatever happens in it."""
    from vscbench.cli import main

    sys.argv = ["vscbench", *arguments]
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (as the interpreter does)
        sys.excepthook(*sys.exc_info())
        return 1


def end_with(client: socket.socket) -> None:
    """Kill this process when the process that asked for it ends first: it was killed, or interrupted."""
    with contextlib.suppress(OSError):
        client.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    try:
        with contextlib.suppress(OSError):  # no place for a socket, or a path too long for one: jobs run by themselves
            serve(os.environ[ADDRESS])
    finally:
        shutil.rmtree(Path(os.environ[ADDRESS]).parent, ignore_errors=True)
