"""Evaluate measures within each value of one hyperparameter, and average: within corruptions, across data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.entry import Intervals, Statistics, StrataCounts, StratumMean
from leaderboard.ranking.groups import Options, judge_alone
from leaderboard.ranking.report import Strata, Stratum
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import Interval, interval
from leaderboard.statistics.undefined import Reasons

Parts = Mapping[str, tuple[int, Mapping[str, Judged]]]  # value of a stratum -> number of networks, measures


@dataclass(frozen=True, slots=True)
class _Mean:
    """Mean of one statistic over the strata that have it, with their number and range."""

    strata: int
    value: float | None = None
    range: Interval | None = None
    interval: Interval | None = None


def strata_of(
    networks: Networks, values: "pd.Series[Any]", options: Options
) -> dict[str, tuple[int, dict[str, Judged]]]:
    """Evaluate the measures on the networks of each value, with independent resamples."""
    text = values.astype(object).where(values.notna(), "(missing)").astype(str).to_numpy()
    found = {}
    for place, value in enumerate(sorted(set(text.tolist()))):
        kept = text == value
        part = replace(options, seed=options.seed + 1 + place)
        found[value] = int(kept.sum()), judge_alone(networks.select(kept), part)
    return found


def strata_report(column: str, parts: Parts) -> Strata:
    """Convert the strata to their form in a report."""
    return Strata(
        hp=column,
        strata={
            value: Stratum(models=models, measures={name: one.statistics for name, one in measures.items()})
            for value, (models, measures) in parts.items()
        },
    )


def average_over(parts: Parts, name: str, key: str, why: Reasons) -> StratumMean:
    """Average tau-b and Psi of a measure over the strata that have them.

    Strata are resampled independently of each other.

    Args:
        parts: the measures in each stratum.
        name: of the measure.
        key: what the mean is called in the report, for the reasons.
        why: where the reasons go.
    """
    judged = [measures[name] for _, measures in parts.values()]
    tau_b = _mean("tau_b", [(one.statistics, one.statistics.tau_b, one.draws.tau_b) for one in judged], key, why)
    psi = _mean("Psi", [(one.statistics, one.statistics.Psi, one.draws.Psi) for one in judged], key, why)
    return StratumMean(
        strata=StrataCounts(tau_b=tau_b.strata, Psi=psi.strata),
        interval=Intervals(tau_b=tau_b.interval, Psi=psi.interval),
        range=Intervals(tau_b=tau_b.range, Psi=psi.range),
        tau_b=tau_b.value,
        Psi=psi.value,
    )


def _mean(name: str, strata: Sequence[tuple[Statistics, float | None, Floats]], key: str, why: Reasons) -> _Mean:
    """Average one statistic, given for each stratum as the measure's statistics, its value and its resamples."""
    having = [(value, draws) for _, value, draws in strata if value is not None]
    if not having:
        why[f"{key}.{name}"] = next((one.why[name] for one, _, _ in strata), "There is no network.")
        return _Mean(0)
    values = [value for value, _ in having]
    lacking = [
        one.why[f"interval.{name}"] for one, value, _ in strata if value is not None and f"interval.{name}" in one.why
    ]
    ends = None
    if lacking:
        why[f"{key}.interval.{name}"] = lacking[0]
    else:
        ends = why.of(f"{key}.interval.{name}", interval, np.mean([draws for _, draws in having], axis=0))
    return _Mean(len(values), float(np.mean(values)), Interval(min(values), max(values)), ends)
