"""Families of measures in which no verdict is right: useless ones, followers of the hyperparameters, equals."""

from itertools import product
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.ledger.arrays import networks_of
from leaderboard.ledger.read import names_of
from leaderboard.ranking.groups import Options, groups, resamples
from leaderboard.ranking.pairwise import Pairwise
from leaderboard.ranking.significance import Verdicts
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.permutation import LEVEL

GRID: Final = {"hp.corruption": (0, 1), "hp.width": (8, 16, 32), "hp.rate": (1, 2, 3), "hp.depth": (1, 2, 3)}
KINDS: Final = ("useless", "followers", "equals")


def ledger(rng: np.random.Generator, measures: int) -> pd.DataFrame:
    """Networks whose gap follows corruption and width, and three families, in each of which no verdict is right.

    Useless measures know nothing of the gap: some of them follow the corruption, the rate or one another, tie, or lack
    a network. Followers follow all hyperparameters, each in a random direction, and know no more of the gap.
    Equals are the gap and as much noise each: none is better than another. Each hyperparameter is a measure, too.
    """
    frame = pd.DataFrame(list(product(*GRID.values())), columns=list(GRID))
    n = len(frame)
    corruption = frame["hp.corruption"].to_numpy()
    gap = 0.5 * corruption - 0.1 * np.log2(frame["hp.width"]).to_numpy() + 0.03 * rng.normal(size=n)
    frame["loss_gap"] = gap  # a loss, so that no time goes into sign errors, which decide no verdict
    shared = rng.normal(size=n)
    ranks = frame[list(GRID)].rank().to_numpy() / n
    for name in GRID:
        frame[f"measure.{name}"] = frame[name].astype(np.float64)
    for place in range(measures):
        noise = rng.normal(size=n)
        follows = (noise, np.round(noise), noise + 3 * corruption, noise + frame["hp.rate"], 0.3 * noise + shared)
        frame[f"measure.useless_{place}"] = follows[place % len(follows)]
        frame[f"measure.followers_{place}"] = ranks @ rng.normal(size=len(GRID)) + 0.3 * rng.normal(size=n)
        frame[f"measure.equals_{place}"] = gap + 0.1 * rng.normal(size=n)
    frame.loc[rng.integers(n), "measure.useless_0"] = np.nan
    return frame


def wrong(frame: pd.DataFrame, draws: int, seed: int) -> dict[str, bool]:
    """Whether a family has any verdict: useless ones against chance, followers beside hyperparameters, equals."""
    families = {kind: [name for name in names_of(frame, "measure") if name.startswith(kind)] for kind in KINDS}
    options = Options(bootstrap=draws, permutations=draws, seed=seed, seeds="averaged", weights="hoeffding")
    networks, _ = networks_of(frame, "loss_gap", "hp.corruption", None)
    tested = Verdicts(networks, options, {}, "hp.corruption")
    pairwise = Pairwise({}, families["equals"])
    judged: dict[str, Judged] = {}
    for group in groups(networks, options, resamples(networks, options)):
        here, influence = group.panel.judge(group.names)
        tested.add(group, here)
        pairwise.add(group.names, influence, group.panel.counts)
        judged |= here
    told = {kind: [one.told_from for one in tested.finish(names, names).values()] for kind, names in families.items()}
    table = pairwise.compare({name: one.statistics.Psi for name, one in judged.items()}).p_adjusted
    useless = [one.random.verdict for one in told["useless"] if one.random is not None]
    followers = [one.hyperparameters.verdict for one in told["followers"] if one.hyperparameters is not None]
    return {
        "useless": any(one != "not told apart" for one in useless),
        "followers": any(one != "not told apart" for one in followers),
        "equals": any(p is not None and p <= LEVEL for row in table for p in row),
    }
