"""A study's own coder is ranked among the shipped ones, where these saw the same data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from reporting.planted import plant
from vscbench import config, reference
from vscbench.config.shipped import setup_of, shipped
from vscbench.reporting import available_outputs
from vscbench.reporting.leaderboard.advice import advice
from vscbench.reporting.leaderboard.board import boards
from vscbench.reporting.leaderboard.page import write_leaderboard

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

STUDY = Path(__file__).parents[2] / "config/leaderboard.yaml"
NOISE = (-0.02, 0.01, 0.0, -0.01, 0.02)


def one_coder(folder: Path, **of_data: Any) -> Study:
    """'Mine' on the photographs of the leaderboard: a draw explains 0.7 at 10 % density."""
    data = yaml.safe_load(STUDY.read_text(encoding="utf-8"))["datasets"]["photographs"] | of_data
    experiment = {"dataset": "photographs", "methods": ["mine"], "generator": {"latents": 128}, "density": [0.05, 0.1]}
    content = {
        "study": "one",
        "repetitions": 5,
        "datasets": {"photographs": data},
        "methods": {"mine": {"base": "topk", "label": "Mine"}},
        "experiments": {"photographs": experiment},
    }

    def metrics(run: config.Run, spec: dict[str, Any]) -> dict[str, float]:
        density = spec["coder"]["density"]
        found = 0.6 + density + NOISE[run.repetition]
        return {"density": density, "fve_draw": found, "mse_draw": 1 - found, "zero_code/mse_draw": 1.0}

    return plant(folder, content, metrics, {"photographs": []})


def test_one_coder_stands_among_the_shipped(tmp_path: Path) -> None:
    study = one_coder(tmp_path)
    assert study.index["experiments"]["photographs"]["shipped"] == "photographs"
    assert "leaderboard" in available_outputs(study.index)
    (board,) = boards(study)
    table = reference.leaderboard()
    assert table is not None
    there = table[(table["experiment"] == "photographs") & (table["column"] == "fve_10") & table["rank"].notna()]
    found = {coder.method: coder for coder in board.coders}
    for row in there.to_dict("records"):  # what the runs give is what was written of them when they were shipped
        compared = found[row["method"]].compared
        assert compared is not None
        assert (compared.mean, compared.low) == pytest.approx((row["mean"], row["low"]), abs=1e-5)
    mine = found["mine"]
    assert mine.compared is not None
    assert not mine.shipped
    assert mine.compared.mean == pytest.approx(0.7)
    assert mine.compared.rank == 1 + (there["mean"] > 0.7).sum()
    assert f"Mine explains 0.700 [0.680, 0.720], rank {mine.compared.rank}" in advice(board)
    write_leaderboard(study.results, tmp_path / "page")
    page = (tmp_path / "page/leaderboard.html").read_text(encoding="utf-8")
    assert page.count("(shipped)") > len(there)


def test_other_data_have_no_shipped_coders(tmp_path: Path) -> None:
    study = one_coder(tmp_path, patch_size=12)
    assert study.index["experiments"]["photographs"]["shipped"] is None
    assert boards(study) == []
    assert "leaderboard" not in available_outputs(study.index)


def test_the_long_study_is_what_is_shipped() -> None:
    """The experiments of config/leaderboard.yaml have the data and generators that their shipped runs had."""
    study = config.load([STUDY])
    found = {run.experiment: setup_of(config.run_spec(study, run)) for run in config.runs(study)}
    setups = reference.provenance("leaderboard")["setups"]
    assert setups == {name: found[name] for name in setups}
    for run in config.runs(study):
        if run.experiment in setups:
            assert shipped(config.run_spec(study, run)) == run.experiment
