"""Facts of the networks and of the ranking that the page shows."""

from typing import Any, Final

import pandas as pd

from leaderboard.ledger.read import check_ledger, names_of
from leaderboard.ranking.report import Power, Report
from leaderboard.views.rows import plain_name, sampled_pairs

LISTED: Final = 12  # values of a hyperparameter that are named one by one
QUANTITIES: Final = {
    "gap": "generalization gap",
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "train_loss": "training loss",
    "epochs": "epochs",
    "seconds": "seconds of training",
}


def choices(ledger: pd.DataFrame) -> dict[str, list[tuple[str, int]]]:
    """Count the networks with each value of each hyperparameter; if there are many values, give the range."""
    found = {}
    for name in names_of(ledger, "hp"):
        counts = ledger[name].value_counts(dropna=False, sort=False)
        values = counts.index.to_series()
        if len(counts) <= LISTED:
            ordered = counts.sort_index() if _comparable(values) else counts
            found[plain_name(name)] = [(_text(value), int(count)) for value, count in ordered.items()]
        elif pd.api.types.is_numeric_dtype(values):
            words = f"{len(counts)} values from {_text(values.min())} to {_text(values.max())}"
            found[plain_name(name)] = [(words, len(ledger))]
        else:
            found[plain_name(name)] = [(f"{len(counts)} values", len(ledger))]
    return found


def quantities(ledger: pd.DataFrame) -> list[tuple[str, tuple[float, float, float]]]:
    """Summarise the results of training: minimum, median and maximum of each quantity in the ledger."""
    whole = check_ledger(ledger)
    found = []
    for name, words in QUANTITIES.items():
        values = pd.to_numeric(whole[name], errors="coerce").dropna() if name in whole else pd.Series(dtype=float)
        if len(values):
            found.append((words, (float(values.min()), float(values.median()), float(values.max()))))
    return found


def outcome(ledger: pd.DataFrame) -> dict[str, int]:
    """Count the networks by the reason why training stopped."""
    if "stopped" not in ledger:
        return {}
    return {str(reason): int(count) for reason, count in ledger["stopped"].value_counts().items()}


def settings(report: Report) -> dict[str, object]:
    """List the options of the ranking."""
    grid, why = report.grid, report.why
    return {
        "target": report.target,
        "networks": report.models,
        "configurations": f"{report.configurations}, {grid.holes} of {grid.places} cells of the grid are empty",
        "seeds": f"{report.seeds} over the networks of a configuration",
        "strata": plain_name(report.within.hp) if report.within else why.get("within", "none"),
        "data sets": plain_name(report.across.hp) if report.across else why.get("across", "one"),
        "binned": "; ".join(f"{plain_name(name)} in {one.bins}" for name, one in report.binned.items()) or "nothing",
        "pairs": sampled_pairs(grid.sampled) if grid.sampled else "all",
        "resamples": report.bootstrap,
        "permutations": report.permutations,
        "weights of the sign error": report.weights,
        **({} if report.enough is None else {"pairs of an environment": f"{report.enough} rule"}),
        "missing scores": report.missing_cells,
        "correction over measures": f"{report.family.method}, {report.family.measures} measures",
        "random seed": report.seed,
    }


def power_line(power: Power | None) -> str:
    """Write how many networks would distinguish the two best measures; empty if that is not known."""
    if power is None:
        return ""
    first, second = power.between
    start = f"{first} and {second} differ by {abs(power.difference):.3f} in Ψ"
    if power.networks_needed is None:
        return f"{start}, which no number of such networks could settle."
    return (
        f"{start}; about {power.networks_needed:,} such networks would settle it; this ledger has {power.networks:,}."
    )


def _comparable(values: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(values)) or all(isinstance(value, str) for value in values)


def _text(value: Any) -> str:
    if pd.isna(value):
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
