"""Selection figures on the page of a ranking."""

import pytest

from harness.reports import page
from leaderboard.ranking.rank import rank
from leaderboard.selection.select import select
from tests.leaderboard.reports import zoo

METADATA: dict[str, dict[str, object]] = {"perfect": {"expected_sign": 1, "family": "good"}}


def test_the_figures_are_those_of_the_command() -> None:
    """Of the same networks, with the same signs, families and resamples."""
    report = rank(zoo(), bootstrap=20, metadata=METADATA)

    assert page.select_as_ranked(report, zoo()) == select(zoo(), bootstrap=20, metadata=METADATA)
    document = page.build_page(report, zoo(), {})
    assert 'id="picking"' in document


def test_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal gaps leave nothing to select, and of many networks they would take too long: the page goes without."""
    report = rank(zoo(), bootstrap=0)
    assert page.select_as_ranked(report, zoo().assign(gap=0.1)) is None
    monkeypatch.setattr(page, "MOST", report.models - 1)
    assert page.select_as_ranked(report, zoo()) is None
