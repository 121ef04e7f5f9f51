"""Excerpt of a report: the values that a table shows, small enough to keep in a repository.

Field names are the keys of the JSON. Every leaderboard.json contains these keys among others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from leaderboard.errors import RankingError
from leaderboard.ledger.targets import Target, is_target
from leaderboard.ranking.entry import Cost, Entry, Verdict, direction_of
from leaderboard.ranking.report import Bins, Report, Seeds
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.resampling import Interval

NO_RANKING: Final = "A ranking must be JSON as gapbench run writes it to leaderboard.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptIntervals:
    """Bootstrap intervals at 95 %."""

    tau_b: Interval | None = None
    Psi: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMean:
    """Mean over the strata."""

    tau_b: float | None
    interval: KeptIntervals


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGate:
    """Outcome of the randomization gate."""

    auc: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChance:
    """Comparison with chance."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBeyond:
    """Test beside the joint prediction of all hyperparameters."""

    verdict: Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVerdicts:
    """Verdicts on a measure."""

    random: KeptChance | None
    hyperparameters: KeptBeyond | None = None  # of versions before, which tested the best one, none


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLabels:
    """Number of labelled examples that order the networks as well."""

    examples: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """Values of one measure that a table shows; see `leaderboard.ranking.entry.Entry`."""

    n: int
    family: str | None
    control: bool
    expected_sign: int | None
    track: str | None = None
    needs: Sequence[str] = ()
    Psi: float | None
    psi: Mapping[str, float | None] = field(default_factory=dict)
    tau_b: float | None
    cost: Cost
    outcomes: Mapping[str, int]
    pareto: bool | None
    interval: KeptIntervals
    within: KeptMean | None
    gate: KeptGate | None
    told_from: KeptVerdicts
    label_equivalents: KeptLabels | None
    why: Mapping[str, str]
    noise: float | None = None

    @property
    def direction(self) -> int:
        """The expected sign, or that of Psi if it is unknown."""
        return direction_of(self.expected_sign, self.Psi)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStrata:
    """The hyperparameter whose values are the strata."""

    hp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Values of a ranking that a table shows; see `leaderboard.ranking.report.Report`.

    Excerpts of earlier versions lack the fields that have a default.
    """

    schema: int = 1
    models: int
    target: Target
    not_converged: int
    without_target: int = 0
    converged_only: bool
    random_labels: int = 0
    bootstrap: int = 0
    seeds: Seeds
    binned: Mapping[str, Bins]
    apart: Sequence[str] = ()
    within: KeptStrata | None = field(default_factory=lambda: KeptStrata(hp="stratum"))
    provenance: Mapping[str, object] = field(default_factory=dict)
    measures: Mapping[str, KeptEntry]

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return found


Ranking = Report | Excerpt
AnyEntry = Entry | KeptEntry


def best_first(
    measures: Mapping[str, AnyEntry], statistic: Callable[[AnyEntry], float | None] = lambda entry: entry.Psi
) -> list[str]:
    """Sort the measures by a statistic times the expected sign, or its absolute value if that is unknown.

    The largest is first; those that rank draws of their estimator come after the others, those without the statistic
    last.
    """

    def key(name: str) -> tuple[bool, bool, float, str]:
        entry, value = measures[name], statistic(measures[name])
        directed = 0.0 if value is None else value * direction_of(entry.expected_sign, value)
        return value is None, ranks_draws(entry.noise), -directed, name

    return sorted(measures, key=key)


def excerpt_of(ranking: Ranking) -> Excerpt:
    """Take the excerpt of a report, without reasons for missing statistics and the psi that are part of Psi."""
    found = read_excerpt(ranking.to_json())
    made = {key: found.provenance.get(key, "") for key in ("suite", "date")}
    measures = {
        name: replace(one, why={}, psi={axis: psi for axis, psi in one.psi.items() if axis in found.apart})
        for name, one in found.measures.items()
    }
    return replace(found, provenance=made, measures=measures)


def read_excerpt(ranking: object) -> Excerpt:
    """Read the excerpt from a ranking's JSON, as written by `gapbench run` and `gapbench table --keep`.

    Raises:
        RankingError: it is not a ranking.
    """
    try:
        found = msgspec.convert(ranking, Excerpt)
    except msgspec.ValidationError as error:
        raise RankingError(f"{NO_RANKING}: {error}.") from error
    if not is_target(found.target):
        raise RankingError(f"{NO_RANKING}: no target is called {found.target!r} - at `$.target`.")
    return found
