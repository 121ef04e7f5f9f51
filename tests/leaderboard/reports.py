"""A zoo with planted measures, and what every report keeps to."""

import json
from collections.abc import Mapping
from dataclasses import fields
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.entry import Cost, Entry, Intervals, IntervalsGiven, Statistics, ToldFrom
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report

RANKED = {"true_labels": 0.1, "random_pixels": 0.4, "partial_labels": 0.5}
CORRUPTIONS = RANKED | {"random_labels": 0.85}  # the last for the randomization gate alone
STATISTICS = (
    *("tau_a", "tau_b", "spearman", "Psi", "cmi", "pgdl", "sign_error", "partial_spearman", "within", "across", "gate"),
    *("null", "residual_spearman", "increment", "prediction", "label_equivalents", "fragility", "pareto"),
)


def zoo(seeds: int = 2) -> pd.DataFrame:
    """Four corruptions x three widths x two rates; the gap falls with width within each corruption."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for corruption, width, rate, seed in product(CORRUPTIONS, (8, 16, 32), (0.01, 0.1), range(seeds)):
        gap = CORRUPTIONS[corruption] - 0.02 * np.log2(width) + 0.2 * rate + 0.004 * rng.normal()
        row = {"hp.corruption": corruption, "hp.width": width, "hp.rate": rate, "seed": seed, "gap": gap}
        rows.append({"run_id": f"r{len(rows)}", **row})
    frame = pd.DataFrame(rows)
    frame["measure.perfect"] = frame["gap"] ** 3
    frame["measure.reversed"] = -frame["gap"]
    frame["measure.memory"] = frame["hp.corruption"].map(CORRUPTIONS).astype(np.float64)  # and nothing else
    frame["measure.useless"] = rng.normal(size=len(frame))
    return frame


class Ranked(dict[str, Any]):
    """The JSON of a report, as another program reads it, beside the report."""

    def __init__(self, report: Report) -> None:
        super().__init__(json.loads(json.dumps(report.to_json(), allow_nan=False)))
        self.report = report


def ranked(ledger: pd.DataFrame, **options: Any) -> Ranked:
    """The ranking of a ledger as JSON."""
    return Ranked(rank(ledger, **options))


def statistics(**known: Any) -> Statistics:
    """Statistics of which only some are known."""
    blank: dict[str, Any] = dict.fromkeys(field.name for field in fields(Statistics))
    return Statistics(**blank | {"n": 0, "psi": {}, "interval": Intervals(tau_b=None, Psi=None), "why": {}} | known)


def entry(*, about: Metadata = Metadata(), **known: Any) -> Entry:  # noqa: B008  it is frozen
    """An entry of a report of which only some is known."""
    blank: dict[str, Any] = dict.fromkeys(field.name for field in fields(Entry))
    empty = {"n": 0, "psi": {}, "why": {}, "outcomes": {}, "interval": Intervals(tau_b=None, Psi=None)}
    nothing = {
        "told_from": ToldFrom(random=None, hyperparameters=None),
        "cost": Cost(median_seconds=None),
        "interval_given": IntervalsGiven(),
    }
    return Entry(**blank | empty | nothing | {"about": about, "interval_given": IntervalsGiven()} | known)


def assert_nulls_have_reasons(report: Mapping[str, Any]) -> None:
    """JSON without NaN, and a reason for every null."""
    json.dumps(report, allow_nan=False)
    for entry in report["measures"].values():
        why = entry["why"]
        for statistic in STATISTICS:
            assert (entry[statistic] is None) == (statistic in why)
        for part in ("told_from", "psi", "interval", "interval_given"):
            for name, value in entry[part].items():
                assert (value is None) == (f"{part}.{name}" in why)
        for name, figure in (("cost", "median_seconds"), ("label_equivalents", "interval"), ("null", "p_adjusted")):
            if entry[name] is not None:
                assert (entry[name][figure] is None) == (f"{name}.{figure}" in why)
        if entry["within"] is not None:
            for name in ("tau_b", "Psi"):
                assert (entry["within"][name] is None) == (f"within.{name}" in why)
        assert all(reason.endswith(".") for reason in why.values())
