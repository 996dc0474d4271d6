"""The front page of a study, index.html: its answer, the pictures behind it, what was run, and where everything is."""

from __future__ import annotations

import base64
import io
import os
import platform
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench import __version__, registry
from vscbench.files import read_json, write_text
from vscbench.layout import Layout
from vscbench.reporting import OUTPUTS, available_outputs
from vscbench.reporting.claims.judge import judge
from vscbench.reporting.claims.page import reference_of, whence
from vscbench.reporting.formats import webpage
from vscbench.reporting.inference import INCONCLUSIVE, NO_VERDICT, NOT_MEASURED, NOT_SUPPORTED, SUPPORTED
from vscbench.reporting.leaderboard.advice import advice
from vscbench.reporting.leaderboard.board import boards
from vscbench.reporting.output import Table
from vscbench.reporting.split_sizes import split_sizes
from vscbench.reporting.study import Study
from vscbench.tracking.writing import git_commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vscbench.reporting.claims.judge import Judgement

SHOWN = ("leaderboard", "claims", "frontier", "dictionaries")
"""The figures that stand in the page itself, where the study has them."""
WORDS = (SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NO_VERDICT, NOT_MEASURED)


class Picture(NamedTuple):
    """A figure in the page."""

    title: str
    caption: str
    link: str
    data: str
    """As an address that holds the picture itself, so that the page can be sent alone."""


class Experiment(NamedTuple):
    """What was run of an experiment."""

    name: str
    data: str
    budget: str
    seeds: str
    minutes: float
    """Of training, all runs together, one after another."""
    runs: dict[str, list[tuple[str, str]]]
    """By method, and its point where something is swept: the name of each repetition, and the link to its folder."""


def verdicts(judgements: Sequence[Judgement]) -> str:
    """How many of the paper's claims hold, in one sentence.

    Example:
        >>> print(verdicts([]))
        None of the paper's claims is measured here.
    """
    of_word = Counter(each.verdict.word for each in judgements if each.stated)
    if not of_word.total() - of_word[NOT_MEASURED]:
        return "None of the paper's claims is measured here."
    return f"Of the paper's {of_word.total()} claims {counted(of_word)}."


def shipped_verdicts() -> str:
    """How many hold by the runs that are shipped, in one sentence.

    Example:
        >>> print(shipped_verdicts())
        By the runs that are shipped with the package 4 are supported, 5 are not supported, 3 are inconclusive.
    """
    from vscbench.reference import claims

    table = claims()
    of_claim = table[table["reading"] == "stated"].groupby("claim")["verdict"].first()
    return f"By the runs that are shipped with the package {counted(Counter(of_claim))}."


def counted(of_word: Counter[str]) -> str:
    """'4 are supported, 1 is inconclusive'."""
    return ", ".join(
        f"{of_word[word]} {'are' if of_word[word] > 1 else 'is'} {word}" for word in WORDS if of_word[word]
    )


def trust(study: Study) -> str:
    """How far the numbers can be trusted, in one sentence: repetitions, and runs that diverged."""
    repetitions = sorted({int(setup["repetitions"]) for setup in study.index["experiments"].values()})
    many = " to ".join(str(n) for n in dict.fromkeys((repetitions[0], repetitions[-1])))
    diverged = int((study.metrics["metric"] == "diverged_step").sum())
    runs = len(study.index["runs"])
    ended = f"{diverged} of them diverged" if diverged else "none of them diverged"
    return f"This rests on {runs:,} runs, {many} of each method and setting; {ended}."


def picture(study: Study, name: str) -> Picture | None:
    """A figure for the page, in 256 colours: in a report browsers show no page above 2 MB. None where there is none."""
    from PIL import Image

    path = study.results / "figures" / f"{name}.png"
    if not path.is_file():
        return None
    output = registry.load(OUTPUTS[name])
    with Image.open(path) as image, io.BytesIO() as small:
        image.convert("RGB").quantize().save(small, "png", optimize=True)
        data = base64.b64encode(small.getvalue()).decode()
    return Picture(output.title, output.caption, f"figures/{name}.pdf", f"data:image/png;base64,{data}")


def experiments(study: Study) -> Iterator[Experiment]:
    """What was run, an experiment at a time."""
    for name, setup in study.index["experiments"].items():
        of_it = [run for run in study.index["runs"] if run["experiment"] == name]
        specs = [study.spec(study.results / run["folder"]) for run in of_it]
        seconds = study.metrics.query("experiment == @name and metric == 'train_seconds'")["value"].sum()
        steps = max(read_json(study.results / run["folder"] / "status.json")["step"] for run in of_it)
        runs: dict[str, list[tuple[str, str]]] = {}
        for run in of_it:
            at = ", ".join(f"{axis} {value}" for axis, value in run["point"].items())
            label = study.index["methods"][run["method"]] + (f", {at}" if at else "")
            runs.setdefault(label, []).append((str(run["repetition"]), f"{run['folder']}/"))
        folds = f", each on another of {specs[0]['dataset']['folds']} folds" if setup["folds"] > 1 else ""
        data = f"{setup['kind']}, {'×'.join(str(n) for n in setup['shape'])}"
        if sizes := split_sizes(study.results, specs[0]["dataset"]):
            data += f", {sizes['train']:,} to train on and {sizes['test']:,} to test"
        yield Experiment(
            name,
            data=data,
            budget=f"{steps:,} steps of {specs[0]['training']['batch_size']}",
            seeds=f"{setup['repetitions']}{folds}",
            minutes=seconds / 60,
            runs=runs,
        )


def machine() -> str:
    """The processor of this machine, its cores, and its system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {platform.platform()}"


def outputs(study: Study) -> dict[str, list[dict[str, Any]]]:
    """Title, first sentence of the caption, and files of every table and figure of the study that is there."""
    found: dict[str, list[dict[str, Any]]] = {"Tables": [], "Figures": []}
    for name in available_outputs(study.index):
        output = registry.load(OUTPUTS[name])
        kind = "Tables" if isinstance(output, Table) else "Figures"
        files = [f"{kind.lower()}/{name}.{end}" for end in ("html", "csv", "md", "tex", "png", "pdf", "svg", "txt")]
        there = [(Path(file).suffix[1:], file) for file in files if (study.results / file).is_file()]
        if there:
            said = re.split(r"(?<!\W\w)\. ", output.caption.rstrip("."))[0]  # not behind the J. of a journal
            found[kind].append({"title": output.title, "caption": f"{said}.", "files": there})
    return found


def write_front_page(results: Path) -> None:
    """Write index.html of the study in `results`, in words and pictures of what is there.

    Raises:
        UserError: the study has not been assembled.
    """
    import torch

    study = Study(results)
    judgements = judge(study)
    compared = boards(study)
    content = {
        "answer": [
            *(f"{board.name}: {advice(board)}" for board in compared[:1]),
            f"{verdicts(judgements)} {shipped_verdicts()}",
            trust(study),
        ],
        "others": [(board.name, advice(board)) for board in compared[1:]],
        "leaderboard": (results / "leaderboard.html").is_file(),
        "whence": whence(),
        "reference": reference_of(),
        "judgements": [each for each in judgements if each.stated],
        "pictures": [found for name in SHOWN if (found := picture(study, name))],
        "experiments": list(experiments(study)),
        "outputs": outputs(study),
        "machine": machine(),
        "code": f"vscbench {__version__}, commit {git_commit()}, torch {torch.__version__}",
        "seed": study.index["seed"],
    }
    write_text(Layout(results).front_page, webpage("index.html", f"Study {study.index['study']}", **content))
