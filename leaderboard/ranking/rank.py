"""Rank the measures of a ledger: compute all statistics, pooled and within each corruption, as one report."""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError, RankingError
from leaderboard.ledger.arrays import Networks, networks_of
from leaderboard.ledger.column_names import suggest
from leaderboard.ledger.controls import with_controls
from leaderboard.ledger.corruption import CORRUPTION, columns_apart, trained_on_random_labels
from leaderboard.ledger.metadata import Metadata, metadata_of
from leaderboard.ledger.read import check_ledger, names_of
from leaderboard.ledger.targets import TEST_SIZE, Target, target_of
from leaderboard.ranking.entries import judge_together, with_front
from leaderboard.ranking.entry import StratumMean
from leaderboard.ranking.excerpt import best_first
from leaderboard.ranking.groups import Options
from leaderboard.ranking.ledger_facts import Gates, cost_of, grid_facts, outcomes_of, with_noise
from leaderboard.ranking.pairwise import power_of
from leaderboard.ranking.readable_units import curve_of
from leaderboard.ranking.report import Bins, LabelCurve, Report, Seeds
from leaderboard.ranking.significance import family_of
from leaderboard.ranking.strata import Parts, average_over, strata_of, strata_report
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.granulated import Grid, grid_of
from leaderboard.statistics.pairs import MOST_NETWORKS
from leaderboard.statistics.sign_error import Enough, Weights
from leaderboard.statistics.undefined import Reasons

Statistic = Literal["Psi", "tau_b", "tau_a", "spearman", "partial_spearman"]

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
    enough: Enough = "share",
    bins: Mapping[str, int] | None = None,
    metadata: Mapping[str, Mapping[str, object]] | None = None,
    converged_only: bool = True,
) -> Report:
    """Rank the measures of a ledger, and the controls, by how well they order the networks.

    Psi compares networks of one value of `within` only. Networks trained on random labels, if there are others, serve
    the randomization gate and enter no other statistic.

    A statistic without a value is None, with the reason in `why`. Statistics are of the raw score; `order` and the
    comparisons multiply them by the expected sign. Networks without a finite score of one measure still count for the
    others, so measures may be evaluated on different networks; `n` is their number.

    Args:
        ledger: one row a network; see `leaderboard.ledger.read` for the columns.
        target: what the measures should predict.
        within: the hyperparameter, without "hp.", within whose values networks are compared for Psi, the measures are
            also evaluated, and scores are permuted; None for none.
        bootstrap: number of resamples behind each interval; 0 for no intervals.
        permutations: number of permutations behind each test against chance; None for as many as resamples.
        seed: of resamples, permutations, folds, noisy controls and the halves of `category_code`.
        seeds: "averaged" to compare means over the replicates of a configuration in psi, "kept" to compare networks.
        weights: of the sign error: "hoeffding" as in the paper, or "binomial" for exact probabilities.
        enough: pairs that an environment of the sign error needs: "share" for an effective number of 0.12 of them,
            "published" for one of 12, as in the paper, also where seeds are missing.
        bins: number of bins of hyperparameters, by name without "hp.", 0 for none; others are binned if their
            values do not lie on a grid.
        metadata: by name of the measure: the fields of `Metadata`; other entries are passed on.
        converged_only: leave out networks whose training did not converge.

    Raises:
        LedgerError: a table that is not a ledger, a target it does not have, more networks than can be ranked, or an
            unknown hyperparameter.
    """
    whole = check_ledger(ledger)
    goal = target_of(whole, target)
    converged = whole["converged"].to_numpy(dtype=np.bool_) if "converged" in whole else np.ones(len(whole), np.bool_)
    kept = goal.notna().to_numpy() & (converged | (not converged_only))
    if kept.sum() > MOST_NETWORKS:
        raise LedgerError(
            f"At most {MOST_NETWORKS:,} networks can be ranked; got {kept.sum():,}. Rank a random sample of the rows."
        )
    column, reason = column_of(whole, within)
    every, controls = with_controls(whole[kept].reset_index(drop=True), target, seed)
    random = trained_on_random_labels(every)
    random = random & (not random.all())  # a ledger of nothing else has no gate to serve
    runs = every[~random].reset_index(drop=True)
    known = controls | {name: metadata_of(name, given) for name, given in (metadata or {}).items()}
    about = {name: with_noise(known.get(name, Metadata()), runs, name, column) for name in names_of(runs, "measure")}
    family = [name for name, one in about.items() if not one.control]
    options = Options(
        bootstrap=bootstrap,
        permutations=bootstrap if permutations is None else permutations,
        seed=seed,
        seeds=seeds,
        weights=weights,
        enough=enough,
        apart=columns_apart(runs, column),
    )
    networks, levels = networks_of(runs, target, column, _binned(runs, bins))
    why = Reasons()
    if "test_size" in runs:
        why["test_size"] = "The ledger says it for each network."
    together = judge_together(networks, column, options, about, family)
    parts = {} if column is None else strata_of(networks, runs[column], options)
    data_sets, reason_across = _data_sets(networks, runs, column, parts, options)
    for key, lacking in (("within", reason), ("across", reason_across)):
        if lacking:
            why[key] = lacking
    gates = Gates(every[names_of(every, "hp")], bootstrap, seed)
    measures = {}
    for name, one in about.items():
        own = Reasons(together.reasons(name, one))
        measures[name] = together.entry(
            name,
            one,
            within=_mean(parts, name, "within", reason, own),
            across=_mean(data_sets, name, "across", reason_across, own),
            gate=gates.of(every[f"measure.{name}"].to_numpy(dtype=np.float64), own),
            cost=cost_of(runs, name, own),
            outcomes=outcomes_of(runs, name),
            why=own,
        )
    measures = with_front(measures)
    ranked = [name for name in best_first(measures) if name in family and not ranks_draws(measures[name].noise)]
    power = power_of(together.comparisons, measures, ranked)
    if power is None:
        why["power"] = "Fewer than two measures have a Psi with a spread."
    grid = grid_of(networks.levels, len(networks), configuration=networks.configuration, kept=seeds == "kept")
    curve = why.of("label_curve", _label_curve, grid, networks, options)
    return Report(
        models=len(runs),
        target=target,
        not_converged=int((~converged).sum()),
        converged_only=converged_only,
        random_labels=int(random.sum()),
        without_target=int(goal.isna().sum()),
        missing_cells=sum(int((~np.isfinite(networks.scores[name])).sum()) for name in family),
        hyperparameters=names_of(runs, "hp"),
        configurations=networks.size,
        grid=grid_facts(networks, grid),
        binned={name: Bins(bins=len(edges) + 1, edges=edges) for name, edges in levels.edges.items()},
        seeds=seeds,
        weights=weights,
        enough=None if enough == "share" else enough,
        bootstrap=bootstrap,
        permutations=options.permutations,
        family=family_of(len(family)),
        seed=seed,
        test_size=None if "test_size" in runs else TEST_SIZE,
        why=why,
        apart=options.apart,
        within=None if column is None else strata_report(column, parts),
        across=None if reason_across else strata_report(DATASET, data_sets),
        comparisons=together.comparisons,
        measures=measures,
        power=power,
        label_curve=curve,
    )


