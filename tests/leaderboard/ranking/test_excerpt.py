"""Excerpts of rankings: enough for the tables, small, read again, and nothing else taken for one."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from leaderboard.errors import RankingError
from leaderboard.ranking.excerpt import excerpt_of, read_excerpt
from leaderboard.ranking.rank import order
from leaderboard.ranking.report import Report
from leaderboard.views.markdown import markdown
from leaderboard.views.rows import rows_of
from leaderboard.views.terminal import render

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "reports" / "schema_1"
EARLIER: dict[str, Any] = {
    "models": 3,
    "target": "gap",
    "not_converged": 0,
    "converged_only": True,
    "seeds": "averaged",
    "binned": {},
    "measures": {},
}


def test_the_excerpt_is_enough(ridge_report: Report) -> None:
    """What is kept gives the same tables, after JSON, and is a small part."""
    report = replace(ridge_report, provenance={"suite": "ridge", "machine 1": "not kept"})
    kept = json.dumps(excerpt_of(report).to_json(), allow_nan=False)
    read = read_excerpt(json.loads(kept))

    assert markdown(read) == markdown(report)
    assert markdown(read, rows=1) == markdown(report, rows=1)
    assert [row.name for row in rows_of(read)] == order(report)
    assert json.dumps(excerpt_of(read).to_json()) == kept
    assert "machine" not in kept
    assert len(kept) < len(json.dumps(report.to_json())) / 4


def test_a_whole_report_holds_its_excerpt(ridge_report: Report) -> None:
    """As a leaderboard.json in a zoo's directory does."""
    read = read_excerpt(json.loads(json.dumps(ridge_report.to_json())))

    assert markdown(read) == markdown(ridge_report)


@pytest.mark.parametrize("name", ["factorial", "ragged"])
def test_a_report_of_schema_1_is_shown_as_it_was(name: str) -> None:
    """Its Psi is over all hyperparameters, corruption included, and nothing is said of any that stay out."""
    stored = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    read = read_excerpt(stored)
    file = io.StringIO()
    render(read, Console(file=file, width=300))

    assert (read.schema, read.apart, read.random_labels) == (1, (), 0)
    assert [row.psi.value for row in rows_of(read)] == [stored["measures"][row.name]["Psi"] for row in rows_of(read)]
    assert "averaged over the hyperparameters: 1" in file.getvalue()
    assert "across" not in file.getvalue() + markdown(read)


def test_an_excerpt_of_an_earlier_version() -> None:
    """It lacks fields that have a default."""
    read = read_excerpt(EARLIER)

    assert (read.without_target, read.bootstrap, read.provenance) == (0, 0, {})
    assert read.within is not None
    assert read.within.hp == "stratum"


@pytest.mark.parametrize("change", [{"measures": {"m": {"Psi": 1.0}}}, {"models": "3"}, {"target": "nothing"}, None])
def test_what_is_no_ranking_is_refused(change: dict[str, Any] | None) -> None:
    """With where it departs."""
    with pytest.raises(
        RankingError, match=r"must be JSON as gapbench run writes it .* at `\$|must be JSON.*got `null`"
    ):
        read_excerpt(None if change is None else EARLIER | change)
