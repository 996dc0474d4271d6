"""What each command of the command line does, with the arguments that `cli` has read.

A command imports what it needs and no more, torch alone takes two seconds; what it imports, and it alone, is the code
that the jobs of the workflow that run it depend on (`provenance`). What concerns the study is imported above for all:
a job depends on what the study says of it, not on how that is read.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import config as configs
from vscbench.errors import UserError
from vscbench.files import read_json, write_json
from vscbench.layout import Layout
from vscbench.registry import nearest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

log = logging.getLogger("vscbench")


def load(args: argparse.Namespace) -> tuple[configs.Study, Layout]:
    """The study of --config, and its files; the one that the workflow wrote below the results has been checked."""
    with suppress(UserError):
        study = configs.load(args.config, checked=True)
        if args.config == [Layout.of(study).config]:
            return study, Layout.of(study)
    study = configs.load(args.config)
    return study, Layout.of(study)


def known(name: str, names: Iterable[str], what: str) -> str:
    """`name`, if it is one of `names`.

    Raises:
        UserError: it is not.
    """
    names = list(names)
    if name not in names:
        raise UserError(f"no {what} {name}{nearest(name, names)}; there are {', '.join(names)}")
    return name


# ------------------------------------------------------------------------- a study


def init(args: argparse.Namespace) -> None:
    """Make a folder for studies of your own: configurations, profiles, and a Snakefile that takes in the workflow."""
    from shutil import copytree, ignore_patterns

    from vscbench.planning import TEMPLATE

    folder: Path = args.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already, and not an empty folder: nothing was written")
    copytree(TEMPLATE, folder, ignore=ignore_patterns("workflow", "Snakefile"), dirs_exist_ok=True)
    (folder / "Snakefile").write_text(
        "# `snakemake` runs the study of config.yaml by the workflow of the package; rules of your own go below.\n"
        "from vscbench.planning import SNAKEFILE\n\n\n"
        "include: SNAKEFILE\n\n\n"
        "rule study:\n    default_target: True\n    input:\n        rules.all.input,\n    localrule: True\n",
        encoding="utf-8",
    )
    log.info("next: cd %s, change config.yaml, and `vscbench run`", folder)


def run(args: argparse.Namespace) -> None:
    """Run the study, or a part of it, as far as it is not done: data, training, metrics, tables, figures, MLflow."""
    from importlib.util import find_spec

    from vscbench.planning import SNAKEFILE

    if find_spec("snakemake") is None:
        raise UserError("running a study needs Snakemake: pip install 'vscbench[workflow]'")
    targets = []
    if args.part:
        study, layout = load(args)
        experiment, _, method = args.part.partition("/")
        known(experiment, study.experiments, "experiment")
        targets = [experiment]
        if method:
            known(method, study.experiments[experiment].methods, f"method of {experiment}")
            mine = [each for each in configs.runs(study) if (each.experiment, each.method) == (experiment, method)]
            targets = [str(layout.run(each.name) / "metrics.json") for each in mine]
    snakefile = [] if Path("Snakefile").is_file() else ["--snakefile", str(SNAKEFILE)]
    line = [*snakefile, "--cores", args.cores, *["--dry-run"] * args.dry_run, *targets]
    command = [sys.executable, "-m", "snakemake", *line, "--configfile", *map(str, args.config)]
    os.execv(sys.executable, command)  # noqa: S606


def runs(args: argparse.Namespace) -> None:
    """List the runs of the study."""
    for each in configs.runs(load(args)[0]):
        print(each.name)


def schema(_: argparse.Namespace) -> None:
    """Print the JSON Schema of a study, by which an editor checks and completes its configuration."""
    from vscbench.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))


# ------------------------------------------------------------------- data to metrics


def data(args: argparse.Namespace) -> None:
    """Prepare a data set."""
    from vscbench import data

    study, layout = load(args)
    known(args.dataset, study.datasets, "data set")
    prepared = data.prepare(configs.dataset_spec(study, args.dataset), layout.data(args.dataset))
    log.info("[%s] %s", args.dataset, prepared)


def train(args: argparse.Namespace) -> None:
    """Train a run; one that was stopped goes on from its last checkpoint."""
    from vscbench import data, model
    from vscbench.training import run

    study, layout = load(args)
    each = configs.resolve(study, args.run)
    spec = configs.run_spec(study, each)
    source = data.read(layout.data(study.experiments[each.experiment].dataset))
    checkpoint = layout.checkpoint(each.name)
    trained = run.train(
        spec,
        source,
        device=model.device(args.device or study.device),
        key=configs.run_key(spec),
        checkpoint=checkpoint,
        checkpoint_seconds=study.checkpoint_seconds,
    )
    run.write(trained, spec, source.shape, layout.run(each.name))
    checkpoint.unlink(missing_ok=True)


def evaluate(args: argparse.Namespace) -> None:
    """Measure trained runs."""
    from vscbench import data, model
    from vscbench.metrics.measuring import measure_run

    study, layout = load(args)
    for each in [configs.resolve(study, name) for name in args.runs]:
        dataset = study.experiments[each.experiment].dataset
        settings, classifier = configs.evaluation(study, each.experiment), layout.classifier(dataset)
        device = model.device(args.device or study.device)
        own = classifier if classifier.is_file() else None
        measure_run(layout.run(each.name), data.read(layout.data(dataset)), settings, device, own)
        summarise(layout.run(each.name), each.name)


def summarise(folder: Path, name: str) -> None:
    """One line on what was measured of a run."""
    result = read_json(folder / "metrics.json")
    found = result["metrics"]
    shown = ("mse_draw", "mse_mean", "mse_best", "density", "lasso20_best", "fid_classifier_best", "attributes_found")
    summary = ", ".join(f"{metric} {found[metric]:.4g}" for metric in shown if metric in found)
    log.info("[%s] %s: %s", name, result["status"], summary or "no metrics")


def train_fid_classifier(args: argparse.Namespace) -> None:
    """Train the classifier whose features the images of a data set are compared by, in FID and KID."""
    from vscbench import data, model
    from vscbench.metrics.features import save_classifier, train_classifier

    study, layout = load(args)
    known(args.dataset, study.datasets, "data set")
    seed = configs.derive_seed(study.seed, args.dataset, "features")
    source, device = data.read(layout.data(args.dataset)), model.device(args.device or study.device)
    save_classifier(train_classifier(source, seed, device=device), layout.classifier(args.dataset))


def baselines(args: argparse.Namespace) -> None:
    """Measure the codes of an experiment that learn nothing: all zeros, and principal components."""
    from vscbench import data
    from vscbench.metrics.baselines import baselines

    study, layout = load(args)
    experiments: dict[str, Any] = configs.index(study)["experiments"]
    linear = [name for name, setup in experiments.items() if setup["linear"]]
    setup = experiments[known(args.experiment, linear, "experiment with a dictionary")]
    source = data.read(layout.data(setup["dataset"]))
    found = baselines(source, setup["latents"], setup["evaluation"]["penalties"])
    content = {"experiment": args.experiment, "dataset": setup["dataset"], "baselines": found}
    write_json(layout.baseline(args.experiment), content)


# ----------------------------------------------------------------- metrics to figures


def assemble(args: argparse.Namespace) -> None:
    """Gather all metrics in one tidy table, and what the runs are in an index."""
    from vscbench.reporting.assemble import assemble

    study, layout = load(args)
    index = configs.index(study)
    write_json(layout.index, index)
    assemble(index, layout.results)


def table(args: argparse.Namespace) -> None:
    """Make a table."""
    from vscbench import reporting

    reporting.write(args.name, load(args)[1].results)


def figure(args: argparse.Namespace) -> None:
    """Draw a figure."""
    from vscbench import reporting

    reporting.write(args.name, load(args)[1].results)


def claims(args: argparse.Namespace) -> None:
    """Decide the paper's claims from the metrics of a study."""
    from vscbench.reporting.claims.page import write_claims

    layout = load(args)[1]
    write_claims(layout.results, layout.tables)


# ---------------------------------------------------------------------------- MLflow


def track(args: argparse.Namespace) -> None:
    """Log runs to MLflow, or create its store."""
    from vscbench.tracking import Store

    study, layout = load(args)
    store = Store.of(args.store, layout.store(study))
    if args.create:
        store.create(args.receipt)
    else:
        chosen = [configs.resolve(study, name) for name in args.runs] or configs.runs(study)
        store.log([layout.run(each.name) for each in chosen], args.receipt)


def ui(args: argparse.Namespace) -> None:
    """Serve MLflow's pages for comparing runs, on this machine alone."""
    from vscbench.tracking import Store

    study, layout = load(args)
    Store.of(args.store, layout.store(study)).serve(args.port)
