"""Pictures of the findings show every measure that has a Psi."""

import re

from leaderboard.findings.figures import draw_cost, draw_families, draw_rankings
from leaderboard.ranking.rank import rank
from tests.leaderboard.reports import zoo


def test_families_and_rankings() -> None:
    """The same text for the same report; both axes say what they show."""
    ledger = zoo(seeds=4).assign(**{"cost.perfect": 0.5, "cost.useless": 0.1})
    report = rank(ledger, bootstrap=100, metadata={name: {"family": "kind"} for name in ("perfect", "useless")})
    families = draw_families(report)

    assert families == draw_families(report)
    assert "better than chance" in families
    assert "kind" in families
    assert "seconds a network" in draw_cost(report)
    rankings = draw_rankings(report, report, ("one", "two"))
    assert re.search(r"direction: one.*direction: two", rankings, re.DOTALL)


def test_no_costs_no_picture() -> None:
    """Empty text instead of empty axes."""
    assert not draw_cost(rank(zoo(), bootstrap=0))
