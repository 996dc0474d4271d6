"""The command line: what the workflow's rules call, and what works without it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import config as configs
from vscbench import preloading
from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger("vscbench")

# Each command imports what it needs and no more: torch alone takes two seconds.


def layout(config: dict[str, Any]) -> Path:
    """The results folder of a study."""
    return Path(config["results"])


def chosen_run(run: str | None, config: dict[str, Any]) -> dict[str, Any]:
    """The specification of the run named on the command line as EXPERIMENT/METHOD/REPETITION, a point with METHOD."""
    parts = (run or "").split("/")
    if len(parts) != 3 or not parts[2].isdecimal():  # noqa: PLR2004
        example = "/".join(map(str, configs.runs(config)[0]))
        raise UserError(f"{run or 'nothing'} names no run; write EXPERIMENT/METHOD/REPETITION, for example {example}")
    return configs.run_spec(config, parts[0], parts[1], int(parts[2]))


def check_dataset(name: str | None, config: dict[str, Any]) -> None:
    """Refuse the name of a data set that the study does not have."""
    known = config["datasets"]
    if name not in known:
        raise UserError(f"no data set {name}{configs.nearest(str(name), known)}; there are {', '.join(known)}")


def given(text: str, what: str) -> dict[str, Any]:
    """A mapping given as JSON on the command line."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{what} must be a JSON object")
    return value


def needs(args: argparse.Namespace, beside: str, *options: str) -> None:
    """Ask for the options that cannot be derived without a config."""
    if missing := [f"--{option}" for option in options if getattr(args, option) is None]:
        raise UserError(f"{beside} needs {' and '.join(missing)} beside it")


def apply_defaults(args: argparse.Namespace, defaults: dict[str, Any]) -> None:
    """Take what the command line leaves open, how a run is executed, from `defaults`."""
    for option in ("device", "checkpoint_seconds"):
        if getattr(args, option, None) is None and option in defaults:
            setattr(args, option, defaults[option])


def runs_command(args: argparse.Namespace) -> None:
    """List the runs of the study."""
    for run in configs.runs(configs.load(args.config)):
        print("/".join(map(str, run)))


def data_command(args: argparse.Namespace) -> None:
    """Prepare a data set."""
    from vscbench import data

    if args.spec:
        spec, out = given(args.spec, "--spec"), args.out
        needs(args, "--spec", "out")
    else:
        config = configs.load(args.config)
        check_dataset(args.dataset, config)
        spec = configs.dataset_spec(config, args.dataset)
        out = args.out or layout(config) / "data" / f"{args.dataset}.safetensors"
    splits = data.prepare(spec, out)
    sizes = ", ".join(f"{len(getattr(splits, name))} {name}" for name in ("train", "validation", "test"))
    shape = "x".join(map(str, splits.train.shape[1:]))
    log.info("[%s] %s data points of %s", spec["name"], sizes, shape)


def train_command(args: argparse.Namespace) -> None:
    """Train a run."""
    from vscbench import data, model
    from vscbench.training.loop import train

    if args.spec:
        spec, results = given(args.spec, "--spec"), Path("results")
        apply_defaults(args, {"device": "auto", "checkpoint_seconds": 60})
    else:
        config = configs.load(args.config)
        spec, results = chosen_run(args.run, config), layout(config)
        apply_defaults(args, config)
    name = configs.run_name(spec)
    source = args.data or results / "data" / f"{spec['dataset']['name']}.safetensors"
    out = args.out or results / "runs" / name
    checkpoint = args.checkpoint or results / "checkpoints" / f"{name}.pt"
    train(spec, data.read(source), out, checkpoint, model.device(args.device), args.checkpoint_seconds)


def evaluate_command(args: argparse.Namespace) -> None:
    """Measure trained runs."""
    from vscbench import data, metrics, model

    def measure(folder: Path, settings: dict[str, Any], source: Path, classifier: Path | None) -> None:
        metrics.evaluate(folder, data.read(source), settings, model.device(args.device), classifier)
        summarise(folder)

    if args.settings:
        settings = given(args.settings, "--settings")
        needs(args, "--settings", "data")
        apply_defaults(args, {"device": "auto"})
        for run in args.runs:
            measure(Path(run), settings, args.data, args.classifier)
        return
    config = configs.load(args.config)
    apply_defaults(args, config)
    results = layout(config)
    for spec in [chosen_run(run, config) for run in args.runs]:
        name = f"{spec['dataset']['name']}.safetensors"
        own = results / "features" / name
        measure(
            results / "runs" / configs.run_name(spec),
            configs.evaluation_spec(config, spec["experiment"]),
            args.data or results / "data" / name,
            args.classifier or (own if own.is_file() else None),
        )


