"""The command line: help, mistakes told in one line, and a study from data to table without Snakemake."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from safetensors.numpy import save_file

from conftest import ROOT, STUDY
from vscbench import config as configs
from vscbench import data
from vscbench.cli import main, parser
from vscbench.files import read_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from vscbench.data import Splits

COMMANDS = (
    "runs",
    "data",
    "train",
    "evaluate",
    "features",
    "baselines",
    "assemble",
    "table",
    "figure",
    "claims",
    "track",
    "ui",
)
RUN = "recovery/spike_slab/0"
NOT_NEEDED = {"snakemake", "mlflow", "pandas", "seaborn", "matplotlib"}
"""What a machine with torch alone does not have, or what takes seconds to import."""
EVALUATION = {
    "samples": 2,
    "gradient_passes": 2,
    "gradient_batches": 1,
    "stability_draws": 2,
    "stability_patches": 5,
}


def command(*arguments: Path | str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `python -m vscbench` with the given arguments."""
    line = [sys.executable, *python, "-m", "vscbench", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)


def tiny_study(folder: Path, **changes: Any) -> Path:
    """Write the configuration of a study of one run, with its results in `folder`."""
    study = deepcopy(STUDY) | {"results": str(folder / "results"), "repetitions": 1} | changes
    study["experiments"]["recovery"] |= {"methods": ["spike_slab"], "evaluation": EVALUATION}
    write_text(folder / "study.yaml", yaml.safe_dump(study))
    return folder / "study.yaml"


# -------------------------------------------------------------------- help


def test_help() -> None:
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^ +{name}\s+\w", done.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what the command does, and every option what it is for."""
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: vscbench {name} ")
    assert "None" not in said.out
    assert len(said.out.split("\n\n")[1]) > 10
    for option in re.findall(r"^  (-\S+(?: \S+)*|[a-z]+)(?:  +|\n +)(\S?)", said.out.split("\n\n", 2)[2], re.MULTILINE):
        assert option[1], f"{option[0]} has no help"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    listed = re.findall(r"^    (\w+)\s+\w", capsys.readouterr().out, re.MULTILINE)
    assert tuple(listed) == COMMANDS


