"""Typed report of a ranking and its JSON; `leaderboard.ranking.entry` has the part on one measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from leaderboard.claims.claim import JudgedClaim
from leaderboard.ledger.targets import Target
from leaderboard.ranking.entry import Entry, Statistics
from leaderboard.statistics.granulated import Sample
from leaderboard.statistics.resampling import Interval
from leaderboard.statistics.sign_error import Enough, Weights

Seeds = Literal["averaged", "kept"]

SCHEMA: Final = 2  # of the JSON; in that of 1, which does not say so, Psi is over all hyperparameters and networks
ADDED: Final = ("enough", "provenance", "claims", "beside")  # left out of JSON where None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Networks of one value of a hyperparameter: their number, and the measures on them."""

    models: int
    measures: Mapping[str, Statistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """The strata of a ledger by the values of the hyperparameter `hp`."""

    hp: str
    strata: Mapping[str, Stratum]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFacts:
    """Coverage of the grid of hyperparameters.

    Attributes:
        replicates: the fewest and the most of a configuration.
        sampled: by hyperparameter along which not all pairs are compared: how many are.
    """

    places: int
    filled: int
    holes: int
    replicates: tuple[int, int] | None
    sampled: Mapping[str, Sample] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Number of bins of a hyperparameter and their inner edges."""

    bins: int
    edges: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Correction over all measures: its method, its level and their number."""

    method: str
    level: float
    measures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Comparison of any two measures: matrices over `names`, None on the diagonal."""

    figure: str
    names: Sequence[str]
    standard_error: Sequence[Sequence[float | None]]
    p_adjusted: Sequence[Sequence[float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Number of networks that would distinguish the two leading measures."""

    between: Sequence[str]
    difference: float
    networks: int
    networks_needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCurve:
    """Psi of the estimate from a number of labelled examples."""

    examples: Sequence[int]
    Psi: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One measure on one of two zoos: Psi of the raw score, and the verdicts, empty where there is none."""

    Psi: float
    interval: Interval | None
    sign: str
    chance: str
    hp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Psi on the held-out zoo minus Psi on the public one, both times the expected sign."""

    Psi: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure on a public and on a held-out zoo.

    Attributes:
        lost: verdicts (sign, chance, hp) that the public zoo gives and the held-out one does not.
        holds: whether none is lost; None where the public zoo gives none.
    """

    expected_sign: int | None
    public: Side
    held_out: Side
    difference: Difference
    lost: Sequence[str]
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutZoo:
    """Held-out zoo: number of networks and provenance."""

    models: int
    provenance: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A public and a held-out zoo side by side; see `leaderboard.views.held_out.beside`.

    Attributes:
        figure: the statistic that is compared.
        interval: coverage of the intervals, in words.
        only_public_varies, only_held_out_varies: hyperparameters that one of the zoos alone varies.
        measures: best on the held-out zoo first.
        not_compared: the other measures, with the reason.
    """

    figure: str
    interval: str
    held_out: HeldOutZoo
    only_public_varies: Sequence[str]
    only_held_out_varies: Sequence[str]
    measures: Mapping[str, Compared]
    not_compared: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A ranking: its options and every measure; see `leaderboard.ranking.rank.rank`.

    Attributes:
        schema: version of the JSON.
        models: number of networks that were ranked.
        random_labels: number of networks trained on random labels, which serve the randomization gate only.
        missing_cells: number of scores that measures, without the controls, lack.
        hyperparameters: their columns.
        configurations: number of distinct settings of the hyperparameters.
        test_size: number of test examples that was assumed; None where the ledger says it.
        apart: the hyperparameters whose psi is no part of Psi.
        enough: pairs that an environment of the sign error needs; None for a share of them.
        provenance: origin of the ledger: suite, date, machines, versions.
        claims: the judged claims of the ledger's study.
        beside: the comparison with a held-out zoo.
    """

    schema: int = SCHEMA
    models: int
    target: Target
    not_converged: int
    converged_only: bool
    random_labels: int
    without_target: int
    missing_cells: int
    hyperparameters: Sequence[str]
    configurations: int
    grid: GridFacts
    binned: Mapping[str, Bins]
    seeds: Seeds
    weights: Weights
    bootstrap: int
    permutations: int
    family: Family
    seed: int
    test_size: int | None
    why: Mapping[str, str]
    apart: Sequence[str]
    within: Strata | None
    across: Strata | None
    comparisons: Comparisons
    measures: Mapping[str, Entry]
    power: Power | None
    label_curve: LabelCurve | None
    enough: Enough | None = None
    provenance: Mapping[str, object] | None = None
    claims: Sequence[JudgedClaim] | None = None
    beside: Comparison | None = None

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers; fields in `ADDED` are left out if None."""
        found: dict[str, object] = msgspec.to_builtins(self)
        found["measures"] = {name: entry.to_json() for name, entry in self.measures.items()}
        return {key: value for key, value in found.items() if value is not None or key not in ADDED}
