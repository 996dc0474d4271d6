"""The command line: help, mistakes told without a traceback, and a study from data to metrics without Snakemake."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from vscbench import __version__
from vscbench import config as configs
from vscbench.cli import main
from vscbench.files import read_json

ROOT = Path(__file__).parents[1]
COMMANDS = (
    *("init", "run", "runs", "schema", "ui", "data", "train", "train-together", "evaluate", "train-fid-classifier"),
    *("baselines", "table", "figure", "choose", "assemble", "claims", "leaderboard", "front-page", "track"),
)
RUN = "recovery/spike_slab/0"
STUDY: dict[str, Any] = {
    "study": "tiny",
    "device": "cpu",
    "protocol": "paper",  # runs train together by two_rates alone
    "datasets": {"synthetic": {"kind": "synthetic", "train": 210, "validation": 30, "test": 30, "pixels": 16}},
    "experiments": {
        "recovery": {
            "dataset": "synthetic",
            "methods": ["spike_slab"],
            "generator": {"latents": 12},
            "encoder": {"widths": [16]},
            "objective": {"samples": 3},
            "training": {"epochs": 2, "batch_size": 10},
            "evaluation": {
                "samples": 2,
                "gradients": {"passes": 2, "batches": 1},
                "stability": {"draws": 2, "points": 5},
                "bounds": {"points": 5},
            },
        }
    },
}
NOT_NEEDED = {"snakemake", "mlflow", "pandas", "seaborn", "matplotlib"}
"""What a machine with torch alone does not have, or what takes seconds to import."""


def command(*arguments: Path | str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `python -m vscbench` with the given arguments."""
    line = [sys.executable, *python, "-m", "vscbench", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=100)


def tiny_study(folder: Path, **changes: Any) -> Path:
    """Write the configuration of a study of one run, with its results in `folder`."""
    study = deepcopy(STUDY) | {"results": str(folder / "results")} | changes
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder / "study.yaml"


