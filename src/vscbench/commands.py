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

    from vscbench.data import Data

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


def dataset_names(study: configs.Study) -> list[str]:
    """What the data sets of a study are prepared as, folds apart."""
    return [name for dataset in study.datasets for name in configs.dataset_names(study, dataset)]


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
    """Run the study, or a part of it, as far as it is not done, from data to tables, figures, front page and MLflow."""
    from importlib.util import find_spec

    from vscbench.config.reading import read
    from vscbench.planning import SNAKEFILE

    if find_spec("snakemake") is None:
        raise UserError("running a study needs Snakemake: pip install 'vscbench[workflow]'")
    read(args.config)  # a file that is not there is told in a line
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
    """Prepare a data set, in folds where its repetitions are folds, or one fold, NAME.fold-0."""
    from vscbench import data

    study, layout = load(args)
    name = known(args.dataset, dict.fromkeys([*study.datasets, *dataset_names(study)]), "data set")
    for each in configs.dataset_names(study, name) if name in study.datasets else [name]:
        log.info("[%s] %s", each, data.prepare(configs.dataset_spec(study, each), layout.data(each)))


def prepared(study: configs.Study, layout: Layout, name: str) -> Data:
    """A data set that was prepared; a `UserError` where it was not, or is another than the study says."""
    from vscbench import data

    return data.read(layout.data(name), configs.dataset_spec(study, name))


def train(args: argparse.Namespace) -> None:
    """Train a run; one that was stopped goes on from its last checkpoint."""
    from vscbench import model
    from vscbench.training import run
    from vscbench.training.live import LiveHistory

    study, layout = load(args)
    each = configs.resolve(study, args.run)
    spec = configs.run_spec(study, each)
    source = prepared(study, layout, configs.dataset_of(study, each.experiment, each.repetition))
    checkpoint, live = layout.checkpoint(each.name), layout.history(each.name)
    trained = run.train(
        spec,
        source,
        device=model.device(args.device or study.device),
        key=configs.run_key(spec),
        checkpoint=checkpoint,
        checkpoint_seconds=study.checkpoint_seconds,
        show=LiveHistory(live),
    )
    run.write(trained, spec, source.shape, layout.run(each.name))
    checkpoint.unlink(missing_ok=True)
    live.unlink(missing_ok=True)


def train_together(args: argparse.Namespace) -> None:
    """Train many runs at once on a GPU; those of one method differ by their seed and train as one model."""
    from vscbench import model
    from vscbench.training import run
    from vscbench.training.together import Job, train_together

    study, layout = load(args)
    runs = [configs.resolve(study, name) for name in args.runs] or list(configs.runs(study))
    names = [configs.dataset_of(study, each.experiment, each.repetition) for each in runs]
    read = {name: prepared(study, layout, name) for name in dict.fromkeys(names)}
    jobs = {}
    for each, name in zip(runs, names, strict=True):
        spec, source = configs.run_spec(study, each), read[name]
        if not (layout.run(each.name) / "status.json").is_file():
            job = Job(spec, source, configs.run_key(spec), layout.checkpoint(f"{each.name}-together"))
            jobs[job.key] = (layout.run(each.name), job)

    def write(job: Job, trained: run.Trained, below: str = "") -> None:
        run.write(trained, job.spec, job.data.shape, jobs[job.key][0] / below)

    left = train_together(
        [job for _, job in jobs.values()],
        device=model.device(args.device or study.device),
        done=write,
        keep=args.keep,
        kept=lambda job, trained: write(job, trained, f"kept/{trained.status['step']}"),
        seconds=args.seconds,
        checkpoint_seconds=study.checkpoint_seconds,
    )
    for job in left:
        log.info("[%s] is not trained to its end", run.name_of(job.spec))


def evaluate(args: argparse.Namespace) -> None:
    """Measure trained runs, by every metric that the study asks for."""
    from vscbench import model
    from vscbench.metrics.measuring import measure_run

    study, layout = load(args)
    for each in [configs.resolve(study, name) for name in args.runs]:
        dataset = configs.dataset_of(study, each.experiment, each.repetition)
        settings, classifier = configs.evaluation(study, each.experiment), layout.classifier(dataset)
        device = model.device(args.device or study.device)
        own = classifier if classifier.is_file() else None
        kept = sorted(layout.run(each.name).glob("kept/*")) if args.kept else []
        for folder in (*kept, layout.run(each.name)):
            measure_run(folder, prepared(study, layout, dataset), settings, device, own)
            summarise(folder, each.name)


def summarise(folder: Path, name: str) -> None:
    """One line on what was measured of a run."""
    result = read_json(folder / "metrics.json")
    found = result["metrics"]
    shown = ("mse_draw", "mse_mean", "mse_best", "density", "lasso20_best", "fid_classifier_best", "attributes_found")
    summary = ", ".join(f"{metric} {found[metric]:.4g}" for metric in shown if metric in found)
    log.info("[%s] %s: %s", name, result["status"], summary or "no metrics")


