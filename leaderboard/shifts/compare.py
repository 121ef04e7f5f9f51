"""Rank the measures by every target of a ledger, and correlate each ranking with that by the clean test error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.findings.agreement import FEWEST, agreement
from leaderboard.ledger.arrays import networks_of
from leaderboard.ledger.corruption import columns_apart, trained_on_random_labels
from leaderboard.ledger.metadata import Metadata, metadata_of
from leaderboard.ledger.read import check_ledger, names_of
from leaderboard.ledger.targets import CLEAN, Target, target_of, targets_in
from leaderboard.ranking.entry import direction_of
from leaderboard.ranking.ledger_facts import with_noise
from leaderboard.ranking.rank import column_of
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.granulated import agreement as agreement_along
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.resampling import Interval

OTHERWISE: Final = "test_error"  # the clean target of a ledger without errors under shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The first measure of a ranking.

    Attributes:
        name: of the measure.
        Psi: of its raw score.
        clean_rank: its rank by the clean target, from 1.
    """

    name: str
    Psi: float
    clean_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRanking:
    """Ranking by one target beside the clean one, on the networks that have both.

    Attributes:
        networks: their number.
        measures: number of measures that have a Psi by both targets.
        top: the first measure; None without one.
        rho: Spearman's correlation of Psi by this target with Psi by the clean one, over the measures.
        interval: of rho at 95 %, resampling families of measures; None where there are too few.
        Psi: of every measure that takes a rank, best first; of the raw score.
        why: reason for a missing rho.
    """

    networks: int
    measures: int
    top: Leader | None
    rho: float | None
    interval: Interval | None
    Psi: Mapping[str, float]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftsReport:
    """Rankings by every target of a ledger.

    Attributes:
        clean: the target with whose ranking the others are compared.
        within: the hyperparameter within whose values networks are compared; None for none.
        models: networks that are ranked by the clean target.
        targets: ranking by each target; the clean one is first.
    """

    clean: Target
    within: str | None
    models: int
    targets: Mapping[Target, ShiftRanking]

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return found


def compare_shifts(
    ledger: pd.DataFrame,
    *,
    clean: Target | None = None,
    within: str | None = "corruption",
    metadata: Mapping[str, Mapping[str, object]] | None = None,
    converged_only: bool = True,
) -> ShiftsReport:
    """Rank the measures by every target of a ledger, by Psi as `leaderboard.rank` has it.

    Controls, and measures whose estimator is too noisy to rank, take no part, and neither do networks with random
    labels. For the correlation Psi is multiplied by the expected sign, or by the sign of Psi by the clean target where
    that is unknown.

    Args:
        ledger: one row a network.
        clean: with whose ranking the others are compared; `error_under.clean` if None, or `test_error` without it.
        within: the hyperparameter, without "hp.", within whose values networks are compared; None for none.
        metadata: by name of the measure: the fields of `Metadata`.
        converged_only: leave out networks whose training did not converge.

    Raises:
        LedgerError: a ledger that cannot be used, without a network that has the clean target, or with no other target.
    """
    whole = check_ledger(ledger)
    clean = clean or (CLEAN if CLEAN in whole else OTHERWISE)
    kept = target_of(whole, clean).notna().to_numpy()
    if converged_only and "converged" in whole:
        kept = kept & whole["converged"].to_numpy(dtype=np.bool_)
    random = trained_on_random_labels(whole)
    kept = kept & (~random | random[kept].all())
    runs = whole[kept].reset_index(drop=True)
    others = [name for name in targets_in(runs) if name != clean]
    if runs.empty:
        raise LedgerError(f"No network that converged has a {clean}.")
    if not others:
        raise LedgerError(f"The ledger must have another target beside {clean}; it has none.")
    column, _ = column_of(runs, within)
    about = {
        name: with_noise(metadata_of(name, (metadata or {}).get(name, {})), runs, name, column)
        for name in names_of(runs, "measure")
    }
    about = {name: one for name, one in about.items() if not (one.control or ranks_draws(one.noise))}
    compared = {target: _compare(runs, target, clean, column, about) for target in (clean, *others)}
    return ShiftsReport(
        clean=clean, within=None if column is None else column.removeprefix("hp."), models=len(runs), targets=compared
    )


def _compare(
    runs: pd.DataFrame, target: Target, clean: Target, column: str | None, about: Mapping[str, Metadata]
) -> ShiftRanking:
    both = runs[target_of(runs, target).notna()].reset_index(drop=True)
    here, there = (_psi(both, name, column, about) for name in (target, clean))
    ranked = _best_first(here, about)
    clean_ranks = {name: place for place, name in enumerate(_best_first(there, about), start=1)}
    top = None
    if ranked:
        top = Leader(name=ranked[0], Psi=here[ranked[0]], clean_rank=clean_ranks.get(ranked[0]))
    names = [name for name in ranked if name in there]
    sign = {name: about[name].expected_sign or direction_of(None, there[name]) for name in names}
    one, two = ({name: psi[name] * sign[name] for name in names} for psi in (here, there))
    found = agreement(one, two, {name: about[name].family or name for name in names})
    why = "" if found else f"It needs {FEWEST} measures with different Psi by both targets; there are {len(names)}."
    return ShiftRanking(
        networks=len(both),
        measures=len(names),
        top=top,
        rho=None if found is None else found.rho,
        interval=None if found is None else found.interval,
        Psi={name: here[name] for name in ranked},
        why=why,
    )


def _psi(runs: pd.DataFrame, target: Target, column: str | None, about: Mapping[str, Metadata]) -> dict[str, float]:
    """Psi of every measure that has one."""
    if runs.empty:
        return {}
    networks, _ = networks_of(runs, target, column, None)
    apart = columns_apart(runs, column)
    found: dict[str, float] = {}
    by_mask: dict[bytes, list[str]] = {}
    for name in about:
        by_mask.setdefault(np.isfinite(networks.scores[name]).tobytes(), []).append(name)
    for mask, names in by_mask.items():
        part = networks.select(np.frombuffer(mask, dtype=np.bool_)).renumber()
        if not len(part) or part.target.min() == part.target.max():
            continue
        grid = grid_of(part.levels, len(part), configuration=part.configuration)
        scores = np.stack([grid.average(part.scores[name]) for name in names], axis=1)
        goal = grid.average(part.target)
        along = [
            axis.mean(agreement_along(axis, scores, goal)) for name, axis in grid.axes.items() if name not in apart
        ]
        if along:
            found |= dict(zip(names, np.mean(along, axis=0).tolist(), strict=True))
    return found


def _best_first(psi: Mapping[str, float], about: Mapping[str, Metadata]) -> list[str]:
    return sorted(psi, key=lambda name: (-psi[name] * direction_of(about[name].expected_sign, psi[name]), name))
