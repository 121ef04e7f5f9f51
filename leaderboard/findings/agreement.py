"""Agreement of two rankings of measures: rank correlation with an interval over families of measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import ranked_names
from leaderboard.statistics.resampling import Interval, draw, interval
from leaderboard.statistics.spearman import spearman
from leaderboard.statistics.undefined import UndefinedError

FEWEST: Final = 5  # measures: fewer have no rank correlation worth a sentence
RESAMPLES: Final = 2000
BLOCKS: Final = ("hp.model", "hp.corruption")  # networks of one block stay in one half, so that Psi keeps its pairs


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation of two rankings.

    Attributes:
        rho: Spearman's correlation over the measures that both rank.
        interval: at 95 %, resampling families of measures; None where there are too few.
        measures: number of them.
    """

    rho: float
    interval: Interval | None
    measures: int


@dataclass(frozen=True, slots=True)
class Halves:
    """Rank correlations between the rankings of two halves of a zoo, one for each random split.

    Attributes:
        rhos: one a split.
        measures: number of measures that both halves of the first split rank.
        networks: number of networks of the smaller half of the first split.
        by: the hyperparameters whose blocks are split.
    """

    rhos: tuple[float, ...]
    measures: int
    networks: int
    by: tuple[str, ...]

    @property
    def median(self) -> float:
        """Median over the splits."""
        return float(np.median(self.rhos))


def directed(report: Report) -> dict[str, float]:
    """Return Psi in the expected direction of every measure that takes a rank."""
    found = {name: report.measures[name].directed_psi for name in ranked_names(report)}
    return {name: psi for name, psi in found.items() if psi is not None}


def families(report: Report) -> dict[str, str]:
    """Return the family of every measure; that of a measure without one is its name."""
    return {name: entry.family or name for name, entry in report.measures.items()}


def agreement(one: Mapping[str, float], two: Mapping[str, float], family: Mapping[str, str]) -> Agreement | None:
    """Compute how alike two rankings order the measures that both have; None where these are fewer than `FEWEST`.

    The interval resamples families, since measures of one family are not independent.
    """
    names = [name for name in one if name in two]
    if len(names) < FEWEST:
        return None
    x, y = np.array([one[name] for name in names]), np.array([two[name] for name in names])
    try:
        rho = spearman(x, y)
    except UndefinedError:
        return None
    code = pd.factorize(np.array([family.get(name, name) for name in names]))[0]
    return Agreement(rho, _interval(x, y, code), len(names))


def compare_halves(
    ledger: pd.DataFrame, metadata: Mapping[str, Mapping[str, object]], splits: int = 8, seed: int = 0
) -> Halves | None:
    """Rank both halves of a zoo and correlate the rankings, for several random splits; None where it has too few.

    Whole blocks of one model and one corruption go to a half: within a block every network keeps the neighbours that
    differ from it in one hyperparameter. So the halves also differ in architectures, as two zoos would.

    Args:
        ledger: one row a network.
        metadata: as `leaderboard.rank` takes it.
        splits: number of random splits.
        seed: of the splits.
    """
    by = [column for column in BLOCKS if column in ledger and len(ledger[column].unique()) > 1]
    block = ledger.groupby(by, sort=True).ngroup().to_numpy() if by else np.zeros(len(ledger), dtype=np.int64)
    count = int(block.max(initial=0)) + 1
    if count < 4:  # noqa: PLR2004  two blocks in each half
        return None
    rhos: list[float] = []
    facts = (0, 0)
    for split in range(splits):
        chosen = np.random.default_rng([seed, split]).permutation(count)[: count // 2]
        first = np.isin(block, chosen)
        halves = [ledger[side].reset_index(drop=True) for side in (first, ~first)]
        reports = [rank(half, bootstrap=0, metadata=metadata) for half in halves]
        found = agreement(directed(reports[0]), directed(reports[1]), families(reports[0]))
        if found is not None:
            facts = facts if rhos else (found.measures, min(report.models for report in reports))
            rhos.append(found.rho)
    return Halves(tuple(rhos), *facts, tuple(by)) if rhos else None


def _interval(x: NDArray[np.float64], y: NDArray[np.float64], code: NDArray[np.int64]) -> Interval | None:
    draws = []
    members = [np.flatnonzero(code == one) for one in range(int(code.max()) + 1)]
    for counts in draw(len(members), RESAMPLES, np.random.default_rng(0)):
        places: Sequence[int] = np.concatenate(
            [np.tile(m, int(n)) for m, n in zip(members, counts, strict=True)]
        ).tolist()
        try:
            draws.append(spearman(x[places], y[places]))
        except UndefinedError:
            draws.append(float("nan"))
    try:
        return interval(np.array(draws), len(members) // 2)
    except UndefinedError:
        return None
