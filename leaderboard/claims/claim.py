"""Test a published finding on a ledger: an effect with its interval, and the range in which the finding holds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from leaderboard.statistics.pairs import Ints
from leaderboard.statistics.resampling import interval
from leaderboard.statistics.undefined import UndefinedError

Verdict = Literal["reproduced", "not reproduced", "undecided"]

DRAWS: Final = 2000  # resamples behind an interval


@dataclass(frozen=True, slots=True)
class Range:
    """The range of effects for which a finding holds, both ends included, set from the words of the paper."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        """Return the range in words."""
        if self.low == -math.inf:
            return f"at most {self.high:.4g}"
        return f"at least {self.low:.4g}" if self.high == math.inf else f"{self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect estimated from a ledger.

    Attributes:
        effect: the estimate; None if it cannot be computed.
        low, high: its 95 % interval.
        networks: the number of networks that it was computed from.
        why: the reason if there is no estimate or no interval.
    """

    effect: float | None
    low: float | None
    high: float | None
    networks: int
    why: str = ""


NOT_COMPUTED: Final = "The effect cannot be computed from these networks."
NO_NETWORK: Final = Finding(None, None, None, 0, "The ledger has no network that this claim is about.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data that a claim is tested on.

    Attributes:
        ledger: one row for each network, including those that did not converge, with the columns of
            `leaderboard.ledger.read`, all `hp.` columns even if constant, and observations as `observed.<name>`.
        curves: one row for each network and checkpoint: run_id, epoch, train_accuracy, train_loss, test_accuracy,
            test_loss.
        arrays: sequences of integers such as "test_predictions", by name and run_id.
    """

    ledger: pd.DataFrame
    curves: pd.DataFrame
    arrays: dict[str, dict[str, Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A published finding and its test.

    Attributes:
        study: the suite whose networks it is tested on.
        name: short, in snake case.
        statement: the finding in one sentence.
        source: paper, with section or table.
        published: the published result in words.
        unit: unit of the effect.
        holds: the range of effects for which the finding holds.
        test: compute the effect from the evidence.
    """

    study: str
    name: str
    statement: str
    source: str
    published: str
    unit: str
    holds: Range
    test: Callable[[Evidence], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """A claim with its effect, interval and verdict on a ledger.

    Attributes:
        holds: the range of effects for which the finding holds, in words.
        effect: the estimate; None if it cannot be computed, and then `why` says so.
        low, high: its 95 % interval.
    """

    study: str
    name: str
    statement: str
    source: str
    published: str
    unit: str
    holds: str
    effect: float | None
    low: float | None
    high: float | None
    networks: int
    verdict: Verdict
    why: str


def judge(claims: Sequence[Claim], evidence: Evidence) -> list[JudgedClaim]:
    """Test every claim on the evidence; one that cannot be tested does not stop the others."""
    judged = []
    for claim in claims:
        try:
            finding = claim.test(evidence)
        except Exception as error:  # noqa: BLE001  code of users may raise anything, and the ranking goes on
            finding = Finding(None, None, None, 0, f"The ledger lacks what this claim needs: {error!r}.")
        judged.append(
            JudgedClaim(
                study=claim.study,
                name=claim.name,
                statement=claim.statement,
                source=claim.source,
                published=claim.published,
                unit=claim.unit,
                holds=str(claim.holds),
                effect=_plain(finding.effect),
                low=_plain(finding.low),
                high=_plain(finding.high),
                networks=finding.networks,
                verdict=verdict(finding, claim.holds),
                why=finding.why,
            )
        )
    return judged


def _plain(number: float | None) -> float | None:
    """Return a number that JSON can hold, where a claim may return one of numpy."""
    return None if number is None else float(number)


def verdict(finding: Finding, holds: Range) -> Verdict:
    """Return "reproduced" if the whole interval lies in the range, "not reproduced" if none of it does."""
    if finding.effect is None or finding.low is None or finding.high is None:
        return "undecided"
    if holds.low <= finding.low and finding.high <= holds.high:
        return "reproduced"
    return "not reproduced" if finding.high < holds.low or finding.low > holds.high else "undecided"


def bootstrap(
    frame: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], *, by: Sequence[str], seed: int = 0
) -> Finding:
    """Compute a statistic of a table and its bootstrap interval over clusters of rows.

    Args:
        frame: one row for each network, or for each pair of networks.
        statistic: a function of such a table that ignores the order of rows; NaN if it cannot be computed.
        by: columns that define a cluster, such as "seed": rows of one cluster are resampled together.
        seed: seed of the resamples.
    """
    if frame.empty:
        return NO_NETWORK
    effect = statistic(frame)
    if not math.isfinite(effect):
        return Finding(None, None, None, len(frame), NOT_COMPUTED)
    clusters = [rows for _, rows in frame.groupby(list(by), dropna=False).indices.items()]
    drawn = []
    known: dict[tuple[int, ...], float] = {}  # few clusters have few distinct resamples
    for chosen in draw_clusters(len(clusters), seed):
        key = tuple(sorted(chosen.tolist()))
        if key not in known:
            known[key] = statistic(frame.iloc[np.concatenate([clusters[index] for index in key])])
        drawn.append(known[key])
    return finding_of(effect, drawn, len(frame))


def draw_clusters(count: int, seed: int = 0) -> Ints:
    """Draw the clusters of each resample, [DRAWS, count]; fewer than two clusters have no resamples."""
    return np.random.default_rng(seed).integers(count, size=(DRAWS if count > 1 else 0, count))


def finding_of(effect: float, drawn: Sequence[float], networks: int) -> Finding:
    """Give an effect its bootstrap interval, from its value in each resample; NaN if it cannot be computed there."""
    if not drawn:
        return Finding(effect, None, None, networks, "No interval: there is only one group of networks to resample.")
    try:
        low, high = interval(np.array(drawn, dtype=np.float64))
    except UndefinedError:
        return Finding(effect, None, None, networks, "No interval: the effect cannot be computed in most resamples.")
    return Finding(effect, low, high, networks)
