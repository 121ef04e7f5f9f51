"""Hyperparameters on no grid: found, binned, and left alone where they are a grid's."""

import numpy as np
import pandas as pd

from leaderboard.statistics.bins import BINS, find_continuous, levels_of


def searched(n: int = 200) -> pd.DataFrame:
    """A random search: log-uniform rates, few widths, an optimizer."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "hp.rate": 10 ** rng.uniform(-4, 0, n),
            "hp.width": rng.choice([8, 16, 32], n),
            "hp.opt": rng.choice(["sgd", "adam"], n),
        }
    )


def test_a_searched_rate_is_continuous_and_a_grid_is_not() -> None:
    """Nor is a single sweep, whose values lose no cell, nor text, nor a fine grid with neighbours at every value."""
    sweep = pd.DataFrame({"hp.width": np.arange(64), "hp.depth": 3})
    fine = pd.DataFrame({"hp.width": np.repeat(np.arange(64), 3), "hp.noise": np.tile([0.0, 0.1, 0.2], 64)})

    assert find_continuous(searched()) == ["hp.rate"]
    assert find_continuous(sweep) == []
    assert find_continuous(fine) == []
    assert find_continuous(searched().astype({"hp.rate": str})) == []
    assert find_continuous(searched()[:10]) == []


def test_replicates_do_not_make_a_grid() -> None:
    """Ten seeds of every searched configuration leave the rate as continuous as one."""
    assert find_continuous(searched().loc[np.repeat(np.arange(200), 10)]) == ["hp.rate"]


def test_bins_hold_equal_numbers_in_order() -> None:
    """Quarters of the networks, by rising value; the other hyperparameters keep their values."""
    frame = searched()
    levels = levels_of(frame)
    code = levels.codes["hp.rate"]

    assert np.bincount(code).tolist() == [50] * BINS
    assert frame["hp.rate"].groupby(code).max().is_monotonic_increasing
    assert [frame["hp.rate"][code == k].max() for k in range(3)] <= levels.edges["hp.rate"]
    assert set(levels.edges) == {"hp.rate"}
    assert len(set(zip(levels.codes["hp.width"].tolist(), frame["hp.width"], strict=True))) == 3


def test_a_value_at_an_edge_belongs_below_it() -> None:
    """Halves of 1 to 5: the median, the edge, is in the lower one."""
    levels = levels_of(pd.DataFrame({"hp.a": [1.0, 2.0, 3.0, 4.0, 5.0]}), {"hp.a": 2})

    assert levels.edges == {"hp.a": [3.0]}
    assert levels.codes["hp.a"].tolist() == [0, 0, 0, 1, 1]


def test_the_number_of_bins_may_be_named() -> None:
    """Also of a hyperparameter that would not be binned; 0 keeps the values; a missing value has a separate level."""
    frame = searched()
    frame.loc[0, "hp.rate"] = np.nan
    levels = levels_of(frame, {"hp.rate": 2, "hp.width": 2})

    assert len(set(levels.codes["hp.rate"][1:].tolist())) == 2
    assert levels.codes["hp.rate"][0] not in levels.codes["hp.rate"][1:]
    assert len(set(levels.codes["hp.width"].tolist())) == 2
    assert len(set(levels_of(frame, {"hp.rate": 0}).codes["hp.rate"].tolist())) == 200
