"""The leaderboard in Markdown: rows, controls among them, hostile names, and the file that shows it."""

from dataclasses import replace

import pandas as pd
import pytest

from leaderboard.errors import RankingError
from leaderboard.ranking.rank import order, rank
from leaderboard.ranking.report import Report
from leaderboard.views.markdown import BEGIN, END, insert_table, markdown
from tests.leaderboard.reports import Ranked


def cells(text: str) -> list[list[str]]:
    """The rows of the table."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_rows_and_figures(ridge_report: Report, ridge_json: Ranked) -> None:
    """Rows stand in the leaderboard's order with its figures; what cannot be computed is a dash."""
    table = cells(markdown(ridge_report))
    names = [name for name in order(ridge_report) if ridge_json["measures"][name]["Psi"] is not None]
    measures = [name for name in names if not ridge_json["measures"][name]["control"]]
    last = names.index(measures[-1])
    entry = ridge_json["measures"]["frobenius_norm"]
    row = next(row for row in table if row[1] == "`frobenius_norm`")

    assert len(table) == last + 1
    assert len(measures) == 4
    assert [row[0] for row in table if row[0] != "–"] == ["1", "1", "3", "4"]  # two have one Psi
    assert row == [
        "1",
        "`frobenius_norm`",
        "norm",
        f"{entry['Psi']:+.3f}",
        f"{entry['interval']['Psi'][0]:+.2f} to {entry['interval']['Psi'][1]:+.2f}",
        row[5],
        f"{entry['psi']['hp.corruption']:+.3f}",
        f"{entry['within']['tau_b']:+.3f}",
        f"{entry['gate']['auc']:.3f}",
        row[9],
        "training data",
        "23",
        "2.1 ms",
    ]
    verdicts = {what: entry["told_from"][what]["verdict"] for what in ("random", "hyperparameters")}
    assert set(verdicts.values()) == {"not told apart"}
    assert row[5] == "neither"
    assert next(row for row in table if row[1] == "`log_margin` ↓")[12] == "–"


def test_the_first_measures(ridge_report: Report) -> None:
    """So many measures are shown, no control below the last of them, and the sentence says of how many."""
    text = markdown(replace(ridge_report, provenance={"suite": "digits", "date": "2026-11-21"}), rows=2)
    table = cells(text)

    assert [row[0] for row in table if row[0] != "–"] == ["1", "1"]
    assert table[-1][0] == "1"
    assert all(row[1].startswith("*`") for row in table if row[0] == "–")
    assert text.startswith("digits, 2026-11-21, 4 measures ranked by how well they order 23 networks by gap; ")
    assert "The first 2 of 4 are shown." in text


def test_hostile_names(ridge_ledger: pd.DataFrame) -> None:
    """A name can part no cell, end no code and open no tag."""
    hostile = "a|b`<script>\n| c"
    ledger = ridge_ledger.rename(columns={"measure.margin": f"measure.{hostile}"})
    text = markdown(rank(ledger, metadata={hostile: {"family": "<b>|"}}, bootstrap=0))
    (row,) = (line for line in text.splitlines() if "a\\|b" in line)

    assert "<" not in text
    assert r"`a\|b'&lt;script> \| c` ? | &lt;b>\| |" in row
    assert row.replace(r"\|", "").count("|") == 13


def test_figures_are_in_the_expected_direction(ridge_report: Report, ridge_json: Ranked) -> None:
    """Those of a measure that should fall as the gap grows are turned, and an arrow says so; of controls nothing is."""
    entry = ridge_json["measures"]["margin"]
    row = next(row for row in cells(markdown(ridge_report)) if row[1] == "`margin` ↓")
    low, high = entry["interval"]["Psi"]

    assert row[3] == f"{-entry['Psi']:+z.3f}"
    assert row[4] == f"{-high:+z.2f} to {-low:+z.2f}"
    assert row[6] == f"{-entry['psi']['hp.corruption']:+z.3f}"
    assert row[7] == f"{-entry['within']['tau_b']:+z.3f}"
    assert row[8] == f"{1 - entry['gate']['auc']:.3f}"
    assert "↓ marks a measure whose raw score should fall" in markdown(ridge_report)


def test_an_unknown_sign_is_marked(ridge_ledger: pd.DataFrame, ridge_report: Report) -> None:
    """With the size of Psi, an arrow where it falls, and what that means."""
    report = rank(ridge_ledger, bootstrap=0)
    entry = report.measures["frobenius_norm"]
    row = next(row for row in cells(markdown(report)) if row[1] == "`frobenius_norm` ↓ ?")

    assert entry.Psi is not None
    assert entry.Psi < 0
    assert row[3] == f"{-entry.Psi:+.3f}"
    assert "? marks one whose sign is unknown" in markdown(report)
    assert "unknown" not in markdown(ridge_report)


def test_a_measure_that_lacks_networks_is_marked(ridge_ledger: pd.DataFrame) -> None:
    """With how many of them it scores."""
    ledger = ridge_ledger.assign(**{"measure.margin": ridge_ledger["measure.margin"].where(ridge_ledger.index > 3)})
    row = next(row for row in cells(markdown(rank(ledger, bootstrap=0))) if row[1] in ("`margin` ?", "`margin` ↓ ?"))

    assert row[10] == "19 of 23"


def test_between_the_marks() -> None:
    """What stands there is replaced, once and again; the rest stays."""
    text = f"# A\n\n{BEGIN}\nold\n{END}\n\nend\n"
    once = insert_table(text, "| new |\n")

    assert once == f"# A\n\n{BEGIN}\n| new |\n{END}\n\nend\n"
    assert insert_table(once, "| new |\n") == once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{END}{BEGIN}{END}"])
def test_marks_that_are_not_there(text: str) -> None:
    """The refusal names them."""
    with pytest.raises(RankingError, match="once each"):
        insert_table(text, "table")


def test_measures_too_noisy_to_rank_are_named(ridge_ledger: pd.DataFrame) -> None:
    """They are not in the table, and the sentence above it has their noise."""
    text = markdown(rank(ridge_ledger, metadata={"frobenius_norm": {"noise": 0.517}}, bootstrap=0))

    assert "`frobenius_norm` (0.52)." in text
    assert "`frobenius_norm`" not in [row[1] for row in cells(text)]
