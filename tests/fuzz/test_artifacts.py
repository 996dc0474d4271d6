"""Files of a study that are damaged, one at a time: the command that reads one names it and says what to do."""

from __future__ import annotations

import shutil
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from . import artifacts as made
from .judging import Verdict, files, judge, run

if TYPE_CHECKING:
    from pathlib import Path

ONE = {"samples": 2, "gradients": False, "stability": {"draws": 2, "points": 5}, "bounds": {"points": 5}}
STUDY: dict[str, Any] = {
    "study": "tiny",
    "device": "cpu",
    "checkpoint_seconds": 0,
    "datasets": {
        "patches": {"kind": "synthetic", "train": 200, "validation": 30, "test": 30, "pixels": 16},
        "digits": {"kind": "digits", "train": 100, "validation": 20, "test": 20},
    },
    "experiments": {
        "recovery": {
            "dataset": "patches",
            "methods": ["fista", "laplacian_thresh"],
            "generator": {"latents": 9},
            "encoder": {"widths": [8]},
            "objective": {"samples": 2},
            "training": {"epochs": 2, "batch_size": 20},
            "evaluation": ONE,
        },
        "digits": {
            "dataset": "digits",
            "methods": ["gaussian"],
            "generator": {"latents": 4, "widths": [8]},
            "encoder": {"widths": [8]},
            "objective": {"samples": 2},
            "training": {"epochs": 1},
            "evaluation": ONE | {"generation": {"images": 20}},
        },
    },
}
SPARSE, IMAGES = "recovery/laplacian_thresh/0", "digits/gaussian/0"
FISTA = "recovery/fista/0"
STEPS = [
    *(["data", name] for name in ("patches", "digits")),
    *(["train", name] for name in (FISTA, SPARSE, IMAGES)),
    ["train-fid-classifier", "digits"],
    ["evaluate", FISTA, SPARSE, IMAGES],
    ["baselines", "recovery"],
    ["assemble"],
]
OF_ONE = f"results/runs/{SPARSE}"
TABLES = [["table", "table1"], ["claims"]]
READ: list[tuple[str, list[list[str]], tuple[tuple[made.Change, int], ...]]] = [
    ("results/data/patches.safetensors", [["train", SPARSE], ["baselines", "recovery"]], made.ANY),
    ("results/data/patches.safetensors", [["train", SPARSE]], ((made.of_tensors, 8), (made.exchanged, 1))),
    ("results/data/patches.safetensors", [["evaluate", SPARSE]], ((made.exchanged, 1), (made.cut, 1))),
    ("results/data/digits.safetensors", [["train", IMAGES]], ((made.exchanged, 1), (made.flipped, 4))),
    (f"{OF_ONE}/config.json", [["evaluate", SPARSE]], (*made.ANY, *made.JSON, (made.retyped, 12))),
    (f"{OF_ONE}/status.json", [["evaluate", SPARSE]], (*made.ANY, *made.JSON, *made.STATUS)),
    (f"{OF_ONE}/resources.json", [["evaluate", SPARSE]], (*made.ANY, *made.JSON, *made.RESOURCES)),
    (f"{OF_ONE}/weights.safetensors", [["evaluate", SPARSE]], (*made.ANY, (made.of_tensors, 14))),
    (f"{OF_ONE}/metrics.json", [["assemble"]], (*made.ANY, *made.JSON, *made.STATUS, *made.METRICS)),
    (f"{OF_ONE}/status.json", [["figure", "dictionaries"]], made.ANY[:5]),
    (f"{OF_ONE}/arrays.npz", [["figure", "recovery"]], (*made.ANY[:5], (made.of_npz, 2))),
    (f"{OF_ONE}/history.csv", [["figure", "training_curves"]], (*made.ANY[:2], *made.ANY[3:5], *made.CSV[2:])),
    ("results/classifiers/digits.safetensors", [["evaluate", IMAGES]], (*made.ANY[1:4], (made.of_tensors, 8))),
    ("results/baselines/recovery.json", [["assemble"]], (*made.ANY, *made.JSON)),
    ("results/study.json", TABLES, (*made.ANY, *made.JSON)),
    ("results/metrics.csv", TABLES, (*made.ANY, *made.CSV)),
]
CASES = {
    f"{command[0]}-{command[-1].replace('/', '_')}-{path.rpartition('/')[2]}-{change.__name__}-{number}-{seed}": (
        path,
        command,
        change,
        seed,
    )
    for number, (path, commands, changes) in enumerate(READ)
    for change, count in changes
    for seed in range(count)
    for command in [commands[seed % len(commands)]]
}


def test_there_are_enough_of_them() -> None:
    assert len(CASES) > 200


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, from data to metrics."""
    folder = tmp_path_factory.mktemp("finished")
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump(STUDY | {"results": str(folder / "results")}))
    for step in STEPS:
        judge(run([*step, "--config", str(config)]), Verdict(refused=False))
    config.write_text(yaml.safe_dump(STUDY))
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which commands are run."""
    shutil.copytree(finished, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


@pytest.mark.parametrize(("path", "command", "change", "seed"), CASES.values(), ids=CASES.keys())
def test_a_file_of_a_study(study: Path, path: str, command: list[str], change: made.Change, seed: int) -> None:
    """A refusal changes no file; what is left where it is was not half-written."""
    verdict = change(Random(f"{path} {change.__name__} {seed}"), study / path)
    before = files(study)
    outcome = run([*command, "--config", "study.yaml"])
    judge(outcome, verdict)
    if outcome.code:
        assert files(study) == before
    assert not list(study.rglob(".*.????????"))
