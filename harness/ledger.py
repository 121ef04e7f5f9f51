"""A zoo on disk as a ledger: the table that the leaderboard reads."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import pandas as pd

from harness.store import Store
from measures import Measure
from zoo.recipe import Recipe

HYPERPARAMETERS: Final = (
    "dataset",
    "train_size",
    "shift",
    "severity",
    "shift_on",
    "model",
    "width",
    "depth",
    "optimizer",
    "learning_rate",
    "momentum",
    "weight_decay",
    "batch_size",
)  # of a recipe; corruption is one too, named with its level, and those that are the same everywhere are left out
RECORDED: Final = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "stopped", "epochs", "test_size")


def frame_of(store: Store) -> pd.DataFrame:
    """One row a network, with the columns of `leaderboard.ledger`; of each measure the newest version."""
    rows = {}
    for run_id, run in store.runs().items():
        record = asdict(run.record)
        rows[run_id] = {
            "run_id": run_id,
            "seed": run.recipe.seed,
            **_hyperparameters(run.recipe),
            **{name: record[name] for name in RECORDED},
            "converged": run.record.converged,
            "gap": run.record.train_accuracy - run.record.test_accuracy,
            "seconds": run.record.seconds,
        }
    for run_id, name, score in store.scores():  # versions ascend, so that the newest stays
        if run_id in rows:
            rows[run_id] |= {
                f"measure.{name}": score.value,
                f"cost.{name}": score.seconds if score.outcome == "scored" else None,
                f"outcome.{name}": score.outcome,
                f"why.{name}": score.why,
            }
    frame = pd.DataFrame(list(rows.values()))
    same = [name for name in frame.columns if name.startswith("hp.") and len(frame[name].unique()) == 1]
    varied = frame.drop(columns=same) if len(same) < len(HYPERPARAMETERS) + 1 else frame
    return varied.astype({name: float for name in varied.columns if name.startswith(("measure.", "cost."))})


def layers_of(store: Store) -> pd.DataFrame:
    """One row for each layer of each score that was stored by layer."""
    return pd.DataFrame(store.layers(), columns=["run_id", "measure", "version", "layer", "value"])


def metadata_of(measures: Mapping[str, Measure]) -> dict[str, dict[str, Any]]:
    """What the leaderboard says of measures, by name."""
    return {
        name: {
            "family": measure.family,
            "expected_sign": measure.expected_sign,
            "source": measure.source,
            "needs": sorted(measure.needs),
            "version": measure.version,
            "summary": (measure.compute.__doc__ or "").strip().split("\n\n")[0],
        }
        for name, measure in measures.items()
    }


def _hyperparameters(recipe: Recipe) -> dict[str, Any]:
    level = f" {recipe.corruption_p:g}" if recipe.corruption_p else ""
    return {
        "hp.corruption": recipe.corruption + level,
        **{f"hp.{name}": getattr(recipe, name) for name in HYPERPARAMETERS},
    }
