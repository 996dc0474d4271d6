"""Jobs of the workflow as forks of one process that has imported what they all import.

Importing torch and its like costs a job three to five seconds of CPU, four fifths of the smoke study. Snakemake starts
a server (`start`) that imports them once; `python -m vscbench` asks it for a fork (`run_in_fork`), hands over its
arguments, folder, environment and standard streams, and ends as the fork ends. The package itself is not preloaded:
each job reads the code as it is. Without a server (a cluster's node, another system than Linux, a command by hand) a
command runs in its own process, with the same result. The socket is no file, which could be left behind; each end asks
the kernel whose process the other is.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESS = "VSCBENCH_PRELOADED"
"""The variable that holds the server's address, a name in Linux's abstract namespace of sockets."""
PRELOADED = (
    *("torch", "torch._dynamo", "safetensors.torch", "scipy.optimize", "scipy.stats", "sklearn.linear_model"),
    *("pandas", "matplotlib.pyplot", "pydantic"),
    *("seaborn", "jinja2", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg"),
)
"""What most jobs import, an optimiser of torch `torch._dynamo`. None may start a thread: a fork has but one."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What Snakemake gives a job; no thread of pyarrow's, which pandas imports."""
LARGEST, READY = 1 << 17, b"r"


def start() -> None:
    """Start the server for the jobs of this process; it and its forks end with this process, however that ends."""
    if sys.platform.startswith("linux") and ADDRESS not in os.environ:
        os.environ[ADDRESS] = f"vscbench-{uuid.uuid4()}"
        command = [sys.executable, "-m", "vscbench.preloading"]  # in a session of its own: Ctrl-C is for the jobs
        subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env=ENVIRONMENT | os.environ)


def run_in_fork(arguments: Sequence[str]) -> int | None:
    """Run `vscbench` with `arguments` in a fork of the server; its exit code, or None where no server takes it."""
    if ADDRESS not in os.environ:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        try:
            ready = b""
            with contextlib.suppress(OSError):  # it imports still, has ended, or never came to be
                server.connect("\0" + os.environ[ADDRESS])
                request = json.dumps([sys.prefix, arguments, str(Path.cwd()), dict(os.environ)]).encode()
                if _is_ours(server) and len(request) <= LARGEST:
                    socket.send_fds(server, [request], [0, 1, 2])
                    ready = server.recv(1)
            if ready != READY:
                return None
            code = server.recv(1)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
    if not code:
        print(f"vscbench {arguments[0]}: its process was killed", file=sys.stderr)
    return code[0] if code else 128 + signal.SIGKILL


def _is_ours(other: socket.socket) -> bool:
    """Whether the process at the other end is of the same user."""
    identity = other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", identity)[1] == os.getuid())


def serve() -> None:
    """Fork for each job that asks, until standard input closes."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # tables and figures are an extra of the package
            importlib.import_module(name)
    gc.freeze()  # else each fork's collector visits 400,000 objects of these, which copies the pages they share: 0.25 s
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks end unattended
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("\0" + os.environ[ADDRESS])
        listener.listen(128)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            client, _ = listener.accept()
            with client:
                if _is_ours(client) and os.fork() == 0:
                    listener.close()
                    try:
                        _answer(client)
                    finally:  # it ends here, whatever happens
                        os._exit(1)
    os.killpg(0, signal.SIGKILL)  # Snakemake has ended: a job that still runs was lost with it


def _answer(client: socket.socket) -> None:
    """Run what `client` asks for, as the process that it would have been."""
    request, streams, _, _ = socket.recv_fds(client, LARGEST, 3)
    prefix, arguments, folder, environment = json.loads(request)
    if prefix != sys.prefix or environment.get("OMP_NUM_THREADS") != os.environ.get("OMP_NUM_THREADS"):
        return  # other libraries, or such as have read their number of threads: the job had better run by itself
    for stream, given in enumerate(streams):
        os.dup2(given, stream)
        os.close(given)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    client.send(READY)
    threading.Thread(target=_end_with, args=(client,), daemon=True).start()
    from vscbench.cli import main

    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (as the interpreter does)
        traceback.print_exc()
        code = 1
    for output in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            output.flush()
    client.send(bytes([code]))
    os._exit(code)


def _end_with(client: socket.socket) -> None:
    """Kill this process when the process that asked for it ends first: it was killed, or interrupted."""
    with contextlib.suppress(OSError):
        client.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve()
