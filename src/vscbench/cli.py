"""Variational sparse coding, trained, measured and compared under one protocol.

`run` does all that a study, --config, asks for. The commands from `data` on are its steps, which the workflow calls one
by one; each reads what those before it wrote below the results folder of the study.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from vscbench import __version__, commands
from vscbench.errors import UserError
from vscbench.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RUN = "a run as `vscbench runs` lists it: EXPERIMENT/METHOD/REPETITION, of a sweep METHOD with its point"


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest right word."""

    def error(self, message: str) -> NoReturn:
        """End with what is wrong."""
        if found := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += nearest(found[1], re.findall(r"[\w-]+", found[2]))
        elif "required: " in message and "COMMAND" not in message:
            message += "; what stands after --config, to the next option, is taken for a file of it"
        super().error(message)


def number(what: str, low: float, high: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """The type of an option that is a number from `low` to `high`, which is `what` in words."""

    def read(text: str) -> float:
        try:
            if low <= (value := kind(text)) <= high:
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not allowed; it must be {what}")

    return read


def cores(text: str) -> str:
    """The number of jobs at a time, or "all"."""
    return text if text == "all" else str(number("all, or a whole number above 0", 1, 10_000)(text))


def parser() -> Parser:
    """The parser of the command line."""
    top = Parser(prog="vscbench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    top.add_argument("--quiet", action="store_true", help="say nothing but warnings and errors")
    subcommands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    config = Parser(add_help=False)
    config.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[Path("config.yaml")],
        help="the study; each further file is laid over those before it (default: config.yaml)",
    )
    device = Parser(add_help=False)
    device.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps (default: the study's)")
    store = Parser(add_help=False)
    store.add_argument("--store", help="folder or address of the MLflow store (default: the study's)")

    def add(run: Callable[..., None], example: str, *parents: Parser, takes: str = "") -> Parser:
        """Add the command that `run` is; what it takes comes before options, for --config takes all after it."""
        name = run.__name__.replace("_", "-")
        command = subcommands.add_parser(
            name,
            usage=" ".join(filter(None, ["%(prog)s", takes, "[option ...]"])),
            help=run.__doc__,
            description=run.__doc__,
            epilog=f"example:\n  vscbench {name} {example}",
            parents=parents,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run_command=run)
        return command

    command = add(commands.init, "my_study", takes="folder")
    command.add_argument("folder", type=Path, help="a folder that is empty, or is not there yet")

    command = add(commands.run, "digits/gaussian --cores 2", config, takes="[part]")
    command.add_argument("part", nargs="?", help="EXPERIMENT or EXPERIMENT/METHOD (default: the whole study)")
    command.add_argument("--cores", type=cores, default="all", help="jobs at a time (default: all cores)")
    command.add_argument("--dry-run", action="store_true", help="only show what would be done")

    add(commands.runs, "--config config/smoke.yaml", config)
    add(commands.schema, "> schema.json", config)

    command = add(commands.ui, "--port 5001", config, store)
    command.add_argument(
        "--port", type=number("a port, 1 to 65535", 1, 65535), default=5000, help="port on 127.0.0.1 (default: 5000)"
    )

    command = add(commands.data, "digits", config, takes="dataset")
    command.add_argument("dataset", help="a name under `datasets`")

    command = add(commands.train, "digits/gaussian__latents-8/0 --device cpu", config, device, takes="run")
    command.add_argument("run", help=RUN)

    command = add(
        commands.train_together, "--config config/published.yaml --device cuda", config, device, takes="[run ...]"
    )
    command.add_argument("runs", nargs="*", metavar="run", help=f"{RUN} (default: all that are not trained)")
    command.add_argument(
        "--seconds",
        type=number("a number of seconds", 0, float("inf"), float),
        default=float("inf"),
        help="stop after so many seconds; the same command goes on",
    )
    command.add_argument(
        "--keep",
        type=number("a fraction of training, 0 to 1", 0, 1, float),
        nargs="*",
        default=(),
        help="keep the weights at these fractions of training too, such as 0.1 0.5",
    )

    command = add(commands.evaluate, "digits/gaussian__latents-8/0", config, device, takes="run [run ...]")
    command.add_argument("runs", nargs="+", metavar="run", help=RUN)
    command.add_argument("--kept", action="store_true", help="measure what `train-together --keep` kept, too")

    command = add(commands.train_fid_classifier, "digits", config, device, takes="dataset")
    command.add_argument("dataset", help="a name under `datasets`, of data with labels")

    command = add(commands.baselines, "natural_images", config, takes="experiment")
    command.add_argument("experiment", help="a name under `experiments`, of one whose generator is linear")

    for run, name in ((commands.table, "table1"), (commands.figure, "frontier")):
        command = add(run, f"{name} --config results/config.yaml", config, takes="name")
        command.add_argument("name", help=f"such as {name}; a wrong one lists all")
    add(commands.choose, "--config results/tuning/config.yaml", config)
    for run in (commands.assemble, commands.claims, commands.leaderboard, commands.front_page):
        add(run, "--config results/config.yaml", config)

    command = add(commands.track, "--store http://127.0.0.1:5000", config, store, takes="[run ...]")
    command.add_argument("runs", nargs="*", metavar="run", help=f"{RUN} (default: all that were measured)")
    command.add_argument("--follow", action="store_true", help="log runs while they train, until standard input closes")
    command.add_argument("--receipt", type=Path, help="file to write that says what was logged")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 2 is a user's mistake, told without a traceback."""
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
        return 128 + signal.SIGINT
    return 0
