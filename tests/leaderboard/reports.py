"""A zoo with planted measures, and what every report keeps to."""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

CORRUPTIONS = {"true_labels": 0.1, "random_pixels": 0.4, "random_labels": 0.85}
STATISTICS = (
    *("tau_a", "tau_b", "spearman", "Psi", "cmi", "pgdl", "sign_error", "partial_spearman", "within", "across", "gate"),
    *("null", "residual_spearman", "increment", "prediction", "label_equivalents", "fragility", "pareto"),
)


def zoo(seeds: int = 2) -> pd.DataFrame:
    """Three corruptions x three widths x two rates; the gap falls with width within each corruption."""
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


def assert_nulls_have_reasons(report: Mapping[str, Any]) -> None:
    """JSON without NaN, and a reason for every null."""
    json.dumps(report, allow_nan=False)
    for entry in report["measures"].values():
        why = entry["why"]
        for statistic in STATISTICS:
            assert (entry[statistic] is None) == (statistic in why)
        for name, value in entry["told_from"].items():
            assert (value is None) == (f"told_from.{name}" in why)
        for name, value in entry["psi"].items():
            assert (value is None) == (f"psi.{name}" in why)
        for name, value in entry["interval"].items():
            assert (value is None) == (f"interval.{name}" in why)
        for name, figure in (("cost", "median_seconds"), ("label_equivalents", "interval"), ("null", "p_adjusted")):
            if entry[name] is not None:
                assert (entry[name][figure] is None) == (f"{name}.{figure}" in why)
        if entry["within"] is not None:
            for name in ("tau_b", "Psi"):
                assert (entry["within"][name] is None) == (f"within.{name}" in why)
        assert all(reason.endswith(".") for reason in why.values())
