"""Command lines with something wrong in them."""

from __future__ import annotations

import string
from random import Random
from typing import TYPE_CHECKING

import pytest
import yaml

from .configurations import misspelt
from .judging import Verdict, files, judge, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STUDY = {
    "datasets": {"patches": {"kind": "synthetic", "train": 200, "validation": 30, "test": 30, "pixels": 16}},
    "experiments": {
        "recovery": {"dataset": "patches", "methods": ["fista", "gaussian"], "generator": {"latents": [4, 8]}}
    },
}
CONFIG = ["--config", "study.yaml"]
RUN = "recovery/fista__latents-4/0"
LINES = (
    ["run", "recovery/fista", "--cores", "1", *CONFIG],
    ["data", "patches", *CONFIG],
    ["train", RUN, "--device", "cpu", *CONFIG],
    ["train-together", RUN, "--device", "cpu", "--seconds", "1", "--keep", "0.5", *CONFIG],
    ["evaluate", RUN, "--device", "cpu", *CONFIG],
    ["train-fid-classifier", "patches", *CONFIG],
    ["baselines", "recovery", *CONFIG],
    ["table", "table1", *CONFIG],
    ["figure", "frontier", *CONFIG],
    ["track", RUN, "--store", "mlruns", *CONFIG],
    ["ui", "--port", "5001", *CONFIG],
)
"""Right lines of a study of which nothing was made, in which they find no data; `ui` finds no store."""
ODD = (
    "",
    " ",
    "a" * 10_000,
    "größe",
    "a\0b",
    "../..",
    "-x",
    "--",
    "{a}",
    "$(touch x)",
    "💥",
    "%s",
    "nan",
    "-1",
    "0",
)


def misspelt_word(rng: Random, line: list[str]) -> Verdict:
    """A command, an option or a name with a letter too many or too few."""
    k = rng.choice([k for k, word in enumerate(line) if len(word) > 4 and word not in ("mlruns", "study.yaml")])
    right = line[k]
    while line[k] == right or (right.startswith(line[k]) and right.startswith("--")):  # argparse takes what is cut
        line[k] = misspelt(rng, right)
    return Verdict(True, ("did you mean",) if k == 0 else ())


def odd_value(rng: Random, line: list[str]) -> Verdict:
    """Something odd in place of a word."""
    k = rng.randrange(1, len(line))
    line[k] = rng.choice(ODD)
    return Verdict()


def left_out(rng: Random, line: list[str]) -> Verdict:
    """A word less."""
    del line[rng.randrange(len(line))]
    return Verdict()


def added(rng: Random, line: list[str]) -> Verdict:
    """A word more."""
    line.insert(rng.randrange(len(line) + 1), rng.choice([*ODD, "--help-me", "--nowhere=1", "-q"]))
    return Verdict()


def odd_option(rng: Random, line: list[str]) -> Verdict:
    """An option whose value cannot be."""
    options: dict[str, list[str]] = {
        "--device": ["gpu", "cuda:99", "cuda:-1", "tpu", "", "cpu:7", "CPU", "meta"],
        "--seconds": ["x", "nan", "-1", ""],
        "--keep": ["x", "2", "1e9", "nan", ""],
        "--cores": ["x", "0", "-1", "1.5", ""],
        "--port": ["x", "-1", "70000", "0", "1e3", ""],
        "--config": ["missing.yaml", ".", "", "/dev/null", "a\0b"],
    }
    k = rng.choice([k for k, word in enumerate(line) if word in options])
    line[k + 1] = rng.choice(options[line[k]])
    return Verdict(True, (line[k],) if line[k] in ("--seconds", "--keep", "--cores", "--port") else ())


def odd_name(rng: Random, line: list[str]) -> Verdict:
    """The name of a run that there is not."""
    if line[0] not in ("train", "evaluate", "track", "train-together"):
        return Verdict()
    parts = RUN.split("/")
    k = rng.randrange(3)
    parts[k] = rng.choice(["", "x", "-1", "99", "²", "1/2", "*", rng.choice(string.ascii_letters) * 300, "fista", ".."])
    line[1] = "/".join(parts)
    return Verdict(refused=True)


MUTATORS: tuple[tuple[Callable[[Random, list[str]], Verdict], int], ...] = (
    (misspelt_word, 25),
    (odd_value, 25),
    (left_out, 10),
    (added, 15),
    (odd_option, 25),
    (odd_name, 15),
)


def cases() -> Iterator[tuple[str, list[str], Verdict]]:
    """Name, line and verdict of each input."""
    for mutate, count in MUTATORS:
        for seed in range(count):
            rng = Random(f"{mutate.__name__} {seed}")
            line = list(LINES[seed % len(LINES)])
            verdict = mutate(rng, line)
            yield f"{mutate.__name__}-{seed}", line, verdict


CASES = {name: (line, verdict) for name, line, verdict in cases()}


@pytest.mark.parametrize(("line", "verdict"), CASES.values(), ids=CASES.keys())
def test_a_line(line: list[str], verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written but by a line that is right; no process takes the place of this one unless one is."""
    started: list[object] = []
    for name in ("execv", "execve"):
        monkeypatch.setattr(f"os.{name}", lambda *arguments: started.append(arguments))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    before = files(tmp_path)
    outcome = run(line)
    judge(outcome, verdict)
    if outcome.code:
        assert files(tmp_path) == before
        assert not started
