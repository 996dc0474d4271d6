"""The command line: what the workflow's rules call, and what works without it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import commands
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(prog="vscbench", description=__doc__)
    top.add_argument("--quiet", action="store_true", help="say nothing but warnings and errors")
    subcommands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[Path("config.yaml")],
        help="the study; further files are laid over the first (default: config.yaml)",
    )
    device = argparse.ArgumentParser(add_help=False)
    device.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: the config's, else auto)")

    def add(name: str, run: Any, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = subcommands.add_parser(name, help=run.__doc__, description=run.__doc__, parents=parents)
        command.set_defaults(run_command=run)
        return command

    add("runs", commands.runs, common)

    command = add("data", commands.data, common)
    command.add_argument("dataset", nargs="?", help="name of a data set of the config")
    command.add_argument("--spec", help="its specification as JSON, instead of the config")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/data/NAME.safetensors)")

    command = add("train", commands.train, common, device)
    command.add_argument("run", nargs="?", help="EXPERIMENT/METHOD/REPETITION, see `vscbench runs`")
    command.add_argument("--spec", help="its specification as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument("--out", type=Path, help="folder of the run (default: <results>/runs/RUN)")
    command.add_argument("--checkpoint", type=Path, help="where to save and resume (default: <results>/checkpoints)")
    command.add_argument(
        "--checkpoint-seconds", type=float, help="seconds between saves (default: the config's, else 60)"
    )

    command = add("evaluate", commands.evaluate, common, device)
    command.add_argument(
        "runs", nargs="+", help="EXPERIMENT/METHOD/REPETITION; with --settings the folders of the runs"
    )
    command.add_argument("--settings", help="the evaluation settings as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument(
        "--classifier", type=Path, help="what `vscbench features` made (default: <results>/features/NAME.safetensors)"
    )

    command = add("features", commands.features, common, device)
    command.add_argument("dataset", nargs="?", help="name of a data set of the config")
    command.add_argument("--data", type=Path, help="prepared data, instead of the config")
    command.add_argument("--seed", type=int, default=0, help="of a classifier of --data (default: 0)")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/features/NAME.safetensors)")

    command = add("baselines", commands.baselines, common)
    command.add_argument("experiment", nargs="?", help="name of an experiment of the config")
    command.add_argument("--spec", help="experiment, dataset, latents and penalties as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/baselines/NAME.json)")

    reporting_commands(add, common)
    return top


def reporting_commands(add: Callable[..., argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the commands for what comes after the metrics."""
    command = add("assemble", commands.assemble, common)
    command.add_argument("--runs", type=Path, nargs="+", help="folders of runs (default: all runs of the config)")
    command.add_argument("--baselines", type=Path, nargs="*", help="files of reference codes")
    command.add_argument("--labels", default="{}", help="names of the methods in tables and figures, as JSON")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/metrics.csv)")

    for name, run in (("table", commands.table), ("figure", commands.figure)):
        command = add(name, run)
        command.add_argument("name", help=f"which {name}")
        command.add_argument("--results", type=Path, default=Path("results"), help="folder of the study")
        command.add_argument("--out", type=Path, help=f"folder to write to (default: <results>/{name}s)")

    command = add("claims", commands.claims)
    command.add_argument("--results", type=Path, default=Path("results"), help="folder of the study")
    command.add_argument("--out", type=Path, help="folder to write to (default: <results>/tables)")

    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--store", default="results/mlflow", help="folder or address of the MLflow store")
    store.add_argument("--uri", help="address that goes before it (default: MLFLOW_TRACKING_URI)")

    command = add("track", commands.track, store)
    command.add_argument("runs", type=Path, nargs="*", help="folders of runs")
    command.add_argument("--create", action="store_true", help="only create the store")
    command.add_argument("--receipt", type=Path, help="file that says what was logged")

    command = add("ui", commands.ui, store)
    command.add_argument("--port", type=int, default=5000, help="port on 127.0.0.1 (default: 5000)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 2 is a user's mistake, told in one line."""
    args = parser().parse_args(arguments)
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    try:
        args.run_command(args)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `vscbench runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except UserError as error:
        print(f"vscbench {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"vscbench {args.command}: interrupted", file=sys.stderr)
        return 130
    return 0
