"""Rank the measures of a ledger: every statistic of every measure, pooled and within each corruption, as one report."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.controls import with_controls
from leaderboard.ledger import LedgerError, Target, checked, names_of, suggestion, target_of
from leaderboard.panel import Panel, level_codes
from leaderboard.statistics.gate import randomization_gate
from leaderboard.statistics.granulated import joint
from leaderboard.statistics.resampling import interval
from leaderboard.statistics.undefined import Undefined

Figure = Literal["Psi", "tau_b", "tau_a", "spearman", "partial_spearman"]

TEST_SIZE: Final = 10_000  # test examples of a network whose ledger does not say: CIFAR-10's
CORRUPTION: Final = "hp.corruption"
OUTCOMES: Final = ("scored", "unsupported", "failed", "timeout")

Floats = NDArray[np.float64]


def rank(
    ledger: pd.DataFrame,
    *,
    target: Target = "gap",
    within: str | None = "corruption",
    bootstrap: int = 1000,
    seed: int = 0,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    converged_only: bool = True,
) -> dict[str, Any]:
    """Judge every measure of a ledger, and the controls, by how it orders the networks.

    A figure that has no value is None, with the reason under "why"; the report is JSON without NaN. Statistics are of
    the raw score; `order` turns them by the expected sign. A network without a finite score counts for the other
    measures only, so measures may be judged on different networks: "n" says on how many.

    Args:
        ledger: one row a network; see `leaderboard.ledger` for the columns.
        target: what the measures should predict.
        within: the hyperparameter, without "hp.", whose values are also judged one by one; None for none.
        bootstrap: number of resamples behind each interval; 0 for no intervals.
        seed: decides resamples, noisy controls and the halves of `category_code`.
        metadata: by name of the measure: family, expected_sign, source, needs and whatever else is to be passed on.
        converged_only: leave out networks whose training did not converge.

    Raises:
        LedgerError: a table that is not a ledger, a target it does not have, or an unknown `within`.
    """
    whole = checked(ledger)
    goal = target_of(whole, target)
    converged = whole["converged"].to_numpy(dtype=np.bool_) if "converged" in whole else np.ones(len(whole), np.bool_)
    kept = goal.notna().to_numpy() & (converged | (not converged_only))
    runs, controls = with_controls(whole[kept].reset_index(drop=True), target, seed)
    known = {**controls, **(metadata or {})}
    pooled = _figures(runs, target, bootstrap, seed)
    report: dict[str, Any] = {
        "models": len(runs),
        "target": target,
        "not_converged": int((~converged).sum()),
        "converged_only": converged_only,
        "without_target": int(goal.isna().sum()),
        "hyperparameters": names_of(runs, "hp"),
        "configurations": len(runs[names_of(runs, "hp")].drop_duplicates()),
        "bootstrap": bootstrap,
        "seed": seed,
        "test_size": TEST_SIZE if "test_size" not in runs else None,
        "why": {},
    }
    if "test_size" in runs:
        report["why"]["test_size"] = "The ledger says it for each network."
    strata, reason = _strata(runs, within)
    if reason:
        report["why"]["within"] = reason
        report["within"] = None
    else:
        by_value = {
            value: (len(part), _figures(part, target, bootstrap, seed + 1 + place))
            for place, (value, part) in enumerate(strata.items())
        }
        report["within"] = {
            "hp": f"hp.{within}",
            "strata": {
                value: {"models": models, "measures": {name: figures for name, (figures, _) in measures.items()}}
                for value, (models, measures) in by_value.items()
            },
        }
    measures: dict[str, Any] = {}
    for name, (figures, _) in pooled.items():
        if reason:
            figures["within"] = None
            figures["why"]["within"] = reason
        else:
            figures["within"] = _mean_over_strata([measured[name] for _, measured in by_value.values()], figures["why"])
        figures["gate"] = _gate(runs, name, bootstrap, seed, figures["why"])
        figures["cost"] = _cost(runs, name)
        figures["outcomes"] = _outcomes(runs, name)
        measures[name] = {**figures, **_described(known.get(name, {}))}
    return {**report, "measures": measures}


def order(report: Mapping[str, Any], by: Figure = "Psi") -> list[str]:
    """The names of the measures, best first: by a figure times the expected sign; those without the figure last.

    Psi leads: each of its comparisons changes one hyperparameter and no other, so where corruption is a hyperparameter
    only one psi of several compares networks of different corruption, while nearly every pair of a pooled tau-b does.

    Raises:
        ValueError: an unknown figure.
    """
    if by not in get_args(Figure):
        raise ValueError(f"No figure is called {by!r}. {suggestion(by, get_args(Figure))}")

    def key(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, float, str]:
        name, entry = item
        value = entry[by]
        return value is None, 0.0 if value is None else -value * entry["expected_sign"], name

    return [name for name, _ in sorted(report["measures"].items(), key=key)]


def _figures(
    runs: pd.DataFrame, target: Target, bootstrap: int, seed: int
) -> dict[str, tuple[dict[str, Any], Mapping[str, Floats]]]:
    """By name of the measure: its statistics on these networks, and its resamples."""
    goal = target_of(runs, target).to_numpy(dtype=np.float64)
    size = runs["test_size"].fillna(TEST_SIZE).to_numpy() if "test_size" in runs else np.full(len(runs), TEST_SIZE)
    panels: dict[bytes, Panel] = {}
    found: dict[str, tuple[dict[str, Any], Mapping[str, Floats]]] = {}
    for name in names_of(runs, "measure"):
        scores = runs[f"measure.{name}"].to_numpy(dtype=np.float64)
        scored = np.isfinite(scores)
        panel = panels.get(scored.tobytes())
        if panel is None:
            panel = panels[scored.tobytes()] = Panel(
                runs.loc[scored, names_of(runs, "hp")],
                goal[scored],
                None if target == "loss_gap" else size[scored].astype(np.float64),
                bootstrap=bootstrap,
                seed=seed,
            )
        found[name] = panel.judge(scores[scored])
    return found


def _strata(runs: pd.DataFrame, within: str | None) -> tuple[dict[str, pd.DataFrame], str]:
    """The networks by the value of one hyperparameter, or the reason why they are not split."""
    column = f"hp.{within}"
    if within is None:
        return {}, "No hyperparameter was asked for."
    if column not in runs:
        if column == CORRUPTION:  # the default, which a ledger from elsewhere need not have
            return {}, "The ledger has no column hp.corruption."
        names = [name.removeprefix("hp.") for name in names_of(runs, "hp")]
        raise LedgerError(f"No hyperparameter is called {within!r}. {suggestion(within, names)}")
    values = runs[column].astype(object).where(runs[column].notna(), "(missing)").astype(str)
    return {value: runs[values == value].reset_index(drop=True) for value in sorted(values.unique())}, ""


def _mean_over_strata(
    strata: Iterable[tuple[dict[str, Any], Mapping[str, Floats]]], why: dict[str, str]
) -> dict[str, Any]:
    """Tau-b and Psi averaged over the strata that have them; strata are resampled independently of each other."""
    strata = list(strata)
    mean: dict[str, Any] = {"strata": {}, "interval": {}}
    for name in ("tau_b", "Psi"):
        having = [(figures, draws) for figures, draws in strata if figures[name] is not None]
        mean["strata"][name] = len(having)
        mean[name] = float(np.mean([figures[name] for figures, _ in having])) if having else None
        mean["interval"][name] = None
        if not having:
            why[f"within.{name}"] = next((figures["why"][name] for figures, _ in strata), "There is no network.")
            continue
        try:
            mean["interval"][name] = interval(np.mean([draws[name] for _, draws in having], axis=0))
        except Undefined as reason:
            why[f"within.interval.{name}"] = str(reason)
    return mean


def _gate(runs: pd.DataFrame, name: str, bootstrap: int, seed: int, why: dict[str, str]) -> dict[str, Any] | None:
    if CORRUPTION not in runs:
        why["gate"] = "The ledger has no column hp.corruption."
        return None
    scored = np.isfinite(runs[f"measure.{name}"])
    sides = runs[scored & runs[CORRUPTION].isin(["true_labels", "random_labels"])]
    others = sides[names_of(sides, "hp")].drop(columns=CORRUPTION)
    try:
        gate = randomization_gate(
            sides[f"measure.{name}"].to_numpy(dtype=np.float64),
            (sides[CORRUPTION] == "random_labels").to_numpy(dtype=np.bool_),
            joint(list(level_codes(others).values()), len(sides)),
            bootstrap=bootstrap,
            rng=np.random.default_rng([seed, 0x9A7E]),
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


def _cost(runs: pd.DataFrame, name: str) -> dict[str, float | None]:
    seconds = runs[f"cost.{name}"] if f"cost.{name}" in runs else pd.Series(dtype=np.float64)
    finite = seconds[np.isfinite(seconds)]
    return {"median_seconds": float(finite.median()) if len(finite) else None}


def _outcomes(runs: pd.DataFrame, name: str) -> dict[str, int]:
    """How many networks met each outcome; "missing" are those without a score and without a recorded reason."""
    scored = np.isfinite(runs[f"measure.{name}"])
    counts = dict.fromkeys(OUTCOMES, 0)
    counts["scored"] = int(scored.sum())
    if f"outcome.{name}" in runs:
        others = runs.loc[~scored, f"outcome.{name}"]
        counts |= {outcome: int((others == outcome).sum()) for outcome in OUTCOMES[1:]}
    return {**counts, "missing": len(runs) - sum(counts.values())}


def _described(known: Mapping[str, Any]) -> dict[str, Any]:
    """A measure's metadata as JSON; unknown ones are taken to grow with the gap."""
    described = {"family": None, "expected_sign": 1, "source": None, "needs": [], **known}
    described["needs"] = sorted(described["needs"])
    described["control"] = bool(known.get("control", described["family"] == "control"))
    return described
