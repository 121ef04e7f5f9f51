"""Labels, predictions, increments, fragility and the Pareto front as the report gives them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leaderboard.ranking.ledger_facts import cost_of
from leaderboard.ranking.readable_units import find_front
from leaderboard.statistics.undefined import Reasons
from tests.leaderboard.reports import ranked


def zoo() -> pd.DataFrame:
    """Four widths x four rates x two seeds, with costs."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"hp.width": np.repeat([8, 16, 32, 64], 16), "hp.rate": np.tile(np.repeat([1, 2, 3, 4], 4), 4)}
    )
    frame["hp.decay"] = np.tile([0.0, 0.0, 1.0, 1.0], 16)
    hidden = rng.normal(size=32)[np.arange(64) // 2]
    frame["train_accuracy"] = 1.0
    frame["test_accuracy"] = 0.9 - 0.02 * np.log2(frame["hp.width"]) + 0.03 * hidden + 0.002 * rng.normal(size=64)
    frame["measure.perfect"] = -frame["test_accuracy"]
    frame["measure.fragile"] = -hidden + 0.4 * rng.normal(size=64)
    frame["measure.useless"] = rng.normal(size=64)
    frame["measure.turned"] = -frame["measure.fragile"]
    for name, seconds in (("perfect", 3.0), ("fragile", 1.0), ("turned", 1.0), ("useless", 2.0)):
        frame[f"cost.{name}"] = seconds
    return frame


@pytest.fixture(scope="module")
def measures() -> dict[str, Any]:
    """The entries of the zoo's report."""
    return dict(ranked(zoo(), bootstrap=200, metadata={"turned": {"expected_sign": -1}})["measures"])


def test_label_equivalents_follow_psi(measures: dict[str, Any]) -> None:
    """A perfect measure is worth more than the 10,000 test examples of the target, a useless one next to none."""
    perfect, fragile, useless = (measures[name]["label_equivalents"] for name in ("perfect", "fragile", "useless"))

    assert (perfect["examples"], perfect["censored"]) == (10_000, True)
    assert 10 < fragile["examples"] < 10_000
    assert useless["examples"] < 100
    low, high = fragile["interval"]
    assert low < fragile["examples"] < high


def test_a_measure_that_falls_with_the_gap_is_worth_what_its_negative_is(measures: dict[str, Any]) -> None:
    """As many labels, between the same ends, the lower one first; and neither beats the other on the front."""
    fragile, turned = (measures[name]["label_equivalents"] for name in ("fragile", "turned"))

    assert measures["turned"]["Psi"] == -measures["fragile"]["Psi"]
    assert turned["examples"] == fragile["examples"]
    assert turned["interval"] == pytest.approx(fragile["interval"])
    assert measures["turned"]["pareto"] is True


def test_a_new_network_is_predicted(measures: dict[str, Any]) -> None:
    """The perfect measure within little, the useless one no better than the mean."""
    perfect, useless = (measures[name]["prediction"] for name in ("perfect", "useless"))

    assert perfect["half_width"] < 0.4 * perfect["half_width_without"]
    assert useless["half_width"] > 0.8 * useless["half_width_without"]
    assert perfect["nominal"] == 0.9 <= perfect["coverage"] + 0.05


def test_what_is_added_to_the_hyperparameters(measures: dict[str, Any]) -> None:
    """The hidden part of the gap, which the perfect measure has whole."""
    perfect, useless = measures["perfect"], measures["useless"]

    assert perfect["increment"]["delta_mse"] > 0.5
    for found in (perfect["increment"], useless["increment"]):
        assert found["delta_mse"] == pytest.approx(1 - found["mse_with"] / found["mse_without"], abs=1e-12)
    assert perfect["residual_spearman"] > 0.8
    assert useless["increment"]["delta_mse"] < 0.1
    assert "explain the order of the scores" in measures["hp.width"]["why"]["increment"]


def test_fragility_tells_configurations_from_seeds(measures: dict[str, Any]) -> None:
    """The perfect measure varies between configurations, the fragile one also between replicates."""
    perfect, fragile = measures["perfect"]["fragility"], measures["fragile"]["fragility"]

    assert perfect["configurations"] > 0.95
    assert fragile["seeds"] > 0.1
    assert sum(fragile.values()) == pytest.approx(1)


def test_seconds_that_are_none_are_no_cost() -> None:
    """Infinite and negative ones are left out of the median."""
    runs = pd.DataFrame({"cost.a": [1.0, 3.0, np.inf, -9.0, np.nan], "cost.b": [-1.0, np.inf, -2, -2, -2]})

    why = Reasons()

    assert [cost_of(runs, name, why).median_seconds for name in "abc"] == [2.0, None, None]
    assert why == {"cost.median_seconds": "The ledger has no seconds in a column cost.c."}


def test_the_front_is_what_nothing_beats(measures: dict[str, Any]) -> None:
    """The best and the cheapest stand; what is worse for more seconds does not; controls are not asked."""
    assert [measures[name]["pareto"] for name in ("perfect", "fragile", "useless")] == [True, True, False]
    assert measures["constant"]["pareto"] is None
    assert measures["constant"]["why"]["pareto"] == "It is a control."


def test_the_front_against_a_loop() -> None:
    """Random costs and figures with ties."""
    rng = np.random.default_rng(1)
    points = {str(place): (float(rng.integers(1, 12)), float(rng.integers(-4, 9)) / 8) for place in range(40)}
    expected = {
        name
        for name, (seconds, psi) in points.items()
        if not any(s <= seconds and p >= psi and (s, p) != (seconds, psi) for s, p in points.values())
    }

    assert find_front(points) == expected
    assert 1 < len(expected) < 40
    assert find_front({}) == set()


def test_what_needs_an_accuracy_says_so() -> None:
    """A loss gap has no label equivalents, and neither has a gap alone."""
    frame = zoo()
    loss = ranked(frame.assign(train_loss=0.0, test_loss=-frame["test_accuracy"]), target="loss_gap", bootstrap=0)
    bare = ranked(
        frame.assign(gap=1 - frame["test_accuracy"]).drop(columns=["test_accuracy", "train_accuracy"]), bootstrap=0
    )

    assert "this target is a loss" in loss["measures"]["perfect"]["why"]["label_equivalents"]
    assert "test accuracy of every network" in bare["measures"]["perfect"]["why"]["label_equivalents"]
    assert bare["label_curve"] is None
    assert "test accuracy" in bare["why"]["label_curve"]
