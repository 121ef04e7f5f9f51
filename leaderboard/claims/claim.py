"""A published finding as a test: an effect on a ledger, its interval, and the range in which the finding holds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

Verdict = Literal["reproduced", "not reproduced", "undecided"]

DRAWS: Final = 2000  # resamples behind an interval
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Range:
    """Where an effect must lie for the finding to hold, both ends included; set from the paper's own words."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        """In words."""
        if self.low == -math.inf:
            return f"at most {self.high:.4g}"
        return f"at least {self.low:.4g}" if self.high == math.inf else f"{self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect on a ledger.

    Attributes:
        effect: the figure; None where there is nothing to take it from.
        low, high: its 95 % interval.
        networks: how many it was taken from.
        why: the reason where there is no figure.
    """

    effect: float | None
    low: float | None
    high: float | None
    networks: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a claim is tested on.

    Attributes:
        ledger: one row a network, those that did not converge included; see `leaderboard.ledger.read` for its columns,
            and `observed.<name>` beside them. `hp.` columns that are the same everywhere are there too.
        curves: one row a network and checkpoint: run_id, epoch, train_accuracy, train_loss, test_accuracy, test_loss.
        arrays: by name and run_id whole numbers such as "test_predictions".
    """

    ledger: pd.DataFrame
    curves: pd.DataFrame
    arrays: dict[str, dict[str, Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A published finding.

    Attributes:
        study: the suite that stages it.
        name: short, in snake case.
        statement: what was found, in a sentence.
        source: paper, section or table.
        published: the published figure in words.
        unit: of the effect.
        holds: where the effect must lie.
        test: the effect on the evidence.
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
    """A claim with what was found on a ledger: the effect, its interval and the verdict.

    Attributes:
        holds: where the effect must lie, in words.
        effect: the figure; None where there is nothing to take it from, and then `why`.
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
    """Test every claim on the evidence; one that fails takes none down."""
    judged = []
    for claim in claims:
        try:
            finding = claim.test(evidence)
        except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
            finding = Finding(None, None, None, 0, f"The ledger does not hold what it needs: {error!r}.")
        judged.append(
            JudgedClaim(
                study=claim.study,
                name=claim.name,
                statement=claim.statement,
                source=claim.source,
                published=claim.published,
                unit=claim.unit,
                holds=str(claim.holds),
                effect=finding.effect,
                low=finding.low,
                high=finding.high,
                networks=finding.networks,
                verdict=verdict(finding, claim.holds),
                why=finding.why,
            )
        )
    return judged


def verdict(finding: Finding, holds: Range) -> Verdict:
    """Reproduced where the whole interval lies in the range, not reproduced where none of it does."""
    if finding.effect is None or finding.low is None or finding.high is None:
        return "undecided"
    if holds.low <= finding.low and finding.high <= holds.high:
        return "reproduced"
    return "not reproduced" if finding.high < holds.low or finding.low > holds.high else "undecided"


def resampled(
    frame: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], *, by: Sequence[str], seed: int = 0
) -> Finding:
    """A statistic of a table, with the interval of a bootstrap over clusters of rows.

    Args:
        frame: rows of networks, or of pairs of them.
        statistic: a number of such a table, whatever the order of its rows; NaN where it cannot be computed.
        by: columns whose values together make a cluster, such as "seed": rows of one cluster are drawn together.
        seed: decides the draws.
    """
    if frame.empty:
        return Finding(None, None, None, 0, "No network of the ledger is what it asks for.")
    effect = statistic(frame)
    if not math.isfinite(effect):
        return Finding(None, None, None, len(frame), "The figure cannot be computed from these networks.")
    clusters = [rows for _, rows in frame.groupby(list(by), dropna=False).indices.items()]
    if len(clusters) < 2:  # noqa: PLR2004  one cluster has no spread
        return Finding(effect, None, None, len(frame), "One cluster of networks says nothing of its own spread.")
    generator = np.random.default_rng(seed)
    drawn = []
    known: dict[tuple[int, ...], float] = {}  # few clusters are drawn in few ways
    for _ in range(DRAWS):
        chosen = tuple(sorted(generator.integers(len(clusters), size=len(clusters)).tolist()))
        if chosen not in known:
            known[chosen] = statistic(frame.iloc[np.concatenate([clusters[index] for index in chosen])])
        drawn.append(known[chosen])
    finite = np.array([value for value in drawn if math.isfinite(value)])
    if len(finite) < DRAWS / 2:
        return Finding(effect, None, None, len(frame), "Most resamples have no such figure.")
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Finding(effect, float(low), float(high), len(frame))