def summarise(folder: Path) -> None:
    """One line on what was measured of a run."""
    from vscbench.files import read_json

    result = read_json(folder / "metrics.json")
    found = result["metrics"]
    shown = ("mse_draw", "mse_mean", "mse_best", "density", "lasso20_best", "fid_classifier_best", "attributes_found")
    summary = ", ".join(f"{name} {found[name]:.4g}" for name in shown if name in found)
    log.info("[%s] %s: %s", "/".join(folder.parts[-3:]), result["status"], summary or "no metrics")


def features_command(args: argparse.Namespace) -> None:
    """Train the classifier whose features the images of a data set are compared by."""
    from vscbench import data, model
    from vscbench.metrics.features import save_classifier, train_classifier

    if args.data:
        needs(args, "--data", "out")
        apply_defaults(args, {"device": "auto"})
        source, out, seed = args.data, args.out, args.seed
    else:
        config = configs.load(args.config)
        check_dataset(args.dataset, config)
        apply_defaults(args, config)
        source = layout(config) / "data" / f"{args.dataset}.safetensors"
        out = args.out or layout(config) / "features" / f"{args.dataset}.safetensors"
        seed = configs.derive_seed(config["seed"], args.dataset, "features")
    save_classifier(train_classifier(data.read(source), seed, device=model.device(args.device)), out)


def baselines_command(args: argparse.Namespace) -> None:
    """Measure the reference codes of an experiment."""
    from vscbench import data
    from vscbench.files import write_json
    from vscbench.metrics.baselines import baselines

    if args.spec:
        spec = given(args.spec, "--spec")
        needs(args, "--spec", "data", "out")
        source, out = args.data, args.out
    else:
        config = configs.load(args.config)
        spec = configs.baseline_spec(config, args.experiment)
        source = args.data or layout(config) / "data" / f"{spec['dataset']}.safetensors"
        out = args.out or layout(config) / "baselines" / f"{args.experiment}.json"
    found = baselines(data.read(source), spec["latents"], spec["penalties"])
    write_json(out, {"experiment": spec["experiment"], "dataset": spec["dataset"], "baselines": found})


def assemble_command(args: argparse.Namespace) -> None:
    """Gather all metrics in one tidy table."""
    from vscbench.reporting.assemble import assemble

    if args.runs is not None:
        labels = given(args.labels, "--labels")
        needs(args, "--runs", "out")
        assemble(args.runs, args.baselines or [], labels, args.out)
        return
    config = configs.load(args.config)
    results = layout(config)
    runs = [results / "runs" / "/".join(map(str, run)) for run in configs.runs(config)]
    baselines = [results / "baselines" / f"{name}.json" for name in configs.linear_experiments(config)]
    assemble(runs, baselines, configs.labels(config), args.out or results / "metrics.csv")


def table_command(args: argparse.Namespace) -> None:
    """Make a table."""
    from vscbench.reporting.columns import TABLES
    from vscbench.reporting.tables import write_table

    if args.name not in TABLES:
        raise UserError(f"no table {args.name}{configs.nearest(args.name, TABLES)}; there are {', '.join(TABLES)}")
    write_table(args.name, args.results, args.out or args.results / "tables")


def claims_command(args: argparse.Namespace) -> None:
    """Decide the paper's claims from the metrics of a study."""
    from vscbench.reporting.claims.page import write_claims

    write_claims(args.results, args.out or args.results / "tables")


def figure_command(args: argparse.Namespace) -> None:
    """Draw a figure."""
    from vscbench.reporting.figures import FIGURES, draw

    if args.name not in FIGURES:
        raise UserError(f"no figure {args.name}{configs.nearest(args.name, FIGURES)}; there are {', '.join(FIGURES)}")
    draw(args.name, args.results, args.out or args.results / "figures")


