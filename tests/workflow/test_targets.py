"""What can be asked for: a part of a study, a file, a job of another machine, from any folder, in another workflow."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from vscbench import planning
from vscbench.config.study import RESERVED

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project

FRAME = re.compile(r"Error|\.smk|Snakefile")
"""What Snakemake says of where an exception was raised."""
SWEPT = "gaussian_thresh__latents-8__samples-5"


def test_an_experiment_is_a_target(project: Project) -> None:
    """A dry run writes nothing."""
    assert project.plan("digits") == {
        "prepare_data": 1,
        "train_run": 4,
        "train_fid_classifier": 1,
        "evaluate_run": 4,
        "digits": 1,
    }
    assert not (project.folder / "results").exists()


def test_stages_are_targets(project: Project) -> None:
    assert project.plan("data") == {"prepare_data": 2, "data": 1}


def test_no_experiment_may_have_the_name_of_a_rule(project: Project) -> None:
    """The names that a configuration refuses are those of all rules, that of `vscbench init` among them."""
    rules = set(re.findall(r"^(\w+)$", project.snakemake("--list-rules"), re.MULTILINE))
    assert rules - {"recovery", "digits"} == set(RESERVED.split()) - {"study"}


def test_a_job_of_a_sweep_can_be_sent_elsewhere(project: Project) -> None:
    """As an executor does: by name and wildcards in one argument, split at commas and equals signs."""
    job = f"train_run:experiment=digits,variant={SWEPT},repetition=0"
    project.snakemake("data")
    said = project.snakemake("--target-jobs", job, "--allowed-rules", "train_run", "--force", "--no-hooks", "--nolock")
    assert f"train digits/{SWEPT}/0" in said
    assert (project.folder / f"results/runs/digits/{SWEPT}/0/weights.safetensors").is_file()


def test_a_study_can_be_anywhere(project: Project, tmp_path: Path) -> None:
    """`--directory`; a folder of results with a blank, a quote, a dollar sign and letters of other languages."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    content = yaml.safe_load((project.folder / "config.yaml").read_text())
    del content["experiments"]["recovery"], content["datasets"]["patches"]
    content["experiments"]["digits"] |= {"generator": {"latents": 4}, "objective": {"samples": 2}}
    content["results"] = "it's größe $(touch x) #1"
    (elsewhere / "config.yaml").write_text(yaml.safe_dump(content))
    project.snakemake("--directory", str(elsewhere), "metrics", folder=tmp_path)
    results = elsewhere / content["results"]
    assert (results / "metrics.csv").is_file()
    assert yaml.safe_load((results / "config.yaml").read_text())["study"] == "tiny"
    assert {path.name for path in elsewhere.iterdir()} == {"config.yaml", results.name, ".snakemake"}


def test_without_a_configuration_it_is_the_default_study(project: Project) -> None:
    (project.folder / "config.yaml").unlink()
    assert project.plan("data")["prepare_data"] == 10  # five folds of one of the four, three of another


def test_another_workflow_may_use_it(project: Project) -> None:
    """As a `module`, with a study of its own that stands in the other workflow."""
    (project.folder / "Snakefile").write_text(
        "from vscbench.planning import SNAKEFILE\n"
        'configfile: "config.yaml"\n'
        "module vscbench:\n    snakefile: SNAKEFILE\n    config: config\n"
        "use rule * from vscbench as vsc_*\n"
        'rule mine:\n    default_target: True\n    input: "results/metrics.csv"\n    output: "mine.txt"\n'
        '    shell: "cp {input} {output}"\n'
    )
    content = yaml.safe_load((project.folder / "config.yaml").read_text())
    del content["experiments"]["digits"], content["datasets"]["digits"]
    content["experiments"]["recovery"] |= {"methods": ["fista"], "repetitions": 1}
    project.write("config.yaml", content)
    project.snakemake("-s", "Snakefile")
    assert (project.folder / "mine.txt").read_text().startswith("made by assemble")


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("false", 1)])
def test_a_job_fails_where_its_command_does(command: str, code: int) -> None:
    """Though what it says goes through a pipe into the log."""
    line = f"{planning.prefix().format()}{command} | cat"
    assert subprocess.run(["bash", "-c", line], check=False).returncode == code


def test_results_of_an_older_version_are_told_apart(project: Project) -> None:
    run = project.folder / "results/runs/recovery/fista/0"
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"study": "tiny"}))
    done = project.run("-n")
    assert done.returncode != 0
    assert (
        "results holds runs that this workflow did not make, by hand or of an older version: delete it, or"
        in done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_tracking_that_failed_is_tried_again(project: Project) -> None:
    """By the next run of the study; one that worked is not."""
    receipt = project.done().folder / "results/tracking.json"
    assert project.plan() == {}
    receipt.write_text('{"uri": "sqlite:///x", "runs": {}, "failed": "no such host"}')
    assert project.plan() == {"track_runs": 1}


def test_mistakes_are_told_before_any_job(project: Project) -> None:
    wrong = project.write(
        "wrong.yaml", {"methods": {"gaussian": {"prior_scael": 0.2}}, "experiments": {"tables": None}}
    )
    done = project.run("--configfile", "config.yaml", wrong)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "unknown key prior_scael; did you mean prior_scale?" in said
    assert "Traceback" not in said
    assert FRAME.search(said) is None


def test_a_study_without_trials_is_not_tuned(project: Project) -> None:
    done = project.run("tune")
    assert done.returncode != 0
    assert "no experiment of this study has trials; `make tune`" in done.stderr
    assert FRAME.search(done.stdout + done.stderr) is None


def test_a_lock_that_a_kill_left_is_told_with_what_removes_it(project: Project) -> None:
    """By a line that can be typed as it is."""
    lock = project.folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("results/metrics.csv\n")
    done = project.run("data", "metrics")
    assert done.returncode != 0
    *_, line = (done.stdout + done.stderr).splitlines()
    unlock = shlex.split(line)
    assert unlock[-1] == "--unlock"
    subprocess.run(unlock, cwd=project.folder, env=project.environment, check=True, capture_output=True)
    assert not lock.exists()


def test_data_are_looked_at_before_any_job(project: Project) -> None:
    np.save(project.folder / "x.npy", np.zeros((2, 16)))
    few = project.write("few.yaml", {"datasets": {"patches": {"kind": "array", "source": "x.npy"}}})
    done = project.run("data", "--configfile", "config.yaml", few)
    assert done.returncode != 0
    assert "datasets.patches: x has the shape (2, 16)" in done.stdout + done.stderr
    assert FRAME.search(done.stdout + done.stderr) is None
    assert not (project.folder / "results/data").exists()


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_profiles(project: Project, profile: str) -> None:
    """Snakemake takes them; the executor of a cluster is a plug-in that is not installed here."""
    folder = project.folder / "profile"
    shutil.copytree(project.package / "template/profiles" / profile, folder)
    path = folder / "config.yaml"
    path.write_text(re.sub("^executor: slurm", "executor: dryrun", path.read_text(), flags=re.MULTILINE))
    assert project.plan("--workflow-profile", str(folder))["train_run"] == 12
