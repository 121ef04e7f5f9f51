"""Test the verbal judgements on a measure."""

from dataclasses import replace
from typing import Any

import pytest

from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.entry import Beyond, Chance, Increment, LabelEquivalents, Null, Prediction, ToldFrom
from leaderboard.statistics.fragility import Fragility
from leaderboard.statistics.resampling import Interval
from leaderboard.views.page.judgements import judgements
from tests.leaderboard.reports import entry

CHANCE = Null(Psi=0.4, p=0.0004, mean=0.0, sd=0.1)
BESIDE = Beyond(rho=-0.25, interactions=True, p=0.001, networks_needed=None, p_adjusted=0.04, verdict="worse")


def against(chance: Chance | None = None, beside: Beyond | None = None) -> ToldFrom:
    """Verdicts."""
    return ToldFrom(random=chance, hyperparameters=beside)


def labels(examples: float, *, censored: bool = False, interval: Interval | None = None) -> LabelEquivalents:
    """Label equivalents."""
    return LabelEquivalents(examples=examples, censored=censored, interval=interval)


def test_nothing_is_said_where_nothing_is_known() -> None:
    """No heading without a figure."""
    assert judgements(entry(), 160) == []


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (
            {
                "null": replace(CHANCE, p_adjusted=0.02),
                "told_from": against(Chance(verdict="better", networks_needed=12)),
            },
            "better; p = 0.0004 for scores permuted within strata, 0.020 over all 160 measures",
        ),
        (
            {
                "null": replace(CHANCE, p=0.3),
                "told_from": against(Chance(verdict="not told apart", networks_needed=1234)),
            },
            "not told apart; p = 0.300 for scores permuted within strata; about 1,234 networks would settle it",
        ),
        (
            {"told_from": against(beside=BESIDE)},
            "worse: rank correlation of the residuals −0.250, p = 0.001, 0.040 over all 160 measures",
        ),
        (
            {"label_equivalents": labels(260.4, interval=Interval(0.5, 1000))},
            "orders the networks like 260 labelled held-out examples (fewer than 1 to 1,000)",
        ),
        (
            {"label_equivalents": labels(100_000, censored=True)},
            "orders the networks like more than 100,000 labelled held-out examples",
        ),
        ({"label_equivalents": labels(0.2)}, "orders the networks like fewer than 1 labelled held-out example"),
        (
            {"increment": Increment(delta_mse=0.125, mse_without=1, mse_with=0.875, folds=5)},
            "reduces the squared error by 12.5 %",
        ),
        (
            {"increment": Increment(delta_mse=-0.5, mse_without=1, mse_with=1.5, folds=5)},
            "increases the squared error by 50.0 %",
        ),
        (
            {"prediction": Prediction(nominal=0.9, coverage=0.88, half_width=0.1, half_width_without=0.2, splits=20)},
            "90 % interval of ±0.100, without the measure ±0.200; covers 88 %",
        ),
        (
            {"fragility": Fragility(configurations=0.75, seeds=0.25)},
            "75 % of its variance between configurations, 25 % between seeds",
        ),
        ({"about": Metadata(noise=0.0)}, "none: it draws nothing at random"),
        (
            {"about": Metadata(noise=0.104)},
            "its score spreads 0.10 times as much over draws as over networks of one corruption",
        ),
        (
            {"about": Metadata(noise=0.52)},
            (
                "its score spreads 0.52 times as much over draws as over networks of one corruption; above 0.2 a "
                "measure takes no rank"
            ),
        ),
        ({"pareto": True}, "on the Pareto front: no measure is both better and cheaper"),
        ({"pareto": False}, "not on the Pareto front"),
    ],
)
def test_sentences(known: dict[str, Any], said: str) -> None:
    """Each figure in its sentence, minus signs as such, a hyphen in a name left alone, no line ended before a %."""
    found = [sentence for _, sentence in judgements(entry(**known), 160)]
    assert found == [said.replace(" %", "\N{NO-BREAK SPACE}%")]
