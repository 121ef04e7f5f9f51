"""The sentence on what the networks of a ranking can settle."""

from dataclasses import replace

import pytest

from leaderboard.ranking.rank import rank
from leaderboard.ranking.significance import SETTLED
from leaderboard.views.settled import say_settled
from tests.leaderboard.reports import zoo


def test_what_networks_settle_is_said() -> None:
    """A difference of 2.8 standard errors, and how many measures are better than chance."""
    report = rank(zoo(seeds=4), bootstrap=100, metadata={"reversed": {"expected_sign": 1}})
    error = 0.1
    table = replace(report.comparisons, standard_error=[[None, error], [error, None]])
    found = say_settled(replace(report, comparisons=table))

    assert found == (
        f"72 networks in 18 settings tell two measures apart if their Psi differ by about {SETTLED * error:.2f}; "
        "1 of 4 measures are better than chance."
    )


@pytest.mark.parametrize("bootstrap", [0, 50])
def test_few_networks_settle_nothing(bootstrap: int) -> None:
    """Without a standard error there is no difference that they show."""
    report = rank(zoo(seeds=1).query("`hp.width` == 8"), bootstrap=bootstrap)
    few = replace(report, comparisons=replace(report.comparisons, standard_error=[[None, None], [None, None]]))

    assert say_settled(few) == "6 networks in 6 settings cannot tell two measures apart: a first look, not a result."
