"""Rank the measures of a ledger: every statistic of every measure, pooled and within each corruption, as one report."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError, RankingError
from leaderboard.ledger.arrays import TEST_SIZE, Networks, networks_of
from leaderboard.ledger.column_names import suggestion
from leaderboard.ledger.controls import with_controls
from leaderboard.ledger.read import Target, checked, names_of, target_of
from leaderboard.ranking.groups import Options, groups, resamples, with_reasons
from leaderboard.ranking.ledger_facts import Gates, cost_of, described, grid_report, outcomes_of
from leaderboard.ranking.pairwise import Comparisons, power_line
from leaderboard.ranking.readable_units import Units, curve_of, noise_of, pareto
from leaderboard.ranking.significance import FAMILY, Verdicts
from leaderboard.ranking.statistics_of import Judged, Seeds
from leaderboard.ranking.strata import Strata, mean_over, strata_of, strata_report
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.pairs import MOST_NETWORKS
from leaderboard.statistics.sign_error import Weights
from leaderboard.statistics.undefined import made_or_reason

Figure = Literal["Psi", "tau_b", "tau_a", "spearman", "partial_spearman"]

CORRUPTION: Final = "hp.corruption"
DATASET: Final = "hp.dataset"


def rank(
    ledger: pd.DataFrame,
    *,
    target: Target = "gap",
    within: str | None = "corruption",
    bootstrap: int = 1000,
    permutations: int | None = None,
    seed: int = 0,
    seeds: Seeds = "averaged",
    weights: Weights = "hoeffding",
    bins: Mapping[str, int] | None = None,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    converged_only: bool = True,
) -> dict[str, Any]:
    """Judge every measure of a ledger, and the controls, by how it orders the networks.

    A figure that has no value is None, with the reason under "why"; the report is JSON without NaN. Statistics are of
    the raw score; `order` turns them by the expected sign, and so do the comparisons. A network without a finite score
    counts for the other measures only, so measures may be judged on different networks: "n" says on how many.

    Args:
        ledger: one row a network; see `leaderboard.ledger.read` for the columns.
        target: what the measures should predict.
        within: the hyperparameter, without "hp.", whose values are also judged one by one and within which scores are
            permuted; None for none.
        bootstrap: number of resamples behind each interval; 0 for no intervals.
        permutations: number of permutations behind each test against chance; None for as many as resamples.
        seed: decides resamples, permutations, folds, noisy controls and the halves of `category_code`.
        seeds: "averaged" for a psi of the means over the replicates of a configuration, "kept" for one of networks.
        weights: of the sign error: "hoeffding" as in the paper, or "binomial" for exact probabilities.
        bins: number of bins of hyperparameters, by name without "hp.", 0 for none; those that lie on no grid are
            binned if not named.
        metadata: by name of the measure: family, expected_sign, source, needs and whatever else is to be passed on.
        converged_only: leave out networks whose training did not converge.

    Raises:
        LedgerError: a table that is not a ledger, a target it does not have, more networks than can be ranked, or an
            unknown hyperparameter.
    """
    whole = checked(ledger)
    goal = target_of(whole, target)
    converged = whole["converged"].to_numpy(dtype=np.bool_) if "converged" in whole else np.ones(len(whole), np.bool_)
    kept = goal.notna().to_numpy() & (converged | (not converged_only))
    if kept.sum() > MOST_NETWORKS:
        raise LedgerError(
            f"A ledger must have at most {MOST_NETWORKS:,} networks to be ranked; got {kept.sum():,}. "
            "Rank a random sample of the rows."
        )
    column, reason = _column(whole, within)
    runs, controls = with_controls(whole[kept].reset_index(drop=True), target, seed)
    known = {**controls, **(metadata or {})}
    about = {name: described(known.get(name, {})) for name in names_of(runs, "measure")}
    signs = {name: entry["expected_sign"] for name, entry in about.items()}
    family = [name for name, entry in about.items() if not entry["control"]]
    options = Options(
        bootstrap=bootstrap,
        permutations=bootstrap if permutations is None else permutations,
        seed=seed,
        seeds=seeds,
        weights=weights,
    )
    networks, levels = networks_of(runs, target, column, _binned(runs, bins))
    report: dict[str, Any] = {
        "models": len(runs),
        "target": target,
        "not_converged": int((~converged).sum()),
        "converged_only": converged_only,
        "without_target": int(goal.isna().sum()),
        "missing_cells": sum(int((~np.isfinite(networks.scores[name])).sum()) for name in family),
        "hyperparameters": names_of(runs, "hp"),
        "configurations": networks.size,
        "grid": grid_report(networks),
        "binned": {name: {"bins": len(edges) + 1, "edges": edges} for name, edges in levels.edges.items()},
        "seeds": seeds,
        "weights": weights,
        "bootstrap": bootstrap,
        "permutations": options.permutations,
        "family": {**FAMILY, "measures": len(family)},
        "seed": seed,
        "test_size": TEST_SIZE if "test_size" not in runs else None,
        "why": {"test_size": "The ledger says it for each network."} if "test_size" in runs else {},
    }
    judged, comparisons = _judged_together(networks, runs, column, options, signs, family)
    strata = {} if column is None else strata_of(networks, runs[column], options)
    report["within"] = None if column is None else strata_report(column, strata)
    if column is None:
        report["why"]["within"] = reason
    data_sets, reason_across = _data_sets(networks, runs, column, strata, options)
    report["across"] = None if reason_across else strata_report(DATASET, data_sets)
    if reason_across:
        report["why"]["across"] = reason_across
    measures: dict[str, Any] = {}
    gates = Gates(networks.hyperparameters, bootstrap, seed)
    for name, one in judged.items():
        for key, parts, lacking in (("within", strata, reason), ("across", data_sets, reason_across)):
            one.figures[key] = None if lacking else mean_over(parts, name, key, one.why)
            if lacking:
                one.why[key] = lacking
        one.figures["gate"] = gates.of(networks.scores[name], one.why)
        one.figures["cost"] = cost_of(runs, name, one.why)
        one.figures["outcomes"] = outcomes_of(runs, name)
        measures[name] = {**with_reasons(one), **about[name]}
    front = pareto(measures, family)
    for name, entry in measures.items():
        entry["pareto"] = front.get(name)
        if entry["pareto"] is None:
            entry["why"]["pareto"] = "It is a control." if entry["control"] else "It needs a Psi and a cost."
    whole_report = {**report, "comparisons": comparisons, "measures": measures}
    return {**whole_report, **_lines(whole_report, networks, options)}


def order(report: Mapping[str, Any], by: Figure = "Psi") -> list[str]:
    """The names of the measures, best first: by a figure times the expected sign; those without the figure last.

    Psi leads: each of its comparisons changes one hyperparameter and no other, so where corruption is a hyperparameter
    only one psi of several compares networks of different corruption, while nearly every pair of a pooled tau-b does.

    Raises:
        RankingError: an unknown figure.
    """
    if by not in get_args(Figure):
        raise RankingError(f"No figure is called {by!r}. {suggestion(by, get_args(Figure))}")

    def key(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, float, str]:
        name, entry = item
        value = entry[by]
        return value is None, 0.0 if value is None else -value * entry["expected_sign"], name

    return [name for name, _ in sorted(report["measures"].items(), key=key)]


def _judged_together(
    networks: Networks,
    runs: pd.DataFrame,
    column: str | None,
    options: Options,
    signs: Mapping[str, int],
    family: list[str],
) -> tuple[dict[str, Judged], dict[str, Any]]:
    """Every measure on all networks, tested against chance, the hyperparameters and each other."""
    controls = [name for name in names_of(runs, "hp") if name in networks.scores]
    verdicts = Verdicts(networks, options, signs, controls, column)
    comparisons = Comparisons(signs, family)
    found: dict[str, Judged] = {}
    for group in groups(networks, options, resamples(networks, options)):
        judged, influence = group.panel.judge(group.names)
        verdicts.add(group, judged, influence)
        comparisons.add(group.names, influence, group.panel.counts)
        units = Units(group, options, signs)
        for name, one in judged.items():
            noise = noise_of(runs, name)
            units.add(name, one, None if noise is None else noise[group.scored])
        found |= judged
    verdicts.finish(found, family)
    psi = {name: one.figures["Psi"] for name, one in found.items()}
    return {name: found[name] for name in networks.scores}, comparisons.report(psi)


def _column(ledger: pd.DataFrame, within: str | None) -> tuple[str | None, str]:
    """The column within whose values to rank, or the reason why there is none."""
    if within is None:
        return None, "No hyperparameter was asked for."
    column = f"hp.{within}"
    if column in ledger:
        return column, ""
    if column == CORRUPTION:  # the default, which a ledger from elsewhere need not have
        return None, "The ledger has no column hp.corruption."
    names = [name.removeprefix("hp.") for name in names_of(ledger, "hp")]
    raise LedgerError(f"No hyperparameter is called {within!r}. {suggestion(within, names)}")


def _binned(ledger: pd.DataFrame, bins: Mapping[str, int] | None) -> dict[str, int]:
    """The bins by column.

    Raises:
        LedgerError: an unknown hyperparameter, or one that is no number.
    """
    names = [name.removeprefix("hp.") for name in names_of(ledger, "hp")]
    for name, count in (bins or {}).items():
        if name not in names:
            raise LedgerError(f"No hyperparameter is called {name!r}. {suggestion(name, names)}")
        if count and not pd.api.types.is_numeric_dtype(ledger[f"hp.{name}"]):
            raise LedgerError(f"A hyperparameter must be a number to be binned; {name!r} is text.")
    return {f"hp.{name}": count for name, count in (bins or {}).items()}


def _data_sets(
    networks: Networks, runs: pd.DataFrame, column: str | None, strata: Strata, options: Options
) -> tuple[Strata, str]:
    """The measures on the networks of each data set, or the reason why they are not split."""
    if DATASET not in runs:
        return {}, "The ledger has no column hp.dataset."
    if len(runs[DATASET].unique()) <= 1:
        return {}, "All networks were trained on one data set."
    if column == DATASET:
        return strata, ""
    return strata_of(networks, runs[DATASET], options), ""


def _lines(report: Mapping[str, Any], networks: Networks, options: Options) -> dict[str, Any]:
    """The power of the ledger and its label curve."""
    names = [name for name in order(report) if not report["measures"][name]["control"]]
    power = power_line(report, names)
    if power is None:
        report["why"]["power"] = "Fewer than two measures have a Psi with a spread."
    grid = grid_of(networks.levels, len(networks), configuration=networks.configuration, kept=options.seeds == "kept")
    curve = made_or_reason(lambda: curve_of(grid, networks, options.seed))
    if isinstance(curve, str):
        report["why"]["label_curve"] = curve
        return {"power": power, "label_curve": None}
    return {"power": power, "label_curve": {"examples": list(curve.examples), "Psi": curve.psi.tolist()}}