def track_command(args: argparse.Namespace) -> None:
    """Log runs to MLflow, or create its store."""
    from vscbench import tracking

    store = tracking.Store.of(args.uri, args.store)
    if args.create:
        store.create(args.receipt)
    else:
        store.log(args.runs, args.receipt)


def ui_command(args: argparse.Namespace) -> None:
    """Serve MLflow's pages for comparing runs, on this machine alone."""
    from vscbench import tracking

    tracking.Store.of(args.uri, args.store).serve(args.port)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(prog="vscbench", description=__doc__)
    top.add_argument("--quiet", action="store_true", help="say nothing but warnings and errors")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
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
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__, parents=parents)
        command.set_defaults(run_command=run)
        return command

    add("runs", runs_command, common)

    command = add("data", data_command, common)
    command.add_argument("dataset", nargs="?", help="name of a data set of the config")
    command.add_argument("--spec", help="its specification as JSON, instead of the config")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/data/NAME.safetensors)")

    command = add("train", train_command, common, device)
    command.add_argument("run", nargs="?", help="EXPERIMENT/METHOD/REPETITION, see `vscbench runs`")
    command.add_argument("--spec", help="its specification as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument("--out", type=Path, help="folder of the run (default: <results>/runs/RUN)")
    command.add_argument("--checkpoint", type=Path, help="where to save and resume (default: <results>/checkpoints)")
    command.add_argument(
        "--checkpoint-seconds", type=float, help="seconds between saves (default: the config's, else 60)"
    )

    command = add("evaluate", evaluate_command, common, device)
    command.add_argument(
        "runs", nargs="+", help="EXPERIMENT/METHOD/REPETITION; with --settings the folders of the runs"
    )
    command.add_argument("--settings", help="the evaluation settings as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument(
        "--classifier", type=Path, help="what `vscbench features` made (default: <results>/features/NAME.safetensors)"
    )

    command = add("features", features_command, common, device)
    command.add_argument("dataset", nargs="?", help="name of a data set of the config")
    command.add_argument("--data", type=Path, help="prepared data, instead of the config")
    command.add_argument("--seed", type=int, default=0, help="of a classifier of --data (default: 0)")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/features/NAME.safetensors)")

    command = add("baselines", baselines_command, common)
    command.add_argument("experiment", nargs="?", help="name of an experiment of the config")
    command.add_argument("--spec", help="experiment, dataset, latents and penalties as JSON, instead of the config")
    command.add_argument("--data", type=Path, help="prepared data (default: <results>/data/NAME.safetensors)")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/baselines/NAME.json)")

    reporting_commands(add, common)
    return top


def reporting_commands(add: Callable[..., argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """Add the commands for what comes after the metrics."""
    command = add("assemble", assemble_command, common)
    command.add_argument("--runs", type=Path, nargs="+", help="folders of runs (default: all runs of the config)")
    command.add_argument("--baselines", type=Path, nargs="*", help="files of reference codes")
    command.add_argument("--labels", default="{}", help="names of the methods in tables and figures, as JSON")
    command.add_argument("--out", type=Path, help="file to write (default: <results>/metrics.csv)")

    for name, run in (("table", table_command), ("figure", figure_command)):
        command = add(name, run)
        command.add_argument("name", help=f"which {name}")
        command.add_argument("--results", type=Path, default=Path("results"), help="folder of the study")
        command.add_argument("--out", type=Path, help=f"folder to write to (default: <results>/{name}s)")

    command = add("claims", claims_command)
    command.add_argument("--results", type=Path, default=Path("results"), help="folder of the study")
    command.add_argument("--out", type=Path, help="folder to write to (default: <results>/tables)")

    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--store", default="results/mlflow", help="folder or address of the MLflow store")
    store.add_argument("--uri", help="address that goes before it (default: MLFLOW_TRACKING_URI)")

    command = add("track", track_command, store)
    command.add_argument("runs", type=Path, nargs="*", help="folders of runs")
    command.add_argument("--create", action="store_true", help="only create the store")
    command.add_argument("--receipt", type=Path, help="file that says what was logged")

    command = add("ui", ui_command, store)
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


if __name__ == "__main__":
    code = preloading.run_in_fork(sys.argv[1:])
    sys.exit(main() if code is None else code)
