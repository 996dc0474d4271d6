"""What Snakemake plans: nothing where nothing changed, and what depends on a change where something did."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vscbench import config as configs
from vscbench.errors import UserError
from vscbench.planning import Plan

from .conftest import STUDY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Project

OF_ALL = (
    "assemble_metrics",
    "track_runs",
    "make_table",
    "decide_claims",
    "rank_coders",
    "draw_figure",
    "write_front_page",
)
"""What is made of all runs, which any change of one makes anew."""
OF_ONE = ("train_run", "evaluate_run")
RUNS, LINEAR = 12, 8
"""Runs of the study, and those with a dictionary."""
SAME: dict[str, dict[str, Any]] = {
    "datasets": {"patches": {"test": 20, "train": 200, "kind": "synthetic"}},
    "methods": {"gaussian": {"family": "gaussian"}, "fista": {"penalty": 20.0}},
    "experiments": {"digits": {"methods": ["gaussian_thresh"], "dataset": "digits"}},
    "generator": {"experiments": {"recovery": {"generator": {"kind": "dictionary", "latents": 12}}}},
    "objective": {"experiments": {"digits": {"objective": {"samples": [2, 5], "sampling": "max_elbo"}}}},
    "training": {"experiments": {"recovery": {"training": {"steps": 1600, "batch_size": 100}}}},
    "encoder": {"experiments": {"recovery": {"encoder": {"widths": [256, 256], "kind": "mlp"}}}},
    "optimizer": {"experiments": {"recovery": {"training": {"optimizer": {"kind": "two_rates"}}}}},
    "overrides": {"experiments": {"recovery": {"overrides": {"fista": {"penalty": 20.0}}, "repetitions": 2}}},
    "study": {"study": "tiny", "results": "results", "seed": 0, "version": 2},
    "evaluation": {"experiments": {"recovery": {"evaluation": {"gradients": {"passes": 5}, "samples": 20}}}},
    "how it is run": {"device": "cpu", "checkpoint_seconds": 1},
}
"""Of each section of a configuration what changes nothing: said again, in another order, or a default."""


def of_runs(plan: dict[str, int]) -> dict[str, int]:
    """A plan without what is made of all runs."""
    return {rule: count for rule, count in plan.items() if rule not in OF_ALL}


@contextmanager
def edited(project: Project, *modules: str) -> Iterator[None]:
    """Modules of the project's package with a line more."""
    paths = [project.package / module for module in modules]
    before = [path.read_text() for path in paths]
    for path, text in zip(paths, before, strict=True):
        path.write_text(text + "\nEDITED = True\n")
    yield
    for path, text in zip(paths, before, strict=True):
        path.write_text(text)


def test_a_study_that_is_done_plans_nothing(finished: Project) -> None:
    """Not even where its files, or those of the code as by a checkout, are newer, or it is laid over itself."""
    (finished.folder / "results/data/digits.safetensors").touch()
    (finished.folder / "results/runs/recovery/fista/0/weights.safetensors").touch()
    for path in (
        finished.folder / "config.yaml",
        finished.folder / "results/config.yaml",
        *finished.package.rglob("*"),
    ):
        path.touch()
    layers = ["config.yaml"]
    for number, (section, content) in enumerate(SAME.items()):
        layer = content if section not in ("datasets", "methods", "experiments") else {section: content}
        layers.append(finished.write(f"same{number}.yaml", layer))
    assert finished.plan("--configfile", *layers, "--max-checksum-file-size", "1GB") == {}


def test_the_content_of_a_file_of_data_decides_and_not_its_date(project: Project) -> None:
    content = {"datasets": {"mine": {"kind": "array", "source": "x.npy"}}, "results": "results"}
    project.write("config.yaml", content | {"experiments": {"a": {"dataset": "mine", "methods": ["fista"]}}})
    x = np.random.default_rng(0).random((40, 9))
    np.save(project.folder / "x.npy", x)
    project.snakemake("train")
    np.save(project.folder / "x.npy", x)
    assert project.plan("train") == {}
    np.save(project.folder / "x.npy", x + 1)
    assert project.plan("train") == {"prepare_data": 1, "train_run": 1, "train": 1}


