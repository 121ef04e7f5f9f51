"""What a ledger records of its measures and networks beside the scores: gate, cost, outcomes, metadata, the grid."""

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Any, Final

import numpy as np
import pandas as pd

from leaderboard.ledger import names_of
from leaderboard.networks import Networks
from leaderboard.statistics.gate import randomization_gate
from leaderboard.statistics.pairs import Floats, joint
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.undefined import Undefined

CORRUPTION: Final = "hp.corruption"
OUTCOMES: Final = ("scored", "unsupported", "failed", "timeout", "stale")


def grid_report(networks: Networks) -> dict[str, Any]:
    """How full the grid of the levels is, and how many replicates its configurations have."""
    if not len(networks):
        return {"places": 0, "filled": 0, "holes": 0, "replicates": None}
    places = prod(len(np.unique(code)) for code in networks.levels.values())
    filled = int(joint(networks.levels.values(), len(networks)).max()) + 1
    sizes = np.bincount(networks.configuration)
    return {
        "places": places,
        "filled": filled,
        "holes": places - filled,
        "replicates": [int(sizes.min()), int(sizes.max())],
    }


def gate_of(runs: pd.DataFrame, name: str, bootstrap: int, seed: int, why: dict[str, str]) -> dict[str, Any] | None:
    """The randomization gate of a measure."""
    if CORRUPTION not in runs:
        why["gate"] = "The ledger has no column hp.corruption."
        return None
    scored = np.isfinite(runs[f"measure.{name}"])
    sides = runs[scored & runs[CORRUPTION].isin(["true_labels", "random_labels"])]
    others = [
        pd.factorize(sides[other], sort=False, use_na_sentinel=False)[0].astype(np.int64)
        for other in names_of(sides, "hp")
        if other != CORRUPTION
    ]
    setting = joint(others, len(sides))
    try:
        gate = randomization_gate(
            sides[f"measure.{name}"].to_numpy(dtype=np.float64),
            (sides[CORRUPTION] == "random_labels").to_numpy(dtype=np.bool_),
            setting,
            _resamples(int(setting.max(initial=-1)) + 1, bootstrap, seed),
        )
    except Undefined as reason:
        why["gate"] = str(reason)
        return None
    if gate.interval is None:
        why["gate.interval"] = (
            "Too few resamples have networks of both kinds." if bootstrap else "No resamples were asked for."
        )
    return {
        "auc": gate.auc,
        "interval": gate.interval,
        "true": gate.true,
        "random": gate.random,
        "matched": gate.matched,
    }


@lru_cache(maxsize=4)  # measures that score the same networks share their resamples
def _resamples(size: int, count: int, seed: int) -> Floats:
    return draw(size, count, np.random.default_rng([seed, 0x9A7E]))


def cost_of(runs: pd.DataFrame, name: str) -> dict[str, float | None]:
    """The median seconds of a measure."""
    seconds = runs[f"cost.{name}"] if f"cost.{name}" in runs else pd.Series(dtype=np.float64)
    finite = seconds[np.isfinite(seconds)]
    return {"median_seconds": float(finite.median()) if len(finite) else None}


def outcomes_of(runs: pd.DataFrame, name: str) -> dict[str, int]:
    """How many networks met each outcome; "missing" are those without a score and without a recorded reason."""
    scored = np.isfinite(runs[f"measure.{name}"])
    counts = dict.fromkeys(OUTCOMES, 0)
    counts["scored"] = int(scored.sum())
    if f"outcome.{name}" in runs:
        others = runs.loc[~scored, f"outcome.{name}"]
        counts |= {outcome: int((others == outcome).sum()) for outcome in OUTCOMES[1:]}
    return {**counts, "missing": len(runs) - sum(counts.values())}


def described(known: Mapping[str, Any]) -> dict[str, Any]:
    """A measure's metadata as JSON; unknown ones are taken to grow with the gap."""
    found = {"family": None, "expected_sign": 1, "source": None, "needs": [], **known}
    found["needs"] = sorted(found["needs"])
    found["control"] = bool(known.get("control", found["family"] == "control"))
    return found