@pytest.mark.parametrize("arguments", [[], ["tran"], ["train", "--epochs", "3"], ["table"], ["ui", "--port", "x"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: vscbench" in capsys.readouterr().err


# -------------------------------------------------------------------- a study by hand


class Finished:
    """A study of one run, made by commands alone, and what each of them said."""

    def __init__(self, folder: Path) -> None:
        self.config = tiny_study(folder)
        self.results = folder / "results"
        self.said: dict[str, str] = {}
        self.imported: dict[str, set[str]] = {}
        for name, *arguments in (
            ("data", "synthetic"),
            ("train", RUN),
            ("evaluate", RUN),
            ("baselines", "recovery"),
            ("assemble",),
        ):
            self.run(name, *arguments, "--config", self.config)
        self.run("table", "table1", "--results", self.results)

    def run(self, name: str, *arguments: Path | str) -> None:
        """Run one command; keep what it printed and the packages that it imported."""
        done = command(name, *arguments, python=("-X", "importtime"))
        lines = done.stderr.splitlines()
        self.said[name] = "\n".join(line for line in lines if not line.startswith("import time:"))
        assert done.returncode == 0, self.said[name]
        self.imported[name] = {
            line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines if line.startswith("import time:")
        }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A study from data to table."""
    return Finished(tmp_path_factory.mktemp("study"))


def test_study_by_the_command_line_alone(finished: Finished) -> None:
    files = {str(path.relative_to(finished.results)) for path in finished.results.rglob("*") if path.is_file()}
    run = {"config.json", "status.json", "resources.json", "history.csv", "weights.safetensors"}
    run |= {"metrics.json", "arrays.npz"}
    assert files == {
        "data/synthetic.safetensors",
        *(f"runs/{RUN}/{name}" for name in run),
        "baselines/recovery.json",
        "metrics.csv",
        "tables/table1.csv",
        "tables/table1.md",
        "tables/table1.html",
        "tables/table1.tex",
    }
    spec = configs.run_spec(configs.load([finished.config]), "recovery", "spike_slab", 0)
    assert read_json(finished.results / f"runs/{RUN}/config.json") == spec
    metrics = read_json(finished.results / f"runs/{RUN}/metrics.json")
    assert metrics["settings"] == configs.EVALUATION_DEFAULTS | EVALUATION
    table = (finished.results / "metrics.csv").read_text()
    assert f"mse_draw,{metrics['metrics']['mse_draw']}\n" in table
    assert "recovery,synthetic,zero_code,All-zero code,,,,baseline,density,0.0\n" in table
    assert "spike_slab" in (finished.results / "tables/table1.md").read_text()


def test_commands_say_what_they_did(finished: Finished) -> None:
    assert finished.said["data"] == "[synthetic] 210 train, 30 validation, 30 test data points of 16"
    assert f"[{RUN}] step 42/42" in finished.said["train"]
    metrics = read_json(finished.results / f"runs/{RUN}/metrics.json")["metrics"]
    assert finished.said["evaluate"].startswith(f"[{RUN}] completed: mse_draw {metrics['mse_draw']:.4g}, ")


@pytest.mark.parametrize("name", ["data", "train", "evaluate", "baselines", "assemble"])
def test_command_needs_neither_workflow_nor_plots(finished: Finished, name: str) -> None:
    """Snakemake, MLflow, pandas and what draws are not imported: not needed, and seconds saved."""
    imported = finished.imported[name]
    assert "vscbench" in imported
    optional = {"pandas"} if name == "baselines" else set()  # scikit-learn imports it where it is there
    assert not imported & (NOT_NEEDED - optional)
    if name in ("data", "assemble"):
        assert "torch" not in imported


def test_images_by_the_command_line_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From digits to FID: a swept run is named by its point."""
    monkeypatch.chdir(tmp_path)
    config = ["--config", str(ROOT / "config.yaml"), str(ROOT / "config/smoke.yaml")]
    run = "digits/laplacian_thresh@latents=4/0"
    for command in (["data", "digits"], ["features", "digits"], ["train", run], ["evaluate", run]):
        assert main(["--quiet", *command, *config]) == 0
    folder = tmp_path / "results/smoke/runs" / run
    assert read_json(folder / "config.json")["point"] == {"latents": 4}
    metrics = read_json(folder / "metrics.json")["metrics"]
    assert {"fid_classifier_best", "kid_classifier_prior", "attribute_r_0", "probe_auc"} <= metrics.keys()
    assert metrics["fid_classifier_best"] > 0


def test_features_need_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_study(tmp_path)
    assert main(["data", "synthetic", "--config", str(config)]) == 0
    capsys.readouterr()
    assert "label" in mistake(capsys, "features", "synthetic", "--config", config)


def test_table_needs_no_torch(finished: Finished) -> None:
    assert "pandas" in finished.imported["table"]
    assert not finished.imported["table"] & (NOT_NEEDED - {"pandas"} | {"torch", "sklearn"})


@pytest.mark.parametrize("modules", ["vscbench.config", "vscbench.cli", "vscbench.tracking"])
def test_imports_are_paid_for_where_they_are_used(modules: str) -> None:
    """The workflow reads the configuration at every start."""
    script = f"import sys, {modules}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "vscbench" in imported
    assert not imported & (NOT_NEEDED | {"torch", "numpy", "scipy", "sklearn", "skimage"})


def test_evaluating_again_by_the_rules_arguments(finished: Finished, tmp_path: Path) -> None:
    """The workflow gives specifications as JSON: the same run, data and metrics as by the config."""
    config = configs.load([finished.config])
    source, run = tmp_path / "data.safetensors", tmp_path / "run"
    dataset, spec = configs.dataset_spec(config, "synthetic"), configs.run_spec(config, "recovery", "spike_slab", 0)
    settings, base = configs.evaluation_spec(config, "recovery"), configs.baseline_spec(config, "recovery")
    lines: list[tuple[Path | str, ...]] = [
        ("data", "--spec", json.dumps(dataset), "--out", source),
        ("train", "--spec", json.dumps(spec), "--data", source, "--out", run, "--checkpoint", tmp_path / "run.pt"),
        ("evaluate", run, "--settings", json.dumps(settings), "--data", source),
        ("baselines", "--spec", json.dumps(base), "--data", source, "--out", tmp_path / "base.json"),
    ]
    for line in lines:
        assert main(["--quiet", *map(str, line)]) == 0
    main(["assemble", "--runs", str(run), "--baselines", str(tmp_path / "base.json"), "--out", str(tmp_path / "m.csv")])
    theirs = finished.results / "runs" / RUN
    assert source.read_bytes() == (finished.results / "data/synthetic.safetensors").read_bytes()
    for name in ("config.json", "status.json", "history.csv", "weights.safetensors"):
        assert (run / name).read_bytes() == (theirs / name).read_bytes()
    ours = (tmp_path / "m.csv").read_text().splitlines()
    expected = (finished.results / "metrics.csv").read_text().splitlines()
    different = [one for one, other in zip(ours, expected, strict=True) if one != other]
    assert {line.split(",")[-2] for line in different} <= {"train_seconds", "peak_memory_mb"}


def test_runs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_study(tmp_path, repetitions=3)
    assert main(["runs", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"recovery/spike_slab/{k}" for k in range(3)]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """As `vscbench runs | head`."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(STUDY))
    line = [sys.executable, "-m", "vscbench", "runs", "--config", str(config)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 128 + signal.SIGPIPE


def test_overlay_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, overlay = tiny_study(tmp_path), tmp_path / "overlay.yaml"
    overlay.write_text("repetitions: 2\n")
    assert main(["runs", "--config", str(config), str(overlay)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_default_study_is_the_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["runs"]) == 0
    found = [tuple(line.split("/")) for line in capsys.readouterr().out.splitlines()]
    assert found == [(*run[:2], str(run[2])) for run in configs.runs(configs.load([ROOT / "config.yaml"]))]


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


@pytest.mark.parametrize("name", ["train", "evaluate"])
@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("recover/spike_slab/0", "no experiment recover; did you mean recovery?; there are recovery"),
        ("recovery/spike_slap/0", "no method spike_slap in recovery; did you mean spike_slab?"),
        ("recovery/spike_slab/1", "no repetition 1: they are 0 to 0"),
        ("recovery/spike_slab", "recovery/spike_slab names no run; write EXPERIMENT/METHOD/REPETITION, for example"),
        ("recovery/spike_slab/x", "names no run; write EXPERIMENT/METHOD/REPETITION"),
        ("recovery/spike_slab/-1", "names no run; write EXPERIMENT/METHOD/REPETITION"),
        ("recovery/spike_slab/²", "names no run; write EXPERIMENT/METHOD/REPETITION"),
        ("", "nothing names no run"),
    ],
    ids=["experiment", "method", "repetition", "two_parts", "word", "negative", "superscript", "empty"],
)
def test_run_that_does_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, run: str, said: str
) -> None:
    assert said in mistake(capsys, name, run, "--config", tiny_study(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data", "sinthetic"], "no data set sinthetic; did you mean synthetic?; there are synthetic"),
        (["data", "nothing_like_it"], "no data set nothing_like_it; there are synthetic"),
        (["data"], "no data set"),
        (["baselines", "recover"], "no experiment recover with a dictionary; did you mean recovery?"),
        (["baselines"], "no experiment"),
        (["train"], "names no run; write EXPERIMENT/METHOD/REPETITION, for example recovery/spike_slab/0"),
        (["train", RUN], "data/synthetic.safetensors is missing: make it with `vscbench data`"),
        (["evaluate", RUN], "data/synthetic.safetensors is missing: make it with `vscbench data`"),
        (["baselines", "recovery"], "data/synthetic.safetensors is missing: make it with `vscbench data`"),
        (["train", RUN, "--data", "elsewhere"], "elsewhere is missing: make it with `vscbench data`"),
        (["assemble"], f"runs/{RUN}/config.json is missing: run the step that writes it first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert said in mistake(capsys, *arguments, "--config", tiny_study(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["table", "tabel1"], "no table tabel1; did you mean table1?; there are table1, honest"),
        (["table", "x"], "no table x; there are table1, honest"),
        (["figure", "thresholds"], "no figure thresholds; did you mean threshold?; there are threshold"),
        (["table", "table1", "--results", "nowhere"], "nowhere/metrics.csv is missing: run `snakemake metrics`"),
        (["figure", "dictionaries", "--results", "nowhere"], "nowhere/metrics.csv is missing"),
        (["assemble", "--runs", "nowhere", "--out", "m.csv"], "nowhere/config.json is missing"),
        (["ui", "--store", "nowhere"], "no MLflow store at "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_names_and_results_that_are_not_there(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert said in mistake(capsys, *arguments)
    assert not list(tmp_path.iterdir())  # a mistake writes nothing


@pytest.mark.parametrize("option", [("data", "--spec"), ("train", "--spec"), ("baselines", "--spec")])
@pytest.mark.parametrize(
    ("text", "said"), [("{", "is not valid JSON"), ("[1]", "must be a JSON object"), ("7", "must be a JSON object")]
)
def test_json_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str], text: str, said: str
) -> None:
    name, spec = option
    assert mistake(capsys, name, spec, text, "--out", tmp_path / "out").startswith(f"{spec} {said}")


@pytest.mark.parametrize(
    "arguments",
    [("evaluate", "run", "--settings", "{"), ("assemble", "--runs", "run", "--out", "out", "--labels", "{")],
    ids=lambda arguments: arguments[0],
)
def test_settings_that_are_no_json(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert f"{arguments[-2]} is not valid JSON" in mistake(capsys, *arguments)


@pytest.mark.parametrize("name", ["data", "baselines_data", "baselines_out", "evaluate", "assemble"])
def test_what_a_specification_needs_beside_it(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Without a config there is no place to derive: the option is asked for by name."""
    config, source = configs.load([finished.config]), finished.results / "data/synthetic.safetensors"
    dataset, base = (
        json.dumps(spec)
        for spec in (configs.dataset_spec(config, "synthetic"), configs.baseline_spec(config, "recovery"))
    )
    arguments, missing = {
        "data": (("data", "--spec", dataset), "--out"),
        "baselines_data": (("baselines", "--spec", base, "--out", tmp_path / "base.json"), "--data"),
        "baselines_out": (("baselines", "--spec", base, "--data", source), "--out"),
        "evaluate": (("evaluate", finished.results / "runs" / RUN, "--settings", "{}"), "--data"),
        "assemble": (("assemble", "--runs", finished.results / "runs" / RUN), "--out"),
    }[name]
    assert missing in mistake(capsys, *arguments)


DAMAGE = {
    "empty": b"",
    "text": b"this is no data set",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("name", ["train", "baselines"])
@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_data(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes) -> None:
    config, path = tiny_study(tmp_path), tmp_path / "results/data/synthetic.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    said = mistake(capsys, name, RUN if name == "train" else "recovery", "--config", config)
    assert f"{path} is damaged" in said
    assert "delete it and prepare the data again" in said


def test_half_written_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, path = tiny_study(tmp_path), tmp_path / "results/data/synthetic.safetensors"
    data.prepare(configs.dataset_spec(configs.load([config]), "synthetic"), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert f"{path} is damaged" in mistake(capsys, "train", RUN, "--config", config)


def test_file_of_something_else_is_no_data(tmp_path: Path, splits: Splits, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights, for example, are in the same format."""
    path = tmp_path / "weights.safetensors"
    tensors: dict[str, np.ndarray[Any, Any]] = {"generator.atoms": splits.truth["atoms"]}
    save_file(tensors, path)
    assert str(path) in mistake(capsys, "train", RUN, "--data", path, "--config", tiny_study(tmp_path))


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cuda:x"])
def test_device_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], device: str) -> None:
    config = tiny_study(tmp_path)
    assert main(["--quiet", "data", "synthetic", "--config", str(config)]) == 0
    assert device in mistake(capsys, "train", RUN, "--device", device, "--config", config)


def test_run_that_is_not_trained_cannot_be_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_study(tmp_path)
    assert main(["--quiet", "data", "synthetic", "--config", str(config)]) == 0
    assert f"runs/{RUN}/config.json is missing" in mistake(capsys, "evaluate", RUN, "--config", config)


@pytest.mark.parametrize("content", [b"", b"no weights", None], ids=["empty", "text", "missing"])
def test_damaged_weights(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    config = tiny_study(tmp_path)
    run = tmp_path / "results/runs" / RUN
    run.mkdir(parents=True)
    for path in (finished.results / "runs" / RUN).iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    if content is None:
        (run / "weights.safetensors").unlink()
    else:
        (run / "weights.safetensors").write_bytes(content)
    source = finished.results / "data/synthetic.safetensors"
    said = mistake(capsys, "evaluate", RUN, "--data", source, "--config", config)
    assert str(run / "weights.safetensors") in said


@pytest.mark.parametrize("file", ["config.json", "metrics.json"])
def test_damaged_results(finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str) -> None:
    for name in ("config.json", "metrics.json"):
        (tmp_path / name).write_bytes((finished.results / "runs" / RUN / name).read_bytes())
    (tmp_path / file).write_text('{"status": ')
    said = mistake(capsys, "assemble", "--runs", tmp_path, "--out", tmp_path / "metrics.csv")
    assert f"{tmp_path / file} is not valid JSON" in said


@pytest.mark.parametrize("name", ["runs", "data", "train", "evaluate", "features", "baselines", "assemble"])
def test_missing_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / "study.yaml"
    arguments = [RUN] if name == "evaluate" else []
    assert mistake(capsys, name, *arguments, "--config", path) == f"config file {path}: No such file or directory"


@pytest.mark.parametrize(
    ("content", "said"),
    [("a: [1", "is not valid YAML"), ("- 1\n", "holds no mapping of keys to values"), ("", "holds no mapping")],
)
def test_config_file_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(content)
    line = mistake(capsys, "runs", "--config", path)
    assert str(path) in line
    assert said in line


def test_invalid_config(tmp_path: Path) -> None:
    """In a process of its own: a line for each mistake, no traceback, status 2."""
    config, overlay = tiny_study(tmp_path), tmp_path / "overlay.yaml"
    overlay.write_text("sede: 3\nmethods: {spike_slab: {gate: logits}}\nrepetitions: 0\n")
    done = command("runs", "--config", config, overlay)
    assert (done.returncode, done.stdout) == (2, "")
    first, *lines = done.stderr.splitlines()
    assert first == "vscbench runs: the configuration is not valid:"
    assert len(lines) == 3
    assert "unknown key sede; did you mean seed?" in done.stderr
    assert "did you mean logit?" in done.stderr
    assert "repetitions: 0 is not allowed" in done.stderr


def test_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    """As a shell sees it."""
    done = command("train", "recovery/spike_slap/0", "--config", tiny_study(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    expected = "vscbench train: no method spike_slap in recovery; did you mean spike_slab?; there are spike_slab\n"
    assert done.stderr == expected