# -------------------------------------------------------------------- help


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert tuple(re.findall(r"^    ([\w-]+)(?:  |$)", said, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what the command does, what each option is for, and gives an example."""
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: vscbench {name} ")
    assert "None" not in said.out
    assert len(said.out.split("\n\n")[1]) > 10
    assert f"example:\n  vscbench {name} " in said.out
    options = re.findall(r"^  (-\S+(?: \S+)*|[a-z]+)(?:  +|\n +)(\S?)", said.out.split("\n\n", 2)[2], re.MULTILINE)
    assert all(text for option, text in options if option != "vscbench")


def test_what_a_command_takes_comes_before_config(capsys: pytest.CaptureFixture[str]) -> None:
    """In its usage too; who puts it behind is told."""
    with pytest.raises(SystemExit):
        main(["train", "--config", "study.yaml", RUN])
    said = capsys.readouterr().err
    assert said.startswith("usage: vscbench train run [option ...]")
    assert "required: run; what stands after --config, to the next option, is taken for a file of it" in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"vscbench {__version__}\n"
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [[], ["tran"], ["train", "--epochs", "3"], ["table"], ["ui", "--port", "x"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: vscbench" in capsys.readouterr().err


# -------------------------------------------------------------------- a study by hand


class Finished:
    """A study of one run, made by commands alone, and what each of them said and imported."""

    def __init__(self, folder: Path) -> None:
        self.config, self.results = tiny_study(folder), folder / "results"
        self.said: dict[str, str] = {}
        self.imported: dict[str, set[str]] = {}
        for name, argument in (("data", "synthetic"), ("train", RUN), ("evaluate", RUN), ("baselines", "recovery")):
            done = command(name, argument, "--config", self.config, python=("-X", "importtime"))
            lines = done.stderr.splitlines()
            self.said[name] = "\n".join(line for line in lines if not line.startswith("import time:"))
            assert done.returncode == 0, self.said[name]
            modules = [line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")]
            self.imported[name] = {module.split(".")[0] for module in modules}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A study from data to metrics."""
    return Finished(tmp_path_factory.mktemp("study"))


def test_study_by_the_command_line_alone(finished: Finished) -> None:
    files = {str(path.relative_to(finished.results)) for path in finished.results.rglob("*") if path.is_file()}
    names = ("config.json", "status.json", "resources.json", "history.csv", "weights.safetensors")
    run = {f"runs/{RUN}/{name}" for name in (*names, "metrics.json", "arrays.npz")}
    assert files == {"data/synthetic.safetensors", "baselines/recovery.json", *run}
    study = configs.load([finished.config])
    spec = configs.run_spec(study, configs.resolve(study, RUN))
    assert read_json(finished.results / f"runs/{RUN}/config.json") == spec
    metrics = read_json(finished.results / f"runs/{RUN}/metrics.json")
    assert metrics["status"] == "completed"
    assert finished.said["evaluate"].startswith(f"[{RUN}] completed: mse_draw {metrics['metrics']['mse_draw']:.4g}, ")
    assert "train (210, 16)" in finished.said["data"]


def test_runs_trained_together_are_measured_where_they_were_kept(tmp_path: Path) -> None:
    """What is trained already is left alone."""
    config, runs = tiny_study(tmp_path, repetitions=2), tmp_path / "results/runs/recovery/spike_slab"
    for line in (["data", "synthetic"], ["train-together", "--keep", "0.5"], ["evaluate", RUN, "--kept"]):
        assert main([*line, "--config", str(config)]) == 0
    weights = sorted(str(path.relative_to(runs)) for path in runs.rglob("weights.safetensors"))
    assert weights == [f"{run}/{at}weights.safetensors" for run in (0, 1) for at in ("kept/21/", "")]
    assert [read_json(runs / "0" / at / "metrics.json")["step"] for at in ("kept/21", ".")] == [21, 42]
    before = (runs / "1/weights.safetensors").stat().st_mtime_ns
    assert main(["train-together", "--config", str(config)]) == 0
    assert (runs / "1/weights.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["data", "train", "evaluate", "baselines"])
def test_command_needs_neither_workflow_nor_plots(finished: Finished, name: str) -> None:
    """Snakemake, MLflow, pandas and what draws are not imported: not needed, and seconds saved."""
    optional = {"pandas"} if name in ("evaluate", "baselines") else set()  # scikit-learn imports it where it is there
    assert "vscbench" in finished.imported[name]
    assert not finished.imported[name] & (NOT_NEEDED - optional)


@pytest.mark.parametrize("modules", ["vscbench.config", "vscbench.cli", "vscbench.planning", "vscbench.tracking"])
def test_imports_are_paid_for_where_they_are_used(modules: str) -> None:
    script = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "vscbench" in imported
    assert not imported & (NOT_NEEDED | {"torch", "numpy", "scipy", "sklearn", "skimage"})


def test_planning_imports_nothing_that_measures_or_draws() -> None:
    """Of the default study: its runs, what they depend on, and which tables and figures it has something for."""
    script = (
        "import json, sys; from pathlib import Path; from vscbench import config, planning\n"
        "plan = planning.Plan(config.load([Path(sys.argv[1])]))\n"
        "outputs = {kind: plan.outputs(kind) for kind in ('table', 'figure')}\n"
        "assert all(plan.caption(n) and plan.output_code(kind, n) for kind in outputs for n in outputs[kind])\n"
        "assert all(plan.run_code(command, run) for command in ('train', 'evaluate') for run in plan.names())\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    line = [sys.executable, "-c", script, ROOT / "config.yaml"]
    imported = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    assert "vscbench" in imported
    assert not set(imported) & (NOT_NEEDED | {"scipy", "sklearn", "skimage", "PIL"})


def test_what_the_workflow_wrote_is_read_without_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has been checked: the configuration below the results, and no other one."""
    checked: list[object] = []
    check = configs.check
    monkeypatch.setattr(configs, "check", lambda content: checked.append(content) or check(content))
    written, copied = tmp_path / "results/config.yaml", tmp_path / "config.yaml"
    written.parent.mkdir()
    for path, times in ((written, 0), (copied, 1)):
        path.write_text(yaml.safe_dump(STUDY | {"results": str(tmp_path / "results")}))
        assert main(["runs", "--config", str(path)]) == 0
        assert capsys.readouterr().out == f"{RUN}\n"
        assert len(checked) == times


def test_runs_are_listed_of_configurations_laid_over_one_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("repetitions: 2\nexperiments: {recovery: {density: [0.1, 0.2]}}\n")
    assert main(["runs", "--config", str(tiny_study(tmp_path)), str(overlay)]) == 0
    listed = [f"recovery/spike_slab__density-{density}/{k}" for density in (0.1, 0.2) for k in (0, 1)]
    assert capsys.readouterr().out.splitlines() == listed


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """As `vscbench runs | head`."""
    line = [sys.executable, "-m", "vscbench", "runs", "--config", str(tiny_study(tmp_path))]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 128 + signal.SIGPIPE


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert "experiments" in json.loads(capsys.readouterr().out)["properties"]


def test_run_hands_a_part_of_the_study_to_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, line: given.append(line[1:]))
    config = str(tiny_study(tmp_path))
    assert main(["run", "--config", config]) == 0
    assert main(["run", "recovery", "--cores", "1", "--config", config]) == 0
    (tmp_path / "Snakefile").write_text("")
    assert main(["run", "recovery/spike_slab", "--dry-run", "--config", config]) == 0
    packaged = str(Path(configs.__file__).parents[1] / "template/Snakefile")
    start = ["-m", "snakemake"]
    assert given == [
        [*start, "--snakefile", packaged, "--cores", "all", "--configfile", config],
        [*start, "--snakefile", packaged, "--cores", "1", "recovery", "--configfile", config],
        [*start, "--cores", "all", "--dry-run", f"{tmp_path}/results/runs/{RUN}/metrics.json", "--configfile", config],
    ]


# ---------------------------------------------------------------- a folder of one's own


def test_init_makes_a_folder_to_run_studies_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    assert main(["--quiet", "init", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == {"Snakefile", "config.yaml", "config", "profiles"}
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert (folder / "config/smoke.yaml").read_text() == (ROOT / "config/smoke.yaml").read_text()
    monkeypatch.chdir(folder)
    done = command("run", "--dry-run", "--config", "config/smoke.yaml")
    found = re.findall(r"^(\w+) +\d+$", done.stdout + done.stderr, re.MULTILINE)
    assert {"prepare_data", "train_run", "make_table", "draw_figure", "track_runs"} <= set(found), done.stderr


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "nothing was written" in mistake(capsys, "init", tmp_path)
    assert "nothing was written" in mistake(capsys, "init", tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


# -------------------------------------------------------------------- mistakes


def mistake(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """What a command says of a mistake: one line on stderr that begins with its name, nothing on stdout, status 2."""
    capsys.readouterr()
    assert main(["--quiet", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(f"vscbench {arguments[0]}: ")
    return line.removeprefix(f"vscbench {arguments[0]}: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "recover/spike_slab/0"], "no experiment recover; did you mean recovery?; there are recovery"),
        (["evaluate", "recovery/spike_slap/0"], "no method spike_slap in recovery; did you mean spike_slab?"),
        (["train", "recovery/spike_slab/1"], "no repetition 1 of recovery/spike_slab: they are 0 to 0"),
        (["train", "recovery/spike_slab"], "names no run; write EXPERIMENT/METHOD/REPETITION, for example"),
        (["train", "recovery/spike_slab/²"], "names no run; write EXPERIMENT/METHOD/REPETITION"),
        (["evaluate", ""], "nothing names no run"),
        (["data", "sinthetic"], "no data set sinthetic; did you mean synthetic?; there are synthetic"),
        (["train-fid-classifier", "x"], "no data set x; there are synthetic"),
        (["baselines", "recover"], "no experiment with a dictionary recover; did you mean recovery?"),
        (["run", "recover"], "no experiment recover; did you mean recovery?"),
        (["run", "recovery/fista"], "no method of recovery fista; there are spike_slab"),
        (["train", RUN], "data/synthetic.safetensors is missing: "),
        (["evaluate", RUN], "data/synthetic.safetensors is missing: "),
        (["baselines", "recovery"], "data/synthetic.safetensors is missing: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert said in mistake(capsys, *arguments, "--config", tiny_study(tmp_path))
    assert not (tmp_path / "results").exists()  # a mistake writes nothing


def test_a_configuration_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("runs", "run"):
        assert "No such file" in mistake(capsys, name, "--config", tmp_path / "nowhere.yaml")
