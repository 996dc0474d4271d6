"""What each command of the command line does, with the arguments that `cli` has read."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import config as configs
from vscbench.errors import UserError

if TYPE_CHECKING:
    import argparse

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


def runs(args: argparse.Namespace) -> None:
    """List the runs of the study."""
    for run in configs.runs(configs.load(args.config)):
        print("/".join(map(str, run)))


def data(args: argparse.Namespace) -> None:
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


def train(args: argparse.Namespace) -> None:
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


def evaluate(args: argparse.Namespace) -> None:
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


def features(args: argparse.Namespace) -> None:
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


def baselines(args: argparse.Namespace) -> None:
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


def assemble(args: argparse.Namespace) -> None:
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


def table(args: argparse.Namespace) -> None:
    """Make a table."""
    from vscbench.reporting.columns import TABLES
    from vscbench.reporting.tables import write_table

    if args.name not in TABLES:
        raise UserError(f"no table {args.name}{configs.nearest(args.name, TABLES)}; there are {', '.join(TABLES)}")
    write_table(args.name, args.results, args.out or args.results / "tables")


def claims(args: argparse.Namespace) -> None:
    """Decide the paper's claims from the metrics of a study."""
    from vscbench.reporting.claims.page import write_claims

    write_claims(args.results, args.out or args.results / "tables")


def figure(args: argparse.Namespace) -> None:
    """Draw a figure."""
    from vscbench.reporting.figures import FIGURES, draw

    if args.name not in FIGURES:
        raise UserError(f"no figure {args.name}{configs.nearest(args.name, FIGURES)}; there are {', '.join(FIGURES)}")
    draw(args.name, args.results, args.out or args.results / "figures")


def track(args: argparse.Namespace) -> None:
    """Log runs to MLflow, or create its store."""
    from vscbench import tracking

    store = tracking.Store.of(args.uri, args.store)
    if args.create:
        store.create(args.receipt)
    else:
        store.log(args.runs, args.receipt)


def ui(args: argparse.Namespace) -> None:
    """Serve MLflow's pages for comparing runs, on this machine alone."""
    from vscbench import tracking

    tracking.Store.of(args.uri, args.store).serve(args.port)
