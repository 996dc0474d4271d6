"""`python -m vscbench.reference.ship RESULTS`: put the leaderboard of that study into the package.

Writes leaderboard.csv, leaderboard_runs.csv and, in leaderboard.json, what each experiment was trained on. The rest of
leaderboard.json, which says where the runs are from, is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from vscbench.config.shipped import setup_of
from vscbench.files import write_json, write_text
from vscbench.reference import HERE, provenance
from vscbench.reporting.leaderboard.columns import SCORES
from vscbench.reporting.study import Study

KEYS = ["experiment", "method", "point", "repetition"]
OF_THE_MACHINE = ("cost_seconds_1", "cost_seconds_1000", "cost_ratio_1000", "train_seconds", "seconds_to_90")
"""Metrics that a run elsewhere would not have."""
TRAINING = ("training", "training_90")
"""Columns that a busy machine spoils."""


def rounded(table: pd.DataFrame) -> str:
    """A CSV of six digits."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def runs_of(study: Study) -> pd.DataFrame:
    """A row for each run that ended: what the leaderboard reads, less what depends on the machine."""
    metrics = dict.fromkeys(["density", *(score.metric for score in SCORES if score.metric not in OF_THE_MACHINE)])
    rows = study.metrics[(study.metrics["status"] == "completed") & study.metrics["metric"].isin(metrics)]
    table = rows.pivot_table(index=KEYS, columns="metric", values="value", sort=False).reset_index()
    return table[[*KEYS, *(name for name in metrics if name in table)]]


def main() -> int:
    """Ship the leaderboard of a study that was run."""
    parser = argparse.ArgumentParser(prog="python -m vscbench.reference.ship", description="Ship a leaderboard.")
    parser.add_argument("results", type=Path, help="the results of config/leaderboard.yaml")
    study = Study(parser.parse_args().results)
    board = pd.read_csv(study.results / "leaderboard.csv")
    write_text(HERE / "leaderboard.csv", rounded(board[~board["column"].isin(TRAINING)]))
    write_text(HERE / "leaderboard_runs.csv", rounded(runs_of(study)))
    setups = {name: setup_of(study.spec_of(study.groups_of(name)[0])) for name in study.experiments}
    write_json(HERE / "leaderboard.json", provenance("leaderboard") | {"setups": setups})
    return 0


if __name__ == "__main__":
    sys.exit(main())