def train_fid_classifier(args: argparse.Namespace) -> None:
    """Train the classifier whose features the images of a data set are compared by, in FID and KID."""
    from vscbench import model
    from vscbench.metrics.features import save_classifier, train_classifier

    study, layout = load(args)
    known(args.dataset, dataset_names(study), "data set")
    seed = configs.derive_seed(study.seed, args.dataset, "features")
    source, device = prepared(study, layout, args.dataset), model.device(args.device or study.device)
    save_classifier(train_classifier(source, seed, device=device), layout.classifier(args.dataset))


def baselines(args: argparse.Namespace) -> None:
    """Measure the codes of an experiment that learn nothing: all zeros, and principal components."""
    from vscbench.metrics.baselines import baselines

    study, layout = load(args)
    experiments: dict[str, Any] = configs.index(study)["experiments"]
    linear = [name for name, setup in experiments.items() if setup["linear"]]
    setup = experiments[known(args.experiment, linear, "experiment with a dictionary")]
    names = configs.data_of_repetitions(study, args.experiment)
    rows = {
        name: baselines(
            prepared(study, layout, name).measured_on(setup["evaluation"]["split"]),
            setup["latents"],
            setup["evaluation"]["penalties"],
        )
        for name in dict.fromkeys(names)
    }
    found = rows[names[0]]
    if names[0] != setup["dataset"]:  # of each repetition, by its fold
        found = [row | {"repetition": k} for k, name in enumerate(names) for row in rows[name]]
    content = {"experiment": args.experiment, "dataset": setup["dataset"], "baselines": found}
    write_json(layout.baseline(args.experiment), content)


# ----------------------------------------------------------------- metrics to figures


def assemble(args: argparse.Namespace) -> None:
    """Gather the metrics of all runs, which must be measured, in metrics.csv, and what the runs are in study.json."""
    from vscbench.reporting.assemble import assemble

    study, layout = load(args)
    index = configs.index(study)
    assemble(index, layout.results)
    write_json(layout.index, index)


def table(args: argparse.Namespace) -> None:
    """Make a table of a study that is assembled, as CSV, Markdown, LaTeX and HTML."""
    from vscbench import reporting

    reporting.write(args.name, load(args)[1].results)


def figure(args: argparse.Namespace) -> None:
    """Draw a figure of a study that is assembled, as PNG, PDF and SVG."""
    from vscbench import reporting

    reporting.write(args.name, load(args)[1].results)


def choose(args: argparse.Namespace) -> None:
    """Choose the constants of every method by the trials of a study, in chosen.yaml, which another study extends."""
    from vscbench.files import write_text
    from vscbench.reporting.study import Study
    from vscbench.reporting.trials import chosen

    layout = load(args)[1]
    write_text(layout.chosen, chosen(Study(layout.results)))
    log.info("%s: a study takes these constants by `extends`", layout.chosen)


def claims(args: argparse.Namespace) -> None:
    """Decide the paper's claims from a study that is assembled, in claims.html, .md and .csv."""
    from vscbench.reporting.claims.page import write_claims

    layout = load(args)[1]
    write_claims(layout.results, layout.tables)


def front_page(args: argparse.Namespace) -> None:
    """Write the front page of a study, index.html: its answer, its pictures, and links to all else."""
    from vscbench.reporting.front_page import write_front_page

    write_front_page(load(args)[1].results)


def leaderboard(args: argparse.Namespace) -> None:
    """Compare the coders of a study at equal density, in leaderboard.html, with ranks and what cannot be told apart."""
    from vscbench.reporting.leaderboard.page import write_leaderboard

    layout = load(args)[1]
    write_leaderboard(layout.results, layout.results)


# ---------------------------------------------------------------------------- MLflow


def track(args: argparse.Namespace) -> None:
    """Log measured runs to MLflow; with --follow also those that train, until standard input closes."""
    from vscbench.tracking import Store, track
    from vscbench.tracking.following import follow
    from vscbench.tracking.store import locked

    study, layout = load(args)
    store = Store.of(args.store, layout.store(study))
    if args.follow:
        follow(study, layout, store)
    else:
        every = [layout.run(each.name) for each in configs.runs(study)]
        named = [layout.run(configs.resolve(study, name).name) for name in args.runs]
        with locked(layout.live / ".lock"):  # not while a follower writes
            track(store, named or [folder for folder in every if (folder / "metrics.json").is_file()], args.receipt)


def ui(args: argparse.Namespace) -> None:
    """Serve MLflow's pages for comparing runs, on this machine alone."""
    from vscbench.tracking import Store
    from vscbench.tracking.pages import serve

    study, layout = load(args)
    serve(Store.of(args.store, layout.store(study)), args.port)
