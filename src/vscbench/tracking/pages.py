"""MLflow's pages of a store."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

from vscbench.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from vscbench.tracking.store import Store

log = logging.getLogger(__name__)

TRY_S = 0.2
"""Seconds between two looks whether the server answers."""


def links(client: MlflowClient, server: str) -> list[tuple[str, str]]:
    """Each experiment of a store that has runs, with the address at which a server shows them as trainings."""
    with_runs = [
        each for each in client.search_experiments() if client.search_runs([each.experiment_id], max_results=1)
    ]
    path = "/#/experiments/{}/runs?workflowType=machine_learning"  # else MLflow 3 opens on conversations
    return [(each.name, server.rstrip("/") + path.format(each.experiment_id)) for each in reversed(with_runs)]


def free(port: int) -> int | None:
    """The first port of 127.0.0.1 from `port` on that nothing listens at; None where the next hundred are in use."""
    for each in range(port, min(port + 100, 65536)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            try:
                listener.bind(("127.0.0.1", each))
            except OSError:
                continue
            return each
    return None


def serve(store: Store, port: int) -> None:
    """Run MLflow's server on 127.0.0.1, and print where each experiment is.

    It has one worker and no job runner: a light start.

    Raises:
        UserError: there is no store yet, it cannot be used, or the port is in use.
    """
    if store.database and not store.database.is_file():
        raise UserError(f"no MLflow store at {store.database}: run a study first (`make`), or `snakemake mlflow`")
    remote = store.uri.startswith("http")
    if not remote and (other := free(port)) != port:
        advice = f"; another is free: vscbench ui --port {other}" if other else ""
        raise UserError(f"port {port} of 127.0.0.1 is in use, or may not be used{advice}")
    try:
        client = store.client()
        address = store.uri if remote else f"http://127.0.0.1:{port}"
        found = links(client, address)
    except Exception as error:  # noqa: BLE001  (whatever a store may raise)
        raise UserError(f"the MLflow store {store.shown} cannot be used: {store.reason(error)}") from None
    if remote:
        _show(found)
        return
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", store.uri]
    if store.artifacts:
        command += ["--default-artifact-root", store.artifacts]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with subprocess.Popen([sys.executable, *command], env=environment) as server:
        try:
            while server.poll() is None and not _answers(address):
                time.sleep(TRY_S)
            if server.poll() is None:
                _show(found)
                log.info("Ctrl-C ends it")
            server.wait()
        finally:
            server.terminate()
    if server.returncode:
        raise UserError(f"MLflow's server ended with code {server.returncode}")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=1):  # noqa: S310  (http, on this machine)
            return True
    except OSError:
        return False


def _show(found: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in found), default=0)
    for name, address in found:
        print(f"{name:{width}}  {address}", flush=True)
    if not found:
        print("no runs yet", flush=True)
