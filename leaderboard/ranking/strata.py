"""Every figure within each value of one hyperparameter, and the mean: within corruptions, across data sets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.groups import Options, judged_alone, with_reasons
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.resampling import interval
from leaderboard.statistics.undefined import UndefinedError

AVERAGED: Final = ("tau_b", "Psi")

Strata = Mapping[str, tuple[int, Mapping[str, Judged]]]  # value -> number of networks, measures


def strata_of(
    networks: Networks, values: "pd.Series[Any]", options: Options
) -> dict[str, tuple[int, dict[str, Judged]]]:
    """The measures judged on the networks of each value; each stratum is resampled on its own."""
    text = values.astype(object).where(values.notna(), "(missing)").astype(str).to_numpy()
    found = {}
    for place, value in enumerate(sorted(set(text.tolist()))):
        kept = text == value
        part = replace(options, seed=options.seed + 1 + place)
        found[value] = int(kept.sum()), judged_alone(networks.only(kept), part)
    return found


def strata_report(column: str, strata: Strata) -> dict[str, Any]:
    """The strata as they stand in a report."""
    return {
        "hp": column,
        "strata": {
            value: {"models": models, "measures": {name: with_reasons(one) for name, one in measures.items()}}
            for value, (models, measures) in strata.items()
        },
    }


def mean_over(strata: Strata, name: str, key: str, why: dict[str, str]) -> dict[str, Any]:
    """Tau-b and Psi of a measure averaged over the strata that have them, with the least and the largest.

    Strata are resampled independently of each other.

    Args:
        strata: the measures in each.
        name: of the measure.
        key: what the mean is called in the report, for the reasons.
        why: where the reasons go.
    """
    judged = [measures[name] for _, measures in strata.values()]
    mean: dict[str, Any] = {"strata": {}, "interval": {}, "range": {}}
    for figure in AVERAGED:
        having = [one for one in judged if one.figures[figure] is not None]
        values = [one.figures[figure] for one in having]
        mean["strata"][figure] = len(having)
        mean[figure] = float(np.mean(values)) if having else None
        mean["range"][figure] = [min(values), max(values)] if having else None
        mean["interval"][figure] = None
        if not having:
            why[f"{key}.{figure}"] = next((one.why[figure] for one in judged), "There is no network.")
            continue
        lacking = next((one.why[f"interval.{figure}"] for one in having if one.figures["interval"][figure] is None), "")
        if lacking:
            why[f"{key}.interval.{figure}"] = lacking
            continue
        try:
            mean["interval"][figure] = interval(np.mean([one.draws[figure] for one in having], axis=0))
        except UndefinedError as reason:
            why[f"{key}.interval.{figure}"] = str(reason)
    return mean
