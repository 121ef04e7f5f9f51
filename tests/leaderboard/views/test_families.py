"""Families in a terminal and in Markdown."""

import io

import pytest
from rich.console import Console

from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.views.families import markdown_families, render_families
from tests.leaderboard.reports import zoo

METADATA = {
    "perfect": {"family": "pac_bayes", "expected_sign": 1},
    "reversed": {"family": "pac_bayes", "expected_sign": 1},
    "memory": {"family": "bad|worse", "expected_sign": 1},
    "useless": {"family": "bad|worse", "expected_sign": 1},
}


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo with four seeds, so that verdicts fall."""
    return rank(zoo(seeds=4), bootstrap=200, metadata=METADATA)


def shown(report: Report, width: int) -> str:
    """What is printed on a console of this width."""
    console = Console(file=io.StringIO(), width=width)
    render_families(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_row_each(report: Report) -> None:
    """In words, with the best measure and the verdicts; the legend explains what is shown."""
    text = shown(report, 200)
    (row,) = (line for line in text.splitlines() if line.startswith("pac bayes"))

    assert row.split() == [
        "pac",
        "bayes",
        "2",
        "+0.00",
        "perfect",
        "+1.00",
        *row.split()[6:8],
        "1",
        "1",
        *row.split()[10:],
    ]
    assert row.split()[-1] == "1/2"
    assert "2 families of measures. 4 measures ranked" in text
    assert "within corruption" in text
    assert "Hidden" not in text


def test_narrow(report: Report) -> None:
    """At 80 columns and below, what is left out is named, and nothing is cut."""
    text = shown(report, 50)

    assert "Hidden at this width: measures," in " ".join(text.split())
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 50


def test_without_random_labels() -> None:
    """It is said why the gate is empty; without resamples there are no intervals."""
    ledger = zoo()
    text = shown(rank(ledger[ledger["hp.corruption"] != "random_labels"], bootstrap=0, metadata=METADATA), 200)

    assert "too few networks with them" in text
    assert "1 family" not in text


def test_markdown(report: Report) -> None:
    """Hostile names end no cell."""
    lines = markdown_families(report).splitlines()

    assert lines[0].startswith("| family | measures | median Psi | best |")
    assert len(lines) == 4
    assert any(line.startswith("| bad\\|worse | 2 |") for line in lines)