def order(report: Report, by: Statistic = "Psi") -> list[str]:
    """Sort the measures by a statistic times the expected sign, best first; those without it come last.

    A measure of unknown sign is sorted by the absolute value.

    Psi is the default because each of its comparisons changes one hyperparameter only, and never the corruption, while
    nearly every pair of a pooled tau-b differs in several.

    Raises:
        RankingError: an unknown statistic.
    """
    if by not in get_args(Statistic):
        raise RankingError(f"No statistic is called {by!r}. {suggest(by, get_args(Statistic))}")
    return best_first(report.measures, attrgetter(by))


def _mean(parts: Parts, name: str, key: str, lacking: str, why: Reasons) -> StratumMean | None:
    """Average one measure over strata; None if there are no strata, with the reason in `why`."""
    if lacking:
        why[key] = lacking
        return None
    return average_over(parts, name, key, why)


def column_of(ledger: pd.DataFrame, within: str | None) -> tuple[str | None, str]:
    """Find the column within whose values to rank, or the reason why there is none.

    Raises:
        LedgerError: an unknown hyperparameter.
    """
    if within is None:
        return None, "No hyperparameter was asked for."
    column = f"hp.{within}"
    if column in ledger:
        return column, ""
    if column == CORRUPTION:  # the default, which a ledger from elsewhere need not have
        return None, "The ledger has no column hp.corruption."
    names = [name.removeprefix("hp.") for name in names_of(ledger, "hp")]
    raise LedgerError(f"No hyperparameter is called {within!r}. {suggest(within, names)}")


def _binned(ledger: pd.DataFrame, bins: Mapping[str, int] | None) -> dict[str, int]:
    """Check the bins and key them by column.

    Raises:
        LedgerError: an unknown hyperparameter, or one that is no number.
    """
    names = [name.removeprefix("hp.") for name in names_of(ledger, "hp")]
    for name, count in (bins or {}).items():
        if name not in names:
            raise LedgerError(f"No hyperparameter is called {name!r}. {suggest(name, names)}")
        if count and not pd.api.types.is_numeric_dtype(ledger[f"hp.{name}"]):
            raise LedgerError(f"Only a numeric hyperparameter can be binned; {name!r} is text.")
    return {f"hp.{name}": count for name, count in (bins or {}).items()}


def _data_sets(
    networks: Networks, runs: pd.DataFrame, column: str | None, strata: Parts, options: Options
) -> tuple[Parts, str]:
    """Evaluate the measures on each data set, or give the reason why they are not split."""
    if DATASET not in runs:
        return {}, "The ledger has no column hp.dataset."
    if len(runs[DATASET].unique()) <= 1:
        return {}, "All networks were trained on one data set."
    if column == DATASET:
        return strata, ""
    return strata_of(networks, runs[DATASET], options), ""


def _label_curve(grid: Grid, networks: Networks, options: Options) -> LabelCurve:
    inner = replace(grid, axes={name: axis for name, axis in grid.axes.items() if name not in options.apart})
    curve = curve_of(inner, networks, options.seed)
    return LabelCurve(examples=curve.examples, Psi=curve.psi.tolist())
