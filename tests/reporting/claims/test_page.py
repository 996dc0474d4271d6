"""Verdicts as files and as a figure: the same in each, and what was not measured apart."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd
import pytest

from reporting.claims.made import estimators, lasso, made_up, merged, sampled, spread
from vscbench import reference
from vscbench.reference import beside
from vscbench.reporting.claims.claim import Claim
from vscbench.reporting.claims.judge import judge
from vscbench.reporting.claims.page import in_short, worst, write_claims
from vscbench.reporting.claims.size import Size
from vscbench.reporting.claims.twelve import CLAIMS
from vscbench.reporting.figures import claims as figure
from vscbench.reporting.inference import NOT_MEASURED, coverage
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that decides some claims, leaves one open, and does not measure the rest."""
    found = tmp_path_factory.mktemp("claims")
    loss = [150.0, 151.0, 149.0, 150.5, 150.2, 149.4, 150.3, 149.9]
    open_claim = estimators({"lasso20_best": loss}, {"lasso20_best": loss[::-1]})
    write_claims(made_up(found, merged(lasso(), sampled(), open_claim)).results, found)
    return found


def test_the_files_say_the_same(folder: Path) -> None:
    rows = pd.read_csv(folder / "claims.csv")
    stated = rows[rows["reading"] == "stated"].drop_duplicates("claim").set_index("claim")["verdict"]
    assert list(stated.index) == list(range(1, 13))
    measured = stated[stated != NOT_MEASURED]
    assert set(measured) >= {"supported", "inconclusive"}
    text = (folder / "claims.md").read_text()
    in_order = re.findall(r"^\| (\d+) .*\*\*(supported|not supported|inconclusive)\*\*", text, re.MULTILINE)
    assert [(int(number), word) for number, word in in_order] == list(measured.items())
    page = (folder / "claims.html").read_text()
    chips = re.findall(r'class="verdict [a-z-]+">. ([a-z ]+)<', page)
    assert len(chips) == len(rows[rows["verdict"] != NOT_MEASURED].drop_duplicates(["claim", "quantity"]))
    for comparison in rows["comparison"].dropna():
        assert comparison in page.replace("&#39;", "'")
        assert comparison in text


def test_what_goes_worst_is_the_same_by_the_page_and_by_its_file(folder: Path) -> None:
    """Reference runs are read from such a file."""
    shipped = pd.read_csv(folder / "claims.csv")
    shown = 0
    for each in judge(Study(folder)):
        of_reading = shipped.query("claim == @each.claim.number and name == @each.reading.name")
        least, row = worst(each), beside.worst(of_reading)
        if least is None:
            assert row is None
        else:
            assert row is not None
            assert row["comparison"] == least.what
            assert beside.sized(row).startswith(f"{Size.of(least)}; margin ")
            assert f"worst {Size.of(least)}, margin {Size.of(least).against}" in in_short(each)
            shown += 1
    assert shown > 2


def test_the_reference_runs_stand_beside_each_claim(folder: Path) -> None:
    """By their verdict, whether this study measures the claim or not, at the budget that is theirs."""
    rows = pd.read_csv(folder / "claims.csv")
    shipped = reference.claims().groupby(["claim", "name"])[["verdict", "budget"]].first()
    found = rows.groupby(["claim", "name"])[["reference", "reference_budget"]].first()
    assert found.to_numpy().tolist() == shipped.loc[found.index].to_numpy().tolist()
    text = (folder / "claims.md").read_text()
    first = shipped.loc[(1, CLAIMS[0].stated.name)]
    assert re.search(rf"- 1\. .* Reference: {first['verdict']}: .*; {re.escape(first['budget'])}\.\n", text)
    for page in (text, html.unescape((folder / "claims.html").read_text())):
        assert page.count(first["budget"]) > 10
        assert reference.provenance("claims")["what"] in page


def test_what_was_not_measured_stands_apart_with_its_command(folder: Path) -> None:
    text = (folder / "claims.md").read_text()
    apart = text.split("## Not measured here")[1].split("##")[0]
    absent = pd.read_csv(folder / "claims.csv").query("verdict == @NOT_MEASURED and reading == 'stated'")
    assert len(absent)
    for row in absent.itertuples():
        assert f"- {row.claim}. {row.statement}" in apart
    assert re.search(
        r"measured in about \d+ minutes on two cores: `snakemake --cores all --configfile config/\w+\.yaml`", apart
    )


def test_a_study_without_numbers_measures_nothing_and_says_what_does(tmp_path: Path) -> None:
    write_claims(made_up(tmp_path, spread("faces", "kl", {"gaussian": 1.0})).results, tmp_path)
    rows = pd.read_csv(tmp_path / "claims.csv")
    assert set(rows["verdict"]) == {NOT_MEASURED}
    assert rows["advice"].str.match(r"about \d+ minutes on two cores: `snakemake ").all()


def test_intervals_of_few_repetitions_are_shown_with_their_coverage(tmp_path: Path) -> None:
    write_claims(made_up(tmp_path, lasso(), repetitions=3).results, tmp_path)
    share = f"{100 * coverage(3)['skewed']:.0f} % (skewed)"
    for name in ("claims.md", "claims.html"):
        text = (tmp_path / name).read_text()
        assert "Of 3 repetitions the 95 % interval holds the true mean in" in text
        assert share in text


def test_a_claim_that_is_open_says_what_would_decide_it(tmp_path: Path) -> None:
    runs = lasso()
    runs["patches", "", "fista"]["lasso20_best"] = [140.0, 150.0, 130.0, 145.0, 152.0, 135.0, 141.0, 149.0]
    found = next(each for each in judge(made_up(tmp_path, runs)) if each.claim.number == 3)
    assert found.verdict.word == "inconclusive"
    wanted = re.fullmatch(r"a study of (\d+) repetitions, if means and spreads stay", found.advice)
    assert wanted
    assert int(wanted[1]) > 8


def test_the_figure_has_a_row_for_each_reading_and_names_what_is_absent(folder: Path) -> None:
    from vscbench.reporting.study import Study

    with mpl.rc_context():
        drawn = figure.draw(Study(folder))
    judgements = judge(Study(folder))
    measured = [each for each in judgements if each.verdict.word != NOT_MEASURED]
    axes = drawn.axes[0]
    assert len(axes.get_yticks()) == len(measured)
    words = [text.get_text() for text in axes.texts]
    assert [word for word in words if word in {each.verdict.word for each in measured}] == [
        each.verdict.word for each in measured
    ]
    absent = {each.claim.number for each in judgements if each.verdict.word == NOT_MEASURED and each.stated}
    named = {int(text.get_text().split()[0]) for text in drawn.texts if text.get_text()[:1].isdigit()}
    assert named == absent


def test_every_claim_says_what_it_measures_and_against_what() -> None:
    for claim in CLAIMS:
        readings = (claim.stated, *claim.beside)
        assert len({each.name for each in readings}) == len(readings)
        assert all(each.quantity and each.margin for each in readings)


def test_a_claim_of_ones_own_is_decided_with_the_others(tmp_path: Path) -> None:
    """A claim is an object: its file, and its line where the twelve are listed."""
    stated = CLAIMS[2].stated
    own = Claim(13, "FISTA is lowest, once more.", "nothing", "claims", stated)
    found = judge(made_up(tmp_path, lasso()), [*CLAIMS, own])
    assert found[-1].claim is own
    assert found[-1].verdict.word == "supported"
    third = next(each for each in found if each.claim.number == 3)
    assert found[-1].verdict.p == pytest.approx(13 * max(each.verdict.p for each in third.comparisons))