def test_a_file_that_is_not_there_stops_a_study_before_its_runs_are_lost(project: Project) -> None:
    mine = {"kind": "array", "source": "x.npy", "labels": "labels.npy"}
    content = {"results": "results", "experiments": {"a": {"dataset": "mine", "methods": ["fista"]}}}
    project.write("config.yaml", content | {"datasets": {"mine": mine}})
    np.save(project.folder / "x.npy", np.random.default_rng(0).random((40, 9)))
    np.save(project.folder / "labels.npy", np.arange(40) % 2)
    project.snakemake("train")
    project.write("config.yaml", content | {"datasets": {"mine": mine | {"labels": "lables.npy"}}})
    stopped = project.run("train")
    assert stopped.returncode != 0
    assert "datasets.mine: there is no file lables.npy" in stopped.stdout + stopped.stderr
    assert (project.folder / "results/runs/a/fista/0/weights.safetensors").is_file()


def test_results_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    plan = Plan(configs.check(STUDY | {"results": str(tmp_path / "taken/results")}))
    with pytest.raises(UserError, match=r"results: .*taken/results cannot be written \(Not a directory\)"):
        plan.publish()


@pytest.mark.parametrize(("file", "planned"), [("weights.safetensors", (1, 1)), ("metrics.json", (0, 1))])
def test_a_lost_file_of_a_run_is_made_again(finished: Project, file: str, planned: tuple[int, int]) -> None:
    """Also what a job that failed did not write, though all that is made of it is there from the time before."""
    path = finished.folder / "results/runs/recovery/fista/0" / file
    kept = path.rename(path.with_name("kept"))
    plan = finished.plan()
    kept.rename(path)
    assert (plan.get("train_run", 0), plan.get("evaluate_run", 0)) == planned
    assert plan["assemble_metrics"] == 1


def test_a_change_plans_what_depends_on_it(finished: Project) -> None:
    """A constant: runs of its method; a setting of metrics: those of its experiment; given by file or by line."""
    changed = finished.write(
        "changed.yaml",
        {
            "methods": {"gaussian": {"prior_scale": 0.2}},
            "experiments": {"digits": {"evaluation": {"samples": 7}}},
        },
    )
    plan = finished.plan("--configfile", "config.yaml", changed)
    assert of_runs(plan) == {"train_run": 2, "evaluate_run": 2 + 4}
    assert set(OF_ALL) <= plan.keys()
    line = ["--config", "methods={gaussian: {prior_scale: 2.0e-1}}", "device=cpu", "repetitions=1"]
    assert of_runs(finished.plan(*line)) == {"train_run": 2, "evaluate_run": 2}


def test_what_is_taken_back_or_relabelled_trains_nothing(finished: Project) -> None:
    layer = finished.write("less.yaml", {"experiments": {"digits": None}, "methods": {"fista": {"label": "Lasso"}}})
    plan = finished.plan("--configfile", "config.yaml", layer)
    assert of_runs(plan) == {}
    assert plan["assemble_metrics"] == 1


def test_an_added_repetition_trains_itself_alone(finished: Project) -> None:
    layer = finished.write("more.yaml", {"experiments": {"recovery": {"repetitions": 3}}})
    assert of_runs(finished.plan("--configfile", "config.yaml", layer)) == {"train_run": 4, "evaluate_run": 4}


@pytest.mark.parametrize(
    ("modules", "planned"),
    [
        (["coders/spike_slab.py", "training/adam.py"], dict.fromkeys(OF_ONE, 2 + RUNS - LINEAR)),
        (["networks/mlp.py"], dict.fromkeys(OF_ONE, RUNS)),
        (["metrics/bounds.py"], {"evaluate_run": RUNS}),
        (["reporting/assemble.py"], {}),
    ],
)
def test_edited_code_runs_again_what_uses_it(finished: Project, modules: list[str], planned: dict[str, int]) -> None:
    """A method of two runs with the optimiser of those on images; a network of all; what measures; what gathers."""
    with edited(finished, *modules):
        plan = finished.plan()
    assert of_runs(plan) == planned
    assert plan["assemble_metrics"] == 1


def test_code_that_metrics_share_measures_all_again(finished: Project) -> None:
    """The bounds of every method are computed by it; the gaps of all come from FISTA's codes."""
    with edited(finished, "coders/fista.py"):
        assert of_runs(finished.plan()) == {"train_run": 2, "evaluate_run": RUNS}
