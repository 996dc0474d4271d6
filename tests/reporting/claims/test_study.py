"""config/claims.yaml is the command that every claim names: it measures all twelve, as often as a verdict takes."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import pandas as pd
import pytest

from vscbench import config as configs
from vscbench.files import write_json
from vscbench.methods import METHODS
from vscbench.reporting.assemble import COLUMNS, run_rows
from vscbench.reporting.claims import budget
from vscbench.reporting.claims.judge import judge
from vscbench.reporting.claims.page import write_claims
from vscbench.reporting.inference import INCONCLUSIVE, NOT_MEASURED, NOT_SUPPORTED, SUPPORTED
from vscbench.reporting.study import Study, text_of

ROOT = Path(__file__).parents[3]
FILE = ROOT / "config" / f"{budget.STUDY}.yaml"


def metrics(run: configs.Run) -> dict[str, float]:
    """Numbers of a run that are near those of its method, apart for every run."""
    method, at = run.method, dict(run.point)
    rank = list(METHODS).index(method)
    wobble = 1 + 0.002 * math.sin(zlib.crc32(run.name.encode()))
    density = float(at.get("density", 0.1))
    numbers = {
        "lasso20_best": 100.0 + 20 * rank,
        "density": density,
        "density_best": density,
        "fve_draw": 0.3 + density,
        "fve_best": 0.4 + density,
        "mse_draw": 0.9 - density,
        "mse_best": 0.5 - density / 10,
        "elbo": -100.0 - rank,
        "elbo_above_empty": 5.0,
        "jaccard_draw": 0.2,
        "jaccard_null": 0.1,
        "spike_slab_active_distance": 0.008,
        "spike_slab_active_p": 0.4,
        "spike_slab_mass": 0.0001,
        "spike_slab_mass_p": 0.5,
        "pair_bits_excess": 1.0 + rank,
        "two_sample_accuracy": 0.55,
        "control_values/pair_bits_excess": 0.5,
        "control_values/two_sample_accuracy": 0.55,
        "multi_information": 100.0 + rank,
        "attributes_found": 3.0 + run.repetition % 2,
        "attribute_r_mean": 0.4,
        **{
            f"gradient_snr_{kind}_{part}_j{j}": 0.3
            for kind in ("published", "unbiased")
            for part in ("inference", "generator")
            for j in (1, 20)
        },
    }
    found = {name: value if "attributes" in name else value * wobble for name, value in numbers.items()}
    return found | {"pair_bits_decides": 1.0, "two_sample_decides": 1.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study with made-up numbers of all its runs."""
    folder = tmp_path_factory.mktemp("claims")
    checked = configs.load([FILE])
    index, rows = configs.index(checked), []
    for run in configs.runs(checked):
        place = folder / "runs" / run.name
        status = {"status": "completed", "step": 42}
        write_json(place / "config.json", configs.run_spec(checked, run))
        write_json(place / "status.json", status)
        write_json(place / "metrics.json", {**status, "metrics": metrics(run)})
        about = {"experiment": run.experiment, "dataset": "d", "method": run.method, "label": run.method}
        rows += run_rows(place, about | {"point": text_of(dict(run.point)), "repetition": run.repetition}, {})
    write_json(folder / "study.json", index)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "metrics.csv", index=False)
    return Study(folder)


def test_every_claim_is_measured_by_every_reading(study: Study) -> None:
    missing = [(each.claim.number, each.reading.name) for each in judge(study) if each.verdict.word == NOT_MEASURED]
    assert missing == []


def test_there_are_enough_repetitions_of_all_that_a_claim_compares(study: Study) -> None:
    for each in judge(study):
        whys = {comparison.verdict.why for comparison in each.comparisons}
        assert not [why for why in whys if "needed" in why or "was not measured" in why or "trained with" in why]
        assert each.verdict.word in {SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE}


def test_the_command_names_a_study_that_is_there_and_as_large_as_is_said() -> None:
    assert budget.command() == f"snakemake --cores all --configfile {FILE.relative_to(ROOT)}"
    count = len(list(configs.runs(configs.load([FILE]))))
    assert f"{count} runs" in FILE.read_text()
    assert sum(cost.runs for cost in budget.COSTS.values()) == count


def test_costs_are_those_of_the_experiments_of_the_study() -> None:
    found = configs.load([FILE])
    assert list(budget.COSTS) == list(found.experiments)
    for name, cost in budget.COSTS.items():
        assert cost.runs == sum(run.experiment == name for run in configs.runs(found))


def test_each_verdict_prints_its_share_of_the_papers_steps(study: Study, tmp_path: Path) -> None:
    write_claims(study.results, tmp_path)
    rows = {each.claim.number: each.share for each in judge(study) if each.stated}
    # Made-up runs end at step 42, of 240,000 or, for digits, of 35,100.
    assert rows[3] == "0.017 % of the paper's steps"
    assert rows[9] == "0.12 % of the paper's steps"
    assert f"at {rows[9]}" in (tmp_path / "claims.md").read_text()
