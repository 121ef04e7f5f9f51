"""What is said of a measure in words."""

from typing import Any

import pytest

from leaderboard.views.page.judgements import judgements

SILENT: dict[str, Any] = {
    "null": None,
    "told_from": {"random": None, "hyperparameter": None},
    "label_equivalents": None,
    "increment": None,
    "prediction": None,
    "fragility": None,
    "pareto": None,
}


def test_nothing_is_said_where_nothing_is_known() -> None:
    """No heading without a figure."""
    assert judgements(SILENT, 160) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {
                "null": {"p": 0.0004, "p_adjusted": 0.02},
                "told_from": {"random": {"verdict": "better", "networks_needed": 12}, "hyperparameter": None},
            },
            "better; p = 0.0004 of scores changing places within strata, 0.020 over all 160 measures",
        ),
        (
            {
                "null": {"p": 0.3, "p_adjusted": None},
                "told_from": {"random": {"verdict": "not told apart", "networks_needed": 1234}, "hyperparameter": None},
            },
            "not told apart; p = 0.300 of scores changing places within strata; about 1,234 networks would settle it",
        ),
        (
            {
                "told_from": {
                    "random": None,
                    "hyperparameter": {
                        "verdict": "worse",
                        "name": "hp.train-8",
                        "difference": -0.25,
                        "interval": [-0.5, 0.01],
                        "p_adjusted": 0.04,
                        "networks_needed": None,
                    },
                }
            },
            "worse: Ψ is −0.250 beside train-8 (−0.50 to +0.01), p = 0.040 over all 160 measures",
        ),
        (
            {"label_equivalents": {"examples": 260.4, "censored": False, "interval": [0.5, 1000]}},
            "orders the networks like 260 labelled held-out examples (fewer than 1 to 1,000)",
        ),
        (
            {"label_equivalents": {"examples": 100000, "censored": True, "interval": None}},
            "orders the networks like more than 100,000 labelled held-out examples",
        ),
        (
            {"label_equivalents": {"examples": 0.2, "censored": False, "interval": None}},
            "orders the networks like fewer than 1 labelled held-out example",
        ),
        ({"increment": {"delta_mse": 0.125}}, "takes away 12.5 % of the squared error"),
        ({"increment": {"delta_mse": -0.5}}, "adds 50.0 % to the squared error"),
        (
            {"prediction": {"nominal": 0.9, "coverage": 0.88, "half_width": 0.1, "half_width_without": 0.2}},
            "90 % interval of ±0.100, without the measure ±0.200; covers 88 %",
        ),
        (
            {"fragility": {"configurations": 0.7, "seeds": 0.2, "draws": 0.1}},
            "70 % of its variance between configurations, 20 % between seeds, 10 % between draws",
        ),
        (
            {"fragility": {"configurations": 0.75, "seeds": 0.25, "draws": None}},
            "75 % of its variance between configurations, 25 % between seeds",
        ),
        ({"pareto": True}, "on the front: nothing is both better and cheaper"),
        ({"pareto": False}, "not on the front"),
    ],
)
def test_sentences(changed: dict[str, Any], said: str) -> None:
    """Each figure in its sentence, minus signs as such, a hyphen in a name left alone, no line ended before a %."""
    found = [sentence for _, sentence in judgements({**SILENT, **changed}, 160)]
    assert found == [said.replace(" %", "\N{NO-BREAK SPACE}%")]
