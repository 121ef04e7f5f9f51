"""Psi of the noisy oracles, as a mean over draws of their noise: one draw varies as much as measures differ."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from leaderboard.ledger.controls import ORACLES
from leaderboard.ranking.entry import Statistics
from leaderboard.ranking.statistics_of import Judged, Panel
from leaderboard.statistics.granulated import agreement
from leaderboard.statistics.resampling import Interval

DRAWS: Final = 200
ENDS: Final = (2.5, 97.5)  # percentiles of the draws


def average_oracles(judged: Mapping[str, Judged], panel: Panel, seed: int) -> dict[str, Judged]:
    """Replace psi and Psi of each noisy oracle by their means over draws, and an interval by that of the draws."""
    found = dict(judged)
    for name, scale in ORACLES.items():
        if name in judged and judged[name].statistics.Psi is not None:
            rng = np.random.default_rng([seed, 0x0AC1E, round(1e6 * scale)])
            found[name] = replace(judged[name], statistics=_average(judged[name].statistics, panel, scale, rng))
    return found


def _average(statistics: Statistics, panel: Panel, scale: float, rng: np.random.Generator) -> Statistics:
    target = panel.networks.target
    noise = scale * rng.standard_normal((DRAWS, len(target)))
    scores = np.stack([panel.grid.average(target + row) for row in noise], axis=1)
    psi = {name: axis.mean(agreement(axis, scores, panel.target)) for name, axis in panel.grid.axes.items()}
    drawn = np.mean(list(psi.values()), axis=0)
    low, high = np.percentile(drawn, ENDS)
    known = statistics.interval
    return replace(
        statistics,
        Psi=math.fsum(drawn) / DRAWS,
        psi={**statistics.psi, **{name: math.fsum(values) / DRAWS for name, values in psi.items()}},
        interval=known if known.Psi is None else replace(known, Psi=Interval(float(low), float(high))),
    )
