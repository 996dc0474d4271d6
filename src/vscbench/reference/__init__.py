"""Reference runs: the metrics of long studies, shipped so that a short run can be read beside them.

`published.csv` has a row for each run and each budget at which it was measured, `claims.csv` one for each comparison
behind a verdict, `matched_density.csv`, `ablation_protocol.csv` and `leaderboard_runs.csv` one a run, `leaderboard.csv`
one for each number of a coder; the file of the same name that ends in .json says where each is from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from vscbench.methods import METHODS
from vscbench.reporting.numbers import cell_of, text

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
AT_THE_END = {
    "lasso20_best": "Lasso, λ=20, best of 20",
    "fve_draw": "FVE, one draw",
    "fve_mean": "FVE, mean",
    "density": "Density",
    "elbo_above_empty": "ELBO above empty",
    "iwae_100_fitted_above_empty": "IWAE-100 above empty, fitted noise",
    "pair_bits_excess": "Pair bits",
    "support_bits": "Support bits",
    "multi_information": "Multi-information as published",
    "posterior_collapse": "Posterior collapse, %",
}
"""Metrics of the table of finished runs, and their headings."""
BY_BUDGET = {
    "fve_draw": "Variance explained by one draw",
    "support_bits": "Bits that the data say of the support",
    "lasso20_best": "Lasso objective, λ = 20, best of 20",
}
"""Metrics of the tables by budget, and their titles."""


def published() -> pd.DataFrame:
    """Metrics of the paper's Table 1 at its full budget: `method`, `repetition`, `step`, then a column for each metric.

    Fallah and Rozell 2022, by their published protocol (`config/published.yaml`).

    Example:
        >>> table = published()
        >>> len(table), table["step"].max()
        (120, 240000)
    """
    return pd.read_csv(HERE / "published.csv")


def claims() -> pd.DataFrame:
    """Every comparison behind the verdicts of `config/claims.yaml`, as its tables/claims.csv has them.

    Example:
        >>> table = claims()
        >>> sorted(table["claim"].unique()) == list(range(1, 13))
        True
    """
    return pd.read_csv(HERE / "claims.csv")


def leaderboard() -> pd.DataFrame | None:
    """The leaderboard of `config/leaderboard.yaml`, as its leaderboard.csv has it; None where none is shipped.

    Example:
        >>> table = leaderboard()
        >>> table is None or {"data", "method", "rank"} <= set(table)
        True
    """
    path = HERE / "leaderboard.csv"
    return pd.read_csv(path) if path.is_file() else None


def provenance(name: str = "published") -> dict[str, Any]:
    """Where the runs of that name are from: study, code, device, date, and in what the runs differ from the study.

    Example:
        >>> provenance()["study"], provenance("claims")["study"]
        ('config/published.yaml', 'config/claims.yaml')
    """
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


def labels() -> dict[str, str]:
    """The methods of `published`, in its order, as tables and figures call them."""
    return {method: METHODS[method]().label for method in published()["method"].unique()}


def at_the_end(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each method, a column for each metric of `AT_THE_END`, at the last step."""
    return _by_method(table[table["step"] == table["step"].max()], AT_THE_END)


def by_budget(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row for each method, a column for each budget: `metric`."""
    steps = sorted(table["step"].unique())
    rows = {step: _by_method(table[table["step"] == step], {metric: f"{step:,} steps"}) for step in steps}
    return pd.concat(rows.values(), axis=1)


def _by_method(table: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    found = {
        label: {
            heading: text(cell_of(table.loc[table["method"] == method, name].dropna()))
            for name, heading in metrics.items()
        }
        for method, label in labels().items()
    }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("Method")


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each claim as the paper states it: its verdict, and the comparison that goes worst for it."""
    from vscbench.reference.beside import sized, worst

    rows = []
    for number, of_claim in table[table["reading"] == "stated"].groupby("claim"):
        least = worst(of_claim)
        assert least is not None  # noqa: S101  (every claim has a comparison with an interval)
        effect = f"{sized(least)}; {least['repetitions']} runs"
        rows.append(
            {
                "": number,
                "Claim": least["statement"],
                "Verdict": f"**{least['verdict']}**",
                "Of what it predicts, what goes worst": f"{least['comparison']}: {effect}",
                "Budget": least["budget"].removesuffix(" of the paper's steps"),
                "Published": least["published"],
            }
        )
    return pd.DataFrame(rows).set_index("")


def markdown() -> dict[str, str]:
    """The tables of the pages of docs/ that quote reference runs, by name."""
    from vscbench.reference import board, protocol

    table = published()
    found = {"at_the_end": at_the_end(table)} | {name: by_budget(table, name) for name in BY_BUDGET}
    found["verdicts"] = verdicts(claims())
    found |= {"at_equal_density": protocol.at_equal_density(), "gained": protocol.gained()}
    found |= board.tables()
    return {name: each.reset_index().to_markdown(index=False) for name, each in found.items()}
