"""Result of `gapbench check`: what is wrong with each measure of a file, and its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.store.measure_metadata import Track
from leaderboard.ranking.entry import Gate, Intervals, StratumMean
from measures.api import Outcome


@dataclass(frozen=True, slots=True)
class Fault:
    """A reason why a measure is not accepted.

    Attributes:
        what: the reason.
        mend: how to mend it.
    """

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class ArchitectureScore:
    """Score of one family of networks."""

    outcome: Outcome
    value: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Invariance:
    """Effect of one change that leaves the network's function as it is.

    Attributes:
        what: the change in words.
        unseen: whether the score stays, but for the noise of its estimator; None where there is no score before or
            after.
        difference: of the scores, relative to the larger one.
        noise: difference between scores of the unchanged network under several seeds, relative to the largest.
    """

    what: str
    unseen: bool | None
    difference: float | None
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Relative:
    """A measure of the catalogue with its Spearman correlation over n networks."""

    name: str
    spearman: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Figures on the check zoo.

    Attributes:
        networks: of the zoo.
        scored: networks with a score.
        why: reason for no further figures; empty if there are.
        tau_b, Psi, interval, gate, within: as in a ranking.
        place: by the size of Psi.
        of: number of measures that have a place.
        relatives: the nearest measures of the catalogue.
        noise: spread of scores over seeds relative to that over networks; 0 without draws, None if not measured.
        stale: measures of the catalogue that have changed since the zoo was scored.
        settles: the difference of Psi that these networks can settle, see `leaderboard.statistics.power`; None if none.
    """

    networks: int
    scored: int
    why: str = ""
    tau_b: float | None = None
    Psi: float | None = None
    interval: Intervals | None = None
    place: int | None = None
    of: int | None = None
    gate: Gate | None = None
    within: StratumMean | None = None
    noise: float | None = None
    relatives: Sequence[Relative] = ()
    stale: int = 0
    settles: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Median and largest seconds per network of the zoo, shared passes included, and the largest growth of memory."""

    seconds: float | None
    most_seconds: float | None
    megabytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult:
    """Result of one measure: its metadata, whether it is accepted, and its figures."""

    source: str
    family: str
    needs: Sequence[str]
    track: Track
    expected_sign: int
    cost: str
    version: int
    accepted: bool
    faults: Sequence[Fault]
    remarks: Sequence[str]
    architectures: Mapping[str, ArchitectureScore]
    invariances: Mapping[str, Invariance]
    zoo: Standing
    costs: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Result of a file.

    Attributes:
        file: its name.
        check_zoo: name of the zoo that its measures were ranked on.
        accepted: whether every measure is.
        isolation: of the sandbox, in words.
        seconds: of the check.
        measures: by name.
    """

    file: str
    check_zoo: str
    accepted: bool
    isolation: str
    seconds: float
    measures: Mapping[str, MeasureResult]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
